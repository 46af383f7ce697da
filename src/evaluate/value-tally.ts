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
/** Weight of the row that is added next; set by who keeps the tally. */
export const ROW_WEIGHT = 16;
export const VALUE_TALLY_LENGTH = 17;

// Positions in a row. Numbers go from function to function in a vector: as arguments the machine would put each on the heap.
export const ROW_LABEL = 0;
export const ROW_PREDICTION = 1;
/** What the baselines predicted, where there was a row before. */
export const ROW_MEAN = 2;
export const ROW_LAST = 3;
export const ROW_LENGTH = 4;

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

/** Adds the row that begins at `rows[at]`. */
export function addValue(tally: Float64Array, rows: Float64Array, at: number, follows: boolean): void {
  const weight = tally[ROW_WEIGHT]!;
  const whole = tally[WEIGHT]! + weight;
  const label = rows[at + ROW_LABEL]!;
  const before = label - tally[MEAN]!;
  const after = tally[MEAN]! + (before * weight) / whole;
  tally[WEIGHT] = whole;
  tally[MEAN] = after;
  tally[SPREAD] = tally[SPREAD]! + weight * before * (label - after);
  addError(tally, ABSOLUTE, rows, at, ROW_PREDICTION);
  if (!follows) return;
  tally[FOLLOWING] = tally[FOLLOWING]! + weight;
  addError(tally, MEAN_ABSOLUTE, rows, at, ROW_MEAN);
  addError(tally, LAST_ABSOLUTE, rows, at, ROW_LAST);
}

/** Gives the mean of the labels so far; 0 before the first. */
export function labelMean(tally: Float64Array): number {
  return tally[MEAN]!;
}

/** Gives the standard deviation of the labels so far; NaN before the first row. */
export function labelDeviation(tally: Float64Array): number {
  return Math.sqrt(tally[SPREAD]! / tally[WEIGHT]!);
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

/** Adds absolute and squared error of one of the row's predictions; the sum of squares stands behind that of the absolute. */
function addError(tally: Float64Array, sums: number, rows: Float64Array, at: number, prediction: number): void {
  const error = rows[at + prediction]! - rows[at + ROW_LABEL]!;
  const weighted = tally[ROW_WEIGHT]! * error;
  add(tally, sums, error < 0 ? -weighted : weighted);
  add(tally, sums + 2, weighted * error);
}

function root(value: number | null): number | null {
  return value === null ? null : Math.sqrt(value);
}
