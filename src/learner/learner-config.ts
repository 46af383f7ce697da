import type { OptimizerConfig } from "./optimizer.ts";
import type { Activation, Loss, Topology } from "./topology.ts";

export const INITS = ["he", "glorot", "textbook"] as const;
export type Init = (typeof INITS)[number];

/** Describes a model's learner: everything that its state depends on besides the entries. */
export interface LearnerConfig {
  readonly features: readonly string[];
  readonly label: string;
  /** Names of class 0 and class 1, or null where labels are numbers. */
  readonly classes: readonly [string, string] | null;
  readonly network: {
    /** Units of each hidden layer; empty is a single-layer network. */
    readonly hidden: readonly number[];
    /** One for each hidden layer. */
    readonly activation: readonly Activation[];
    readonly output: Activation;
    readonly loss: Loss;
    readonly init: Init;
    readonly seed: number;
  };
  readonly scale: "standard" | "none";
  readonly optimizer: OptimizerConfig;
  readonly batch: { readonly size: number };
}

/** Derives the network's topology. */
export function topologyOf(config: LearnerConfig): Topology {
  const { hidden, activation, output, loss } = config.network;
  return { units: [config.features.length, ...hidden, 1], activations: [...activation, output], loss };
}
