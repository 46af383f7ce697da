// How text looks on a terminal. Where there is none, or NO_COLOR is set, it is plain; FORCE_COLOR sets colours all the same.

import { stripVTControlCharacters, styleText } from "node:util";

export type Style = "bold" | "dim" | "red" | "green" | "yellow";

// biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences begin with one.
const ESCAPE = /(\x1b\[[0-9;?]*[A-Za-z])/;

/** Sets the look of a text that is about to be written to a stream. */
export function styled(
  style: Style | readonly Style[],
  text: string,
  stream: NodeJS.WriteStream = process.stdout,
): string {
  return styleText(typeof style === "string" ? style : [...style], text, { stream });
}

/** Counts the places that a text takes. */
export function widthOf(text: string): number {
  return [...stripVTControlCharacters(text)].length;
}

/** Cuts a line off after so many places; what only sets its look stays. */
export function clipped(line: string, columns: number): string {
  let left = columns;
  return line
    .split(ESCAPE)
    .map((piece, i) => {
      // Every second piece is an escape sequence.
      if (i % 2 === 1) return piece;
      const shown = [...piece].slice(0, left);
      left -= shown.length;
      return shown.join("");
    })
    .join("");
}
