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
  if (form === FORM.u8) writer.u8s(values, i, width, rows);
  else if (form === FORM.f32) writer.f32s(values, i, width, rows);
  else writer.f64s(values, i, width, rows);
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
  const each = fitsU8(values, i, width, rows) ? 1 : fitsF32(values, i, width, rows) ? 4 : 8;
  if (rows * each > 8 && isConstant(values, i, width, rows)) return FORM.constant;
  return each === 1 ? FORM.u8 : each === 4 ? FORM.f32 : FORM.f64;
}

// Each check ends with the first value that does not fit: most columns fail two of the three at once.

function isConstant(values: Float64Array, i: number, width: number, rows: number): boolean {
  // Object.is, for −0 and NaN are values too.
  for (let r = 1; r < rows; r++) if (!Object.is(values[r * width + i], values[i])) return false;
  return true;
}

function fitsU8(values: Float64Array, i: number, width: number, rows: number): boolean {
  for (let r = 0; r < rows; r++) {
    const value = values[r * width + i]!;
    if (!(value >= 0 && value <= 255 && Math.trunc(value) === value) || Object.is(value, -0)) return false;
  }
  return true;
}

function fitsF32(values: Float64Array, i: number, width: number, rows: number): boolean {
  for (let r = 0; r < rows; r++) {
    const value = values[r * width + i]!;
    if (Math.fround(value) !== value && !Number.isNaN(value)) return false;
  }
  return true;
}
