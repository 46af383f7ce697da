// Turns decimal digits into the nearest double without making a string of them, wherever that can be proved; what it
// returns is what Number() gives for the text. Elsewhere it returns NaN, and the text must do.

/** Most digits of a whole number that is certainly exact in a double. */
export const EXACT_DIGITS_MAX = 15;
/** Largest power of ten that is exact in a double. */
export const EXACT_POWER_MAX = 22;
/** Most digits of which a pair of doubles holds every bit. */
export const PAIR_DIGITS_MAX = 19;

const POWERS = Float64Array.from({ length: EXACT_POWER_MAX + 1 }, (_, power) => Number(`1e${power}`));
const ZERO = 0x30;
const POINT = 0x2e;
/** Cuts a double in two halves of 26 bits (Dekker 1971). */
const SPLITTER = 2 ** 27 + 1;
/** Far above the relative error of a correction, and far below what moves most results. */
const DOUBT = 2 ** -44;

/** Scales a whole number of up to 15 digits by a power of ten. One operation on exact numbers rounds correctly. */
export function scaled(mantissa: number, power: number): number {
  if (power === 0) return mantissa;
  if (power < -EXACT_POWER_MAX || power > EXACT_POWER_MAX) return Number.NaN;
  // https://doi.org/10.1145/93542.93557 (Clinger 1990)
  return power < 0 ? mantissa / POWERS[-power]! : mantissa * POWERS[power]!;
}

/**
 * Scales the up to 19 digits in `bytes[from, to)`, among which a point may stand, by a power of ten that is not positive:
 * a quotient, and a correction from its exact remainder. NaN where the correction is too close to the middle between two
 * doubles to be trusted.
 */
export function scaledPair(bytes: Uint8Array, from: number, to: number, power: number): number {
  if (power < -EXACT_POWER_MAX || power > 0) return Number.NaN;
  let head = 0;
  let tail = 0;
  let tailDigits = 0;
  for (let at = from; at < to; at++) {
    const byte = bytes[at]!;
    if (byte === POINT) continue;
    // Leading zeros leave the head at 0; 15 digits are reached at 1e14.
    if (head < 1e14) head = head * 10 + byte - ZERO;
    else {
      tail = tail * 10 + byte - ZERO;
      tailDigits++;
    }
  }
  const shift = POWERS[tailDigits]!;
  const product = head * shift;
  const high = product + tail;
  // What rounding took from the product and from the sum; all of it are small whole numbers.
  const low = productError(head, shift, product) + (tail - (high - product));
  const divisor = POWERS[-power]!;
  const quotient = high / divisor;
  const back = quotient * divisor;
  const correction = (high - back - productError(quotient, divisor, back) + low) / divisor;
  const value = quotient + correction * (1 - DOUBT);
  return value === quotient + correction * (1 + DOUBT) ? value : Number.NaN;
}

/** Tells what is missing in `product`, the rounded a × b (Dekker 1971). https://doi.org/10.1007/BF01397083 */
function productError(a: number, b: number, product: number): number {
  const aHigh = SPLITTER * a - (SPLITTER * a - a);
  const bHigh = SPLITTER * b - (SPLITTER * b - b);
  const aLow = a - aHigh;
  const bLow = b - bHigh;
  return aLow * bLow - (product - aHigh * bHigh - aLow * bHigh - aHigh * bLow);
}
