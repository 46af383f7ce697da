import type { Store } from "../store/store.ts";
import type { CommitNumber } from "../stream/draft.ts";
import type { Model } from "../stream/model.ts";
import type { ConfigInForce } from "../stream/model-state.ts";
import { learnerConfigJson, type ModelConfig } from "./config.ts";
import type { DaemonOptions } from "./daemon.ts";
import { monotonicScheduler } from "./monotonic-scheduler.ts";
import { openModel } from "./open-model.ts";

export interface OpenedModels {
  readonly models: ReadonlyMap<string, Model>;
  /** The configuration that each configured model is wanted to have. */
  readonly wanted: Map<string, ConfigInForce>;
  readonly number: CommitNumber;
}

/** Makes the models live: those of the configuration, or, for a command of its own, those that are stored and active, as stored. */
export function openModels(options: DaemonOptions, store: Store): OpenedModels {
  const { config, log, listen } = options;
  const number: CommitNumber = { filling: store.lastCommitId() + 1 };
  const wanted = new Map(Object.entries(config.models).map(([name, model]) => [name, learnerConfigJson(model)]));
  let newestSnapshot = store.lastSnapshotId();
  const models = new Map<string, Model>();
  for (const [name, policy] of policies(options, store)) {
    const model = openModel({
      name,
      store,
      log,
      policy,
      ringRows: config.intake.ringRows,
      wanted: listen ? (wanted.get(name) ?? null) : null,
      commit: number,
      nextSnapshot: () => ++newestSnapshot,
      now: monotonicScheduler.now(),
    });
    models.set(name, model);
  }
  if (listen) store.setActive([...models.keys()]);
  return { models, wanted, number };
}

function policies({ config, listen, without }: DaemonOptions, store: Store): (readonly [string, ModelConfig])[] {
  if (listen) return Object.entries(config.models);
  const fallback = Object.values(config.models)[0];
  return store
    .models()
    .filter(({ name, active }) => active && name !== without)
    .flatMap(({ name }) => {
      const policy = config.models[name] ?? fallback;
      return policy === undefined ? [] : [[name, policy] as const];
    });
}
