import { exp, sigmoid } from "../learner/elementary.ts";
import { classOf, givenTo, same } from "./branch-free.ts";

/** Weights over which this is no small baseline any more: the model is not compared with it then. */
const WEIGHTS_MAX = 65_536;
/** Constant, so that the baseline follows a drift as a model would. */
const RATE = 0.03;
/** Bound of a standardized value. */
const Z_MAX = 8;
/** Least probability that is scored, as in the log loss of models. */
const LEAST = 2 ** -52;

// Positions: rows, then of each feature mean, sum of squared deviations, and the inverse of the deviation, 0 while nothing varies.
const ROWS = 0;
const STATISTICS = 1;
const MEAN = 0;
const M2 = 1;
const SCALE = 2;
const FEATURE_NUMBERS = 3;
/** Rows after which deviations are taken anew with each SETTLED_EVERY-th row only: a root and a quotient less. */
const SETTLED_ROWS = 256;
const SETTLED_EVERY = 16;

/** Counts the numbers that the baseline keeps; 0 where there is none, because it would be too large. */
export function logisticLength(features: number, classes: number): number {
  const weights = (features + 1) * (classes > 2 ? classes : 1);
  return weights > WEIGHTS_MAX ? 0 : 1 + FEATURE_NUMBERS * features + weights;
}

/**
 * Is a logistic regression that learns online, row by row, softmax of more than two classes: gradient descent on features
 * that it standardizes by their statistics before the row (Welford 1962). A missing feature (NaN) counts as its
 * mean, in the statistics as well.
 */
export class Logistic {
  readonly #outputs: number;
  /** Rows so far, statistics of the features (I, 3), weights (K, I + 1), the bias last. */
  readonly #state: Float64Array;
  /** Where the weights begin. */
  readonly #weightsAt: number;
  /** The standardized row, and 1 for the bias (I + 1). */
  readonly #z: Float64Array;
  /** Of each class, of the row at hand (K). */
  readonly #probabilities: Float64Array;

  constructor(features: number, classes: number, state: Float64Array) {
    this.#outputs = classes > 2 ? classes : 1;
    this.#state = state;
    this.#weightsAt = STATISTICS + FEATURE_NUMBERS * features;
    this.#z = new Float64Array(features + 1).fill(1);
    this.#probabilities = new Float64Array(this.#outputs);
  }

  /**
   * Predicts a row (I) that begins at `at`, then learns its label. Writes the probability that it gave the label, at least
   * 2^-52, to `given[givenAt]`. Returns 1 where the label was its prediction, else 0.
   */
  score(x: Float64Array, at: number, label: number, given: Float64Array, givenAt: number): number {
    standardize(this.#z, this.#state, x, at);
    if (this.#outputs === 1) return this.#scoreBinary(label, given, givenAt);
    const right = this.#scoreSeveral(label);
    const probability = this.#probabilities[label]!;
    given[givenAt] = probability < LEAST ? LEAST : probability;
    return right;
  }

  #scoreBinary(label: number, given: Float64Array, givenAt: number): number {
    const z = this.#z;
    const state = this.#state;
    const from = this.#weightsAt;
    const width = z.length;
    const probability = sigmoid(dot(state, from, z));
    const step = RATE * (label - probability);
    for (let i = 0; i < width; i++) state[from + i] = state[from + i]! + step * z[i]!;
    const ofLabel = givenTo(label, probability);
    given[givenAt] = ofLabel < LEAST ? LEAST : ofLabel;
    return same(classOf(probability), label);
  }

  #scoreSeveral(label: number): number {
    const z = this.#z;
    const state = this.#state;
    const width = z.length;
    const p = this.#probabilities;
    let best = 0;
    for (let k = 0; k < p.length; k++) {
      p[k] = dot(state, this.#weightsAt + k * width, z);
      if (p[k]! > p[best]!) best = k;
    }
    const largest = p[best]!;
    let sum = 0;
    for (let k = 0; k < p.length; k++) {
      p[k] = exp(p[k]! - largest);
      sum += p[k]!;
    }
    for (let k = 0; k < p.length; k++) {
      p[k] = p[k]! / sum;
      const step = RATE * (p[k]! - (k === label ? 1 : 0));
      const from = this.#weightsAt + k * width;
      for (let i = 0; i < width; i++) state[from + i] = state[from + i]! - step * z[i]!;
    }
    return same(best, label);
  }
}

/**
 * Writes z (I) by the statistics so far, then takes the row into them: in this order the processor computes roots and
 * quotients while it waits for the prediction.
 */
function standardize(z: Float64Array, state: Float64Array, x: Float64Array, at: number): void {
  const features = z.length - 1;
  const count = state[ROWS]! + 1;
  state[ROWS] = count;
  const share = 1 / count;
  const renew = count < SETTLED_ROWS || (count & (SETTLED_EVERY - 1)) === 0;
  for (let i = 0; i < features; i++) {
    const s = STATISTICS + FEATURE_NUMBERS * i;
    const mean = state[s + MEAN]!;
    let before = x[at + i]! - mean;
    if (before - before !== 0) before = 0;
    const scaled = before * state[s + SCALE]!;
    z[i] = scaled < -Z_MAX ? -Z_MAX : scaled > Z_MAX ? Z_MAX : scaled;
    const step = before * share;
    const m2 = state[s + M2]! + before * (before - step);
    state[s + MEAN] = mean + step;
    state[s + M2] = m2;
    if (renew) state[s + SCALE] = m2 > 0 ? Math.sqrt(count / m2) : 0;
  }
}

function dot(weights: Float64Array, from: number, z: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < z.length; i++) sum += weights[from + i]! * z[i]!;
  return sum;
}
