// One network whose weights an extended Kalman filter follows: the global filter of Singhal & Wu (1989), with one covariance
// over all weights, or the decoupled one of Puskorius & Feldkamp (1991), with one for each unit. It takes rows one by one, in
// two phases, so that a row which would make any number non-finite leaves nothing behind: `propose` computes, `commit` writes.
// DESIGN.md has the recursion.

import { activate, multiplyByDerivative } from "../activation.ts";
import type { TaggedVector } from "../engine.ts";
import { keep, type Vector } from "../precision.ts";
import { Random } from "../random.ts";
import type { Activation, Layout } from "../topology.ts";
import { covarianceLength, filledUp, resetCovariance } from "./covariance.ts";
import { blocksOf, type FilterOptions, filterLayoutOf } from "./filter-layout.ts";
import { type Kernels, type Place, within } from "./kernels.ts";

/** Largest entry of u: beyond it a covariance has lost its shape, and the row is undone. Keeps every entry of P finite. */
const U_MAX = 1024;

/** Weights that share a covariance: those of a layer's unit, or of all its units. */
interface Block {
  readonly layer: number;
  /** −1 is all of them. */
  readonly unit: number;
  readonly filled: number;
  /** The covariance, and as much room again: see `hold`. */
  readonly covariances: readonly [Place, Place];
  /** P g, then √c P g; behind it gᵀ P g, then 1 − ε and ε. */
  readonly v: Place;
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
  readonly #gradient: Place | null;
  readonly #blocks: readonly Block[];
  readonly #next: Vector;
  /** All covariances, one behind the other, twice: see `hold`. */
  readonly #all: readonly [Vector, Vector];
  /** Which of the two holds, and which one the next row is read from. */
  #current: 0 | 1 = 0;
  #from: 0 | 1 = 0;
  readonly #parametersBefore: Vector;
  /** gᵀ P g of all blocks (1). */
  readonly #spread = new Float64Array(1);

  /** `theta` has room for the weights, filled up to whole squares. */
  constructor(kernels: Kernels, options: FilterOptions, inputs: number, outputs: number, theta: Place) {
    this.#kernels = kernels;
    this.options = options;
    this.#inputs = inputs;
    this.layout = filterLayoutOf(options, inputs, outputs);
    const { layers, parameterCount: count } = this.layout;
    const { fourier } = options;
    this.parameters = theta.values.subarray(0, count);
    this.#next = theta.values.slice(0, filledUp(count));
    this.#activations = [layers[0]!.inputs, ...layers.map(({ units }) => units)].map((n) =>
      kernels.vector(filledUp(n + 1)),
    );
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
    const isFull = options.covariance === "full" && layers.length > 1;
    this.#gradient = isFull ? kernels.vector(filledUp(count)) : null;
    const plans = isFull ? [{ layer: 0, unit: -1, weights: count }] : layers.flatMap(blocksOf);
    const lengths = plans.map(({ weights }) => covarianceLength(weights));
    const total = lengths.reduce((sum, length) => sum + length, 0);
    const [one, other] = [kernels.vector(total), kernels.vector(total)];
    this.#all = [one.values.subarray(0, total), other.values.subarray(0, total)];
    this.#parametersBefore = this.parameters.slice();
    let at = 0;
    this.#blocks = plans.map(({ layer, unit, weights }, b) => {
      const length = lengths[b]!;
      at += length;
      const filled = filledUp(weights);
      const covariances = [within(one, at - length, length), within(other, at - length, length)] as const;
      return { layer, unit, filled, covariances, v: kernels.vector(filled) };
    });
    this.reset();
  }

  /** All covariances, one behind the other: see covariance.ts; on loan until the next step. */
  get covariance(): Vector {
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
      { tag: "COVA", member, values: this.covariance },
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
    if (this.#gradient !== null) this.#gather(this.#gradient);
    const spread = this.#spread;
    spread[0] = 0;
    for (let b = 0; b < this.#blocks.length; b++) this.#multiply(this.#blocks[b]!);
    const shrunk = 1 + r * spread[0];
    const gain = residual / shrunk;
    const root = Math.sqrt(r / shrunk);
    let holds = true;
    for (let b = 0; b < this.#blocks.length; b++) if (!this.#take(this.#blocks[b]!, gain, root)) holds = false;
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
    const { parameters } = this;
    const next = this.#next;
    for (let p = 0; p < parameters.length; p++) parameters[p] = next[p]!;
    for (let b = 0; b < this.#blocks.length; b++) {
      const { covariances, v, filled } = this.#blocks[b]!;
      v.values[filled] = 1 - noise;
      v.values[filled + 1] = noise;
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
  #gather({ values: g }: Place): void {
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

  /** Computes P g of a block, and adds gᵀ P g to the spread. */
  #multiply({ layer, unit, covariances, v, filled }: Block): void {
    const covariance = covariances[this.#from];
    const gradient = this.#gradient;
    if (gradient !== null) {
      this.#kernels.product(v, covariance, gradient, filled);
      this.#spread[0] = v.values[filled]!;
      return;
    }
    // The weights of a unit multiply the inputs of its layer, and 1.
    const given = this.#activations[layer]!;
    const { inputs } = this.layout.layers[layer]!;
    given.values[inputs] = 1;
    for (let i = inputs + 1; i < filled; i++) given.values[i] = 0;
    this.#kernels.product(v, covariance, given, filled);
    this.#spread[0] = this.#spread[0]! + v.values[filled]! * squareOf(this.#deltas[layer]!, unit);
  }

  /** Puts what a block's weights become into `next`, and makes u of its v. */
  #take(block: Block, gain: number, root: number): boolean {
    const { values: v } = block.v;
    const { layer, unit, filled } = block;
    let factor = root;
    // x − x is 0 for every finite x.
    let odd = 0;
    if (this.#gradient !== null) {
      const { parameters } = this;
      const next = this.#next;
      for (let p = 0; p < parameters.length; p++) {
        next[p] = parameters[p]! + gain * v[p]!;
        odd += next[p]! - next[p]!;
      }
    } else {
      const delta = this.#deltas[layer]!;
      factor = root * Math.sqrt(squareOf(delta, unit));
      const { units } = this.layout.layers[layer]!;
      for (let j = unit < 0 ? 0 : unit; j < (unit < 0 ? units : unit + 1); j++)
        odd += this.#learn(block, j, gain * delta[j]!);
    }
    let holds = odd === 0;
    for (let i = 0; i < filled; i++) {
      v[i] = factor * v[i]!;
      // NaN is not between them either.
      if (!(v[i]! <= U_MAX && v[i]! >= -U_MAX)) holds = false;
    }
    return holds;
  }

  /** Moves the weights of one unit; returns 0, or NaN where one is not finite. */
  #learn({ layer, v: { values: v } }: Block, j: number, gain: number): number {
    const { parameters } = this;
    const next = this.#next;
    const { inputs, units, weightsOffset, biasesOffset } = this.layout.layers[layer]!;
    let odd = 0;
    for (let i = 0; i <= inputs; i++) {
      const p = i < inputs ? weightsOffset + i * units + j : biasesOffset + j;
      next[p] = parameters[p]! + gain * v[i]!;
      odd += next[p]! - next[p]!;
    }
    return odd;
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
