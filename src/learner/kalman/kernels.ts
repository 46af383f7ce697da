// What a filter spends its time on, in two forms that agree on every bit: loops (here), and compiled to WebAssembly. Numbers
// live in places that the kernels deal out.

import { activate } from "../activation.ts";
import { cos } from "../elementary.ts";
import type { EngineKind } from "../engine.ts";
import { type Precision, type Round, roundOf, type Vector, vectorOf } from "../precision.ts";
import { product, rankOne } from "./covariance.ts";

/** Numbers that kernels read and write. */
export interface Place<V extends Vector = Vector> {
  readonly values: V;
  /** Where they stand, in the memory of compiled kernels. */
  readonly at: number;
}

/** Numbers of f32, whatever those of the network are. */
export type SinglePlace = Place<Float32Array>;

export type Curve = "tanh" | "sigmoid" | "cos";

/** Numbers that a kernel may write behind the last one of a place. */
export const BEHIND = 4;

export interface Kernels {
  readonly kind: EngineKind;
  readonly precision: Precision;
  /** Deals out zeros, valid until `release`, and BEHIND more of them behind. */
  vector(length: number): Place;
  /** Deals out zeros of f32 in the same way. */
  singles(length: number): SinglePlace;
  /** Computes out (U) = biases + input (I) · weights (I, U); up to BEHIND − 1 numbers behind `out` may change. */
  affine(out: Place, input: Place, weights: Place, biases: Place, inputs: number, units: number): void;
  /** Computes a curve of the first `count` numbers in place; the number behind them may change. */
  curve(a: Place, curve: Curve, count: number): void;
  /** Computes v = P g, gᵀ v and vᵀ v: see covariance.ts. */
  product(v: SinglePlace, covariance: SinglePlace, g: SinglePlace, filled: number): void;
  /** Updates P into `to`, which may be P itself: see covariance.ts. */
  rankOne(to: SinglePlace, covariance: SinglePlace, v: SinglePlace, filled: number): void;
  /**
   * Computes the squared distances (N) of a point (I) from `rows` (I, N), input by input, each difference's square times its
   * weight; N is a multiple of 4.
   */
  distances(
    out: SinglePlace,
    rows: SinglePlace,
    point: SinglePlace,
    weights: SinglePlace,
    inputs: number,
    count: number,
  ): void;
  release(): void;
}

/** Shows a part of a place. */
export function within<V extends Vector>({ values, at }: Place<V>, offset: number, length: number): Place<V> {
  const part = values.subarray(offset, offset + length) as V;
  return { values: part, at: at + offset * values.BYTES_PER_ELEMENT };
}

/** Computes with plain loops: the oracle of the compiled kernels. */
export class ReferenceKernels implements Kernels {
  readonly kind = "reference";
  readonly precision: Precision;
  readonly #round: Round;

  constructor(precision: Precision) {
    this.precision = precision;
    this.#round = roundOf(precision);
  }

  vector(length: number): Place {
    return { values: vectorOf(this.precision, length + BEHIND), at: 0 };
  }

  singles(length: number): SinglePlace {
    return { values: new Float32Array(length + BEHIND), at: 0 };
  }

  affine(out: Place, input: Place, weights: Place, biases: Place, inputs: number, units: number): void {
    const round = this.#round;
    for (let j = 0; j < units; j++) {
      let sum = biases.values[j]!;
      for (let i = 0; i < inputs; i++) sum = round(sum + round(input.values[i]! * weights.values[i * units + j]!));
      out.values[j] = sum;
    }
  }

  curve(a: Place, curve: Curve, count: number): void {
    if (curve !== "cos") return activate(a.values, curve, count, this.#round);
    for (let i = 0; i < count; i++) a.values[i] = cos(a.values[i]!);
  }

  product(v: SinglePlace, covariance: SinglePlace, g: SinglePlace, filled: number): void {
    product(v.values, covariance.values, g.values, filled);
  }

  rankOne(to: SinglePlace, covariance: SinglePlace, v: SinglePlace, filled: number): void {
    rankOne(to.values, covariance.values, v.values, filled);
  }

  distances(
    out: SinglePlace,
    rows: SinglePlace,
    point: SinglePlace,
    weights: SinglePlace,
    inputs: number,
    count: number,
  ): void {
    for (let n = 0; n < count; n++) {
      let sum = 0;
      for (let i = 0; i < inputs; i++) {
        const away = Math.fround(rows.values[i * count + n]! - point.values[i]!);
        sum = Math.fround(sum + Math.fround(weights.values[i]! * Math.fround(away * away)));
      }
      out.values[n] = sum;
    }
  }

  release(): void {}
}
