// Costs are means over the mini-batch; a sample's weight multiplies its loss. Both kernels return the cost and write
// dCost/dz of the output layer, so the caller needs no case of its own.

import { exp, log1p } from "./elementary.ts";

/**
 * Returns the mean binary cross-entropy and writes delta (rows) = weight · (a − y) / rows. The loss is taken from the
 * logit z, `max(z, 0) − z·y + log(1 + e^−|z|)`, and so is finite for every finite z.
 */
export function crossEntropy(
  delta: Float64Array,
  logits: Float64Array,
  outputs: Float64Array,
  labels: Float64Array,
  weights: Float64Array,
  rows: number,
): number {
  const scale = 1 / rows;
  let sum = 0;
  for (let s = 0; s < rows; s++) {
    const z = logits[s]!;
    const y = labels[s]!;
    const w = weights[s]!;
    sum += w * ((z > 0 ? z - z * y : -z * y) + log1p(exp(z > 0 ? -z : z)));
    delta[s] = w * (outputs[s]! - y) * scale;
  }
  return sum * scale;
}

/** Returns `Σ weight·(a − y)² / 2m` and writes delta (rows) = weight · (a − y) / m with respect to a, not z. */
export function meanSquaredError(
  delta: Float64Array,
  outputs: Float64Array,
  labels: Float64Array,
  weights: Float64Array,
  rows: number,
): number {
  const scale = 1 / rows;
  let sum = 0;
  for (let s = 0; s < rows; s++) {
    const error = outputs[s]! - labels[s]!;
    const w = weights[s]!;
    sum += w * (error * error);
    delta[s] = w * error * scale;
  }
  return sum * 0.5 * scale;
}
