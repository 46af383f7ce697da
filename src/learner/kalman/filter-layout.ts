import type { Activation, LayerLayout, Layout, OutputActivation } from "../topology.ts";
import { covarianceLength } from "./covariance.ts";

/** Describes a network that is trained by the filter. */
export interface FilterOptions {
  /** Units of each hidden layer. */
  readonly hidden: readonly number[];
  readonly activation: readonly Activation[];
  /** Random Fourier features (Rahimi & Recht 2007) before the first layer, beside the inputs as they are. */
  readonly fourier?: { readonly count: number; readonly gamma: number };
  /** One covariance over all weights, or one for each unit. */
  readonly covariance: "full" | "units";
  /** ε: what a row gives back of the prior's variance. */
  readonly noise: number;
  /** Whether inputs are multiplied by how relevant they are. */
  readonly relevance: boolean;
}

/** Computes the layout of such a network. */
export function filterLayoutOf(options: FilterOptions, inputs: number, outputs: number): Layout {
  const { hidden, activation, fourier, covariance } = options;
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
  const isFull = covariance === "full" && layers.length > 1;
  const entries = isFull
    ? covarianceLength(offset)
    : layers.flatMap(blocksOf).reduce((sum, { weights }) => sum + covarianceLength(weights), 0);
  // P g reads each entry twice, the update once; the network itself is the smaller part.
  const multiplyAdds = 4 * entries + 3 * offset + (fourier?.count ?? 0) * inputs;
  return { layers, parameterCount: offset, multiplyAdds };
}

/** Lists the blocks of a layer: one a unit, or one for all outputs, which share what they know of their inputs. */
export function blocksOf({ inputs, units }: LayerLayout, layer: number, layers: readonly LayerLayout[]) {
  const weights = inputs + 1;
  if (layer === layers.length - 1) return [{ layer, unit: -1, weights }];
  return Array.from({ length: units }, (_, unit) => ({ layer, unit, weights }));
}
