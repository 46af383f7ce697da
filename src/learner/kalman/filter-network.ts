// One network whose weights an extended Kalman filter follows: the global filter of Singhal & Wu (1989), with one covariance
// over all weights, or the decoupled one of Puskorius & Feldkamp (1991), with one for each unit. It takes rows one by one, in
// two phases, so that a row which would make any number non-finite leaves nothing behind: `propose` computes, `commit` writes.
// DESIGN.md has the recursion.

import { activate, multiplyByDerivative } from "../activation.ts";
import type { TaggedVector } from "../engine.ts";
import { keep, type Vector } from "../precision.ts";
import { Random } from "../random.ts";
import type { Activation, Layout } from "../topology.ts";
import { covarianceLength, filledUp, KEEP, NOISE, NORM, resetCovariance, SHARE, SPREAD } from "./covariance.ts";
import { blocksOf, type FilterOptions, filterLayoutOf, isFull } from "./filter-layout.ts";
import { type Kernels, type Place, type SinglePlace, within } from "./kernels.ts";

/**
 * Most that c vᵀ v may be: beyond it a covariance has lost its shape, and the row is undone. P begins at I and only shrinks
 * towards it, so that no entry of it can become infinite.
 */
const TAUGHT_MAX = 2 ** 20;
/** Square of the farthest that a row may move the weights of a block: no weight can become infinite. */
const MOVED_MAX = 1e30;

/** Weights that share a covariance: those of a layer's unit, or of all its units. */
interface Block {
  readonly layer: number;
  /** −1 is all of them. */
  readonly unit: number;
  /** What of a row's information counts. */
  readonly counts: number;
  readonly filled: number;
  /** The covariance, and as much room again: see `hold`. */
  readonly covariances: readonly [SinglePlace, SinglePlace];
  /** P g, and what belongs behind it. */
  readonly v: SinglePlace;
}

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
  /** Of all weights, where they share a covariance. */
  readonly #gradient: SinglePlace | null;
  /** Where they do not: what each layer is given, and 1. */
  readonly #given: readonly SinglePlace[];
  readonly #blocks: readonly Block[];
  /** All covariances, one behind the other, twice: see `hold`. */
  readonly #all: readonly [Float32Array, Float32Array];
  /** Which of the two holds, and which one the next row is read from. */
  #current: 0 | 1 = 0;
  #from: 0 | 1 = 0;
  readonly #parametersBefore: Vector;
  /** gᵀ P g of all blocks, and what a row moves the weights by, of P g (2). */
  readonly #numbers = new Float64Array(2);

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
    this.#gradient = isFull(options) ? kernels.singles(filledUp(count)) : null;
    this.#given = isFull(options) ? [] : layers.map(({ inputs: width }) => kernels.singles(filledUp(width + 1)));
    for (const [l, { values }] of this.#given.entries()) values[layers[l]!.inputs] = 1;
    const plans = blocksOf(options, layers);
    const lengths = plans.map(({ weights }) => covarianceLength(weights));
    const total = lengths.reduce((sum, length) => sum + length, 0);
    const [one, other] = [kernels.singles(total), kernels.singles(total)];
    this.#all = [one.values.subarray(0, total), other.values.subarray(0, total)];
    this.#parametersBefore = this.parameters.slice();
    let at = 0;
    this.#blocks = plans.map(({ layer, unit, weights, counts }, b) => {
      const length = lengths[b]!;
      at += length;
      const filled = filledUp(weights);
      const covariances = [within(one, at - length, length), within(other, at - length, length)] as const;
      return { layer, unit, counts, filled, covariances, v: kernels.singles(filled) };
    });
    this.reset();
  }

  /** All covariances, one behind the other: see covariance.ts; on loan until the next step. */
  get covariance(): Float32Array {
    return this.#all[this.#current];
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
    for (const { covariances, filled } of this.#blocks) resetCovariance(covariances[this.#current].values, filled);
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
    if (this.#gradient !== null) this.#gather(this.#gradient.values);
    else this.#give();
    const numbers = this.#numbers;
    numbers[0] = 0;
    for (let b = 0; b < this.#blocks.length; b++) this.#multiply(this.#blocks[b]!);
    const shrunk = 1 + r * numbers[0];
    const gain = residual / shrunk;
    numbers[1] = gain;
    let holds = true;
    for (let b = 0; b < this.#blocks.length; b++) {
      const { layer, unit, counts, filled, v } = this.#blocks[b]!;
      const square = this.#gradient === null ? squareOf(this.#deltas[layer]!, unit) : 1;
      const share = (r / shrunk) * square * counts;
      const norm = v.values[filled + NORM]!;
      // NaN is not within them either.
      if (!(share >= 0 && share * norm <= TAUGHT_MAX && gain * gain * square * norm <= MOVED_MAX)) holds = false;
      v.values[filled + SHARE] = share;
    }
    return holds;
  }

  /** Holds what is known, for `undo`: the next row is learned into the other room, and what follows stays there. */
  hold(): void {
    this.#parametersBefore.set(this.parameters);
    this.#from = this.#current;
    this.#current = this.#current === 0 ? 1 : 0;
  }

  /** Goes back to what `hold` saw. */
  undo(): void {
    this.parameters.set(this.#parametersBefore);
    this.#current = this.#current === 0 ? 1 : 0;
    this.#from = this.#current;
  }

  /** Learns what was proposed; `noise` is ε. */
  commit(noise: number): void {
    for (let b = 0; b < this.#blocks.length; b++) {
      const block = this.#blocks[b]!;
      const { covariances, v, filled } = block;
      this.#move(block);
      v.values[filled + KEEP] = 1 - noise;
      v.values[filled + NOISE] = noise;
      this.#kernels.rankOne(covariances[this.#current], covariances[this.#from], v, filled);
    }
    this.#from = this.#current;
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

  /** Puts the gradient of all weights together, in layout order. */
  #gather(g: Float32Array): void {
    const { layers } = this.layout;
    for (let l = 0; l < layers.length; l++) {
      const { inputs, units, weightsOffset, biasesOffset } = layers[l]!;
      const delta = this.#deltas[l]!;
      const a = this.#activations[l]!.values;
      for (let i = 0; i < inputs; i++) {
        const from = weightsOffset + i * units;
        for (let j = 0; j < units; j++) g[from + j] = a[i]! * delta[j]!;
      }
      for (let j = 0; j < units; j++) g[biasesOffset + j] = delta[j]!;
    }
  }

  /** Puts what each layer was given in place: the weights of a unit multiply that, and 1. */
  #give(): void {
    for (let l = 0; l < this.#given.length; l++) {
      const given = this.#given[l]!.values;
      const a = this.#activations[l]!.values;
      const { inputs } = this.layout.layers[l]!;
      for (let i = 0; i < inputs; i++) given[i] = a[i]!;
    }
  }

  /** Computes P g of a block, and adds gᵀ P g to the spread. */
  #multiply({ layer, unit, covariances, v, filled }: Block): void {
    const gradient = this.#gradient ?? this.#given[layer]!;
    this.#kernels.product(v, covariances[this.#from], gradient, filled);
    const spread = v.values[filled + SPREAD]!;
    const square = this.#gradient === null ? squareOf(this.#deltas[layer]!, unit) : 1;
    this.#numbers[0] = this.#numbers[0]! + spread * square;
  }

  /** Moves the weights of a block. */
  #move({ layer, unit, v: { values: v } }: Block): void {
    const { parameters } = this;
    const gain = this.#numbers[1]!;
    if (this.#gradient !== null) {
      for (let p = 0; p < parameters.length; p++) parameters[p] = parameters[p]! + gain * v[p]!;
      return;
    }
    const delta = this.#deltas[layer]!;
    const { inputs, units, weightsOffset, biasesOffset } = this.layout.layers[layer]!;
    const end = unit < 0 ? units : unit + 1;
    for (let j = unit < 0 ? 0 : unit; j < end; j++) {
      const step = gain * delta[j]!;
      for (let i = 0; i < inputs; i++) {
        const p = weightsOffset + i * units + j;
        parameters[p] = parameters[p]! + step * v[i]!;
      }
      parameters[biasesOffset + j] = parameters[biasesOffset + j]! + step * v[inputs]!;
    }
  }
}

/** Share of the last layer's initial weights, and deviation of the initial biases. */
const LAST_SHARE = 0.3;
const BIAS_DEVIATION = 0.5;

/** Computes δ², or Σ δ² of all units. */
function squareOf(delta: Float64Array, unit: number): number {
  if (unit >= 0) return delta[unit]! * delta[unit]!;
  let sum = 0;
  for (let k = 0; k < delta.length; k++) sum += delta[k]! * delta[k]!;
  return sum;
}

/** Computes the error of what a layer was given, of its δ and weights (I, U). */
function spreadError(below: Float64Array, delta: Float64Array, weights: Vector): void {
  const units = delta.length;
  for (let i = 0; i < below.length; i++) {
    let sum = 0;
    for (let j = 0; j < units; j++) sum += delta[j]! * weights[i * units + j]!;
    below[i] = sum;
  }
}
