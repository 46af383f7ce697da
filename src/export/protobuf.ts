// Writes Protocol Buffers (https://protobuf.dev/programming-guides/encoding/): as much of the wire format as an ONNX
// model needs. A message is a list of fields; a field is its number and what it holds.

const VARINT = 0;
const BYTES = 2;

const encoder = new TextEncoder();

/** Is one field, encoded. */
export type Field = Uint8Array;

/** Encodes a whole number, 0 to 2^53. */
export function integer(field: number, value: number): Field {
  return joined([varint(field * 8 + VARINT), varint(value)]);
}

export function text(field: number, value: string): Field {
  return bytes(field, encoder.encode(value));
}

export function bytes(field: number, value: Uint8Array): Field {
  return joined([varint(field * 8 + BYTES), varint(value.length), value]);
}

/** Encodes a message within a message. */
export function message(field: number, fields: readonly Field[]): Field {
  return bytes(field, joined(fields));
}

/** Puts fields together: a message. */
export function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Seven bits a byte, the lowest first; the high bit says that more follow. */
function varint(value: number): Uint8Array {
  if (!Number.isSafeInteger(value) || value < 0) throw new Error(`${value} is no whole number from 0 on`);
  const out: number[] = [];
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) out.push((rest % 128) + 128);
  out.push(rest);
  return Uint8Array.from(out);
}
