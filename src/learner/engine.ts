import type { EnsembleEngine } from "./ensemble/ensemble-engine.ts";
import type { FilterOptions } from "./kalman/filter-layout.ts";
import type { OptimizerConfig } from "./optimizer.ts";
import type { Precision, Vector } from "./precision.ts";
import type { Scaler } from "./scaler.ts";
import type { Layout, Topology } from "./topology.ts";

export interface EngineOptions {
  readonly topology: Topology;
  readonly optimizer: Omit<OptimizerConfig, "learningRate" | "schedule">;
  readonly scaled: boolean;
  /** Rows of the largest mini-batch. */
  readonly batchMax: number;
  /** Left out: f64. */
  readonly precision?: Precision;
  /** The networks of an ensemble, or the one that a filter trains; the topology tells inputs, outputs and loss. */
  readonly members?: readonly FilterOptions[];
  /** Newest rows of which the nearest are a member too; left out: none. */
  readonly neighbours?: number;
}

/** Names a vector of the state: its tag, and the member that it belongs to. */
export interface TaggedVector {
  readonly tag: string;
  readonly member: number;
  readonly values: Vector | Uint32Array;
}

/** Shows how a member fares. */
export interface Standing {
  /** What it is, in few words. */
  readonly name: string;
  /** Mean loss of its own predictions, of late; null before the first row. */
  readonly loss: number | null;
  /** Its share in the predictions. */
  readonly weight: number;
}

/**
 * Trains and predicts. The caller fills `inputs`, `labels`, `sampleWeights`, `rows` and `learningRate`, calls `step()`,
 * and reads `cost` and `undone`. There are two, which agree on every bit: the reference, and one compiled to WebAssembly.
 */
export interface Engine {
  readonly kind: EngineKind;
  /** Null where there is one network, and its state is `parameters`, `moments` and `powers`. */
  readonly ensemble: EnsembleEngine | null;
  readonly layout: Layout;
  readonly scaler: Scaler | null;
  /** θ (P), in layout order. */
  readonly parameters: Vector;
  /** The optimizer's moments, each (P). */
  readonly moments: readonly Vector[];
  /** β1ᵗ and β2ᵗ of Adam (2), or nothing (0). */
  readonly powers: Float64Array;
  /** ∂cost/∂θ of the last step (P). */
  readonly gradients: Vector;
  /** Features of the mini-batch (B, I) row-major. */
  readonly inputs: Float64Array;
  /** Labels of the mini-batch (B): values, or the index of the class. */
  readonly labels: Float64Array;
  /** Factors of the samples' losses (B). */
  readonly sampleWeights: Float64Array;
  /** Outputs of the last forward pass (B, K): probabilities of class 1, or of each class, or values. */
  readonly outputs: Vector;
  /** K. */
  readonly outputCount: number;
  /** Rows of the mini-batch that `step` and `forward` work on, from 1 to B. */
  rows: number;
  learningRate: number;
  /** Mean loss over the mini-batch before its update. Who replays other rows after it puts it back, and `undone`. */
  cost: number;
  /** Tells whether the last step made a number non-finite and was undone. */
  undone: boolean;
  /** Trains on the first `rows` rows; a step whose cost, or that makes any number of the state, is not finite leaves it as it was. */
  step(): void;
  /** Fills `outputs` for the first `rows` rows with the state as it stands. */
  forward(): void;
  /** Gives the memory back; the engine and its vectors must not be used after it. */
  release(): void;
}

export type EngineKind = "reference" | "wasm";

/** Asserts that an engine has room for so many rows: more would end up where something else is. */
export function assertRows(rows: number, rowsMax: number): void {
  if (!Number.isInteger(rows) || rows < 1 || rows > rowsMax) {
    throw new Error(`${rows} rows are no whole number from 1 to ${rowsMax}`);
  }
}
