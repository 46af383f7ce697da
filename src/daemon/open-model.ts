import { RivuletError } from "../error.ts";
import { NUMERICS } from "../learner/numerics.ts";
import type { StoreThread } from "../store/store-thread.ts";
import type { CommitNumber } from "../stream/draft.ts";
import { Model, type ModelOptions, type ModelPolicy } from "../stream/model.ts";
import { type ConfigInForce, ModelState } from "../stream/model-state.ts";
import type { RingBudget } from "../stream/ring-budget.ts";
import type { SnapshotBudget } from "../stream/snapshot-budget.ts";
import { compareLearnerConfig, type ModelConfig } from "./config.ts";
import type { Log } from "./log.ts";
import type { Recovered } from "./recover-models.ts";

export interface OpenModelOptions {
  readonly name: string;
  readonly store: StoreThread;
  readonly log: Log;
  readonly policy: Pick<ModelConfig, "batch" | "snapshot">;
  readonly ringRows: number;
  readonly ringBudget: RingBudget;
  readonly snapshotBudget: SnapshotBudget;
  readonly commit: CommitNumber;
  readonly nextSnapshot: () => number;
  readonly now: number;
}

const UNSAVED = { sequence: 0, ordinal: 0, bytes: 0, step: 0 };

/** Makes a new model live, with its first snapshot in its draft. */
export function createModel(options: OpenModelOptions, wanted: ConfigInForce): Model {
  const model = live(options, new ModelState(wanted), { newestSnapshot: null, saved: UNSAVED }, 0);
  model.configure(wanted);
  model.save("created", options.now);
  return model;
}

/**
 * Makes a recovered model live, under the configuration that is `wanted`; null keeps the stored one. Throws
 * `topology-differs` where it cannot go on under that one.
 */
export async function resumeModel(
  options: OpenModelOptions,
  { state, replay, commitFrom, numerics, saved }: Recovered,
  wanted: ConfigInForce | null,
): Promise<Model> {
  const { store, name } = options;
  const [newest] = await store.snapshots({ model: name, limit: 1 });
  const before = { newestSnapshot: newest?.id ?? null, saved: { ...saved, step: newest?.step ?? 0 } };
  const model = live(options, state, before, replay.pendingRows);
  model.recover(replay, commitFrom, options.now);
  if (wanted !== null) adapt(model, wanted, options);
  if (numerics !== NUMERICS && model.draft.empty) {
    // Else the next start would find a journal that is ahead of a state of other numerics.
    model.save("config", options.now);
    model.configure(state.config);
  }
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
