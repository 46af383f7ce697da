// Lines along which a grid of numbers has one value: marching squares, with the ends of each piece found by interpolation.

/** The corners of a cell, from the lower left one round, and the edges between each and the next. */
const PIECES: readonly (readonly (readonly [number, number])[])[] = [
  [],
  [[3, 0]],
  [[0, 1]],
  [[3, 1]],
  [[1, 2]],
  [
    [3, 0],
    [1, 2],
  ],
  [[0, 2]],
  [[3, 2]],
  [[2, 3]],
  [[2, 0]],
  [
    [0, 1],
    [2, 3],
  ],
  [[2, 1]],
  [[1, 3]],
  [[1, 0]],
  [[0, 3]],
  [],
];

/**
 * Finds the pieces of the line where `values` (n, n), row by row, is `level`. Calls `piece` with the ends of each, in cells:
 * whole numbers are places of grid points.
 */
export function contour(
  values: ArrayLike<number>,
  n: number,
  level: number,
  piece: (x1: number, y1: number, x2: number, y2: number) => void,
): void {
  const corners = [0, 0, 0, 0];
  for (let y = 0; y < n - 1; y++) {
    for (let x = 0; x < n - 1; x++) {
      const a = values[y * n + x]! - level;
      const b = values[y * n + x + 1]! - level;
      const c = values[(y + 1) * n + x + 1]! - level;
      const d = values[(y + 1) * n + x]! - level;
      const above = (a >= 0 ? 1 : 0) | (b >= 0 ? 2 : 0) | (c >= 0 ? 4 : 0) | (d >= 0 ? 8 : 0);
      // Most cells are on one side.
      if (above === 0 || above === 15) continue;
      corners[0] = a;
      corners[1] = b;
      corners[2] = c;
      corners[3] = d;
      for (const [from, to] of PIECES[above]!) {
        const [x1, y1] = place(corners, from);
        const [x2, y2] = place(corners, to);
        piece(x + x1, y + y1, x + x2, y + y2);
      }
    }
  }
}

/** Where on an edge the value is 0, from the cell's lower left corner. */
function place(corners: readonly number[], edge: number): readonly [number, number] {
  const from = corners[edge]!;
  const to = corners[(edge + 1) % 4]!;
  const t = from === to ? 0.5 : from / (from - to);
  switch (edge) {
    case 0:
      return [t, 0];
    case 1:
      return [1, t];
    case 2:
      return [1 - t, 1];
    default:
      return [0, 1 - t];
  }
}
