import { RivuletError } from "../error.ts";
import type { CutsEntry } from "../learner/entry.ts";
import { NUMERICS } from "../learner/numerics.ts";
import type { StateRecord } from "../store/store.ts";
import type { StoreThread } from "../store/store-thread.ts";
import type { CommitNumber } from "../stream/draft.ts";
import { Model, type ModelOptions, type ModelPolicy } from "../stream/model.ts";
import { type ConfigInForce, configInForce, ModelState } from "../stream/model-state.ts";
import { Replay } from "../stream/replay.ts";
import type { RingBudget } from "../stream/ring-budget.ts";
import type { SnapshotBudget } from "../stream/snapshot-budget.ts";
import { compareLearnerConfig, type ModelConfig } from "./config.ts";
import { pagesFrom, RollbackStates } from "./journal-reader.ts";
import type { Log } from "./log.ts";

export interface OpenModelOptions {
  readonly name: string;
  readonly store: StoreThread;
  readonly log: Log;
  readonly policy: Pick<ModelConfig, "batch" | "snapshot">;
  readonly ringRows: number;
  readonly ringBudget: RingBudget;
  readonly snapshotBudget: SnapshotBudget;
  /** The configuration to put in force; null keeps the stored one. */
  readonly wanted: ConfigInForce | null;
  readonly commit: CommitNumber;
  readonly nextSnapshot: () => number;
  readonly now: number;
}

/**
 * Makes a model live: a new one with its first snapshot, or a stored one from its newest good state and the journal after
 * it. Throws `topology-differs` where the wanted configuration cannot go on from what is stored, `numerics-differ` where
 * another release must replay first, `journal-damaged` where the replay does not give what the journal recorded.
 */
export async function openModel(options: OpenModelOptions): Promise<Model> {
  const { store, name, wanted } = options;
  const known = (await store.models()).some((model) => model.name === name);
  if (!known) {
    if (wanted === null) throw new RivuletError("unknown-model", `there is no model ${name}`);
    const model = live(options, new ModelState(wanted), { newestSnapshot: null, saved: { sequence: 0, step: 0 } }, 0);
    model.configure(wanted);
    model.save("created", options.now);
    return model;
  }
  const { state, replay, commitFrom, numerics, savedSequence } = await recover(options);
  const [newest] = await store.snapshots({ model: name, limit: 1 });
  const saved = { sequence: savedSequence, step: newest?.step ?? 0 };
  const model = live(options, state, { newestSnapshot: newest?.id ?? null, saved }, replay.pendingRows);
  model.recover(replay, commitFrom, options.now);
  if (wanted !== null) adapt(model, wanted, options);
  if (numerics !== NUMERICS && model.draft.empty) model.configure(state.config);
  return model;
}

function live(
  options: OpenModelOptions,
  state: ModelState,
  before: Pick<ModelOptions, "newestSnapshot" | "saved">,
  pendingRows: number,
): Model {
  const { name, ringRows, ringBudget, snapshotBudget, policy, commit, nextSnapshot, now } = options;
  return new Model({
    name,
    state,
    // A smaller ring than before must still hold what was pending.
    ringRows: Math.max(ringRows, 2 * pendingRows),
    ringBudget,
    snapshotBudget,
    policy: modelPolicy(policy),
    commit,
    nextSnapshot,
    ...before,
    now,
  });
}

/** Takes out of a configuration when a model trains and saves. */
export function modelPolicy({ batch, snapshot }: Pick<ModelConfig, "batch" | "snapshot">): ModelPolicy {
  return { batchAgeMsMax: batch.maxAgeMs, snapshot };
}

interface Recovered {
  readonly state: ModelState;
  readonly replay: Replay;
  /** The commit that holds the oldest pending row. */
  readonly commitFrom: number;
  /** Of the program that saved the state. */
  readonly numerics: number;
  /** Sequence of the state that the replay began with. */
  readonly savedSequence: number;
}

async function recover({ store, name, log }: OpenModelOptions): Promise<Recovered> {
  for (const id of await store.recoveryStateIds(name)) {
    const saved = await store.recoveryState(id);
    if (saved === null) {
      log.warn({ model: name, state: id }, "a saved state is damaged; an older one and the journal give the same");
      continue;
    }
    const startedAt = performance.now();
    const recovered = await replayFrom(saved, store);
    const [rows, steps] = [recovered.state.sequence - saved.sequence, recovered.state.step - saved.step];
    const ms = Math.round(performance.now() - startedAt);
    if (rows > 0) log.info({ model: name, rows, steps, ms }, "the journal was replayed");
    return recovered;
  }
  throw new RivuletError("state-damaged", `no saved state of model ${name} is good`, {
    hint: `Keep a copy of the data folder, then begin anew with \`rivulet models reset ${name}\`.`,
  });
}

async function replayFrom(saved: StateRecord, store: StoreThread): Promise<Recovered> {
  const { model: name, numerics } = saved;
  const state = new ModelState(configInForce(saved.config, saved.configHash));
  state.restore(saved);
  const targets = new RollbackStates(store);
  const replay = new Replay(state, targets);
  let { commitFrom } = saved;
  for await (const page of pagesFrom(store, name, commitFrom)) {
    const steps: { cuts: CutsEntry; atMs: number }[] = [];
    for (const { id, atMs, sections } of page) {
      for (const section of sections) {
        const ahead = section.firstOrdinal + section.ordinals - 1 > state.ordinal;
        if (ahead && numerics !== NUMERICS) throw numericsDiffer(name, numerics);
        await targets.read(section);
        replay.apply(section);
        for (const entry of section.entries) if (entry.type === "cuts") steps.push({ cuts: entry, atMs });
        if ((replay.pending[0]?.firstSequence ?? 0) >= section.firstSequence) commitFrom = id;
      }
    }
    await store.feedCosts(name, steps);
  }
  replay.settleTo(Number.POSITIVE_INFINITY);
  if (replay.difference === null) return { state, replay, commitFrom, numerics, savedSequence: saved.sequence };
  const { step, sequence, what } = replay.difference;
  throw new RivuletError(
    "journal-damaged",
    `model ${name} differs from its journal at step ${step}, sequence ${sequence}: ${what}`,
    { hint: "Keep a copy of the data folder; `rivulet verify` tells more." },
  );
}

/** Puts the wanted configuration in force where it differs from the stored one. */
function adapt(model: Model, wanted: ConfigInForce, { log, now }: OpenModelOptions): void {
  const difference = compareLearnerConfig(model.state.config.json, wanted.json);
  if (difference === "same") return;
  if (difference.kind !== "refused") {
    model.save("config", now);
    model.configure(wanted);
    log.info({ model: model.name, changes: difference.changes }, "another configuration is in force");
    return;
  }
  const changes = difference.changes.map(({ path, from, to }) => `${path}: ${show(from)} → ${show(to)}`).join("; ");
  throw new RivuletError(
    "topology-differs",
    `model ${model.name} was trained under another configuration (${changes})`,
    {
      hint: `Begin anew with \`rivulet models reset ${model.name}\`, or start with the old configuration.`,
    },
  );
}

function show(value: unknown): string {
  return JSON.stringify(value) ?? "absent";
}

function numericsDiffer(name: string, numerics: number): RivuletError {
  return new RivuletError(
    "numerics-differ",
    `the newest state of model ${name} was written with numerics ${numerics}, and the journal after it cannot be replayed with ${NUMERICS}`,
    { hint: "Start the release that wrote it once and stop it cleanly, then start this one." },
  );
}
