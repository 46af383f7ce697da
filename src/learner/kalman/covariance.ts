// A covariance (N, N) is symmetric: of its squares of 4 × 4 only those on and right of the diagonal are kept, N being filled
// up to whole squares. Line by line of squares, from the diagonal's on, each row-major. Its numbers are f32, whatever the
// network's are: it says how far a weight may move, not where it is. The compiled kernels do the same operations in the same
// order.

/** Side of a square. */
export const SQUARE = 4;
const SQUARE_NUMBERS = SQUARE * SQUARE;

/** What stands behind v (N): after a product gᵀ v and vᵀ v; for an update 1 − ε, ε and c. */
export const SPREAD = 0;
export const NORM = 1;
export const KEEP = 0;
export const NOISE = 1;
export const SHARE = 2;

/** Fills a number of weights up to whole squares. */
export function filledUp(count: number): number {
  return Math.ceil(count / SQUARE) * SQUARE;
}

/** Counts the numbers of a covariance of `count` weights. */
export function covarianceLength(count: number): number {
  const lines = Math.ceil(count / SQUARE);
  return (SQUARE_NUMBERS * lines * (lines + 1)) / 2;
}

/** Makes a covariance that of independent weights of variance 1. */
export function resetCovariance(covariance: Float32Array, count: number): void {
  covariance.fill(0);
  for (let i = 0; i < filledUp(count); i++) covariance[entryAt(count, i, i)] = 1;
}

/** Tells where the entry (i, j) stands, or its mirror image left of the diagonal squares. */
export function entryAt(count: number, i: number, j: number): number {
  const [line, column] = [Math.floor(i / SQUARE), Math.floor(j / SQUARE)];
  if (line > column) return entryAt(count, j, i);
  const lines = Math.ceil(count / SQUARE);
  const square = line * lines - (line * (line - 1)) / 2 + column - line;
  return square * SQUARE_NUMBERS + (i % SQUARE) * SQUARE + (j % SQUARE);
}

/**
 * Computes v (N) = P g, and behind it gᵀ v and vᵀ v. What is right of the diagonal squares counts twice: for its row, in 4
 * sums that take turns ((0 + 1) + (2 + 3)), and before that, mirrored, for its column, rows upwards.
 */
export function product(v: Float32Array, covariance: Float32Array, g: Float32Array, filled: number): void {
  v.fill(0, 0, filled);
  const sums = new Float32Array(SQUARE_NUMBERS);
  let at = 0;
  for (let first = 0; first < filled; first += SQUARE) {
    sums.fill(-0);
    for (let column = first; column < filled; column += SQUARE) {
      for (let r = 0; r < SQUARE; r++) {
        for (let c = 0; c < SQUARE; c++) {
          const entry = covariance[at + SQUARE * r + c]!;
          sums[SQUARE * r + c] = sums[SQUARE * r + c]! + Math.fround(entry * g[column + c]!);
          if (column > first) v[column + c] = v[column + c]! + Math.fround(entry * g[first + r]!);
        }
      }
      at += SQUARE_NUMBERS;
    }
    for (let r = 0; r < SQUARE; r++) v[first + r] = v[first + r]! + combined(sums, SQUARE * r);
  }
  v[filled + SPREAD] = inTurns(g, v, filled);
  v[filled + NORM] = inTurns(v, v, filled);
}

/** Multiplies two vectors, in 4 sums that take turns. */
function inTurns(a: Float32Array, b: Float32Array, count: number): number {
  const sums = new Float32Array(SQUARE);
  for (let j = 0; j < count; j++) sums[j % SQUARE] = sums[j % SQUARE]! + Math.fround(a[j]! * b[j]!);
  return combined(sums, 0);
}

function combined(sums: Float32Array, from: number): number {
  return Math.fround(Math.fround(sums[from]! + sums[from + 1]!) + Math.fround(sums[from + 2]! + sums[from + 3]!));
}

/**
 * Computes `to` = (1 − ε) (P − c v vᵀ) + ε I: what the row taught, and a little of the prior back. Behind v (N) stand 1 − ε,
 * ε and c. `to` may be P.
 */
export function rankOne(to: Float32Array, covariance: Float32Array, v: Float32Array, filled: number): void {
  const [keep, noise, share] = [v[filled + KEEP]!, v[filled + NOISE]!, v[filled + SHARE]!];
  let at = 0;
  for (let first = 0; first < filled; first += SQUARE) {
    for (let column = first; column < filled; column += SQUARE) {
      for (let r = 0; r < SQUARE; r++) {
        const factor = Math.fround(share * v[first + r]!);
        for (let c = 0; c < SQUARE; c++) {
          const entry = at + SQUARE * r + c;
          const taught = Math.fround(covariance[entry]! - Math.fround(factor * v[column + c]!));
          to[entry] = Math.fround(taught * keep) + (column === first && c === r ? noise : 0);
        }
      }
      at += SQUARE_NUMBERS;
    }
  }
}
