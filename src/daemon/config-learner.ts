// The part of a model's configuration that its learner state depends on: what `config` entries hold, and what a change of
// it means for a model that has been trained already.

import { createHash } from "node:crypto";
import { RivuletError } from "../error.ts";
import { defaultMembers } from "../learner/ensemble/members.ts";
import {
  inputsOf,
  LATE_KEEP,
  type LearnerConfig,
  outputsOf,
  WATCH_DEFAULTS,
  type Watch,
} from "../learner/learner-config.ts";
import { OPTIMIZER_DEFAULTS, type OptimizerConfig, type OptimizerKind } from "../learner/optimizer.ts";
import type { Schedule } from "../learner/schedule.ts";
import type { OutputActivation } from "../learner/topology.ts";
import type { ConfigInForce } from "../stream/model-state.ts";
import { canonicalJson } from "./canonical-json.ts";
import type { ModelConfig } from "./config-shape.ts";

/** Says how one key differs; undefined where a side has none. Paths are those of a model: `optimizer.kind`. */
export interface Change {
  readonly path: string;
  readonly from: unknown;
  readonly to: unknown;
}

/**
 * Says what lies between two learner configurations: `tunable` goes on, `generation` keeps the parameters and begins
 * moments, scaler or replay anew, `refused` cannot go on.
 */
export type Difference =
  | "same"
  | { readonly kind: "tunable" | "generation" | "refused"; readonly changes: readonly Change[] };

/** Keys that a trained model may change. Initial weights are drawn but once, or by a reset. */
const TUNABLE =
  /^(optimizer\..+|averaging\.decay|replay\.(batches|size)|batch\.size|late\.keep|missing|classWeights|watch\..+|network\.init|network\.seed)$/;
const GENERATION = /^(optimizer\.kind|replay\.(kind|rows)|scale|precision)$/;
const LEARNING_RATES: Readonly<Record<OptimizerKind, number>> = {
  adagrad: 0.3,
  sgd: 0.1,
  rmsprop: 0.01,
  adam: 0.01,
  // It multiplies the noise.
  ekf: 1,
};

/**
 * Resolves the training step: what its kind uses and what is not as OPTIMIZER_DEFAULTS has it, so that a key which a later
 * release adds does not make an old configuration look like another one.
 */
export function optimizerOf(entry: ModelConfig["optimizer"]): OptimizerConfig {
  const { kind, momentum, nesterov, decay, beta1, beta2, epsilon, l2, clipNorm, noise, covariance, schedule } = entry;
  const used = {
    sgd: { momentum, nesterov: nesterov && momentum > 0 },
    adagrad: {},
    rmsprop: { decay, epsilon },
    adam: { beta1, beta2, epsilon },
    ekf: { noise, covariance },
  }[kind];
  const shaped = kind === "ekf" ? {} : { l2, ...(clipNorm === null ? {} : { clipNorm }) };
  const given = { ...used, ...shaped };
  const changed = Object.entries(given).filter(([key, value]) => Reflect.get(OPTIMIZER_DEFAULTS, key) !== value);
  return {
    kind,
    learningRate: entry.learningRate ?? LEARNING_RATES[kind],
    ...Object.fromEntries(changed),
    ...(schedule.kind === "constant" ? {} : { schedule: scheduleOf(schedule.kind, schedule) }),
  };
}

function scheduleOf(kind: Schedule["kind"], { steps, factor }: { steps: number; factor: number }): Schedule {
  return kind === "inverse" ? { kind, steps } : { kind, steps, factor };
}

/** Resolves the output's activation: null is sigmoid, or softmax of more than two classes, or identity for mse. */
export function outputOf({ network, classes }: Pick<ModelConfig, "network" | "classes">): OutputActivation {
  if (network.output !== null) return network.output;
  if (network.loss === "mse") return "identity";
  return outputsOf({ classes }) > 1 ? "softmax" : "sigmoid";
}

/** Is what of a model's configuration the learner depends on. */
type LearnerKeys = Pick<
  ModelConfig,
  | "features"
  | "label"
  | "classes"
  | "categorical"
  | "classWeights"
  | "learner"
  | "ensemble"
  | "network"
  | "scale"
  | "missing"
  | "precision"
  | "optimizer"
  | "averaging"
  | "replay"
> & {
  readonly batch: { readonly size: number };
} & Pick<ModelConfig, "late" | "metrics" | "drift">;

/** Takes the learner-relevant part out, with every choice spelt out. */
export function learnerConfigOf(model: LearnerKeys): LearnerConfig {
  return {
    features: model.features,
    label: model.label,
    classes: model.classes,
    ...(Object.keys(model.categorical).length === 0 ? {} : { categorical: model.categorical }),
    ...(model.classWeights === "none" ? {} : { classWeights: model.classWeights }),
    ...(model.learner === "ensemble" ? ensembleOf(model) : networkOf(model)),
    scale: model.scale,
    ...(model.missing === "mean" ? {} : { missing: model.missing }),
    ...(model.precision === "f64" ? {} : { precision: model.precision }),
    batch: { size: model.batch.size },
    ...watchEntry(model),
    ...(model.late.keep === LATE_KEEP ? {} : { late: { keep: model.late.keep } }),
  };
}

function networkOf(model: LearnerKeys): Pick<LearnerConfig, "network" | "optimizer" | "averaging" | "replay"> {
  const { hidden, activation, loss, init, seed, fourier } = model.network;
  const { kind } = model.replay;
  return {
    network: {
      hidden,
      activation: typeof activation === "string" ? hidden.map(() => activation) : activation,
      output: outputOf(model),
      loss,
      init,
      seed,
      ...(fourier === null ? {} : { fourier }),
    },
    optimizer: optimizerOf(model.optimizer),
    ...(model.averaging.decay === 0 ? {} : { averaging: model.averaging }),
    ...(kind === "none" ? {} : { replay: { ...model.replay, kind } }),
  };
}

/** Spells the members out, so that those of a later release make no old configuration mean another ensemble. */
function ensembleOf(model: LearnerKeys): Pick<LearnerConfig, "network" | "optimizer" | "ensemble" | "neighbours"> {
  const { loss, seed } = model.network;
  const { neighbours } = model.ensemble;
  const output = outputOf({ ...model, network: { ...model.network, output: null } });
  return {
    network: { hidden: [], activation: [], output, loss, init: "he", seed },
    optimizer: { kind: "ekf", learningRate: 1 },
    ensemble: defaultMembers(inputsOf(model), outputsOf(model)),
    ...(neighbours === 0 ? {} : { neighbours }),
  };
}

/** Only what is not as WATCH_DEFAULTS has it, so that a key which a later release adds changes no old configuration. */
function watchEntry({ metrics, drift, learner }: LearnerKeys): Pick<LearnerConfig, "watch"> {
  const auto = learner === "ensemble" ? "event" : WATCH_DEFAULTS.policy;
  const wanted: Watch = { metrics, ...drift, policy: drift.policy === "auto" ? auto : drift.policy };
  const changed = Object.entries(wanted).filter(([key, value]) => Reflect.get(WATCH_DEFAULTS, key) !== value);
  return changed.length === 0 ? {} : { watch: Object.fromEntries(changed) };
}

/** Puts the learner-relevant part into words that travel: the value, its canonical JSON, and that text's SHA-256. */
export function learnerConfigJson(model: LearnerKeys): ConfigInForce {
  const learner = learnerConfigOf(model);
  const json = canonicalJson(learner);
  return { learner, json, hash: createHash("sha256").update(json).digest("hex") };
}

/** Compares two canonical learner configurations. What is not known to be harmless is refused. Throws `state-damaged`. */
export function compareLearnerConfig(oldJson: string, newJson: string): Difference {
  const before = leavesOf(parse(oldJson));
  const after = leavesOf(parse(newJson));
  const paths = [...new Set([...before.keys(), ...after.keys()])];
  const changes = paths.flatMap((path): readonly Change[] => {
    const from = before.get(path);
    const to = after.get(path);
    return canonicalJson(from) === canonicalJson(to) ? [] : [{ path, from, to }];
  });
  if (changes.length === 0) return "same";
  if (changes.every(({ path }) => TUNABLE.test(path) && !GENERATION.test(path))) return { kind: "tunable", changes };
  const goesOn = changes.every(({ path }) => TUNABLE.test(path) || GENERATION.test(path));
  return { kind: goesOn ? "generation" : "refused", changes };
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch (cause) {
    throw new RivuletError("state-damaged", "the saved configuration is no JSON", { cause });
  }
}

/** Lists what is no mapping, by its path. */
function leavesOf(value: unknown, path = ""): Map<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return new Map([[path, value]]);
  return new Map(
    Object.entries(value).flatMap(([key, child]) => [...leavesOf(child, path === "" ? key : `${path}.${key}`)]),
  );
}
