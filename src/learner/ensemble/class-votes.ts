// What members say of a row's class, what is made of it, and what each should learn.

import { exp, log, log1p, sigmoid } from "../elementary.ts";
import type { Vector } from "../precision.ts";
import type { Mixer } from "./mixer.ts";
import type { Lesson, Votes } from "./votes.ts";

/** A member's probabilities are kept between this and 1 less it when they are mixed. */
export const LEAST = 0.001;
/** The logit of 1 − LEAST. */
export const LOGIT_MOST = log((1 - LEAST) / LEAST);
const LOG_LEAST = log(LEAST);
/** Least information of a row: one that was quite certain teaches a little all the same. */
const INFORMATION_MIN = 0.01;

/** Mixes logits of two classes: the members' geometric means. */
export class BinaryVotes implements Votes {
  readonly #mixer: Mixer;
  /** (N) logits as the members have them, and bounded. */
  readonly #sums: Float64Array;
  readonly #logits: Float64Array;
  readonly #margins: Float64Array;
  readonly #lost: Float64Array;
  /** The logit by the weights that are stacked (1). */
  readonly #stacked = new Float64Array(1);

  constructor(mixer: Mixer) {
    this.#mixer = mixer;
    this.#sums = new Float64Array(mixer.count);
    this.#logits = new Float64Array(mixer.count);
    this.#margins = new Float64Array(mixer.count);
    this.#lost = new Float64Array(mixer.count);
  }

  hear(n: number, sums: Vector): void {
    const z = sums[0]!;
    this.#sums[n] = z;
    this.#logits[n] = z < -LOGIT_MOST ? -LOGIT_MOST : z > LOGIT_MOST ? LOGIT_MOST : z;
  }

  mix(outputs: Vector, at: number): void {
    const { shares, stacking, count } = this.#mixer;
    if (count === 1) {
      outputs[at] = sigmoid(this.#sums[0]!);
      return;
    }
    let hedged = 0;
    let stacked = 0;
    for (let n = 0; n < count; n++) {
      hedged += shares[n]! * this.#logits[n]!;
      stacked += stacking.weights[n]! * this.#logits[n]!;
    }
    this.#stacked[0] = stacked;
    outputs[at] = 0.5 * (sigmoid(hedged) + sigmoid(stacked));
  }

  loss(outputs: Vector, at: number, label: number): number {
    if (this.#mixer.count === 1) return softplus(label === 1 ? -this.#sums[0]! : this.#sums[0]!);
    return -log(label === 1 ? outputs[at]! : 1 - outputs[at]!);
  }

  teach(n: number, label: number, lesson: Lesson): void {
    const p = sigmoid(this.#sums[n]!);
    const information = p * (1 - p);
    lesson.direction[0] = 1;
    lesson.numbers[0] = label - p;
    lesson.numbers[1] = information < INFORMATION_MIN ? INFORMATION_MIN : information;
  }

  learn(label: number, weight: number): void {
    const { stacking, count } = this.#mixer;
    const sign = label === 1 ? 1 : -1;
    for (let n = 0; n < count; n++) {
      this.#margins[n] = sign * this.#logits[n]!;
      this.#lost[n] = softplus(-this.#margins[n]!);
    }
    const p = sigmoid(sign * this.#stacked[0]!);
    const information = p * (1 - p);
    stacking.learn(
      this.#margins,
      weight * (1 - p),
      weight * (information < INFORMATION_MIN ? INFORMATION_MIN : information),
    );
    this.#mixer.note(this.#lost, weight);
  }
}

/** Computes log(1 + e^z). */
function softplus(z: number): number {
  return (z > 0 ? z : 0) + log1p(exp(-Math.abs(z)));
}

/** Mixes the log-probabilities of several classes: the members' geometric means. */
export class ClassVotes implements Votes {
  readonly #mixer: Mixer;
  readonly #classes: number;
  /** (N, K) probabilities, and their bounded logarithms. */
  readonly #chances: Float64Array;
  readonly #logs: Float64Array;
  /** (K) of each of the two mixtures. */
  readonly #hedged: Float64Array;
  readonly #stacked: Float64Array;
  readonly #margins: Float64Array;
  readonly #lost: Float64Array;

  constructor(mixer: Mixer, classes: number) {
    this.#mixer = mixer;
    this.#classes = classes;
    this.#chances = new Float64Array(mixer.count * classes);
    this.#logs = new Float64Array(mixer.count * classes);
    this.#hedged = new Float64Array(classes);
    this.#stacked = new Float64Array(classes);
    this.#margins = new Float64Array(mixer.count);
    this.#lost = new Float64Array(mixer.count);
  }

  hear(n: number, sums: Vector): void {
    const classes = this.#classes;
    const from = n * classes;
    const logOfSum = softmaxInto(this.#chances, from, sums, classes);
    for (let k = 0; k < classes; k++) {
      const value = sums[k]! - logOfSum;
      this.#logs[from + k] = value < LOG_LEAST ? LOG_LEAST : value;
    }
  }

  mix(outputs: Vector, at: number): void {
    const { shares, stacking, count } = this.#mixer;
    const classes = this.#classes;
    const [hedged, stacked] = [this.#hedged, this.#stacked];
    if (count === 1) {
      for (let k = 0; k < classes; k++) outputs[at + k] = this.#chances[k]!;
      return;
    }
    hedged.fill(0);
    stacked.fill(0);
    for (let n = 0; n < count; n++) {
      for (let k = 0; k < classes; k++) {
        const value = this.#logs[n * classes + k]!;
        hedged[k] = hedged[k]! + shares[n]! * value;
        stacked[k] = stacked[k]! + stacking.weights[n]! * value;
      }
    }
    softmaxInto(hedged, 0, hedged, classes);
    softmaxInto(stacked, 0, stacked, classes);
    for (let k = 0; k < classes; k++) outputs[at + k] = 0.5 * (hedged[k]! + stacked[k]!);
  }

  loss(outputs: Vector, at: number, label: number): number {
    // NaN where the label is no class: the step is undone.
    if (!(label >= 0 && label < this.#classes)) return Number.NaN;
    const chance = outputs[at + label]!;
    return -log(chance < CHANCE_LEAST ? CHANCE_LEAST : chance);
  }

  teach(n: number, label: number, { direction, numbers }: Lesson): void {
    const classes = this.#classes;
    const from = n * classes;
    let others = 0;
    for (let k = 0; k < classes; k++) if (k !== label) others += this.#chances[from + k]!;
    const bounded = others < CHANCE_LEAST ? CHANCE_LEAST : others;
    for (let k = 0; k < classes; k++) direction[k] = k === label ? 1 : -this.#chances[from + k]! / bounded;
    const information = this.#chances[from + label]! * others;
    numbers[0] = others;
    numbers[1] = information < INFORMATION_MIN ? INFORMATION_MIN : information;
  }

  learn(label: number, weight: number): void {
    const { stacking, count } = this.#mixer;
    const classes = this.#classes;
    const p = this.#stacked[label]!;
    let others = 0;
    for (let k = 0; k < classes; k++) if (k !== label) others += this.#stacked[k]!;
    const bounded = others < CHANCE_LEAST ? CHANCE_LEAST : others;
    for (let n = 0; n < count; n++) {
      const own = this.#logs[n * classes + label]!;
      let other = 0;
      for (let k = 0; k < classes; k++) {
        if (k !== label) other += (this.#stacked[k]! / bounded) * this.#logs[n * classes + k]!;
      }
      this.#margins[n] = own - other;
      this.#lost[n] = -own;
    }
    const information = p * others;
    stacking.learn(
      this.#margins,
      weight * others,
      weight * (information < INFORMATION_MIN ? INFORMATION_MIN : information),
    );
    this.#mixer.note(this.#lost, weight);
  }
}

const CHANCE_LEAST = 1e-300;

/** Writes softmax(z) (K) to `to` from `at` on; returns log Σ e^z. */
function softmaxInto(to: Float64Array, at: number, z: Vector, classes: number): number {
  let largest = z[0]!;
  for (let k = 1; k < classes; k++) largest = z[k]! > largest ? z[k]! : largest;
  let sum = 0;
  for (let k = 0; k < classes; k++) {
    const e = exp(z[k]! - largest);
    to[at + k] = e;
    sum += e;
  }
  for (let k = 0; k < classes; k++) to[at + k] = to[at + k]! / sum;
  return largest + log(sum);
}
