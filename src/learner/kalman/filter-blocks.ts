// What a filter knows of a network's weights, block by block: their covariances, and what a row moves. A row is first proposed,
// and learned only when every network can take it. DESIGN.md has the recursion.

import type { Vector } from "../precision.ts";
import type { Layout } from "../topology.ts";
import { covarianceLength, filledUp, KEEP, NOISE, NORM, resetCovariance, SHARE, SPREAD } from "./covariance.ts";
import { blocksOf, type FilterOptions, isFull } from "./filter-layout.ts";
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

/** Of a network: what its layers are given, and the errors of their sums; both are filled before a row is proposed. */
export interface Pass {
  readonly activations: readonly Place[];
  readonly deltas: readonly Float64Array[];
}

export class FilterBlocks {
  readonly #kernels: Kernels;
  readonly #layout: Layout;
  readonly #parameters: Vector;
  readonly #pass: Pass;
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

  /** Learns `parameters`, which have the layout. */
  constructor(kernels: Kernels, options: FilterOptions, layout: Layout, parameters: Vector, pass: Pass) {
    const { layers, parameterCount } = layout;
    this.#kernels = kernels;
    this.#layout = layout;
    this.#parameters = parameters;
    this.#pass = pass;
    this.#gradient = isFull(options) ? kernels.singles(filledUp(parameterCount)) : null;
    this.#given = isFull(options) ? [] : layers.map(({ inputs }) => kernels.singles(filledUp(inputs + 1)));
    for (const [l, { values }] of this.#given.entries()) values[layers[l]!.inputs] = 1;
    const plans = blocksOf(options, layers);
    const lengths = plans.map(({ weights }) => covarianceLength(weights));
    const total = lengths.reduce((sum, length) => sum + length, 0);
    const [one, other] = [kernels.singles(total), kernels.singles(total)];
    this.#all = [one.values.subarray(0, total), other.values.subarray(0, total)];
    this.#parametersBefore = parameters.slice();
    let at = 0;
    this.#blocks = plans.map(({ layer, unit, weights, counts }, b) => {
      const length = lengths[b]!;
      at += length;
      const filled = filledUp(weights);
      const covariances = [within(one, at - length, length), within(other, at - length, length)] as const;
      return { layer, unit, counts, filled, covariances, v: kernels.singles(filled) };
    });
  }

  /** All covariances, one behind the other: see covariance.ts; on loan until the next step. */
  get covariance(): Float32Array {
    return this.#all[this.#current];
  }

  /** Begins with a prior of variance 1. */
  reset(): void {
    for (const { covariances, filled } of this.#blocks) resetCovariance(covariances[this.#current].values, filled);
  }

  /** Proposes to move the output by `residual`, of a row of information r. Returns whether every number stays finite. */
  propose(residual: number, r: number): boolean {
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
      const square = this.#gradient === null ? squareOf(this.#pass.deltas[layer]!, unit) : 1;
      const share = (r / shrunk) * square * counts;
      const norm = v.values[filled + NORM]!;
      // NaN is not within them either.
      if (!(share >= 0 && share * norm <= TAUGHT_MAX && gain * gain * square * norm <= MOVED_MAX)) holds = false;
      v.values[filled + SHARE] = share;
    }
    return holds;
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

  /** Holds what is known, for `undo`: the next row is learned into the other room, and what follows stays there. */
  hold(): void {
    this.#parametersBefore.set(this.#parameters);
    this.#from = this.#current;
    this.#current = this.#current === 0 ? 1 : 0;
  }

  /** Goes back to what `hold` saw. */
  undo(): void {
    this.#parameters.set(this.#parametersBefore);
    this.#current = this.#current === 0 ? 1 : 0;
    this.#from = this.#current;
  }

  /** Puts the gradient of all weights together, in layout order. */
  #gather(g: Float32Array): void {
    const { layers } = this.#layout;
    for (let l = 0; l < layers.length; l++) {
      const { inputs, units, weightsOffset, biasesOffset } = layers[l]!;
      const delta = this.#pass.deltas[l]!;
      const a = this.#pass.activations[l]!.values;
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
      const a = this.#pass.activations[l]!.values;
      const { inputs } = this.#layout.layers[l]!;
      for (let i = 0; i < inputs; i++) given[i] = a[i]!;
    }
  }

  /** Computes P g of a block, and adds gᵀ P g to the spread. */
  #multiply({ layer, unit, covariances, v, filled }: Block): void {
    const gradient = this.#gradient ?? this.#given[layer]!;
    this.#kernels.product(v, covariances[this.#from], gradient, filled);
    const spread = v.values[filled + SPREAD]!;
    const square = this.#gradient === null ? squareOf(this.#pass.deltas[layer]!, unit) : 1;
    this.#numbers[0] = this.#numbers[0]! + spread * square;
  }

  /** Moves the weights of a block. */
  #move({ layer, unit, v: { values: v } }: Block): void {
    const parameters = this.#parameters;
    const gain = this.#numbers[1]!;
    if (this.#gradient !== null) {
      for (let p = 0; p < parameters.length; p++) parameters[p] = parameters[p]! + gain * v[p]!;
      return;
    }
    const delta = this.#pass.deltas[layer]!;
    const { inputs, units, weightsOffset, biasesOffset } = this.#layout.layers[layer]!;
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

/** Computes δ², or Σ δ² of all units. */
function squareOf(delta: Float64Array, unit: number): number {
  if (unit >= 0) return delta[unit]! * delta[unit]!;
  let sum = 0;
  for (let k = 0; k < delta.length; k++) sum += delta[k]! * delta[k]!;
  return sum;
}
