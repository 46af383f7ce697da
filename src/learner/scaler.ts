// The standardizer: z = (x − mean) / std with running statistics (Welford 1962). One absurd value among ordinary ones
// must not blind the model for good, hence the clip of x once the statistics have settled, and of z always.

import type { Vector } from "./precision.ts";

/** Bound of a standardized value. */
export const Z_MAX = 8;
/** Samples after which x is clipped before it enters the statistics. */
export const SETTLED_SAMPLES = 100;
/** Bound, in standard deviations, of an x that enters settled statistics. */
export const SETTLED_STDS = 10;
/** A std below this share of max(1, |mean|) is that of a constant and counts as 1. */
export const STD_SHARE_MIN = 1e-12;

/** Positions in `Scaler.counts`. */
const COUNT = 0;
const CLIPPED = 1;
/** Who learns the statistics: the engine (0), nobody (1), or the encoder, which passes over what is missing (2). */
const LEARNED = 2;
const BY_NOBODY = 1;
const BY_ENCODER = 2;
export const COUNTS = 3;

/** Counts the numbers that a scaler keeps. */
export function scalerLength(features: number): number {
  return COUNTS + 3 * features;
}

/** Learns mean and deviation of each feature. All numbers that it keeps are in `state`, in the order of the state block. */
export class Scaler {
  readonly features: number;
  /** (3 + 3·I): count, clipped, learned, then mean (I), m2 (I), std (I). */
  readonly state: Float64Array;
  readonly counts: Float64Array;
  readonly mean: Float64Array;
  /** Sums of squared deviations (I). */
  readonly m2: Float64Array;
  /** Deviations in use (I), never 0. */
  readonly std: Float64Array;

  /** Takes `state` (zeros) where it is to live in memory of the caller's. */
  constructor(features: number, state: Float64Array = new Float64Array(scalerLength(features))) {
    this.features = features;
    this.state = state;
    this.counts = this.state.subarray(0, 3);
    this.mean = this.state.subarray(3, 3 + features);
    this.m2 = this.state.subarray(3 + features, 3 + 2 * features);
    this.std = this.state.subarray(3 + 2 * features, 3 + 3 * features);
    this.std.fill(1);
  }

  /** Forgets everything: the next batch is the first. */
  reset(): void {
    this.state.fill(0);
    this.std.fill(1);
  }

  get count(): number {
    return this.counts[COUNT]!;
  }

  /** Counts the values that were clipped before they entered the statistics. */
  get clipped(): number {
    return this.counts[CLIPPED]!;
  }

  /** Tells whether the statistics stay as they are: an imported scaler without a count. */
  get frozen(): boolean {
    return this.counts[LEARNED] === BY_NOBODY;
  }

  /** Takes over statistics; without a count they are frozen. */
  import(mean: readonly number[], std: readonly number[], count: number | null): void {
    for (let i = 0; i < this.features; i++) {
      this.mean[i] = mean[i]!;
      this.std[i] = std[i]!;
      this.m2[i] = count === null ? 0 : std[i]! * std[i]! * count;
    }
    this.counts[COUNT] = count ?? 0;
    this.counts[CLIPPED] = 0;
    this.counts[LEARNED] = count === null ? BY_NOBODY : 0;
  }

  /** Leaves the learning to the encoder from here on: `learnPresent` in place of `learn`. */
  takeOver(): void {
    this.counts[LEARNED] = BY_ENCODER;
  }

  /** Keeps the statistics as they are until `release`, which takes what it returns. */
  hold(): number {
    const learned = this.counts[LEARNED]!;
    this.counts[LEARNED] = BY_NOBODY;
    return learned;
  }

  release(learned: number): void {
    this.counts[LEARNED] = learned;
  }

  /** Learns x (rows, I), row by row. */
  learn(x: Float64Array, rows: number): void {
    const { features, counts } = this;
    if (counts[LEARNED] !== 0) return;
    for (let s = 0; s < rows; s++) {
      counts[COUNT] = counts[COUNT]! + 1;
      for (let i = 0; i < features; i++) this.#absorb(i, x, s * features + i, counts, COUNT);
    }
  }

  /** Learns what is there of x (rows, I), each feature by its own of `counts` (I): NaN is passed over. */
  learnPresent(counts: Float64Array, x: Float64Array, rows: number): void {
    const { features } = this;
    for (let s = 0; s < rows; s++) {
      for (let i = 0; i < features; i++) {
        if (Number.isNaN(x[s * features + i])) continue;
        counts[i] = counts[i]! + 1;
        this.#absorb(i, x, s * features + i, counts, i);
      }
    }
    this.counts[COUNT] = this.counts[COUNT]! + rows;
  }

  /** Takes x[at] into the statistics of feature i; it is the counts[c]-th value. Indices, for a double may be put on the heap. */
  #absorb(i: number, x: Float64Array, at: number, counts: Float64Array, c: number): void {
    const { mean, m2, std } = this;
    const count = counts[c]!;
    let value = x[at]!;
    if (count > SETTLED_SAMPLES) {
      const bound = SETTLED_STDS * std[i]!;
      const low = mean[i]! - bound;
      const high = mean[i]! + bound;
      value = value < low ? low : value > high ? high : value;
      if (value !== x[at]) this.counts[CLIPPED] = this.counts[CLIPPED]! + 1;
    }
    const before = value - mean[i]!;
    mean[i] = mean[i]! + before / count;
    m2[i] = m2[i]! + before * (value - mean[i]!);
    std[i] = deviation(m2[i]!, mean[i]!, count);
  }

  /** Writes z (rows, I) of x (rows, I). */
  standardize(z: Vector, x: Float64Array, rows: number): void {
    const { features, mean, std } = this;
    for (let s = 0; s < rows; s++) {
      for (let i = 0; i < features; i++) {
        const value = (x[s * features + i]! - mean[i]!) / std[i]!;
        z[s * features + i] = value < -Z_MAX ? -Z_MAX : value > Z_MAX ? Z_MAX : value;
      }
    }
  }
}

function deviation(m2: number, mean: number, count: number): number {
  const std = Math.sqrt(m2 / count);
  const magnitude = mean < 0 ? -mean : mean;
  return std < STD_SHARE_MIN * (magnitude > 1 ? magnitude : 1) ? 1 : std;
}
