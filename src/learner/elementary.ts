// The elementary functions of the learner. `Math.exp` and its kin differ in the last bits from machine to machine, and
// state must be the same bits everywhere, so these use + − × ÷, floor, abs, comparisons and exact steps of the exponent.
// The order of operations is part of the contract (`numerics` rises with any change of it): polynomials are Horner
// schemes from the highest power down, `a + r * b` is rounded twice, sums are taken as the parentheses say. No step
// depends on a library function, so a vector unit that does the same operations in the same order gets the same bits.
//
// Errors are measured in test/learner/elementary.test.ts. Seen there: exp 0.75 ulp, log 0.76, log1p 0.74, tanh 1.48,
// sigmoid 1.69.

// ln 2 in two parts. The first has 42 bits, so that its product with any exponent (11 bits) is exact.
const LN2_HIGH = 0.6931471805598903;
const LN2_LOW = 5.497923018708371e-14;

// powers[k + POWERS_BIAS] is 2^k, for |k| ≤ POWERS_BIAS; every power of a reduction is the product of two of them.
const POWERS_BIAS = 540;
const powers = powersOfTwo(POWERS_BIAS);

// One double seen as two words of 32 bits; HIGH is the index of the one with sign and exponent.
const scratch = new Float64Array(1);
const words = new Uint32Array(scratch.buffer);
const HIGH = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1 ? 1 : 0;

/**
 * Computes e^x within 1 ulp: overflows to Infinity, underflows gradually to 0.
 *
 * x = k ln 2 + r with |r| ≤ ln 2 / 2 (the reduction of Cody and Waite, Software Manual for the Elementary Functions,
 * 1980, ch. 6), e^r by its Taylor series up to r^13 / 13!, whose remainder is below 0.04 ulp.
 */
export function exp(x: number): number {
  if (!(x > -746 && x < 710)) return x >= 710 ? Infinity : x <= -746 ? 0 : NaN;
  const k = Math.floor(x * Math.LOG2E + 0.5);
  const high = x - k * LN2_HIGH; // exact
  const low = k * LN2_LOW;
  const r = high - low;
  const rest = high - r - low; // what r lost by rounding
  let p = 1 / 6227020800;
  p = 1 / 479001600 + r * p;
  p = 1 / 39916800 + r * p;
  p = 1 / 3628800 + r * p;
  p = 1 / 362880 + r * p;
  p = 1 / 40320 + r * p;
  p = 1 / 5040 + r * p;
  p = 1 / 720 + r * p;
  p = 1 / 120 + r * p;
  p = 1 / 24 + r * p;
  p = 1 / 6 + r * p;
  p = 1 / 2 + r * p;
  // 1 + r is split into its rounded value and what that lost, so that only the last addition rounds noticeably.
  const sum = 1 + r;
  const y = sum + (r - (sum - 1) + (r * r * p + rest));
  // Two factors, because 2^k alone leaves the range at both ends; only a subnormal result is rounded by the second.
  const half = k >> 1;
  return y * powers[half + POWERS_BIAS]! * powers[k - half + POWERS_BIAS]!;
}

/** Computes the natural logarithm within 1 ulp: log 0 is −Infinity, of a negative number NaN. */
export function log(x: number): number {
  if (!(x > 0 && x < Infinity)) return x === 0 ? -Infinity : x > 0 ? x : NaN;
  return logPlus(x, 0);
}

/** Computes log(1 + x) within 1.5 ulp, exact where 1 + x is not: log1p −1 is −Infinity, below it NaN. */
export function log1p(x: number): number {
  if (!(x > -1 && x < Infinity)) return x === -1 ? -Infinity : x > 0 ? x : NaN;
  if (x < 5e-17 && x > -5e-17) return x; // also keeps −0
  const u = 1 + x;
  const lost = x < 1 ? x - (u - 1) : 1 - (u - x); // exact
  return logPlus(u, lost / u);
}

/**
 * Computes tanh x within 2 ulp.
 *
 * Below 0.55 by Lambert's continued fraction x / (1 + z / (3 + z / (5 + …))), z = x², cut after 15 and written as
 * x (1 − z D(z) / (N(z) + z D(z))); its remainder is below 0.01 ulp there. Above by 1 − 2 / (e^2|x| + 1).
 */
export function tanh(x: number): number {
  if (x < 0.55 && x > -0.55) {
    const z = x * x;
    const n = 2027025 + z * (270270 + z * (6930 + z * 36));
    const d = z * (675675 + z * (45045 + z * (594 + z)));
    return x * (1 - d / (n + d));
  }
  const t = 1 - 2 / (exp(2 * Math.abs(x)) + 1);
  return x < 0 ? -t : t;
}

/** Computes 1 / (1 + e^−z) within 2 ulp; e^z / (1 + e^z) below 0, so that neither end overflows or loses its digits. */
export function sigmoid(z: number): number {
  const e = exp(-Math.abs(z));
  return (z < 0 ? e : 1) / (1 + e);
}

/**
 * Computes log x + correction, for finite x > 0 and a correction below half an ulp of 1.
 *
 * x = 2^k (1 + f) with 1 + f in [√½, √2); log(1 + f) = 2 atanh s = f − s (f − R), s = f / (2 + f), where R stands for
 * the terms 2 s²/3 + 2 s⁴/5 + … of the atanh series, cut after s^22 / 23; s f is written as f²/2 − s f²/2.
 */
function logPlus(x: number, correction: number): number {
  const subnormal = x < 2.2250738585072014e-308;
  const y = subnormal ? x * 18014398509481984 : x; // × 2^54, exact
  scratch[0] = y;
  // Adding what is missing from √½ to 1 makes the exponent step at √½ instead of at 1.
  const stored = ((words[HIGH]! + (0x3ff00000 - 0x3fe6a09e)) >>> 20) - 1023;
  const half = stored >> 1;
  const f = y * powers[POWERS_BIAS - half]! * powers[POWERS_BIAS - (stored - half)]! - 1; // exact
  const k = subnormal ? stored - 54 : stored;
  const s = f / (2 + f);
  const z = s * s;
  let p = 2 / 23;
  p = 2 / 21 + z * p;
  p = 2 / 19 + z * p;
  p = 2 / 17 + z * p;
  p = 2 / 15 + z * p;
  p = 2 / 13 + z * p;
  p = 2 / 11 + z * p;
  p = 2 / 9 + z * p;
  p = 2 / 7 + z * p;
  p = 2 / 5 + z * p;
  p = 2 / 3 + z * p;
  const square = 0.5 * f * f;
  const small = s * (square + z * p) + (k * LN2_LOW + correction);
  return k * LN2_HIGH - (square - small - f);
}

function powersOfTwo(bias: number): Float64Array {
  const table = new Float64Array(2 * bias + 1);
  table[bias] = 1;
  for (let k = 1; k <= bias; k++) {
    table[bias + k] = table[bias + k - 1]! * 2;
    table[bias - k] = table[bias - k + 1]! / 2;
  }
  return table;
}
