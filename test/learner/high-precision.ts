// An oracle for the elementary functions: BigInt fixed point with 256 bits below the first one of the result, and
// nothing of `Math` in any value. It takes doubles as what they are exactly and measures an error in ulp, fractions of
// an ulp included.

/** Holds the number mantissa × 2^exponent. */
export interface Exact {
  readonly mantissa: bigint;
  readonly exponent: number;
}

const BITS = 256;
const LN2_BITS = 1600;
const ln2Fixed = 2n * atanhFixed(1n, 3n, LN2_BITS);

const scratch = new DataView(new ArrayBuffer(8));

/** Computes e^x to about 240 bits. */
export function exactExp(x: number): Exact {
  const { fixed, exponent } = expParts(x, BITS + smallness(x));
  return { mantissa: fixed, exponent: exponent - BITS - smallness(x) };
}

/** Computes log x for finite x > 0. */
export function exactLog(x: number): Exact {
  return logOf(exactly(x), BITS);
}

/** Computes log(1 + x) for finite x > −1. */
export function exactLog1p(x: number): Exact {
  const { mantissa, exponent } = exactly(x);
  const bits = Math.max(0, -exponent);
  const sum = exponent < 0 ? (1n << BigInt(bits)) + mantissa : 1n + (mantissa << BigInt(exponent));
  return logOf({ mantissa: sum, exponent: -bits }, BITS + smallness(x));
}

/** Computes tanh x. */
export function exactTanh(x: number): Exact {
  const bits = BITS + smallness(x);
  const one = 1n << BigInt(bits);
  // e^−2000 is 0 in this fixed point; larger arguments would only make the integers unwieldy.
  const { fixed, exponent } = expParts(-2 * Math.min(Math.abs(x), 1000), bits);
  const e = fixed >> BigInt(-exponent);
  const t = ((one - e) << BigInt(bits)) / (one + e);
  return { mantissa: x < 0 ? -t : t, exponent: -bits };
}

/** Computes 1 / (1 + e^−z). */
export function exactSigmoid(z: number): Exact {
  const one = 1n << BigInt(BITS);
  const { fixed, exponent } = expParts(-Math.abs(z), BITS);
  const sum = one + (fixed >> BigInt(-exponent));
  if (z >= 0) return { mantissa: (one << BigInt(BITS)) / sum, exponent: -BITS };
  return { mantissa: (fixed << BigInt(BITS)) / sum, exponent: exponent - BITS };
}

/** Computes cos x for |x| below 2^64. */
export function exactCos(x: number): Exact {
  const bits = BITS + 200;
  const halfPi = 2n * (4n * arctanFixed(5n, bits) - arctanFixed(239n, bits));
  const fixed = toFixed(exactly(x), bits);
  const doubled = 2n * fixed + halfPi;
  const rest = doubled % (2n * halfPi);
  const quarter = (doubled - (rest < 0n ? rest + 2n * halfPi : rest)) / (2n * halfPi);
  const r = fixed - quarter * halfPi;
  const turn = ((quarter % 4n) + 4n) % 4n;
  const isOdd = turn % 2n === 1n;
  // The terms of the series from 1 or r on, each the one before times −r² and two divisions.
  let term = isOdd ? r : 1n << BigInt(bits);
  let sum = 0n;
  const square = (r * r) >> BigInt(bits);
  for (let n = isOdd ? 2n : 1n; term !== 0n && term !== -1n; n += 2n) {
    sum += term;
    term = -((term * square) >> BigInt(bits)) / (n * (n + 1n));
  }
  return { mantissa: turn === 1n || turn === 2n ? -sum : sum, exponent: -bits };
}

/** Computes arctan(1 / n) × 2^bits by its series. */
function arctanFixed(n: bigint, bits: number): bigint {
  let power = (1n << BigInt(bits)) / n;
  let sum = power;
  for (let k = 3n, sign = -1n; power !== 0n; k += 2n, sign = -sign) {
    power /= n * n;
    sum += (sign * power) / k;
  }
  return sum;
}

/**
 * Measures |got − exact| in ulp of the exact value, to 2^-40. Below the normal range an ulp is the least subnormal;
 * Infinity counts as 2^1024, where the next double would be, and is right for everything beyond.
 */
export function ulpError(got: number, exact: Exact): number {
  if (Number.isNaN(got)) return Number.POSITIVE_INFINITY;
  const top = bitLength(exact.mantissa) - 1 + exact.exponent;
  const overflown = got === Infinity || got === -Infinity;
  if (overflown && top >= 1024) return exact.mantissa > 0n === got > 0 ? 0 : Infinity;
  const unit = Math.min(Math.max(top, -1022), 1023) - 52;
  const value = overflown ? { mantissa: got > 0 ? 1n : -1n, exponent: 1024 } : exactly(got);
  const difference = inUnits(value, unit) - inUnits(exact, unit);
  return Math.abs(Number(difference)) / 2 ** 40;
}

/** Measures |got − exact|, to 2^-93. */
export function distance(got: number, exact: Exact): number {
  if (!Number.isFinite(got)) return Number.POSITIVE_INFINITY;
  return Math.abs(Number(inUnits(exactly(got), -53) - inUnits(exact, -53))) / 2 ** 93;
}

/** Takes a finite double apart; nothing is rounded. */
export function exactly(x: number): Exact {
  scratch.setFloat64(0, x);
  const word = scratch.getBigUint64(0);
  const field = Number((word >> 52n) & 0x7ffn);
  const fraction = word & 0xfffffffffffffn;
  const magnitude = field === 0 ? fraction : fraction | (1n << 52n);
  return { mantissa: word >> 63n === 1n ? -magnitude : magnitude, exponent: Math.max(field, 1) - 1075 };
}

/** Computes e^x as fixed × 2^(exponent − bits), with fixed between √½ and √2 or nearly so. */
function expParts(x: number, bits: number): { readonly fixed: bigint; readonly exponent: number } {
  const exponent = Math.round(x / Math.LN2);
  const r = toFixed(exactly(x), bits) - BigInt(exponent) * (ln2Fixed >> BigInt(LN2_BITS - bits));
  // e^r = (e^(r / 256))^256: a shorter series for eight squarings.
  const halvings = 8n;
  const small = r >> halvings;
  let sum = 1n << BigInt(bits);
  let term = sum;
  for (let n = 1n; term !== 0n && term !== -1n; n++) {
    term = (term * small) >> BigInt(bits);
    term /= n;
    sum += term;
  }
  for (let i = 0n; i < halvings; i++) sum = (sum * sum) >> BigInt(bits);
  return { fixed: sum, exponent };
}

/** Computes the logarithm of a positive number as k ln 2 + 2 atanh((m − 1) / (m + 1)), m in [¾, 1½). */
function logOf({ mantissa, exponent }: Exact, bits: number): Exact {
  const length = bitLength(mantissa);
  const isHigh = mantissa >> BigInt(length - 2) === 3n; // 1.5 or more
  const k = length - 1 + exponent + (isHigh ? 1 : 0);
  const scale = length - 1 + (isHigh ? 1 : 0);
  const one = 1n << BigInt(scale);
  const fixed = 2n * atanhFixed(mantissa - one, mantissa + one, bits);
  return { mantissa: BigInt(k) * (ln2Fixed >> BigInt(LN2_BITS - bits)) + fixed, exponent: -bits };
}

/** Computes atanh(numerator / denominator) × 2^bits by its series. */
function atanhFixed(numerator: bigint, denominator: bigint, bits: number): bigint {
  const shift = BigInt(bits);
  const s = (numerator << shift) / denominator;
  const square = (s * s) >> shift;
  let power = s;
  let sum = s;
  for (let n = 3n; power !== 0n && power !== -1n; n += 2n) {
    power = (power * square) >> shift;
    sum += power / n;
  }
  return sum;
}

/** Tells how many bits below 1 the number begins, which a fixed point needs in addition. */
function smallness(x: number): number {
  if (x === 0) return 0;
  const { mantissa, exponent } = exactly(x);
  return Math.max(0, -(bitLength(mantissa) + exponent));
}

function toFixed(value: Exact, bits: number): bigint {
  const shift = value.exponent + bits;
  return shift >= 0 ? value.mantissa << BigInt(shift) : value.mantissa >> BigInt(-shift);
}

function inUnits(value: Exact, unit: number): bigint {
  return toFixed(value, 40 - unit);
}

function bitLength(value: bigint): number {
  const digits = (value < 0n ? -value : value).toString(16);
  return digits.length * 4 - Math.clz32(Number.parseInt(digits[0] ?? "0", 16)) + 28;
}
