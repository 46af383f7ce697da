import type { ByteReader } from "./byte-reader.ts";
import type { ByteWriter } from "./byte-writer.ts";

/** Forms of a column. */
const FORM = { constant: 0, u8: 1, f32: 2, f64: 3, decimal: 4 } as const;
/** Most digits behind the point of a decimal: 10 to that power is exact. */
const DIGITS_MAX = 9;
/** Mantissas up to here are exact. */
const MANTISSA_MAX = 2 ** 50;
const BYTES_MAX = 6;

/** What stands before decimals, at most: digits, bytes, and the least of them. */
const DECIMALS_HEAD_BYTES = 10;

/** Says in what form a column is written, and how many bytes a value takes. */
type Plan = { readonly form: 0 | 1 | 2 | 3; readonly bytes: number } | Decimals;

/** Is a column whose values are all `(least + u) / 10 ** digits`, with whole numbers u of so many bytes. */
interface Decimals {
  readonly form: 4;
  readonly bytes: number;
  readonly digits: number;
  readonly least: number;
}

/** Writes column `i` of a row-major (rows, width) array in the smallest form in which each value survives exactly. */
export function writeColumn(writer: ByteWriter, values: Float64Array, i: number, width: number, rows: number): void {
  const plan = planOf(values, i, width, rows);
  writer.u8(plan.form);
  if ("digits" in plan) writeDecimals(writer, plan, values, i, width, rows);
  else if (plan.form === FORM.constant) writer.f64(values[i] ?? 0);
  else if (plan.form === FORM.u8) writer.u8s(values, i, width, rows);
  else if (plan.form === FORM.f32) writer.f32s(values, i, width, rows);
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
    case FORM.decimal:
      return readDecimals(reader, values, i, width, rows);
    default:
      throw reader.damaged(`a column has the unknown form ${form}`);
  }
}

function planOf(values: Float64Array, i: number, width: number, rows: number): Plan {
  const plan = smallestOf(values, i, width, rows);
  return rows * plan.bytes > 8 && isConstant(values, i, width, rows) ? { form: FORM.constant, bytes: 0 } : plan;
}

function smallestOf(values: Float64Array, i: number, width: number, rows: number): Plan {
  if (fitsU8(values, i, width, rows)) return { form: FORM.u8, bytes: 1 };
  const decimals = decimalsOf(values, i, width, rows);
  const decimalBytes = decimals === null ? Number.POSITIVE_INFINITY : DECIMALS_HEAD_BYTES + rows * decimals.bytes;
  if (decimals !== null && decimalBytes < 4 * rows) return decimals;
  if (fitsF32(values, i, width, rows)) return { form: FORM.f32, bytes: 4 };
  return decimals !== null && decimalBytes < 8 * rows ? decimals : { form: FORM.f64, bytes: 8 };
}

// Each check ends with the first value that does not fit: most columns fail most of them at once.

/** Finds the fewest digits with which all values are decimals. Sensors mostly have two or three. */
function decimalsOf(values: Float64Array, i: number, width: number, rows: number): Decimals | null {
  for (let digits = 0; digits <= DIGITS_MAX; digits++) {
    const power = 10 ** digits;
    let least = Number.POSITIVE_INFINITY;
    let most = Number.NEGATIVE_INFINITY;
    let r = 0;
    for (; r < rows; r++) {
      const value = values[r * width + i]!;
      const mantissa = Math.round(value * power);
      // −0 is a value too, and what is not finite is no decimal.
      if (!(Math.abs(mantissa) <= MANTISSA_MAX) || mantissa / power !== value || Object.is(value, -0)) break;
      if (mantissa < least) least = mantissa;
      if (mantissa > most) most = mantissa;
    }
    if (r < rows) continue;
    for (let bytes = 1; bytes <= BYTES_MAX; bytes++) {
      if (most - least < 256 ** bytes) return { form: FORM.decimal, bytes, digits, least };
    }
    return null;
  }
  return null;
}

function writeDecimals(
  writer: ByteWriter,
  { digits, bytes, least }: Decimals,
  values: Float64Array,
  i: number,
  width: number,
  rows: number,
): void {
  const power = 10 ** digits;
  writer.u8(digits);
  writer.u8(bytes);
  writer.varint(least < 0 ? -2 * least - 1 : 2 * least);
  for (let r = 0; r < rows; r++) writer.whole(Math.round(values[r * width + i]! * power) - least, bytes);
}

function readDecimals(reader: ByteReader, values: Float64Array, i: number, width: number, rows: number): void {
  const digits = reader.u8();
  const bytes = reader.u8();
  const zigzag = reader.varint();
  const least = zigzag % 2 === 1 ? -(zigzag + 1) / 2 : zigzag / 2;
  if (digits > DIGITS_MAX || bytes === 0 || bytes > BYTES_MAX) throw reader.damaged("a column of decimals is none");
  const power = 10 ** digits;
  for (let r = 0; r < rows; r++) {
    let mantissa = least;
    for (let b = 0, scale = 1; b < bytes; b++, scale *= 256) mantissa += scale * reader.u8();
    values[r * width + i] = mantissa / power;
  }
}

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
