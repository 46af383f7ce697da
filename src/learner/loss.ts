// Costs are means over the mini-batch; a sample's weight multiplies its loss. Losses are computed in f64, whatever the
// network's precision; delta is rounded when stored. The kernels write the cost to cost[0]: a double that is returned may
// be put on the heap, each step.

import { exp, log, log1p } from "./elementary.ts";
import type { Vector } from "./precision.ts";

/**
 * Computes the mean binary cross-entropy and delta (rows) = weight · (a − y) / rows. The loss is taken from the
 * logit z, `max(z, 0) − z·y + log(1 + e^−|z|)`, and so is finite for every finite z.
 */
export function crossEntropy(
  cost: Float64Array,
  delta: Vector,
  logits: Vector,
  outputs: Vector,
  labels: Float64Array,
  weights: Float64Array,
  rows: number,
): void {
  const scale = 1 / rows;
  let sum = 0;
  for (let s = 0; s < rows; s++) {
    const z = logits[s]!;
    const y = labels[s]!;
    const w = weights[s]!;
    sum += w * ((z > 0 ? z : 0) - z * y + log1p(exp(-Math.abs(z))));
    delta[s] = w * (outputs[s]! - y) * scale;
  }
  cost[0] = sum * scale;
}

/**
 * Computes the mean cross-entropy of several classes and delta (rows, classes) = weight · (a − 1 at the label) / rows. The
 * loss of a row is log Σ e^(z − max) − (z_label − max): finite for every finite z.
 */
export function softmaxCrossEntropy(
  cost: Float64Array,
  delta: Vector,
  logits: Vector,
  outputs: Vector,
  labels: Float64Array,
  weights: Float64Array,
  rows: number,
  classes: number,
): void {
  const scale = 1 / rows;
  let total = 0;
  for (let s = 0; s < rows; s++) {
    const from = s * classes;
    const label = labels[s]!;
    const w = weights[s]!;
    let largest = logits[from]!;
    for (let k = 1; k < classes; k++) largest = logits[from + k]! > largest ? logits[from + k]! : largest;
    let sum = 0;
    // NaN where the label is no class: the step is undone.
    let own = Number.NaN;
    for (let k = 0; k < classes; k++) {
      sum += exp(logits[from + k]! - largest);
      if (k === label) own = logits[from + k]!;
      delta[from + k] = w * (k === label ? outputs[from + k]! - 1 : outputs[from + k]!) * scale;
    }
    total += w * (log(sum) - (own - largest));
  }
  cost[0] = total * scale;
}

/** Computes `Σ weight·(a − y)² / 2m` and delta (rows) = weight · (a − y) / m with respect to a, not z. */
export function meanSquaredError(
  cost: Float64Array,
  delta: Vector,
  outputs: Vector,
  labels: Float64Array,
  weights: Float64Array,
  rows: number,
): void {
  const scale = 1 / rows;
  let sum = 0;
  for (let s = 0; s < rows; s++) {
    const error = outputs[s]! - labels[s]!;
    const w = weights[s]!;
    sum += w * (error * error);
    delta[s] = w * error * scale;
  }
  cost[0] = sum * 0.5 * scale;
}
