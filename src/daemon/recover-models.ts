// Makes states of what is stored: of each model its newest good state, and of all of them the journal after it, which is
// read once, however many they are.

import { RivuletError } from "../error.ts";
import type { CutsEntry } from "../learner/entry.ts";
import { NUMERICS } from "../learner/numerics.ts";
import type { Section } from "../learner/transaction.ts";
import type { StateRecord } from "../store/store.ts";
import type { StoreThread } from "../store/store-thread.ts";
import type { Saved } from "../stream/model.ts";
import { configInForce, ModelState } from "../stream/model-state.ts";
import { Replay } from "../stream/replay.ts";
import { pagesFrom, RollbackStates } from "./journal-reader.ts";
import type { Log } from "./log.ts";

/** Is a model as it was when the journal ended. */
export interface Recovered {
  readonly state: ModelState;
  readonly replay: Replay;
  /** The commit that holds the oldest pending row. */
  readonly commitFrom: number;
  /** Of the program that saved the state. */
  readonly numerics: number;
  /** The state that the replay began with. */
  readonly saved: Omit<Saved, "step">;
}

/**
 * Recovers models. Throws `state-damaged` where no saved state of one is good, `numerics-differ` where another release must
 * replay first, `journal-damaged` where the replay does not give what the journal recorded.
 */
export async function recoverModels(
  store: StoreThread,
  names: readonly string[],
  log: Log,
): Promise<ReadonlyMap<string, Recovered>> {
  const startedAt = performance.now();
  const recoveries = new Map<string, Recovery>();
  for (const name of names) recoveries.set(name, new Recovery(await newestGood(store, name, log), store));
  const wanted = [...recoveries.values()].map(({ name, commitFrom: from }) => ({ name, from }));
  if (wanted.length > 0) {
    for await (const page of pagesFrom(store, wanted)) {
      for (const { id, atMs, sections } of page) {
        for (const section of sections) await recoveries.get(section.model)?.apply(id, atMs, section);
      }
      for (const recovery of recoveries.values()) await recovery.tellSteps();
    }
  }
  for (const recovery of recoveries.values()) recovery.end();
  tell(recoveries, Math.round(performance.now() - startedAt), log);
  return recoveries;
}

function tell(recoveries: ReadonlyMap<string, Recovery>, ms: number, log: Log): void {
  const all = [...recoveries.values()].filter(({ rows }) => rows > 0);
  if (all.length === 0) return;
  const rows = all.reduce((sum, one) => sum + one.rows, 0);
  const steps = all.reduce((sum, one) => sum + one.steps, 0);
  const whose = all.length === 1 ? { model: all[0]?.name } : { models: all.length };
  log.info({ ...whose, rows, steps, ms }, "the journal was replayed");
}

async function newestGood(store: StoreThread, name: string, log: Log): Promise<StateRecord> {
  for (const id of await store.recoveryStateIds(name)) {
    const saved = await store.recoveryState(id);
    if (saved !== null) return saved;
    log.warn({ model: name, state: id }, "a saved state is damaged; an older one and the journal give the same");
  }
  throw new RivuletError("state-damaged", `no saved state of model ${name} is good`, {
    hint: `Keep a copy of the data folder, then begin anew with \`rivulet models reset ${name}\`.`,
  });
}

/** Replays one model's journal onto its state. */
class Recovery implements Recovered {
  readonly name: string;
  readonly state: ModelState;
  readonly replay: Replay;
  commitFrom: number;
  readonly numerics: number;
  readonly saved: Omit<Saved, "step">;
  readonly #savedStep: number;
  readonly #store: StoreThread;
  readonly #targets: RollbackStates;
  /** Steps that the cost history may not have. */
  #steps: { cuts: CutsEntry; atMs: number }[] = [];

  constructor(saved: StateRecord, store: StoreThread) {
    this.name = saved.model;
    this.state = new ModelState(configInForce(saved.config, saved.configHash));
    this.state.restore(saved);
    this.commitFrom = saved.commitFrom;
    this.numerics = saved.numerics;
    const { sequence, ordinal, learner, monitor } = saved;
    this.saved = { sequence, ordinal, bytes: learner.length + monitor.length };
    this.#savedStep = saved.step;
    this.#store = store;
    this.#targets = new RollbackStates(store);
    this.replay = new Replay(this.state, this.#targets);
  }

  get rows(): number {
    return this.state.sequence - this.saved.sequence;
  }

  get steps(): number {
    return this.state.step - this.#savedStep;
  }

  async apply(commit: number, atMs: number, section: Section): Promise<void> {
    const { state, replay } = this;
    const ahead = section.firstOrdinal + section.ordinals - 1 > state.ordinal;
    if (ahead && this.numerics !== NUMERICS) throw numericsDiffer(this.name, this.numerics);
    await this.#targets.read(section);
    replay.apply(section);
    for (const entry of section.entries) if (entry.type === "cuts") this.#steps.push({ cuts: entry, atMs });
    if ((replay.pending[0]?.firstSequence ?? 0) >= section.firstSequence) this.commitFrom = commit;
  }

  /** Gives the cost history the steps that were replayed. */
  async tellSteps(): Promise<void> {
    const steps = this.#steps;
    if (steps.length === 0) return;
    this.#steps = [];
    await this.#store.feedCosts(this.name, steps);
  }

  /** Throws `journal-damaged` where the replay differs from the journal. */
  end(): void {
    this.replay.settleTo(Number.POSITIVE_INFINITY);
    if (this.replay.difference === null) return;
    const { step, sequence, what } = this.replay.difference;
    throw new RivuletError(
      "journal-damaged",
      `model ${this.name} differs from its journal at step ${step}, sequence ${sequence}: ${what}`,
      { hint: "Keep a copy of the data folder; `rivulet verify` tells more." },
    );
  }
}

function numericsDiffer(name: string, numerics: number): RivuletError {
  return new RivuletError(
    "numerics-differ",
    `the newest state of model ${name} was written with numerics ${numerics}, and the journal after it cannot be replayed with ${NUMERICS}`,
    { hint: "Start the release that wrote it once and stop it cleanly, then start this one." },
  );
}
