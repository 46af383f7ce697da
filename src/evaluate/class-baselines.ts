import { log } from "../learner/elementary.ts";
import { same } from "./branch-free.ts";
import { LEAST, MOST } from "./class-row.ts";
import { type ClassBaselines, FOLLOWS, LAST_RIGHT, LOGISTIC_RIGHT, MAJORITY_RIGHT } from "./class-tally.ts";
import { Logistic, logisticLength } from "./logistic.ts";

/** Loss of one that is sure, and right or wrong. */
const LOSS_RIGHT = -log(MOST);
const LOSS_WRONG = -log(LEAST);
/** Where the logarithm of a product is taken: one for many rows, and none is lost to underflow. */
const PRODUCT_LEAST = 2 ** -900;

// Positions of single numbers, before the rows of each label and the logistic regression.
const ROWS = 0;
const LAST_LABEL = 1;
// Of what the logistic regression gave the labels, the product, and the loss of what was taken out of it.
const GIVEN = 2;
const GIVEN_LOSS = 3;
const HEAD = 4;

/** Counts the numbers that the baselines of a classifier take. */
export function classPredictorsLength(features: number, classes: number): number {
  return HEAD + classes + logisticLength(features, classes);
}

/** Majority class, last class and logistic regression: each predicts a row, then learns its label. */
export class ClassPredictors {
  readonly #head: Float64Array;
  /** Rows of each label (K). */
  readonly #labels: Float64Array;
  readonly #logistic: Logistic | null;
  /** What the logistic regression gave the label (1). */
  readonly #given = new Float64Array(1);

  constructor(features: number, classes: number, state: Float64Array) {
    this.#head = state.subarray(0, HEAD);
    this.#labels = state.subarray(HEAD, HEAD + classes);
    const rest = state.subarray(HEAD + classes);
    this.#logistic = rest.length === 0 ? null : new Logistic(features, classes, rest);
  }

  /** Tells whether there is a logistic regression. */
  get logistic(): boolean {
    return this.#logistic !== null;
  }

  /** Takes the row of features (I) from `x[xAt]`; returns who was right, as bits. */
  row(x: Float64Array, xAt: number, label: number): number {
    const head = this.#head;
    const labels = this.#labels;
    const rows = head[ROWS]!;
    let rights = MAJORITY_RIGHT * same(majorityOf(labels), label);
    if (rows > 0) rights |= FOLLOWS | (LAST_RIGHT * same(head[LAST_LABEL]! | 0, label));
    if (this.#logistic !== null) {
      rights |= LOGISTIC_RIGHT * this.#logistic.score(x, xAt, label, this.#given, 0);
      multiply(head, this.#given);
    }
    labels[label] = labels[label]! + 1;
    head[LAST_LABEL] = label;
    head[ROWS] = rows + 1;
    return rights;
  }

  /** Computes the log losses over all rows; the last class is always sure, and `lastClass` says how often it was right. */
  logLoss({ lastClass }: ClassBaselines): ClassBaselines {
    const head = this.#head;
    const rows = head[ROWS]!;
    if (rows === 0) return { majority: null, lastClass: null, logistic: null };
    return {
      majority: successionLoss(this.#labels) / rows,
      lastClass: lastClass === null ? null : lastClass * LOSS_RIGHT + (1 - lastClass) * LOSS_WRONG,
      logistic: this.#logistic === null ? null : (head[GIVEN_LOSS]! - log(head[GIVEN]!)) / rows,
    };
  }
}

/**
 * Computes the log loss of all rows by Laplace's rule of succession, by which a class that has not been seen yet is not
 * impossible: each row's label had the probability (its rows so far + 1) / (rows so far + K). The product of these depends
 * on the counts alone: Π nₖ! (K − 1)! / (n + K − 1)!.
 */
function successionLoss(labels: Float64Array): number {
  let rows = 0;
  let loss = 0;
  for (let k = 0; k < labels.length; k++) {
    rows += labels[k]!;
    loss -= logFactorial(labels[k]!);
  }
  return loss + logFactorial(rows + labels.length - 1) - logFactorial(labels.length - 1);
}

/** Computes ln n!: a product, or Stirling's series, whose next term is below 1e-17 there. */
function logFactorial(n: number): number {
  if (n < 32) {
    let product = 1;
    for (let i = 2; i <= n; i++) product *= i;
    return log(product);
  }
  const inverse = 1 / n;
  const square = inverse * inverse;
  const series = inverse * (1 / 12 - square * (1 / 360 - square * (1 / 1260 - square * (1 / 1680 - square / 1188))));
  return n * (log(n) - 1) + 0.5 * log(2 * Math.PI * n) + series;
}

/** Tells the label that most rows had, the least of several; 0 before the first row. */
function majorityOf(labels: Float64Array): number {
  let best = 0;
  for (let k = 1; k < labels.length; k++) if (labels[k]! > labels[best]!) best = k;
  return best;
}

/** Multiplies in what the logistic regression gave the label. */
function multiply(head: Float64Array, given: Float64Array): void {
  const next = (head[GIVEN] === 0 ? 1 : head[GIVEN]!) * given[0]!;
  head[GIVEN] = next;
  if (next >= PRODUCT_LEAST) return;
  head[GIVEN_LOSS] = head[GIVEN_LOSS]! - log(next);
  head[GIVEN] = 1;
}
