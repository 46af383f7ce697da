import type { Drawing } from "./drawing.ts";

/** Is how far two networks of one shape are apart. */
export interface WeightsDifference {
  /** A network whose weights are those of b less those of a. */
  readonly drawing: Drawing;
  readonly euclidean: number;
  readonly largest: number;
  /** Euclidean distance of each layer, weights and biases together, and the length of its vector in a. */
  readonly layers: readonly { readonly distance: number; readonly length: number }[];
}

/** Subtracts the weights of a network from those of another; null where their shapes differ. */
export function weightsDifference(a: Drawing, b: Drawing): WeightsDifference | null {
  if (shapeOf(a) !== shapeOf(b)) return null;
  const layers = b.layers.map((layer, l) => {
    const former = a.layers[l] ?? layer;
    return {
      activation: layer.activation,
      weights: layer.weights.map((row, j) => row.map((weight, i) => weight - (former.weights[j]?.[i] ?? 0))),
      biases: layer.biases.map((bias, j) => bias - (former.biases[j] ?? 0)),
    };
  });
  const numbers = ({ weights, biases }: Drawing["layers"][number]) => [...weights.flat(), ...biases];
  const length = (values: readonly number[]) => Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
  const all = layers.flatMap(numbers);
  return {
    drawing: { ...b, layers },
    euclidean: length(all),
    largest: all.reduce((most, value) => Math.max(most, Math.abs(value)), 0),
    layers: layers.map((layer, l) => ({
      distance: length(numbers(layer)),
      length: length(numbers(a.layers[l] ?? layer)),
    })),
  };
}

function shapeOf({ layers }: Drawing): string {
  return layers.map(({ weights, biases }) => `${weights[0]?.length}×${biases.length}`).join();
}
