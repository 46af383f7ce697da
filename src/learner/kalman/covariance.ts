// A covariance (N, N) is symmetric: of its squares of 4 × 4 only those on and right of the diagonal are kept, N being filled
// up to whole squares. Four rows that belong to one line of squares follow one another, each from the diagonal's square on.
// The compiled kernels do the same operations in the same order.

import type { Round, Vector } from "../precision.ts";

/** Side of a square. */
export const SQUARE = 4;

/** Fills a number of weights up to whole squares. */
export function filledUp(count: number): number {
  return Math.ceil(count / SQUARE) * SQUARE;
}

/** Counts the numbers of a covariance of `count` weights. */
export function covarianceLength(count: number): number {
  const lines = Math.ceil(count / SQUARE);
  return (SQUARE * SQUARE * lines * (lines + 1)) / 2;
}

/** Makes a covariance that of independent weights of variance 1. */
export function resetCovariance(covariance: Vector, count: number): void {
  covariance.fill(0);
  const filled = filledUp(count);
  let at = 0;
  for (let first = 0; first < filled; first += SQUARE) {
    const width = filled - first;
    for (let r = 0; r < SQUARE; r++) covariance[at + r * width + r] = 1;
    at += SQUARE * width;
  }
}

/** Tells where the entry (i, j) stands, or its mirror image. */
export function entryAt(count: number, i: number, j: number): number {
  const [row, column] = i <= j ? [i, j] : [j, i];
  const filled = filledUp(count);
  const line = Math.floor(row / SQUARE);
  const width = filled - line * SQUARE;
  const before = SQUARE * (line * filled - (SQUARE * line * (line - 1)) / 2);
  return before + (row % SQUARE) * width + (column - line * SQUARE);
}

/**
 * Computes v (N) = P g, and behind it, in v[N], gᵀ v. What is right of the diagonal squares counts twice: for its row, in
 * `lanes` sums that take turns (0 + 1, or (0 + 1) + (2 + 3)), and before that, mirrored, for its column, rows upwards.
 */
export function product(v: Vector, covariance: Vector, g: Vector, filled: number, lanes: 2 | 4, round: Round): void {
  for (let j = 0; j < filled; j++) v[j] = 0;
  const sums = [0, 0, 0, 0];
  let at = 0;
  for (let first = 0; first < filled; first += SQUARE) {
    const width = filled - first;
    for (let r = 0; r < SQUARE; r++) {
      const row = at + r * width;
      sums.fill(0);
      for (let c = 0; c < width; c++) {
        sums[c % lanes] = round(sums[c % lanes]! + round(covariance[row + c]! * g[first + c]!));
      }
      v[first + r] = round(v[first + r]! + combined(sums, lanes, round));
    }
    for (let c = SQUARE; c < width; c++) {
      for (let r = 0; r < SQUARE; r++) {
        v[first + c] = round(v[first + c]! + round(covariance[at + r * width + c]! * g[first + r]!));
      }
    }
    at += SQUARE * width;
  }
  sums.fill(0);
  for (let j = 0; j < filled; j++) sums[j % lanes] = round(sums[j % lanes]! + round(g[j]! * v[j]!));
  v[filled] = combined(sums, lanes, round);
}

function combined(sums: readonly number[], lanes: 2 | 4, round: Round): number {
  const low = round(sums[0]! + sums[1]!);
  return lanes === 2 ? low : round(low + round(sums[2]! + sums[3]!));
}

/**
 * Computes `to` = (1 − ε) (P − u uᵀ) + ε I: what the row taught, and a little of the prior back. Behind u (N) stand 1 − ε and
 * ε. `to` may be P.
 */
export function rankOne(to: Vector, covariance: Vector, u: Vector, filled: number, round: Round): void {
  const keep = u[filled]!;
  const noise = u[filled + 1]!;
  let at = 0;
  for (let first = 0; first < filled; first += SQUARE) {
    const width = filled - first;
    for (let r = 0; r < SQUARE; r++) {
      const row = at + r * width;
      for (let c = 0; c < width; c++) {
        to[row + c] = round(round(covariance[row + c]! - round(u[first + r]! * u[first + c]!)) * keep);
      }
      to[row + r] = round(to[row + r]! + noise);
    }
    at += SQUARE * width;
  }
}
