import type { ClassWeightsConfig } from "./class-weights.ts";
import type { EngineOptions } from "./engine.ts";
import type { ReplayConfig } from "./experience-replay.ts";
import type { FilterOptions } from "./kalman/filter-layout.ts";
import { type OptimizerConfig, resolveOptimizer } from "./optimizer.ts";
import type { Precision } from "./precision.ts";
import type { Activation, Loss, OutputActivation, Topology } from "./topology.ts";
import type { AveragingConfig } from "./weight-average.ts";

export const INITS = ["he", "glorot", "textbook"] as const;
export type Init = (typeof INITS)[number];

/** By the feature's name. */
export type Categorical = Readonly<Record<string, readonly string[] | number>>;

/** Describes a model's learner: everything that its state depends on besides the entries. */
export interface LearnerConfig {
  readonly features: readonly string[];
  readonly label: string;
  /** Names of the classes, two or more; null where labels are numbers. More than two have an output each. */
  readonly classes: readonly string[] | null;
  readonly network: {
    /** Units of each hidden layer; empty is a single-layer network. */
    readonly hidden: readonly number[];
    /** One for each hidden layer. */
    readonly activation: readonly Activation[];
    readonly output: OutputActivation;
    readonly loss: Loss;
    readonly init: Init;
    readonly seed: number;
    /** Random Fourier features before the first layer, beside the inputs; only with ekf. */
    readonly fourier?: { readonly count: number; readonly gamma: number };
  };
  /**
   * The members of an ensemble; then of the network only output, loss and seed count, and of the optimizer nothing but its
   * learning rate, which multiplies every ε. Left out: the network alone.
   */
  readonly ensemble?: readonly FilterOptions[];
  /** Newest rows that an ensemble keeps, the nearest of which are one more member; left out: none. */
  readonly neighbours?: number;
  readonly scale: "standard" | "none";
  /** Left out: f64. */
  readonly precision?: Precision;
  readonly optimizer: OptimizerConfig;
  /** Left out: none, as is replay. Only where gradients train; a filter has no use for them. */
  readonly averaging?: AveragingConfig;
  readonly replay?: ReplayConfig;
  readonly batch: { readonly size: number };
  /**
   * What features that are no numbers may be: their categories, each of which has an input, or the number of inputs that
   * texts are hashed to. Left out: all are numbers.
   */
  readonly categorical?: Categorical;
  /** Left out: all classes weigh the same. Only with cross-entropy. */
  readonly classWeights?: ClassWeightsConfig;
  /** What becomes of a row in which a feature is missing: left out, the running mean takes its place. */
  readonly missing?: "refuse";
  /** Left out: LATE_KEEP. A question lives until so many later ones were asked. */
  readonly late?: { readonly keep: number };
  /** How predictions are scored and watched (evaluate/); each key left out is as WATCH_DEFAULTS has it. */
  readonly watch?: Partial<Watch>;
}

/** Says whether a model is scored, what watches it for drift, and what is done then. */
export interface Watch {
  readonly metrics: "full" | "none";
  readonly detector: "adwin" | "page-hinkley" | "ddm" | "none";
  readonly input: "error" | "loss";
  readonly policy: "none" | "event" | "boost" | "reset" | "rollback" | "background";
}

export const WATCH_DEFAULTS: Watch = { metrics: "full", detector: "adwin", input: "error", policy: "rollback" };

/** Resolves what of a model is scored and watched. */
export function watchOf({ watch }: Pick<LearnerConfig, "watch">): Watch {
  return { ...WATCH_DEFAULTS, ...watch };
}

export const LATE_KEEP = 10_000;

/** Places a feature among the inputs: one of a number, or one for each of its categories or hashes. */
export interface Column {
  readonly kind: "number" | "listed" | "hashed";
  readonly first: number;
  readonly width: number;
}

type FeatureKeys = Pick<LearnerConfig, "features" | "categorical">;

/** Says what the features that are no numbers may be, in the order of the features: null is a number. */
export function categoriesOf({
  features,
  categorical = {},
}: FeatureKeys): readonly (readonly string[] | "hashed" | null)[] {
  return features.map((name) => {
    const given = Object.hasOwn(categorical, name) ? categorical[name] : undefined;
    return given === undefined ? null : typeof given === "number" ? "hashed" : given;
  });
}

/** Places the features among the inputs of the network. */
export function columnsOf({ features, categorical = {} }: FeatureKeys): readonly Column[] {
  let first = 0;
  return features.map((name) => {
    const given = Object.hasOwn(categorical, name) ? categorical[name] : undefined;
    const width = given === undefined ? 1 : typeof given === "number" ? given : given.length;
    const kind = given === undefined ? "number" : typeof given === "number" ? "hashed" : "listed";
    first += width;
    return { kind, first: first - width, width };
  });
}

/** Counts the inputs of the network. */
export function inputsOf(config: FeatureKeys): number {
  return columnsOf(config).reduce((sum, { width }) => sum + width, 0);
}

/** Derives the network's topology. */
export function topologyOf(config: LearnerConfig): Topology {
  const { hidden, activation, output, loss } = config.network;
  if (config.ensemble !== undefined) {
    return { units: [inputsOf(config), outputsOf(config)], activations: [output], loss };
  }
  return { units: [inputsOf(config), ...hidden, outputsOf(config)], activations: [...activation, output], loss };
}

/** Derives what an engine is made of. */
export function engineOptionsOf(config: LearnerConfig): EngineOptions {
  const { optimizer, scale, batch, replay, precision = "f64", neighbours } = config;
  const members = membersOf(config);
  return {
    topology: topologyOf(config),
    optimizer,
    scaled: scale === "standard",
    batchMax: Math.max(batch.size, replay?.size ?? 0),
    precision,
    ...(members === null ? {} : { members }),
    ...(neighbours === undefined ? {} : { neighbours }),
  };
}

/** Lists the networks that filters train: an ensemble's, the one that ekf trains, or null for a gradient's. */
function membersOf({ ensemble, optimizer, network }: LearnerConfig): readonly FilterOptions[] | null {
  if (ensemble !== undefined) return ensemble;
  if (optimizer.kind !== "ekf") return null;
  const { noise, covariance } = resolveOptimizer(optimizer);
  const { hidden, activation, fourier } = network;
  return [{ hidden, activation, ...(fourier === undefined ? {} : { fourier }), covariance, noise, relevance: false }];
}

/** Counts the classes that labels tell apart: two where they have no names. */
export function classesOf({ classes }: Pick<LearnerConfig, "classes">): number {
  return classes?.length ?? 2;
}

/** Counts the outputs: one, or one a class where there are more than two. */
export function outputsOf({ classes }: Pick<LearnerConfig, "classes">): number {
  return classes !== null && classes.length > 2 ? classes.length : 1;
}
