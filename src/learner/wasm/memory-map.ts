import type { EngineOptions } from "../engine.ts";
import { momentsOf, resolveOptimizer } from "../optimizer.ts";
import { bytesPerNumber } from "../precision.ts";
import { scalerLength } from "../scaler.ts";
import { layoutOf } from "../topology.ts";

/** Where an engine's vectors stand: bytes from the start of its part of the memory. DESIGN.md draws it. */
export interface MemoryMap {
  /** f64. */
  readonly learningRate: number;
  /** f64. */
  readonly cost: number;
  /** i32. */
  readonly rows: number;
  /** i32: 1 where the last step was undone. */
  readonly undone: number;
  /** Numbers that the code asks for, a vector each. */
  readonly constants: number;

  /** The state: θ, moments, powers, scaler; and as long again, what it was before the step. */
  readonly state: number;
  readonly stateBytes: number;
  readonly parameters: number;
  readonly moments: readonly number[];
  readonly powers: number;
  readonly scaler: number;

  readonly gradients: number;
  readonly inputs: number;
  readonly labels: number;
  readonly sampleWeights: number;
  /** activations[0] is the standardized input, activations[l + 1] the output of layer l. */
  readonly activations: readonly number[];
  readonly deltas: readonly number[];
  /** Bytes from row to row of activations[l], and of the deltas of layer l − 1. */
  readonly rowBytes: readonly number[];
  /** Weights of one layer, transposed. */
  readonly transposed: number;
  /** All of it. */
  readonly bytes: number;
}

export const VECTOR_BYTES = 16;
/** Vectors of constants that there is room for. */
export const CONSTANTS_MAX = 96;
/** Vectors of P numbers are filled up with zeros to whole groups of this many bytes: the update reads whole groups. */
export const GROUP_BYTES = 32;
/** Most columns of a panel: a transposed layer is filled up to whole ones. */
const PANEL_MAX = 16;
/** Rows this far apart, or a multiple of it, fall upon one another in a cache: a line is put between them. */
const CROWDED_BYTES = 512;
const LINE_BYTES = 64;
/** What a vector load may read past the last number of anything. */
const OVERREAD_BYTES = 64;

/** Plans the memory of an engine. */
export function memoryMapOf(options: EngineOptions): MemoryMap {
  const { topology, batchMax, scaled, precision = "f64" } = options;
  const optimizer = resolveOptimizer(options.optimizer);
  const layout = layoutOf(topology);
  const width = bytesPerNumber(precision);
  const features = topology.units[0] ?? 0;
  let at = 0;
  const take = (bytes: number): number => {
    const from = at;
    at += Math.ceil(bytes / GROUP_BYTES) * GROUP_BYTES;
    return from;
  };
  const numbers = (count: number) => take(count * width);
  const doubles = (count: number) => take(count * Float64Array.BYTES_PER_ELEMENT);
  const header = take(32);
  const constants = take(CONSTANTS_MAX * VECTOR_BYTES);
  const parameters = numbers(layout.parameterCount);
  const moments = momentsOf(optimizer).map(() => numbers(layout.parameterCount));
  const powers = doubles(optimizer.kind === "adam" ? 2 : 0);
  const scaler = doubles(scaled ? scalerLength(features) : 0);
  const stateBytes = at - parameters;
  take(stateBytes);
  // The largest layer that hands an error down through more than one unit, in whole panels.
  const transposedCount = layout.layers.reduce(
    (most, { inputs, units }, l) =>
      l > 0 && units > 1 && inputs > 1 ? Math.max(most, Math.ceil(inputs / PANEL_MAX) * PANEL_MAX * units) : most,
    0,
  );
  const inputs = doubles(batchMax * features);
  // Features that need no change are used where they are.
  const standardized = scaled || precision === "f32" ? numbers(batchMax * features) : inputs;
  // Only rows of hidden layers may have gaps: those of the first and the last are shown to others.
  const rowBytes = topology.units.map((units, l) => {
    const isHidden = l > 0 && l < topology.units.length - 1;
    return units * width + (isHidden && (units * width) % CROWDED_BYTES === 0 ? LINE_BYTES : 0);
  });
  const vectorsOf = (layers: readonly number[]) => layers.map((bytes) => take(batchMax * bytes));
  return {
    learningRate: header,
    cost: header + 8,
    rows: header + 16,
    undone: header + 20,
    constants,
    state: parameters,
    stateBytes,
    parameters,
    moments,
    powers,
    scaler,
    gradients: numbers(layout.parameterCount),
    inputs,
    labels: doubles(batchMax),
    sampleWeights: doubles(batchMax),
    activations: [standardized, ...vectorsOf(rowBytes.slice(1))],
    deltas: vectorsOf(rowBytes.slice(1)),
    rowBytes,
    transposed: numbers(transposedCount),
    bytes: take(OVERREAD_BYTES) + OVERREAD_BYTES,
  };
}
