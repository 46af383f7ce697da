import { bytesPerNumber, type Precision } from "../precision.ts";
import type { Activation, LayerLayout, Layout, OutputActivation } from "../topology.ts";
import { covarianceLength, filledUp } from "./covariance.ts";

/** One covariance over all weights, or one for each hidden unit, or one for each layer, which costs least. */
export const COVARIANCES = ["full", "units", "layers"] as const;
export type Covariance = (typeof COVARIANCES)[number];

/** Describes a network that is trained by the filter. */
export interface FilterOptions {
  /** Units of each hidden layer. */
  readonly hidden: readonly number[];
  readonly activation: readonly Activation[];
  /** Random Fourier features (Rahimi & Recht 2007) before the first layer, beside the inputs as they are. */
  readonly fourier?: { readonly count: number; readonly gamma: number };
  readonly covariance: Covariance;
  /** ε: what a row gives back of the prior's variance. */
  readonly noise: number;
  /** Whether inputs are multiplied by how relevant they are. */
  readonly relevance: boolean;
}

/** Computes the layout of such a network. */
export function filterLayoutOf(options: FilterOptions, inputs: number, outputs: number): Layout {
  const { hidden, activation, fourier } = options;
  const widths = [inputs + (fourier?.count ?? 0), ...hidden, outputs];
  const activations: readonly OutputActivation[] = [...activation, "identity"];
  const layers: LayerLayout[] = [];
  let offset = 0;
  for (let l = 0; l + 1 < widths.length; l++) {
    const [below, units] = [widths[l]!, widths[l + 1]!];
    const biasesOffset = offset + below * units;
    layers.push({ inputs: below, units, activation: activations[l]!, weightsOffset: offset, biasesOffset });
    offset = biasesOffset + units;
  }
  const entries = entriesOf(options, layers);
  // P g reads each entry twice, the update once; the network itself is the smaller part.
  const multiplyAdds = 4 * entries + 3 * offset + (fourier?.count ?? 0) * inputs;
  return { layers, parameterCount: offset, multiplyAdds };
}

/** Counts the numbers of all covariances of such a network. */
export function covarianceEntriesOf(options: FilterOptions, inputs: number, outputs: number): number {
  const { layers } = filterLayoutOf(options, inputs, outputs);
  return entriesOf(options, layers);
}

/** What a place takes beyond its numbers: room behind them, and up to a cache line. */
export const PLACE_BYTES = 192;

/** Counts the bytes that the kernels deal out for such a network, or a few more. */
export function filterBytesOf(options: FilterOptions, inputs: number, outputs: number, precision: Precision): number {
  const { layers, parameterCount } = filterLayoutOf(options, inputs, outputs);
  const blocks = blocksOf(options, layers);
  const activations = layers.reduce((sum, layer) => sum + layer.inputs, outputs);
  const fourier = (inputs + 1) * (options.fourier?.count ?? 0) + inputs;
  const numbers = filledUp(parameterCount) + activations + fourier;
  const given = isFull(options) ? parameterCount : activations;
  const singles = 2 * entriesOf(options, layers) + blocks.reduce((sum, { weights }) => sum + filledUp(weights), given);
  const places = 6 + 2 * layers.length + blocks.length;
  return numbers * bytesPerNumber(precision) + singles * Float32Array.BYTES_PER_ELEMENT + PLACE_BYTES * places;
}

/** Tells whether one covariance is over all weights, of more than one layer. */
export function isFull({ covariance, hidden }: FilterOptions): boolean {
  return covariance === "full" && hidden.length > 0;
}

function entriesOf(options: FilterOptions, layers: readonly LayerLayout[]): number {
  return blocksOf(options, layers).reduce((sum, { weights }) => sum + covarianceLength(weights), 0);
}

/** Weights that share a covariance. */
export interface BlockPlan {
  readonly layer: number;
  /** That of one unit; −1 is all units of the layer, which share what they know of their inputs. */
  readonly unit: number;
  readonly weights: number;
  /** What of a row's information counts. */
  readonly counts: number;
}

/** Lists the blocks of a network: one for all weights, or for each layer, or for each hidden unit. */
export function blocksOf(options: FilterOptions, layers: readonly LayerLayout[]): readonly BlockPlan[] {
  if (isFull(options)) {
    const weights = layers.reduce((sum, { inputs, units }) => sum + (inputs + 1) * units, 0);
    return [{ layer: 0, unit: -1, weights, counts: 1 }];
  }
  return layers.flatMap(({ inputs, units }, layer) => {
    const weights = inputs + 1;
    if (layer === layers.length - 1) return [{ layer, unit: -1, weights, counts: 1 }];
    // Each unit has learned a part of what all of them have: between 1 / units, which keeps the trace, and 1.
    if (options.covariance === "layers") return [{ layer, unit: -1, weights, counts: 1 / Math.sqrt(units) }];
    return Array.from({ length: units }, (_, unit) => ({ layer, unit, weights, counts: 1 }));
  });
}
