import { RivuletError } from "../error.ts";
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
import { createModel, resumeModel } from "./open-model.ts";
import { recoverModels } from "./recover-models.ts";
import type { FormerModel } from "./retained.ts";

/** New models of which the first snapshots are committed together: those of hundreds at once would take memory that is never given back. */
const CREATED_AT_ONCE = 16;

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

/**
 * Makes the models live: those of the configuration, or, for a command of its own, those that are stored and active, as
 * stored. What many new ones begin with is durable then. Throws RivuletError.
 */
export async function openModels(options: DaemonOptions, store: StoreThread): Promise<OpenedModels> {
  const { config, log, listen } = options;
  const number: CommitNumber = { filling: (await store.lastCommitId()) + 1 };
  const wanted = new Map(Object.entries(config.models).map(([name, model]) => [name, learnerConfigJson(model)]));
  let newestSnapshot = await store.lastSnapshotId();
  const opened = await policies(options, store);
  const known = new Set((await store.models()).map(({ name }) => name));
  const recovered = await recoverModels(
    store,
    opened.map(([name]) => name).filter((name) => known.has(name)),
    log,
  );
  const models = new Map<string, Model>();
  const ringBudget = new RingBudget(config.intake.ringBytesMax, opened.length);
  const commitPolicy = { ...config.commit };
  const snapshotBudget = new SnapshotBudget(commitPolicy);
  const shared = {
    store,
    log,
    ringRows: config.intake.ringRows,
    ringBudget,
    snapshotBudget,
    commit: number,
    nextSnapshot: () => ++newestSnapshot,
  };
  let created: Model[] = [];
  for (const [name, policy] of opened) {
    const modelOptions = { ...shared, name, policy, now: monotonicScheduler.now() };
    const inForce = listen ? (wanted.get(name) ?? null) : null;
    const stored = recovered.get(name);
    if (stored !== undefined) {
      models.set(name, await resumeModel(modelOptions, stored, inForce));
      continue;
    }
    if (inForce === null) throw new RivuletError("unknown-model", `there is no model ${name}`);
    const model = createModel(modelOptions, inForce);
    models.set(name, model);
    created.push(model);
    if (created.length < CREATED_AT_ONCE) continue;
    await commitDrafts(store, created, number);
    created = [];
  }
  if (listen) await store.setActive([...models.keys()]);
  return { models, wanted, number, commitPolicy, former: listen ? await formerModels(store, models) : [] };
}

/** Commits what the drafts of models hold, before anything flows. */
async function commitDrafts(store: StoreThread, models: readonly Model[], number: CommitNumber): Promise<void> {
  const sealed = models.map(({ name, draft }) => draft.seal(name));
  await store.commit({
    id: number.filling,
    at: Date.now(),
    sections: sealed.flatMap(({ section }) => section ?? []),
    states: sealed.flatMap(({ states }) => states),
    refusals: [],
    refusalsUnkept: [],
    requests: [],
  });
  number.filling++;
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
