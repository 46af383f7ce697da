import { styled, widthOf } from "./style.ts";

/** A cell of a table: numbers are set flush right. A text may have a look. */
export type Cell = string | number | null;

/** Renders rows under headings, in columns as wide as their widest cell. An absent value is a dash. */
export function table(headings: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const text = rows.map((row) => row.map((cell) => (cell === null ? "–" : String(cell))));
  const widths = headings.map((heading, c) => Math.max(heading.length, ...text.map((row) => widthOf(row[c] ?? ""))));
  const right = headings.map((_, c) => rows.some((row) => typeof row[c] === "number"));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, c) => {
        const blanks = " ".repeat(Math.max(0, (widths[c] ?? 0) - widthOf(cell)));
        return right[c] ? `${blanks}${cell}` : `${cell}${blanks}`;
      })
      .join("  ")
      .trimEnd();
  const rule = styled("dim", line(widths.map((width) => "─".repeat(width))));
  return [styled("bold", line(headings)), rule, ...text.map(line)].join("\n");
}

/** Renders a number for people: six significant digits. */
export function short(value: number | null): string {
  if (value === null) return "–";
  if (Number.isInteger(value)) return value.toLocaleString("en-US");
  return String(Number(value.toPrecision(6)));
}

/** Renders a count of bytes for people. */
export function bytes(count: number): string {
  if (count < 1000) return `${count} B`;
  const units = ["kB", "MB", "GB", "TB"];
  let value = count;
  let unit = "B";
  for (const next of units) {
    if (value < 1000) break;
    value /= 1000;
    unit = next;
  }
  return `${value.toFixed(1)} ${unit}`;
}

/** Renders a point in time for people, in local time to the second. */
export function localTime(at: number | string): string {
  const date = new Date(at);
  const two = (value: number) => String(value).padStart(2, "0");
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}
