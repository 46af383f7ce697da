// A network's way from inputs to outputs, by the kernels of the learner: the same sums in the same order.

import { activate, softmax } from "../../learner/activation.ts";
import { affine } from "../../learner/dense.ts";
import { cos } from "../../learner/elementary.ts";
import { type Layout, layoutOf, type OutputActivation } from "../../learner/topology.ts";
import type { EnsembleMember, ModelFileLayer } from "./answers.ts";

/** Holds what a layer's kernels read. */
export class NetworkPass {
  readonly #layout: Layout;
  readonly #parameters: Float64Array;
  /** outputs[l] (rows, units) of layer l. */
  readonly #outputs: readonly Float64Array[];

  constructor(layers: readonly ModelFileLayer[], rowsMax: number) {
    this.#layout = layoutOf({
      units: [layers[0]?.weights[0]?.length ?? 0, ...layers.map(({ biases }) => biases.length)],
      activations: layers.map(({ activation }) => activation as OutputActivation),
      loss: "mse",
    });
    this.#parameters = new Float64Array(this.#layout.parameterCount);
    this.#outputs = layers.map(({ biases }) => new Float64Array(rowsMax * biases.length));
    this.#layout.layers.forEach(({ units, weightsOffset, biasesOffset }, l) => {
      layers[l]?.weights.forEach((row, j) => {
        row.forEach((weight, i) => {
          this.#parameters[weightsOffset + i * units + j] = weight;
        });
      });
      this.#parameters.set(layers[l]?.biases ?? [], biasesOffset);
    });
  }

  /** Computes the outputs (rows, K) of the first `rows` rows of `inputs` (rows, I); on loan until the next pass. */
  forward(inputs: Float64Array, rows: number): Float64Array {
    const { layers } = this.#layout;
    let from = inputs;
    for (let l = 0; l < layers.length; l++) {
      const { inputs: width, units, activation, weightsOffset, biasesOffset } = layers[l]!;
      const to = this.#outputs[l]!;
      affine(to, from, this.#parameters, weightsOffset, biasesOffset, rows, width, units, same);
      if (activation === "softmax") softmax(to, rows, units);
      else activate(to, activation, rows * units, same);
      from = to;
    }
    return from;
  }
}

/** Is a member of an ensemble: its inputs may be weighed by their relevance, and have cosines of them in front. */
export class MemberPass {
  readonly #network: NetworkPass;
  readonly #relevance: readonly number[] | null;
  readonly #fourier: NetworkPass | null;
  readonly #count: number;
  readonly #width: number;
  readonly #weighed: Float64Array;
  readonly #joined: Float64Array;

  constructor({ layers, fourier, relevant }: EnsembleMember, relevance: readonly number[], rowsMax: number) {
    this.#network = new NetworkPass(layers, rowsMax);
    this.#relevance = relevant ? relevance : null;
    this.#count = fourier?.phases.length ?? 0;
    this.#width = relevance.length;
    this.#weighed = new Float64Array(rowsMax * this.#width);
    this.#joined = new Float64Array(fourier === undefined ? 0 : rowsMax * (this.#count + this.#width));
    this.#fourier =
      fourier === undefined
        ? null
        : new NetworkPass([{ weights: fourier.frequencies, biases: fourier.phases, activation: "identity" }], rowsMax);
  }

  /** Computes what it says (rows, K) of standardized inputs (rows, I); on loan until the next pass. */
  forward(inputs: Float64Array, rows: number): Float64Array {
    const width = this.#width;
    const x = this.#weighed;
    for (let i = 0; i < rows * width; i++) {
      x[i] = this.#relevance === null ? inputs[i]! : inputs[i]! * this.#relevance[i % width]!;
    }
    if (this.#fourier === null) return this.#network.forward(x, rows);
    const count = this.#count;
    const sums = this.#fourier.forward(x, rows);
    const joined = this.#joined;
    for (let r = 0; r < rows; r++) {
      const at = r * (count + width);
      for (let k = 0; k < count; k++) joined[at + k] = cos(sums[r * count + k]!);
      for (let i = 0; i < width; i++) joined[at + count + i] = x[r * width + i]!;
    }
    return this.#network.forward(joined, rows);
  }
}

function same(value: number): number {
  return value;
}
