// The prediction of one row: K probabilities from some place on, or one, that of class 1.

import { classOf, givenTo } from "./branch-free.ts";

/** Bounds of a probability whose logarithm is taken. */
export const LEAST = 2 ** -52;
export const MOST = 1 - LEAST;

/** Returns the predicted class; −1 where the prediction is not finite. */
export function predictedClass(outputs: Float32Array | Float64Array, at: number, scores: number): number {
  if (scores === 1) {
    const p = outputs[at]!;
    return p - p === 0 ? classOf(p) : -1;
  }
  let best = 0;
  for (let k = 0; k < scores; k++) {
    const p = outputs[at + k]!;
    if (p - p !== 0) return -1;
    if (p > outputs[at + best]!) best = k;
  }
  return best;
}

/** Computes the Brier score; of several classes it goes up to 2. */
export function brierOf(outputs: Float64Array, at: number, scores: number, label: number): number {
  if (scores === 1) return (outputs[at]! - label) * (outputs[at]! - label);
  let sum = 0;
  for (let k = 0; k < scores; k++) {
    const wrong = k === label ? 1 - outputs[at + k]! : outputs[at + k]!;
    sum += wrong * wrong;
  }
  return sum;
}

/** Gives the probability of the label, clipped so that its logarithm is finite. */
export function givenOf(outputs: Float64Array, at: number, scores: number, label: number): number {
  const given = scores === 1 ? givenTo(label, outputs[at]!) : outputs[at + label]!;
  return given < LEAST ? LEAST : given > MOST ? MOST : given;
}
