import { RivuletError } from "../error.ts";
import { NUMERICS } from "../learner/numerics.ts";
import type { Store } from "../store/store.ts";
import type { CommitNumber } from "../stream/draft.ts";
import { Model, type ModelPolicy } from "../stream/model.ts";
import { type ConfigInForce, configInForce, ModelState } from "../stream/model-state.ts";
import { Replay } from "../stream/replay.ts";
import { compareLearnerConfig, type ModelConfig } from "./config.ts";
import type { Log } from "./log.ts";

/** Commits read at a time while replaying, so that no read holds the database for long. */
const REPLAY_COMMITS = 64;

export interface OpenModelOptions {
  readonly name: string;
  readonly store: Store;
  readonly log: Log;
  readonly policy: Pick<ModelConfig, "batch" | "snapshot">;
  readonly ringRows: number;
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
export function openModel(options: OpenModelOptions): Model {
  const { store, name, wanted } = options;
  const known = store.models().some((model) => model.name === name);
  if (!known) {
    if (wanted === null) throw new RivuletError("unknown-model", `there is no model ${name}`);
    const model = live(options, new ModelState(wanted), null, 0);
    model.configure(wanted);
    model.save("created", options.now);
    return model;
  }
  const { state, replay, commitFrom, numerics } = recover(options);
  const newest = store.snapshots({ model: name, limit: 1 })[0]?.id ?? null;
  const model = live(options, state, newest, replay.pendingRows);
  model.recover(replay, commitFrom, options.now);
  if (wanted !== null) adapt(model, wanted, options);
  if (numerics !== NUMERICS && model.draft.empty) model.configure(state.config);
  return model;
}

function live(options: OpenModelOptions, state: ModelState, newestSnapshot: number | null, pendingRows: number): Model {
  const { name, ringRows, policy, commit, nextSnapshot, now } = options;
  return new Model({
    name,
    state,
    // A smaller ring than before must still hold what was pending.
    ringRows: Math.max(ringRows, 2 * pendingRows),
    policy: modelPolicy(policy),
    commit,
    nextSnapshot,
    newestSnapshot,
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
}

function recover({ store, name, log }: OpenModelOptions): Recovered {
  for (const candidate of store.recoveryStates(name)) {
    if (!candidate.good) {
      log.warn(
        { model: name, state: candidate.id },
        "a saved state is damaged; an older one and the journal give the same",
      );
      continue;
    }
    const saved = candidate.state;
    const state = new ModelState(configInForce(saved.config, saved.configHash));
    state.restore(saved);
    const replay = new Replay(state, { learnerStateOf: (id) => store.state(id).learner });
    let commitFrom = saved.commitFrom;
    for (const { id, atMs, section } of sectionsFrom(store, name, saved.commitFrom)) {
      const ahead = section.firstOrdinal + section.ordinals - 1 > state.ordinal;
      if (ahead && saved.numerics !== NUMERICS) throw numericsDiffer(name, saved.numerics);
      replay.apply(section);
      for (const entry of section.entries) if (entry.type === "cuts") store.feedCosts(name, entry, atMs);
      if ((replay.pending[0]?.firstSequence ?? 0) >= section.firstSequence) commitFrom = id;
    }
    replay.settleTo(Number.POSITIVE_INFINITY);
    if (replay.difference !== null) {
      const { step, sequence, what } = replay.difference;
      throw new RivuletError(
        "journal-damaged",
        `model ${name} differs from its journal at step ${step}, sequence ${sequence}: ${what}`,
        {
          hint: "Keep a copy of the data folder; `rivulet verify` tells more.",
        },
      );
    }
    return { state, replay, commitFrom, numerics: saved.numerics };
  }
  throw new RivuletError("state-damaged", `no saved state of model ${name} is good`, {
    hint: `Keep a copy of the data folder, then begin anew with \`rivulet models reset ${name}\`.`,
  });
}

/** Yields a model's sections from a commit on, in pages. */
export function* sectionsFrom(store: Store, model: string, from: number) {
  for (let next = from; ; ) {
    const commits = store.commits({ from: next, limit: REPLAY_COMMITS, model });
    for (const { id, atMs, sections } of commits) {
      for (const section of sections) yield { id, atMs, section };
      next = id + 1;
    }
    if (commits.length === 0) return;
  }
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
