// What members say of a row's value, what is made of it, and what each should learn. Labels are standardized for them, so
// that the prior's variance of 1 means the same in any unit.

import type { Vector } from "../precision.ts";
import { Scaler, Z_MAX } from "../scaler.ts";
import type { Mixer } from "./mixer.ts";
import type { Lesson, Votes } from "./votes.ts";

/** Share of the difference that a row moves a residual variance by, and the least such variance. */
const RATE = 0.01;
const VARIANCE_MIN = 1e-6;
/** Residual, in deviations, beyond which a row counts as one of that size (Huber 1964). */
const DEVIATIONS_MAX = 5;

export class ValueVotes implements Votes {
  /** Mean and deviation of the labels. */
  readonly labels = new Scaler(1);
  /** Residual variances of the members, and of the mixture (N + 1): standardized. */
  readonly variances: Float64Array;
  readonly #mixer: Mixer;
  /** (N) standardized predictions. */
  readonly #values: Float64Array;
  readonly #lost: Float64Array;
  /** The prediction by the weights that are stacked; the mixture; the label (3): standardized. */
  readonly #row = new Float64Array(3);
  readonly #label = new Float64Array(1);

  constructor(mixer: Mixer) {
    this.#mixer = mixer;
    this.variances = new Float64Array(mixer.count + 1);
    this.#values = new Float64Array(mixer.count);
    this.#lost = new Float64Array(mixer.count);
    this.reset();
  }

  reset(): void {
    this.variances.fill(1);
    this.labels.reset();
  }

  /** Learns the labels' mean and deviation, before a mini-batch. */
  meet(labels: Float64Array, rows: number): void {
    this.labels.learn(labels, rows);
  }

  hear(n: number, sums: Vector): void {
    this.#values[n] = sums[0]!;
  }

  mix(outputs: Vector, at: number): void {
    const { shares, stacking, count } = this.#mixer;
    const row = this.#row;
    let hedged = 0;
    let stacked = 0;
    for (let n = 0; n < count; n++) {
      hedged += shares[n]! * this.#values[n]!;
      stacked += stacking.weights[n]! * this.#values[n]!;
    }
    row[0] = stacked;
    row[1] = count === 1 ? this.#values[0]! : 0.5 * (hedged + stacked);
    outputs[at] = this.labels.mean[0]! + this.labels.std[0]! * row[1];
  }

  loss(outputs: Vector, at: number, label: number): number {
    const error = outputs[at]! - label;
    return 0.5 * (error * error);
  }

  teach(n: number, label: number, { direction, numbers }: Lesson): void {
    const variance = this.variances[n]!;
    const error = this.#standardized(label) - this.#values[n]!;
    direction[0] = 1;
    numbers[0] = bounded(error, variance) / variance;
    numbers[1] = 1 / variance;
  }

  learn(label: number, weight: number): void {
    const { count, stacking } = this.#mixer;
    const { variances } = this;
    const y = this.#standardized(label);
    const common = variances[count]!;
    for (let n = 0; n < count; n++) {
      const error = y - this.#values[n]!;
      const lost = bounded(error, common);
      this.#lost[n] = (0.5 * (lost * lost)) / common;
      this.#follow(n, error);
    }
    const error = y - this.#row[0]!;
    if (count > 1) stacking.learn(this.#values, (weight * bounded(error, common)) / common, weight / common);
    this.#follow(count, y - this.#row[1]!);
    this.#mixer.note(this.#lost, weight);
  }

  #follow(n: number, error: number): void {
    const { variances } = this;
    const seen = bounded(error, variances[n]!);
    const next = variances[n]! + RATE * (seen * seen - variances[n]!);
    variances[n] = next < VARIANCE_MIN ? VARIANCE_MIN : next;
  }

  #standardized(label: number): number {
    this.#label[0] = (label - this.labels.mean[0]!) / this.labels.std[0]!;
    const z = this.#label[0]!;
    return z < -Z_MAX ? -Z_MAX : z > Z_MAX ? Z_MAX : z;
  }
}

/** Bounds a residual by DEVIATIONS_MAX deviations. */
function bounded(error: number, variance: number): number {
  const most = DEVIATIONS_MAX * Math.sqrt(variance);
  return error < -most ? -most : error > most ? most : error;
}
