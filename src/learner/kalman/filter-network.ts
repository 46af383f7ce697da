// One network whose weights an extended Kalman filter follows: the global filter of Singhal & Wu (1989), with one covariance
// over all weights, or decoupled ones (Puskorius & Feldkamp 1991), with one for each unit or layer. It takes rows one by one, in
// two phases, so that a row which would make any number non-finite leaves nothing behind: `propose` computes, `commit` writes.
// DESIGN.md has the recursion.

import { activate, multiplyByDerivative } from "../activation.ts";
import type { TaggedVector } from "../engine.ts";
import { keep, type Vector } from "../precision.ts";
import { Random } from "../random.ts";
import type { Activation, Layout } from "../topology.ts";
import { FilterBlocks } from "./filter-blocks.ts";
import { type FilterOptions, filterLayoutOf } from "./filter-layout.ts";
import { type Kernels, type Place, within } from "./kernels.ts";

export class FilterNetwork {
  readonly options: FilterOptions;
  readonly layout: Layout;
  /** θ (P), in layout order. */
  readonly parameters: Vector;
  /** What the Fourier features were drawn by (4), or nothing (0). */
  readonly drawnBy: Uint32Array;
  /** (K) the sums of the last layer. */
  readonly sums: Vector;
  /** (I) ∂(what δ of the outputs points to)/∂input, of networks without Fourier features. */
  readonly inputGradients: Float64Array;

  readonly #kernels: Kernels;
  readonly #inputs: number;
  /** What the layers are given: activations[0] holds the inputs, behind the Fourier features if there are some. */
  readonly #activations: readonly Place[];
  readonly #weights: readonly Place[];
  readonly #biases: readonly Place[];
  readonly #fourier: { readonly input: Place; readonly frequencies: Place; readonly phases: Place } | null;
  readonly #deltas: readonly Float64Array[];
  readonly #blocks: FilterBlocks;

  /** `theta` has room for the weights, filled up to whole squares. */
  constructor(kernels: Kernels, options: FilterOptions, inputs: number, outputs: number, theta: Place) {
    this.#kernels = kernels;
    this.options = options;
    this.#inputs = inputs;
    this.layout = filterLayoutOf(options, inputs, outputs);
    const { layers, parameterCount: count } = this.layout;
    const { fourier } = options;
    this.parameters = theta.values.subarray(0, count);
    this.#activations = [layers[0]!.inputs, ...layers.map(({ units }) => units)].map((n) => kernels.vector(n));
    this.sums = this.#activations.at(-1)!.values.subarray(0, outputs);
    this.#weights = layers.map(({ weightsOffset, biasesOffset }) =>
      within(theta, weightsOffset, biasesOffset - weightsOffset),
    );
    this.#biases = layers.map(({ biasesOffset, units }) => within(theta, biasesOffset, units));
    this.#deltas = layers.map(({ units }) => new Float64Array(units));
    this.inputGradients = new Float64Array(inputs);
    this.drawnBy = new Uint32Array(fourier === undefined ? 0 : 4);
    this.#fourier =
      fourier === undefined
        ? null
        : {
            input: kernels.vector(inputs),
            frequencies: kernels.vector(inputs * fourier.count),
            phases: kernels.vector(fourier.count),
          };
    const pass = { activations: this.#activations, deltas: this.#deltas };
    this.#blocks = new FilterBlocks(kernels, options, this.layout, this.parameters, pass);
    this.reset();
  }

  /** All covariances, one behind the other: see covariance.ts; on loan until the next step. */
  get covariance(): Float32Array {
    return this.#blocks.covariance;
  }

  /** Frequencies (I, D) row-major and phases (D) of the Fourier features; null without them. */
  get features(): { readonly frequencies: Vector; readonly phases: Vector } | null {
    const { fourier } = this.options;
    if (this.#fourier === null || fourier === undefined) return null;
    const { frequencies, phases } = this.#fourier;
    const { count } = fourier;
    return {
      frequencies: frequencies.values.subarray(0, this.#inputs * count),
      phases: phases.values.subarray(0, count),
    };
  }

  /** What of the learner state is this network's, as the ensemble's member of that number. */
  vectors(member: number): readonly TaggedVector[] {
    return [
      { tag: "PARM", member, values: this.parameters },
      { tag: "COVS", member, values: this.covariance },
      ...(this.drawnBy.length === 0 ? [] : [{ tag: "FOUR", member, values: this.drawnBy }]),
    ];
  }

  /** Begins with weights of 0, and a prior of variance 1. */
  reset(): void {
    this.parameters.fill(0);
    this.#blocks.reset();
  }

  /** Draws the initial weights; of a network without hidden layers they are 0, and the Fourier features are drawn. */
  draw(random: Random): void {
    const { layers } = this.layout;
    if (this.#fourier !== null) {
      for (let i = 0; i < 4; i++) this.drawnBy[i] = random.uint32();
      this.drawFeatures();
    }
    if (layers.length === 1) return;
    layers.forEach(({ inputs, units, weightsOffset, biasesOffset }, l) => {
      const isLast = l === layers.length - 1;
      const deviation = (isLast ? LAST_SHARE : 1) / Math.sqrt(inputs);
      for (let j = 0; j < units; j++) {
        for (let i = 0; i < inputs; i++) this.parameters[weightsOffset + i * units + j] = random.normal() * deviation;
        if (!isLast) this.parameters[biasesOffset + j] = random.normal() * BIAS_DEVIATION;
      }
    });
  }

  /** Draws the Fourier features anew by what `drawnBy` holds: frequencies N(0, 2γ²/I), phases U(0, 2π). */
  drawFeatures(): void {
    const { fourier } = this.options;
    if (this.#fourier === null || fourier === undefined) return;
    const { frequencies, phases } = this.#fourier;
    const random = new Random(0);
    random.state.set(this.drawnBy);
    const deviation = fourier.gamma * Math.sqrt(2 / this.#inputs);
    for (let i = 0; i < this.#inputs * fourier.count; i++) frequencies.values[i] = random.normal() * deviation;
    for (let k = 0; k < fourier.count; k++) phases.values[k] = random.uniform() * (2 * Math.PI);
  }

  /** Computes `sums` of the input (I) that begins at `from`; `relevance` (I) multiplies it. */
  forward(input: Float64Array, from: number, relevance: Float64Array): void {
    const kernels = this.#kernels;
    const { layers } = this.layout;
    const { fourier, activation, relevance: isScaled } = this.options;
    const inputs = this.#inputs;
    const x = (this.#fourier?.input ?? this.#activations[0]!).values;
    for (let i = 0; i < inputs; i++) x[i] = isScaled ? input[from + i]! * relevance[i]! : input[from + i]!;
    if (this.#fourier !== null && fourier !== undefined) {
      const features = this.#activations[0]!;
      const { input: place, frequencies, phases } = this.#fourier;
      kernels.affine(features, place, frequencies, phases, inputs, fourier.count);
      kernels.curve(features, "cos", fourier.count);
      for (let i = 0; i < inputs; i++) features.values[fourier.count + i] = x[i]!;
    }
    for (let l = 0; l < layers.length; l++) {
      const { inputs: width, units } = layers[l]!;
      const out = this.#activations[l + 1]!;
      kernels.affine(out, this.#activations[l]!, this.#weights[l]!, this.#biases[l]!, width, units);
      if (l < layers.length - 1) this.#activate(out, activation[l]!, units);
    }
  }

  /**
   * Proposes what to learn of the row that `forward` saw: `direction` (K) is ∂(the margin, or the value)/∂sums, `residual` what
   * it should rise by, r the information of the row. Returns whether every number stays finite.
   */
  propose(direction: Float64Array, residual: number, r: number): boolean {
    this.#backward(direction);
    return this.#blocks.propose(residual, r);
  }

  /** Learns what was proposed; `noise` is ε. */
  commit(noise: number): void {
    this.#blocks.commit(noise);
  }

  /** Holds what is known, for `undo`. */
  hold(): void {
    this.#blocks.hold();
  }

  /** Goes back to what `hold` saw. */
  undo(): void {
    this.#blocks.undo();
  }

  #activate(out: Place, activation: Activation, units: number): void {
    switch (activation) {
      case "tanh":
      case "sigmoid":
        return this.#kernels.curve(out, activation, units);
      default:
        return activate(out.values, activation, units, keep);
    }
  }

  /** Fills δ of every layer, and the gradients of the inputs. */
  #backward(direction: Float64Array): void {
    const { layers } = this.layout;
    const head = layers.length - 1;
    const last = this.#deltas[head]!;
    for (let k = 0; k < last.length; k++) last[k] = direction[k]!;
    for (let l = head; l > 0; l--) {
      const below = this.#deltas[l - 1]!;
      spreadError(below, this.#deltas[l]!, this.#weights[l]!.values);
      multiplyByDerivative(below, this.#activations[l]!.values, this.options.activation[l - 1]!, below.length, keep);
    }
    if (this.#fourier === null) spreadError(this.inputGradients, this.#deltas[0]!, this.#weights[0]!.values);
  }
}

/** Share of the last layer's initial weights, and deviation of the initial biases. */
const LAST_SHARE = 0.3;
const BIAS_DEVIATION = 0.5;

/** Computes the error of what a layer was given, of its δ and weights (I, U). */
function spreadError(below: Float64Array, delta: Float64Array, weights: Vector): void {
  const units = delta.length;
  for (let i = 0; i < below.length; i++) {
    let sum = 0;
    for (let j = 0; j < units; j++) sum += delta[j]! * weights[i * units + j]!;
    below[i] = sum;
  }
}
