import { exp, sigmoid } from "../learner/elementary.ts";

/** Weights over which this is no small baseline any more: the model is not compared with it then. */
const WEIGHTS_MAX = 65_536;
const RATE = 0.3;
/** Keeps the division by a root finite. */
const EPSILON = 1e-8;
/** Bound of a standardized value. */
const Z_MAX = 8;
/** Least probability that is scored, as in the log loss of models. */
const LEAST = 2 ** -52;

/** Count, mean and sum of squared deviations of a feature. */
const FEATURE_NUMBERS = 3;

/** Counts the numbers that the baseline keeps; 0 where there is none, because it would be too large. */
export function logisticLength(features: number, classes: number): number {
  const weights = (features + 1) * (classes > 2 ? classes : 1);
  return weights > WEIGHTS_MAX ? 0 : FEATURE_NUMBERS * features + 2 * weights;
}

/**
 * Is a logistic regression that learns online, row by row: softmax of more than two classes, Adagrad (Duchi, Hazan &
 * Singer 2011) on features that it standardizes by their running statistics (Welford 1962). A missing feature (NaN) counts as
 * its mean.
 */
export class Logistic {
  readonly #features: number;
  readonly #outputs: number;
  /** (I, 3). */
  readonly #statistics: Float64Array;
  /** (K, I + 1), the bias last. */
  readonly #weights: Float64Array;
  /** Sums of squared gradients (K, I + 1). */
  readonly #squares: Float64Array;
  /** The standardized row, and 1 for the bias (I + 1). */
  readonly #z: Float64Array;
  /** (K). */
  readonly #probabilities: Float64Array;

  constructor(features: number, classes: number, state: Float64Array) {
    const outputs = classes > 2 ? classes : 1;
    const weights = outputs * (features + 1);
    this.#features = features;
    this.#outputs = outputs;
    this.#statistics = state.subarray(0, FEATURE_NUMBERS * features);
    this.#weights = state.subarray(this.#statistics.length, this.#statistics.length + weights);
    this.#squares = state.subarray(state.length - weights);
    this.#z = new Float64Array(features + 1).fill(1);
    this.#probabilities = new Float64Array(outputs);
  }

  /**
   * Predicts a row (I) that begins at `at`, then learns its label. Returns the probability that it gave the label, at
   * least 2^-52, and negative where another class was the prediction.
   */
  score(x: Float64Array, at: number, label: number): number {
    standardize(this.#z, this.#statistics, x, at, this.#features);
    return this.#outputs === 1 ? this.#scoreBinary(label) : this.#scoreSeveral(label);
  }

  #scoreBinary(label: number): number {
    const width = this.#features + 1;
    const p = sigmoid(dot(this.#weights, 0, this.#z, width));
    descend(this.#weights, this.#squares, 0, this.#z, width, p - label);
    const given = label === 1 ? p : 1 - p;
    const probability = given < LEAST ? LEAST : given;
    return p >= 0.5 === (label === 1) ? probability : -probability;
  }

  #scoreSeveral(label: number): number {
    const width = this.#features + 1;
    const p = this.#probabilities;
    let best = 0;
    for (let k = 0; k < p.length; k++) {
      p[k] = dot(this.#weights, k * width, this.#z, width);
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
      descend(this.#weights, this.#squares, k * width, this.#z, width, p[k]! - (k === label ? 1 : 0));
    }
    const probability = p[label]! < LEAST ? LEAST : p[label]!;
    return best === label ? probability : -probability;
  }
}

/** Takes the row into the statistics (I, 3) and writes z (I). */
function standardize(z: Float64Array, statistics: Float64Array, x: Float64Array, at: number, features: number): void {
  for (let i = 0; i < features; i++) {
    const value = x[at + i]!;
    const s = FEATURE_NUMBERS * i;
    if (value - value !== 0) {
      z[i] = 0;
      continue;
    }
    const count = statistics[s]! + 1;
    const before = value - statistics[s + 1]!;
    const mean = statistics[s + 1]! + before / count;
    const m2 = statistics[s + 2]! + before * (value - mean);
    statistics[s] = count;
    statistics[s + 1] = mean;
    statistics[s + 2] = m2;
    const scaled = m2 > 0 ? (value - mean) * Math.sqrt(count / m2) : 0;
    z[i] = scaled < -Z_MAX ? -Z_MAX : scaled > Z_MAX ? Z_MAX : scaled;
  }
}

function dot(weights: Float64Array, from: number, z: Float64Array, width: number): number {
  let sum = 0;
  for (let i = 0; i < width; i++) sum += weights[from + i]! * z[i]!;
  return sum;
}

function descend(
  weights: Float64Array,
  squares: Float64Array,
  from: number,
  z: Float64Array,
  width: number,
  residual: number,
): void {
  for (let i = 0; i < width; i++) {
    const gradient = residual * z[i]!;
    const square = squares[from + i]! + gradient * gradient;
    squares[from + i] = square;
    weights[from + i] = weights[from + i]! - (RATE * gradient) / (Math.sqrt(square) + EPSILON);
  }
}
