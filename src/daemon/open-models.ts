import type { StoreThread } from "../store/store-thread.ts";
import type { CommitNumber } from "../stream/draft.ts";
import type { Model } from "../stream/model.ts";
import type { ConfigInForce } from "../stream/model-state.ts";
import { RingBudget } from "../stream/ring-budget.ts";
import { SnapshotBudget } from "../stream/snapshot-budget.ts";
import { type Config, learnerConfigJson, type ModelConfig } from "./config.ts";
import type { DaemonOptions } from "./daemon.ts";
import { formerModel } from "./former-model.ts";
import { monotonicScheduler } from "./monotonic-scheduler.ts";
import { openModel } from "./open-model.ts";
import type { FormerModel } from "./retained.ts";

export interface OpenedModels {
  readonly models: ReadonlyMap<string, Model>;
  /** The configuration that each configured model is wanted to have. */
  readonly wanted: Map<string, ConfigInForce>;
  readonly number: CommitNumber;
  /** What is read of the configuration each time anew: a reload changes it. */
  readonly commitPolicy: { -readonly [K in keyof Config["commit"]]: Config["commit"][K] };
  /** Stored models that are not live. */
  readonly former: readonly FormerModel[];
}

/** Makes the models live: those of the configuration, or, for a command of its own, those that are stored and active, as stored. */
export async function openModels(options: DaemonOptions, store: StoreThread): Promise<OpenedModels> {
  const { config, log, listen } = options;
  const number: CommitNumber = { filling: (await store.lastCommitId()) + 1 };
  const wanted = new Map(Object.entries(config.models).map(([name, model]) => [name, learnerConfigJson(model)]));
  let newestSnapshot = await store.lastSnapshotId();
  const models = new Map<string, Model>();
  const ringBudget = new RingBudget(config.intake.ringBytesMax);
  const commitPolicy = { ...config.commit };
  const snapshotBudget = new SnapshotBudget(commitPolicy);
  for (const [name, policy] of await policies(options, store)) {
    const model = await openModel({
      name,
      store,
      log,
      policy,
      ringRows: config.intake.ringRows,
      ringBudget,
      snapshotBudget,
      wanted: listen ? (wanted.get(name) ?? null) : null,
      commit: number,
      nextSnapshot: () => ++newestSnapshot,
      now: monotonicScheduler.now(),
    });
    models.set(name, model);
  }
  if (listen) await store.setActive([...models.keys()]);
  return { models, wanted, number, commitPolicy, former: listen ? await formerModels(store, models) : [] };
}

async function policies(
  { config, listen, without }: DaemonOptions,
  store: StoreThread,
): Promise<readonly (readonly [string, ModelConfig])[]> {
  if (listen) return Object.entries(config.models);
  const fallback = Object.values(config.models)[0];
  const stored = await store.models();
  return stored
    .filter(({ name, active }) => active && name !== without)
    .flatMap(({ name }) => {
      const policy = config.models[name] ?? fallback;
      return policy === undefined ? [] : [[name, policy] as const];
    });
}

async function formerModels(store: StoreThread, models: ReadonlyMap<string, Model>): Promise<readonly FormerModel[]> {
  const names = (await store.models()).map(({ name }) => name).filter((name) => !models.has(name));
  return Promise.all(names.map((name) => formerModel(store, name)));
}
