import { setImmediate } from "node:timers/promises";
import { RivuletError } from "../error.ts";
import type { StateRecord } from "../store/store.ts";
import type { StoreThread } from "../store/store-thread.ts";
import { acceptedOf, configInForce, ModelState } from "../stream/model-state.ts";
import { type Difference, Replay } from "../stream/replay.ts";
import { RollbackStates, sectionsFrom } from "./journal-reader.ts";
import { storedModel } from "./resolve-model.ts";
import type { Rooms } from "./rooms.ts";
import type { OnProgress } from "./verbs.ts";

/** Snapshots read at a time while looking for those of a stretch. */
const PAGE = 500;
/** Time after which a replay looks at the event loop: the stream has the right of way. */
const TURN_MS = 10;

/** Tells what a replay of a stretch of the journal gave. */
export interface Verified {
  readonly model: string;
  readonly from: number;
  /** Null is the end of the journal. */
  readonly to: number | null;
  /** `pruned`: the journal, or a state that a rollback went back to, is no longer held, so nothing can be said. */
  readonly outcome: "same" | "differs" | "pruned";
  readonly steps: number;
  readonly rows: number;
  /** Snapshots whose both states were compared bit for bit. */
  readonly snapshots: number;
  readonly difference: Difference | null;
  readonly reason: string | null;
}

interface Params {
  readonly name?: string | undefined;
  readonly from?: string | undefined;
  readonly to?: string | undefined;
}

/** Replays the journal from one snapshot to another, or to its end, and compares each state and cost on the way, bit for bit. */
export function verify(rooms: Rooms, params: Params, onProgress: OnProgress): Promise<Verified> {
  // Each takes the memory of a model.
  return rooms.alone(() => replayStretch(rooms, params, onProgress));
}

async function replayStretch({ store, models }: Rooms, params: Params, onProgress: OnProgress): Promise<Verified> {
  const model = await storedModel(store, models, params.name);
  const { from, to, ids } = await stretch(store, model, params);
  const result = { model, from, to, steps: 0, rows: 0, snapshots: 0, difference: null, reason: null };
  const [start, journalFrom] = await Promise.all([store.state(from), store.journalFrom(model)]);
  if (start.commitFrom < journalFrom) {
    return {
      ...result,
      outcome: "pruned",
      reason: `the journal before commit ${journalFrom} is no longer held`,
    };
  }
  const state = new ModelState(configInForce(start.config, start.configHash));
  const compare = new Comparison(store, ids);
  const targets = new RollbackStates(store);
  const replay = new Replay(state, {
    learnerStateOf: (id) => targets.learnerStateOf(id),
    beforeOrdinal: (at) => compare.at(at),
  });
  const steps = () => ({
    steps: state.step - start.step,
    rows: state.sequence - start.sequence,
    snapshots: compare.compared,
  });
  try {
    state.restore(start);
    let turnAt = performance.now();
    for await (const section of sectionsFrom(store, model, start.commitFrom)) {
      await targets.read(section);
      await compare.read(section.firstOrdinal + section.ordinals - 1);
      replay.apply(section);
      if (replay.difference !== null || (to !== null && compare.done)) break;
      if (performance.now() - turnAt < TURN_MS) continue;
      await onProgress(steps());
      await setImmediate();
      turnAt = performance.now();
    }
    await compare.read(state.ordinal);
    const difference = replay.difference ?? compare.at(replay) ?? compare.missing(state);
    return { ...result, ...steps(), outcome: difference === null ? "same" : "differs", difference };
  } catch (error) {
    if (!(error instanceof RivuletError) || error.code !== "journal-pruned") throw error;
    return { ...result, ...steps(), outcome: "pruned", reason: error.message };
  } finally {
    state.release();
  }
}

/** Compares a replayed state with each snapshot of the stretch, when it comes to the snapshot's position. */
class Comparison {
  compared = 0;
  readonly #store: StoreThread;
  readonly #ids: readonly number[];
  /** States that were read and are still to be compared, oldest first: those of `#ids` from `compared` on. */
  #expected: StateRecord[] = [];

  constructor(store: StoreThread, ids: readonly number[]) {
    this.#store = store;
    this.#ids = ids;
  }

  get done(): boolean {
    return this.compared === this.#ids.length;
  }

  /** Reads ahead the states up to the one after `ordinal`: replay itself waits for nothing. */
  async read(ordinal: number): Promise<void> {
    while ((this.#expected.at(-1)?.ordinal ?? 0) <= ordinal) {
      const id = this.#ids[this.compared + this.#expected.length];
      if (id === undefined) return;
      this.#expected.push(await this.#store.state(id));
    }
  }

  at(replay: Replay): Difference | null {
    const { state } = replay;
    for (;;) {
      const [expected] = this.#expected;
      if (expected?.ordinal !== state.ordinal) return null;
      replay.settleTo(acceptedOf(expected.monitor));
      const what =
        Buffer.compare(state.learner.save(), expected.learner) !== 0
          ? "learner state"
          : Buffer.compare(state.saveMonitor(), expected.monitor) !== 0
            ? "monitor state"
            : state.step !== expected.step || state.sequence !== expected.sequence
              ? "position"
              : null;
      if (what !== null) {
        const { step, sequence } = state;
        return { step, sequence, what: `the ${what} differs from that of snapshot ${this.#ids[this.compared]}` };
      }
      this.compared++;
      this.#expected.shift();
    }
  }

  /** The journal ended before the stretch did. */
  missing({ step, sequence }: ModelState): Difference | null {
    if (this.done) return null;
    return { step, sequence, what: `the journal ends before the position of snapshot ${this.#ids[this.compared]}` };
  }
}

/** Finds the snapshots to compare: those after the first, the last included, whose states are still held; oldest first. */
async function stretch(
  store: StoreThread,
  model: string,
  params: Params,
): Promise<{ from: number; to: number | null; ids: readonly number[] }> {
  const idOf = async (idOrTag: string) => {
    const record = await store.findSnapshot(model, idOrTag);
    if (record !== null) return record.id;
    throw new RivuletError("unknown-snapshot", `there is no snapshot ${idOrTag} of model ${model}`);
  };
  const first = params.from === undefined ? null : await idOf(params.from);
  const to = params.to === undefined ? null : await idOf(params.to);
  const last = to ?? Number.POSITIVE_INFINITY;
  const journalFrom = await store.journalFrom(model);
  const held: number[] = [];
  for (let before: number | undefined; ; ) {
    const page = await store.snapshots({ model, limit: PAGE, ...(before === undefined ? {} : { before }) });
    for (const { id, thinned, commitFrom } of page) {
      const wanted =
        id === first || (!thinned && id <= last && (first === null ? commitFrom >= journalFrom : id > first));
      if (wanted) held.push(id);
    }
    before = page.at(-1)?.id;
    if (page.length < PAGE || (first !== null && before !== undefined && before <= first)) break;
  }
  held.reverse();
  const from = held[0];
  if (from === undefined) {
    throw new RivuletError("journal-pruned", `no state of model ${model} is held from which the journal is complete`);
  }
  return { from, to, ids: held.slice(1) };
}
