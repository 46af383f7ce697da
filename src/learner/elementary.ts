// The elementary functions of the learner. `Math.exp` and its kin differ in the last bits from machine to machine, and
// state must be the same bits everywhere, so these use + − × ÷, abs, comparisons and exact steps of the exponent.
// The order of operations is part of the contract (`numerics` rises with any change of it): `a + r * b` is rounded
// twice, sums are taken from the left or as the parentheses say. No step depends on a library function, so a vector unit
// that does the same operations in the same order gets the same bits: wasm/elementary.ts.
//
// Errors are measured in test/learner/elementary.test.ts. Seen there: exp 0.75 ulp, log 0.76, log1p 0.74, tanh 1.48,
// sigmoid 1.69.

// ln 2 in two parts. The first has 42 bits, so that its product with any exponent (11 bits) is exact.
export const LN2_HIGH = 0.6931471805598903;
export const LN2_LOW = 5.497923018708371e-14;

// powers[k + POWERS_BIAS] is 2^k, for |k| ≤ POWERS_BIAS; every power of a reduction is the product of two of them.
const POWERS_BIAS = 540;
const powers = powersOfTwo(POWERS_BIAS);

/** Adding and taking it off rounds to the nearest integer; what is added stands in its low bits (|k| < 2^51). */
export const SHIFTER = 6755399441055744;
/** Bounds beyond which e^x is 0 or Infinity. */
export const EXP_LEAST = -746;
export const EXP_MOST = 710;
type TenCoefficients = readonly [number, number, number, number, number, number, number, number, number, number];
/** Of r² upwards. */
export const EXP_COEFFICIENTS: TenCoefficients = [
  0.5000000000000011, 0.16666666666666413, 0.04166666666653016, 0.008333333333494468, 0.001388888894362999,
  0.00019841269506564, 2.4801493099030417e-5, 2.7557586388429143e-6, 2.7630248336116406e-7, 2.5000056604513257e-8,
];
/** Of z upwards. */
export const LOG1P_COEFFICIENTS: TenCoefficients = [
  0.6666666666666631, 0.40000000000155117, 0.2857142854811801, 0.22222223953645964, 0.1818174447908816,
  0.15386548392531424, 0.13301121377796743, 0.12104944949297902, 0.08344971123619288, 0.17009757679670076,
];
/** Of z downwards from z^10. */
export const LOG_COEFFICIENTS = [
  2 / 23,
  2 / 21,
  2 / 19,
  2 / 17,
  2 / 15,
  2 / 13,
  2 / 11,
  2 / 9,
  2 / 7,
  2 / 5,
  2 / 3,
] as const;

/** Bound of what a cosine is computed of; of numbers beyond it is that of the bound. */
export const COS_MOST = 1e6;
export const INVERSE_PI = 0.3183098861837907;
/** Of z upwards, from z on: cos π√z = 1 + z p(z). */
export const COS_COEFFICIENTS = [
  -4.934802200544677, 4.058712126416545, -1.3352627688446645, 0.23533063014598704, -0.025806888862681114,
  0.0019295568179085103, -0.00010456780740967368, 4.150750240995861e-6,
] as const;

const [C0, C1, C2, C3, C4, C5, C6, C7] = COS_COEFFICIENTS;
const [E0, E1, E2, E3, E4, E5, E6, E7, E8, E9] = EXP_COEFFICIENTS;
const [L0, L1, L2, L3, L4, L5, L6, L7, L8, L9] = LOG1P_COEFFICIENTS;
const [G0, G1, G2, G3, G4, G5, G6, G7, G8, G9, G10] = LOG_COEFFICIENTS;

// One double seen as two words of 32 bits; HIGH is the index of the one with sign and exponent.
const scratch = new Float64Array(1);
const words = new Uint32Array(scratch.buffer);
const HIGH = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1 ? 1 : 0;

/**
 * Computes e^x within 1 ulp: overflows to Infinity, underflows gradually to 0.
 *
 * x = k ln 2 + r with |r| ≤ ln 2 / 2 (the reduction of Cody and Waite, Software Manual for the Elementary Functions,
 * 1980, ch. 6); e^r = 1 + r + r² p(r), where p has degree 9 and the least relative error there, 0.033 ulp (Remez).
 */
export function exp(x: number): number {
  const bounded = x < EXP_LEAST ? EXP_LEAST : x > EXP_MOST ? EXP_MOST : x; // NaN stays
  const k = bounded * Math.LOG2E + SHIFTER - SHIFTER;
  const high = bounded - k * LN2_HIGH; // exact
  const low = k * LN2_LOW;
  const r = high - low;
  const rest = high - r - low; // what r lost by rounding
  const r2 = r * r;
  const r4 = r2 * r2;
  // Estrin's scheme: half the latency of Horner's, which a mini-batch of one row waits for.
  const p = E0 + E1 * r + (E2 + E3 * r) * r2 + (E4 + E5 * r + (E6 + E7 * r) * r2) * r4 + (E8 + E9 * r) * (r4 * r4);
  // 1 + r is split into its rounded value and what that lost, so that only the last addition rounds noticeably.
  const sum = 1 + r;
  const y = sum + (r - (sum - 1) + (r2 * p + rest));
  // Two factors, because 2^k alone leaves the range at both ends; only a subnormal result is rounded by the second.
  const half = k >> 1;
  return y * powers[half + POWERS_BIAS]! * powers[k - half + POWERS_BIAS]!;
}

/** Computes the natural logarithm within 1 ulp: log 0 is −Infinity, of a negative number NaN. */
export function log(x: number): number {
  if (!(x > 0 && x < Infinity)) return x === 0 ? -Infinity : x > 0 ? x : NaN;
  return logOfFinite(x);
}

/**
 * Computes log(1 + x) within 1 ulp for x in [0, 1], all that a loss asks for; NaN stays.
 *
 * log(1 + x) = 2 atanh s = x − s (x − R), s = x / (2 + x) ≤ ⅓; R = z p(z), z = s², where p has degree 9 and the least
 * error of the whole there, 0.012 ulp (Remez); s x is written as x²/2 − s x²/2.
 */
export function log1p(x: number): number {
  const s = x / (2 + x);
  const z = s * s;
  const z2 = z * z;
  const z4 = z2 * z2;
  const p = L0 + L1 * z + (L2 + L3 * z) * z2 + (L4 + L5 * z + (L6 + L7 * z) * z2) * z4 + (L8 + L9 * z) * (z4 * z4);
  const square = 0.5 * x * x;
  return x - (square - s * (square + z * p));
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
 * Computes cos x for |x| ≤ COS_MOST, to 3 · 10⁻¹⁶ (1 + |x|): of features, which have no zeros to keep the digits of.
 *
 * x = (k + r) π with |r| ≤ ½, r being exact but for what x / π lost by rounding; cos rπ = 1 + z p(z), z = r², where p has degree
 * 7 and the least error, 4 · 10⁻¹⁸ (Remez). Never beyond 1.
 */
export function cos(x: number): number {
  const bounded = x < -COS_MOST ? -COS_MOST : x > COS_MOST ? COS_MOST : x; // NaN stays
  const halves = bounded * INVERSE_PI;
  const k = halves + SHIFTER - SHIFTER;
  const r = halves - k;
  const z = r * r;
  const y = 1 + z * (C0 + z * (C1 + z * (C2 + z * (C3 + z * (C4 + z * (C5 + z * (C6 + z * C7)))))));
  return (k & 1) === 0 ? y : -y;
}

/**
 * Computes log x for finite x > 0.
 *
 * x = 2^k (1 + f) with 1 + f in [√½, √2); log(1 + f) = 2 atanh s = f − s (f − R), s = f / (2 + f), where R stands for
 * the terms 2 s²/3 + 2 s⁴/5 + … of the atanh series, cut after s^22 / 23; s f is written as f²/2 − s f²/2.
 */
function logOfFinite(x: number): number {
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
  let p = G0;
  p = G1 + z * p;
  p = G2 + z * p;
  p = G3 + z * p;
  p = G4 + z * p;
  p = G5 + z * p;
  p = G6 + z * p;
  p = G7 + z * p;
  p = G8 + z * p;
  p = G9 + z * p;
  p = G10 + z * p;
  const square = 0.5 * f * f;
  const small = s * (square + z * p) + k * LN2_LOW;
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
