// Sums over rows of a regression, from which its metrics follow; weights as in class-tally.ts.

import { add } from "./sum.ts";

// Positions; a sum has its rest beside it.
const WEIGHT = 0;
const ABSOLUTE = 1;
const SQUARE = 3;
/** Mean of the labels, which is no sum: it is not scaled with the others. */
const MEAN = 5;
/** Sum of their squared deviations. */
const SPREAD = 6;
/** Weight of the rows that had one before them. */
const FOLLOWING = 7;
const MEAN_ABSOLUTE = 8;
const MEAN_SQUARE = 10;
const LAST_ABSOLUTE = 12;
const LAST_SQUARE = 14;
export const VALUE_TALLY_LENGTH = 16;

export interface ValueMetrics {
  readonly mae: number | null;
  readonly rmse: number | null;
  readonly r2: number | null;
  /** Mean absolute error of each. */
  readonly baselines: ValueBaselines;
  /** Root of the mean squared error of each. */
  readonly baselinesRmse: ValueBaselines;
}

export interface ValueBaselines {
  readonly mean: number | null;
  readonly lastValue: number | null;
}

/** Adds a row; `mean` and `last` are what the baselines predicted, where there was a row before. */
export function addValue(
  tally: Float64Array,
  weight: number,
  label: number,
  prediction: number,
  mean: number,
  last: number,
  follows: boolean,
): void {
  const whole = tally[WEIGHT]! + weight;
  const before = label - tally[MEAN]!;
  const after = tally[MEAN]! + (before * weight) / whole;
  tally[WEIGHT] = whole;
  tally[MEAN] = after;
  tally[SPREAD] = tally[SPREAD]! + weight * before * (label - after);
  addError(tally, ABSOLUTE, SQUARE, weight, prediction - label);
  if (!follows) return;
  tally[FOLLOWING] = tally[FOLLOWING]! + weight;
  addError(tally, MEAN_ABSOLUTE, MEAN_SQUARE, weight, mean - label);
  addError(tally, LAST_ABSOLUTE, LAST_SQUARE, weight, last - label);
}

/** Gives the mean of the labels so far; 0 before the first. */
export function labelMean(tally: Float64Array): number {
  return tally[MEAN]!;
}

/** Gives the mean absolute error so far; NaN before the first row. */
export function meanAbsoluteError(tally: Float64Array): number {
  return (tally[ABSOLUTE]! + tally[ABSOLUTE + 1]!) / tally[WEIGHT]!;
}

/** Gives the weight of all rows. */
export function valueWeight(tally: Float64Array): number {
  return tally[WEIGHT]!;
}

/** Multiplies all weights. */
export function scaleWeights(tally: Float64Array, by: number): void {
  for (let i = 0; i < VALUE_TALLY_LENGTH; i++) if (i !== MEAN) tally[i] = tally[i]! * by;
}

/** Computes the metrics; what is undefined is null: r2 also where the labels do not vary. */
export function valueMetrics(tally: Float64Array): ValueMetrics {
  const weight = tally[WEIGHT]!;
  const following = tally[FOLLOWING]!;
  const share = (at: number, of: number) => (of === 0 ? null : (tally[at]! + tally[at + 1]!) / of);
  const spread = tally[SPREAD]!;
  return {
    mae: share(ABSOLUTE, weight),
    rmse: root(share(SQUARE, weight)),
    r2: spread > 0 ? 1 - (tally[SQUARE]! + tally[SQUARE + 1]!) / spread : null,
    baselines: { mean: share(MEAN_ABSOLUTE, following), lastValue: share(LAST_ABSOLUTE, following) },
    baselinesRmse: { mean: root(share(MEAN_SQUARE, following)), lastValue: root(share(LAST_SQUARE, following)) },
  };
}

function addError(tally: Float64Array, absolute: number, square: number, weight: number, error: number): void {
  add(tally, absolute, weight * (error < 0 ? -error : error));
  add(tally, square, weight * error * error);
}

function root(value: number | null): number | null {
  return value === null ? null : Math.sqrt(value);
}
