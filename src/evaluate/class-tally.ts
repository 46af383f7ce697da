// Sums over rows of a classifier, from which all of its metrics follow: what counts as a row's weight makes them cumulative
// (always 1), fading (grows from row to row) or those of a window (1, over the rows of the ring).

import { add } from "./sum.ts";

// Positions: sums with their rests, the weights of rows by who was right, then hits, labels and predictions of each class.
// Of K classes a table of K² is not needed.
const LOSS = 0;
const BRIER = 2;
const BY_RIGHTS = 4;

/** Bits of a row's `rights`: who gave the label. */
export const MAJORITY_RIGHT = 1;
export const LAST_RIGHT = 2;
export const LOGISTIC_RIGHT = 4;
/** There was a row before, so that the last class could be asked. */
export const FOLLOWS = 8;
export const MODEL_RIGHT = 16;
const RIGHTS_BITS = 5;
const RIGHTS = 1 << RIGHTS_BITS;
const LABEL_BITS = 10;
export const CLASSES_MAX = 1 << LABEL_BITS;
const PREDICTED_SHIFT = RIGHTS_BITS + LABEL_BITS;
const HEAD = BY_RIGHTS + RIGHTS;

export interface ClassMetrics {
  readonly accuracy: number | null;
  readonly balancedAccuracy: number | null;
  readonly logLoss: number | null;
  readonly brier: number | null;
  readonly f1: number | null;
  readonly kappa: number | null;
  readonly kappaTemporal: number | null;
  readonly mcc: number | null;
  /** Accuracy of each. */
  readonly baselines: ClassBaselines;
}

export interface ClassBaselines {
  readonly majority: number | null;
  readonly lastClass: number | null;
  readonly logistic: number | null;
}

/** Counts the numbers of a tally of K classes. */
export function classTallyLength(classes: number): number {
  return HEAD + 3 * classes;
}

/** Makes one number of what was predicted, what was right, and who was right. */
export function codeOf(predicted: number, label: number, rights: number): number {
  return (predicted << PREDICTED_SHIFT) | (label << RIGHTS_BITS) | rights;
}

/** Gives the label of such a number. */
export function labelOf(code: number): number {
  return (code >> RIGHTS_BITS) & (CLASSES_MAX - 1);
}

/** Adds `rows` rows: their weights, codes, losses and Brier scores. */
export function addRows(
  tally: Float64Array,
  classes: number,
  weights: Float64Array,
  codes: Int32Array,
  losses: Float64Array,
  briers: Float64Array,
  rows: number,
): void {
  let loss = 0;
  let brier = 0;
  for (let r = 0; r < rows; r++) {
    const weight = weights[r]!;
    const code = codes[r]!;
    const rights = code & (RIGHTS - 1);
    const label = HEAD + labelOf(code);
    const predicted = HEAD + 2 * classes + (code >> PREDICTED_SHIFT);
    tally[BY_RIGHTS + rights] = tally[BY_RIGHTS + rights]! + weight;
    tally[label] = tally[label]! + weight * (rights >> 4); // MODEL_RIGHT; without a branch
    tally[label + classes] = tally[label + classes]! + weight;
    tally[predicted] = tally[predicted]! + weight;
    loss += weight * losses[r]!;
    brier += weight * briers[r]!;
  }
  add(tally, LOSS, loss);
  add(tally, BRIER, brier);
}

/** Gives the weight of the rows in which all of these were right. */
function rightWeight(tally: Float64Array, who: number): number {
  let sum = 0;
  for (let rights = 0; rights < RIGHTS; rights++) if ((rights & who) === who) sum += tally[BY_RIGHTS + rights]!;
  return sum;
}

/**
 * Computes the metrics; what is undefined is null. As scikit-learn: balanced accuracy over the classes that occurred as
 * labels, F1 of class 1, of several the mean over those that occurred at all, Cohen's kappa, Matthews' coefficient (of
 * several: Gorodkin 2004). Kappa temporal compares with the last class (Žliobaitė et al. 2015).
 */
export function classMetrics(tally: Float64Array, classes: number, logistic: boolean): ClassMetrics {
  const hits = tally.subarray(HEAD, HEAD + classes);
  const labels = tally.subarray(HEAD + classes, HEAD + 2 * classes);
  const weight = total(labels);
  const predictions = tally.subarray(HEAD + 2 * classes, HEAD + 3 * classes);
  const accuracy = ratio(total(hits), weight);
  const lastClass = ratio(rightWeight(tally, LAST_RIGHT), rightWeight(tally, FOLLOWS));
  return {
    accuracy,
    balancedAccuracy: balancedAccuracy(hits, labels),
    logLoss: ratio(tally[LOSS]! + tally[LOSS + 1]!, weight),
    brier: ratio(tally[BRIER]! + tally[BRIER + 1]!, weight),
    f1: f1(hits, labels, predictions),
    kappa: beyond(accuracy, ratio(dot(labels, predictions), weight * weight)),
    kappaTemporal: beyond(accuracy, lastClass),
    mcc: mcc(hits, labels, predictions, weight),
    baselines: {
      majority: ratio(rightWeight(tally, MAJORITY_RIGHT), weight),
      lastClass,
      logistic: logistic ? ratio(rightWeight(tally, LOGISTIC_RIGHT), weight) : null,
    },
  };
}

function balancedAccuracy(hits: Float64Array, labels: Float64Array): number | null {
  let sum = 0;
  let count = 0;
  for (let k = 0; k < labels.length; k++) {
    if (labels[k] === 0) continue;
    sum += hits[k]! / labels[k]!;
    count += 1;
  }
  return ratio(sum, count);
}

function f1(hits: Float64Array, labels: Float64Array, predictions: Float64Array): number | null {
  let sum = 0;
  let count = 0;
  for (let k = labels.length === 2 ? 1 : 0; k < labels.length; k++) {
    const occurred = labels[k]! + predictions[k]!;
    if (occurred === 0) continue;
    sum += (2 * hits[k]!) / occurred;
    count += 1;
  }
  return ratio(sum, count);
}

function mcc(hits: Float64Array, labels: Float64Array, predictions: Float64Array, weight: number): number | null {
  const square = weight * weight;
  const covariance = total(hits) * weight - dot(labels, predictions);
  const spread = (square - dot(labels, labels)) * (square - dot(predictions, predictions));
  return spread > 0 ? covariance / Math.sqrt(spread) : null;
}

/** Gives the share of what chance leaves open that was gained. */
function beyond(accuracy: number | null, chance: number | null): number | null {
  return accuracy === null || chance === null ? null : ratio(accuracy - chance, 1 - chance);
}

function ratio(part: number, whole: number): number | null {
  return whole === 0 ? null : part / whole;
}

function total(values: Float64Array): number {
  let sum = 0;
  for (let k = 0; k < values.length; k++) sum += values[k]!;
  return sum;
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let k = 0; k < a.length; k++) sum += a[k]! * b[k]!;
  return sum;
}
