import type { ByteReader } from "./byte-reader.ts";
import type { ByteWriter } from "./byte-writer.ts";

/** Forms of a column, from the smallest for many rows to the one that always fits. */
const FORM = { constant: 0, u8: 1, f32: 2, f64: 3 } as const;

/** Writes column `i` of a row-major (rows, width) array in the smallest form in which each value survives exactly. */
export function writeColumn(writer: ByteWriter, values: Float64Array, i: number, width: number, rows: number): void {
  const form = formOf(values, i, width, rows);
  writer.u8(form);
  if (form === FORM.constant) {
    writer.f64(values[i] ?? 0);
    return;
  }
  for (let r = 0; r < rows; r++) {
    const value = values[r * width + i]!;
    if (form === FORM.u8) writer.u8(value);
    else if (form === FORM.f32) writer.f32(value);
    else writer.f64(value);
  }
}

/** Reads what `writeColumn` wrote. Throws `journal-damaged`. */
export function readColumn(reader: ByteReader, values: Float64Array, i: number, width: number, rows: number): void {
  const form = reader.u8();
  switch (form) {
    case FORM.constant: {
      const value = reader.f64();
      for (let r = 0; r < rows; r++) values[r * width + i] = value;
      return;
    }
    case FORM.u8:
      for (let r = 0; r < rows; r++) values[r * width + i] = reader.u8();
      return;
    case FORM.f32:
      for (let r = 0; r < rows; r++) values[r * width + i] = reader.f32();
      return;
    case FORM.f64:
      for (let r = 0; r < rows; r++) values[r * width + i] = reader.f64();
      return;
    default:
      throw reader.damaged(`a column has the unknown form ${form}`);
  }
}

function formOf(values: Float64Array, i: number, width: number, rows: number): number {
  let constant = true;
  let fitsU8 = true;
  let fitsF32 = true;
  for (let r = 0; r < rows; r++) {
    const value = values[r * width + i]!;
    // Object.is, for −0 and NaN are values too.
    if (!Object.is(value, values[i])) constant = false;
    if (fitsU8 && !(value >= 0 && value <= 255 && Object.is(Math.trunc(value), value) && !Object.is(value, -0)))
      fitsU8 = false;
    if (fitsF32 && !Object.is(Math.fround(value), value)) fitsF32 = false;
    if (!constant && !fitsU8 && !fitsF32) return FORM.f64;
  }
  const each = fitsU8 ? 1 : fitsF32 ? 4 : 8;
  if (constant && rows * each > 8) return FORM.constant;
  return fitsU8 ? FORM.u8 : fitsF32 ? FORM.f32 : FORM.f64;
}
