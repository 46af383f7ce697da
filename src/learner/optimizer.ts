import type { Covariance } from "./kalman/filter-layout.ts";
import type { Schedule } from "./schedule.ts";

/** Move the weights along a gradient, by a learning rate. */
export const GRADIENT_OPTIMIZERS = ["sgd", "adagrad", "rmsprop", "adam"] as const;
/** The extended Kalman filter has neither. */
export const OPTIMIZERS = [...GRADIENT_OPTIMIZERS, "ekf"] as const;
export type OptimizerKind = (typeof OPTIMIZERS)[number];

/** Describes how the gradient moves the parameters. What is left out has the value that OPTIMIZER_DEFAULTS gives it. */
export interface OptimizerConfig {
  readonly kind: OptimizerKind;
  readonly learningRate: number;
  /** Share of the velocity that a step keeps (sgd); 0 keeps none. */
  readonly momentum?: number;
  /** Looks ahead along the velocity (sgd with momentum). */
  readonly nesterov?: boolean;
  /** Share of the mean square that a step keeps (rmsprop). */
  readonly decay?: number;
  /** Shares of the means of gradient and square that a step keeps (adam). */
  readonly beta1?: number;
  readonly beta2?: number;
  /** Keeps the division by a root finite (rmsprop, adam). */
  readonly epsilon?: number;
  /** Weight decay by the gradient: adds l2 · θ to the gradient of each weight, not of biases. The cost does not show it. */
  readonly l2?: number;
  /** Longest gradient, by its Euclidean norm over all parameters; a longer one is shortened. */
  readonly clipNorm?: number;
  readonly schedule?: Schedule;
  /** What a row gives back of the prior's variance (ekf), times the learning rate: a filter that knows all learns nothing more. */
  readonly noise?: number;
  /** What shares a covariance (ekf). */
  readonly covariance?: Covariance;
}

/** Holds an optimizer with nothing left out. */
export type ResolvedOptimizer = Required<Omit<OptimizerConfig, "learningRate" | "schedule">>;

export const OPTIMIZER_DEFAULTS = {
  momentum: 0,
  nesterov: false,
  decay: 0.9,
  beta1: 0.9,
  beta2: 0.999,
  epsilon: 1e-8,
  l2: 0,
  clipNorm: Number.POSITIVE_INFINITY,
  noise: 1e-4,
  covariance: "full",
} as const;

/** Fills in what is left out. */
export function resolveOptimizer(config: Partial<OptimizerConfig> & Pick<OptimizerConfig, "kind">): ResolvedOptimizer {
  const { schedule: _, learningRate: __, ...given } = config;
  return { ...OPTIMIZER_DEFAULTS, ...given };
}

/** Names the moment vectors, each shaped like the parameters, that an optimizer keeps: their tags in a state block. */
export function momentsOf({ kind, momentum }: Pick<ResolvedOptimizer, "kind" | "momentum">): readonly string[] {
  switch (kind) {
    case "sgd":
      return momentum > 0 ? ["VELO"] : [];
    case "adagrad":
      return ["ADAG"];
    case "rmsprop":
      return ["RMSP"];
    case "adam":
      return ["ADM1", "ADM2"];
    case "ekf":
      return [];
  }
}
