// A row as text: as it is kept, and as it is sent.

import { RivuletError } from "../error.ts";
import type { Numbering } from "./outbox-frames.ts";
import type { UnderWay } from "./window.ts";

/** Is a sample: features and label by name, and maybe `weight`, `ts`, `id`. What is no finite number is missing. */
export type Row = Readonly<Record<string, number | string | boolean | null>>;

/** Bytes of a row's JSON. */
const ROW_BYTES_MAX = 65_536;
const NUMBER_FIELDS: readonly string[] = ["source", "epoch", "seq"];

/** Writes a row as it is kept and sent, without its number. Throws `usage`, `too-large`. */
export function textOf(row: Row): string {
  for (const [name, value] of Object.entries(row)) {
    if (NUMBER_FIELDS.includes(name)) {
      throw new RivuletError("usage", `a row has the field ${name}: the outbox numbers rows itself`);
    }
    // A list would be a column, and have more numbers than one.
    if (value === null || ["number", "string", "boolean", "undefined"].includes(typeof value)) continue;
    throw new RivuletError("usage", `the field ${name} is no number, text, true, false or null`);
  }
  const text = JSON.stringify(row);
  if (text === "{}") throw new RivuletError("usage", "a row has no fields");
  if (text.length > ROW_BYTES_MAX / 4 && Buffer.byteLength(text) > ROW_BYTES_MAX) {
    throw new RivuletError("too-large", `a row is longer than ${ROW_BYTES_MAX} bytes`);
  }
  return text;
}

/** Writes a message as it is sent, with its number. */
export function payloadOf({ source, epoch }: Numbering, { seq, rows, text }: UnderWay): string {
  const number = `"source":"${source}","epoch":"${epoch}","seq":${seq}`;
  if (text !== null) return `${text.slice(0, -1)},${number}}`;
  // Rows without features and label are refused, and what is refused is settled.
  return `{${number},"weight":[${new Array(rows).fill(1).join()}]}`;
}
