// What an ensemble makes of what its members say: the mean of two mixtures, by shares and by weights, as in
// src/learner/ensemble.

import { softmax } from "../../learner/activation.ts";
import { exp, log, sigmoid } from "../../learner/elementary.ts";
import type { EnsembleFile } from "./answers.ts";

/** A member's probabilities are mixed as if they were between this and 1 less it. */
const LEAST = 0.001;
const LOGIT_MOST = log((1 - LEAST) / LEAST);
const LOG_LEAST = log(LEAST);

/** Mixes the sums (rows, K) of the members into `outputs` (rows, K). */
export function mix(
  outputs: Float64Array,
  members: readonly Float64Array[],
  rows: number,
  classes: number,
  { mixer, target }: Pick<EnsembleFile, "mixer" | "target">,
): void {
  for (let r = 0; r < rows; r++) {
    if (target !== null) outputs[r] = target.mean + target.std * value(members, r, mixer);
    else if (classes === 1) outputs[r] = probability(members, r, mixer);
    else probabilities(outputs, members, r, classes, mixer);
  }
}

type Mixer = EnsembleFile["mixer"];

function value(members: readonly Float64Array[], r: number, { shares, weights }: Mixer): number {
  if (members.length === 1) return members[0]![r]!;
  let [hedged, stacked] = [0, 0];
  for (let n = 0; n < members.length; n++) {
    hedged += shares[n]! * members[n]![r]!;
    stacked += weights[n]! * members[n]![r]!;
  }
  return 0.5 * (hedged + stacked);
}

function probability(members: readonly Float64Array[], r: number, { shares, weights }: Mixer): number {
  if (members.length === 1) return sigmoid(members[0]![r]!);
  let [hedged, stacked] = [0, 0];
  for (let n = 0; n < members.length; n++) {
    const z = members[n]![r]!;
    const logit = z < -LOGIT_MOST ? -LOGIT_MOST : z > LOGIT_MOST ? LOGIT_MOST : z;
    hedged += shares[n]! * logit;
    stacked += weights[n]! * logit;
  }
  return 0.5 * (sigmoid(hedged) + sigmoid(stacked));
}

function probabilities(
  outputs: Float64Array,
  members: readonly Float64Array[],
  r: number,
  classes: number,
  { shares, weights }: Mixer,
): void {
  const hedged = new Float64Array(classes);
  const stacked = new Float64Array(classes);
  for (let n = 0; n < members.length; n++) {
    const sums = members[n]!.subarray(r * classes, (r + 1) * classes);
    if (members.length === 1) {
      const chances = sums.slice();
      softmax(chances, 1, classes);
      return outputs.set(chances, r * classes);
    }
    const logOfSum = logSumExp(sums);
    for (let k = 0; k < classes; k++) {
      const chance = sums[k]! - logOfSum;
      const bounded = chance < LOG_LEAST ? LOG_LEAST : chance;
      hedged[k]! += shares[n]! * bounded;
      stacked[k]! += weights[n]! * bounded;
    }
  }
  softmax(hedged, 1, classes);
  softmax(stacked, 1, classes);
  for (let k = 0; k < classes; k++) outputs[r * classes + k] = 0.5 * (hedged[k]! + stacked[k]!);
}

/** Computes log Σ e^z. */
function logSumExp(z: Float64Array): number {
  const largest = z.reduce((most, one) => (one > most ? one : most));
  return largest + log(z.reduce((sum, one) => sum + exp(one - largest), 0));
}
