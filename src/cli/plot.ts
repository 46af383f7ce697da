/** Dots of a braille character, by row and column: (4, 2). */
const DOTS = [
  [0x01, 0x08],
  [0x02, 0x10],
  [0x04, 0x20],
  [0x40, 0x80],
] as const;
const BRAILLE = 0x2800;

const WIDTH = 64;
const WIDTH_MIN = 8;
const WIDTH_MAX = 240;
const HEIGHT = 8;
/** Places on the left that the range takes. */
export const PLOT_LABEL_COLUMNS = 12;
/** Points that a plot shows: two a character. */
export const PLOT_COLUMNS = 2 * WIDTH;

/** Tells how many characters wide a plot on the standard output is: as the terminal, or 64 where there is none. */
export function plotWidth({ isTTY, columns }: Pick<NodeJS.WriteStream, "isTTY" | "columns"> = process.stdout): number {
  if (!isTTY) return WIDTH;
  return Math.max(WIDTH_MIN, Math.min(WIDTH_MAX, columns - PLOT_LABEL_COLUMNS));
}

/**
 * Draws a curve in braille dots, `width` × `height` characters, with its range on the left. Points that are null or
 * not finite leave a hole.
 */
export function plot(values: readonly (number | null)[], width = WIDTH, height = HEIGHT): string {
  const finite = values.filter((value): value is number => value !== null && Number.isFinite(value));
  if (finite.length === 0) return "(nothing to draw yet)";
  const low = Math.min(...finite);
  const high = Math.max(...finite);
  const span = high > low ? high - low : 1;
  const rows = height * 4;
  const grid = Array.from({ length: height }, () => new Uint8Array(width));
  const dot = (column: number, row: number) => {
    const line = grid[row >> 2];
    const character = column >> 1;
    if (line !== undefined) line[character] = (line[character] ?? 0) | (DOTS[row & 3]?.[column & 1] ?? 0);
  };
  let before: number | null = null;
  for (let column = 0; column < width * 2; column++) {
    const value = values[Math.floor((column * values.length) / (width * 2))];
    if (value === null || value === undefined || !Number.isFinite(value)) {
      before = null;
      continue;
    }
    const row = Math.round(((high - value) / span) * (rows - 1));
    // A steep piece of the curve is drawn as an upright line, so that it does not fall apart into dots.
    for (let at = Math.min(row, before ?? row); at <= Math.max(row, before ?? row); at++) dot(column, at);
    before = row;
  }
  const label = (value: number) => value.toPrecision(4).padStart(10);
  return grid
    .map((line, r) => {
      const text = [...line].map((dots) => String.fromCharCode(BRAILLE + dots)).join("");
      return `${r === 0 ? label(high) : r === height - 1 ? label(low) : " ".repeat(10)} ┤${text}`;
    })
    .join("\n");
}
