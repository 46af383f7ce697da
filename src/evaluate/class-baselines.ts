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
// Of what a baseline gave the labels, the product, and the loss of what was taken out of it.
const MAJORITY_GIVEN = 2;
const MAJORITY_LOSS = 3;
const LOGISTIC_GIVEN = 4;
const LOGISTIC_LOSS = 5;
const HEAD = 6;

// Positions in what the baselines gave the label of a row.
const MAJORITY = 0;
const LOGISTIC = 1;

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
  readonly #given = new Float64Array(2);

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
    const given = this.#given;
    const rows = head[ROWS]!;
    const seen = labels[label]!;
    let rights = MAJORITY_RIGHT * same(majorityOf(labels), label);
    // Laplace's rule of succession: a class that has not been seen yet is not impossible.
    given[MAJORITY] = (seen + 1) / (rows + labels.length);
    give(head, MAJORITY_GIVEN, MAJORITY_LOSS, given, MAJORITY);
    if (rows > 0) rights |= FOLLOWS | (LAST_RIGHT * same(head[LAST_LABEL]! | 0, label));
    if (this.#logistic !== null) {
      rights |= LOGISTIC_RIGHT * this.#logistic.score(x, xAt, label, given, LOGISTIC);
      give(head, LOGISTIC_GIVEN, LOGISTIC_LOSS, given, LOGISTIC);
    }
    labels[label] = seen + 1;
    head[LAST_LABEL] = label;
    head[ROWS] = rows + 1;
    return rights;
  }

  /** Computes the log losses over all rows; the last class is always sure, and `lastClass` says how often it was right. */
  logLoss({ lastClass }: ClassBaselines): ClassBaselines {
    const head = this.#head;
    const rows = head[ROWS]!;
    const mean = (given: number, loss: number) => (rows > 0 ? (head[loss]! - log(head[given]!)) / rows : null);
    return {
      majority: mean(MAJORITY_GIVEN, MAJORITY_LOSS),
      lastClass: lastClass === null ? null : lastClass * LOSS_RIGHT + (1 - lastClass) * LOSS_WRONG,
      logistic: this.#logistic === null ? null : mean(LOGISTIC_GIVEN, LOGISTIC_LOSS),
    };
  }
}

/** Tells the label that most rows had, the least of several; 0 before the first row. */
function majorityOf(labels: Float64Array): number {
  let best = 0;
  for (let k = 1; k < labels.length; k++) if (labels[k]! > labels[best]!) best = k;
  return best;
}

/** Multiplies in what a baseline gave the label. */
function give(head: Float64Array, product: number, loss: number, given: Float64Array, at: number): void {
  const next = (head[product] === 0 ? 1 : head[product]!) * given[at]!;
  head[product] = next;
  if (next >= PRODUCT_LEAST) return;
  head[loss] = head[loss]! - log(next);
  head[product] = 1;
}
