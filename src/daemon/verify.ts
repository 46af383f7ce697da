import { setImmediate } from "node:timers/promises";
import { RivuletError } from "../error.ts";
import type { Store } from "../store/store.ts";
import { acceptedOf, configInForce, ModelState } from "../stream/model-state.ts";
import { type Difference, Replay } from "../stream/replay.ts";
import { sectionsFrom } from "./open-model.ts";
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
export async function verify({ store, models }: Rooms, params: Params, onProgress: OnProgress): Promise<Verified> {
  const model = storedModel(store, models, params.name);
  const { from, to, ids } = stretch(store, model, params);
  const result = { model, from, to, steps: 0, rows: 0, snapshots: 0, difference: null, reason: null };
  const start = store.state(from);
  if (start.commitFrom < store.journalFrom(model)) {
    return {
      ...result,
      outcome: "pruned",
      reason: `the journal before commit ${store.journalFrom(model)} is no longer held`,
    };
  }
  const state = new ModelState(configInForce(start.config, start.configHash));
  const compare = new Comparison(store, ids);
  const replay = new Replay(state, {
    learnerStateOf: (id) => store.state(id).learner,
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
    for (const { section } of sectionsFrom(store, model, start.commitFrom)) {
      replay.apply(section);
      if (replay.difference !== null || (to !== null && compare.done)) break;
      if (performance.now() - turnAt < TURN_MS) continue;
      await onProgress(steps());
      await setImmediate();
      turnAt = performance.now();
    }
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
  readonly #store: Store;
  readonly #ids: readonly number[];
  #next = 0;
  #expected: ReturnType<Store["state"]> | null = null;

  constructor(store: Store, ids: readonly number[]) {
    this.#store = store;
    this.#ids = ids;
    this.#load();
  }

  get done(): boolean {
    return this.#expected === null;
  }

  at(replay: Replay): Difference | null {
    const { state } = replay;
    while (this.#expected !== null && this.#expected.ordinal === state.ordinal) {
      const expected = this.#expected;
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
        return { step, sequence, what: `the ${what} differs from that of snapshot ${this.#ids[this.#next]}` };
      }
      this.compared++;
      this.#next++;
      this.#load();
    }
    return null;
  }

  /** The journal ended before the stretch did. */
  missing({ step, sequence }: ModelState): Difference | null {
    if (this.#expected === null) return null;
    return { step, sequence, what: `the journal ends before the position of snapshot ${this.#ids[this.#next]}` };
  }

  #load(): void {
    const id = this.#ids[this.#next];
    this.#expected = id === undefined ? null : this.#store.state(id);
  }
}

/** Finds the snapshots to compare: those after the first, the last included, whose states are still held; oldest first. */
function stretch(
  store: Store,
  model: string,
  params: Params,
): { from: number; to: number | null; ids: readonly number[] } {
  const idOf = (idOrTag: string) => {
    const record = store.findSnapshot(model, idOrTag);
    if (record !== null) return record.id;
    throw new RivuletError("unknown-snapshot", `there is no snapshot ${idOrTag} of model ${model}`);
  };
  const first = params.from === undefined ? null : idOf(params.from);
  const to = params.to === undefined ? null : idOf(params.to);
  const last = to ?? Number.POSITIVE_INFINITY;
  const held: number[] = [];
  for (let before: number | undefined; ; ) {
    const page = store.snapshots({ model, limit: PAGE, ...(before === undefined ? {} : { before }) });
    for (const { id, thinned, commitFrom } of page) {
      const wanted =
        id === first ||
        (!thinned && id <= last && (first === null ? commitFrom >= store.journalFrom(model) : id > first));
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
