// The elementary functions, on pairs: the same operations in the same order as ../elementary.ts, which says why each.

import {
  COS_COEFFICIENTS,
  COS_MOST,
  EXP_COEFFICIENTS,
  EXP_LEAST,
  INVERSE_PI,
  LN2_HIGH,
  LN2_LOW,
  LOG_COEFFICIENTS,
  LOG1P_COEFFICIENTS,
  SHIFTER,
} from "../elementary.ts";
import type { Pairs, PairUnit } from "./pairs.ts";

/** The least power of two that is no subnormal number when multiplied by a number from 0.7 to 1.5. */
const POWER_LEAST = -1021;
const EXPONENT_AT = 52;
const EXPONENT_BIAS = 1023n;
/** What is missing from √½ to 1, in the bits of a double. */
const HALF_ROOT_TO_ONE = (0x3ff00000n - 0x3fe6a09en) << 32n;
/** The bits of SHIFTER. */
const SHIFTER_BITS = 0x4338000000000000n;
/** tanh of more than half of this is 1. */
const TANH_EXP_MOST = 44;

/** Computes e^x, for x ≤ 709. */
export function exp(u: PairUnit, argument: Pairs): Pairs {
  const x = u.pmax(argument, EXP_LEAST);
  const shifted = u.add(u.mul(x, Math.LOG2E), SHIFTER);
  const power = u.sub(shifted, SHIFTER);
  const high = u.sub(x, u.mul(power, LN2_HIGH));
  const low = u.mul(power, LN2_LOW);
  const r = u.sub(high, low);
  const rest = u.sub(u.sub(high, r), low);
  const r2 = u.mul(r, r);
  const p = u.polynomialOf9(r, r2, EXP_COEFFICIENTS);
  const sum = u.add(1, r);
  const y = u.add(sum, u.add(u.sub(r, u.sub(sum, 1)), u.add(u.mul(r2, p), rest)));
  // 2^n of an n in the low bits of n + SHIFTER.
  const scale = (shiftedPower: Pairs) => u.shiftLeft(u.addInteger(shiftedPower, EXPONENT_BIAS), EXPONENT_AT);
  const { code } = u;
  const results = y.map((pair) => code.variable("v128", pair));
  const assign = (pairs: Pairs) => {
    for (const [i, result] of results.entries()) code.assign(result, pairs[i] ?? result.value);
  };
  code.when(
    u.anyTrue(u.lt(power, POWER_LEAST)),
    () => {
      const first = u.pmax(power, POWER_LEAST);
      const inRange = u.mul(y, scale(u.add(first, SHIFTER)));
      assign(u.mul(inRange, scale(u.add(u.sub(power, first), SHIFTER))));
    },
    () => assign(u.mul(y, scale(shifted))),
  );
  return results.map(({ value }) => value);
}

/** Computes log(1 + x), for x in [0, 1]. */
export function log1p(u: PairUnit, x: Pairs): Pairs {
  const s = u.div(x, u.add(2, x));
  const z = u.mul(s, s);
  const p = u.polynomialOf9(z, u.mul(z, z), LOG1P_COEFFICIENTS);
  const square = u.mul(u.mul(0.5, x), x);
  return u.sub(x, u.sub(square, u.mul(s, u.add(square, u.mul(z, p)))));
}

/** Computes log x, for x in [1, 2^1000). */
export function log(u: PairUnit, x: Pairs): Pairs {
  const exponent = u.shiftRight(u.addInteger(x, HALF_ROOT_TO_ONE), EXPONENT_AT);
  const inverse = u.shiftLeft(u.subFromInteger(2n * EXPONENT_BIAS, exponent), EXPONENT_AT);
  const f = u.sub(u.mul(x, inverse), 1);
  const power = u.sub(u.addInteger(exponent, SHIFTER_BITS), SHIFTER + Number(EXPONENT_BIAS));
  const s = u.div(f, u.add(2, f));
  const z = u.mul(s, s);
  const p = u.horner(z, LOG_COEFFICIENTS);
  const square = u.mul(u.mul(0.5, f), f);
  const small = u.add(u.mul(s, u.add(square, u.mul(z, p))), u.mul(power, LN2_LOW));
  return u.sub(u.mul(power, LN2_HIGH), u.sub(u.sub(square, small), f));
}

/** Computes 1 / (1 + e^−z), and e^−|z| on the way. */
export function sigmoid(u: PairUnit, z: Pairs): { readonly a: Pairs; readonly e: Pairs } {
  const e = exp(u, u.negatedMagnitude(z));
  return { a: u.div(u.select(u.lt(z, 0), e, 1), u.add(1, e)), e };
}

/** Computes tanh x. */
export function tanh(u: PairUnit, x: Pairs): Pairs {
  const magnitude = u.abs(x);
  const z = u.mul(x, x);
  const n = u.horner(z, [36, 6930, 270270, 2027025]);
  const d = u.mul(z, u.horner(z, [1, 594, 45045, 675675]));
  const near = u.mul(x, u.sub(1, u.div(d, u.add(n, d))));
  const e = exp(u, u.pmin(u.mul(2, magnitude), TANH_EXP_MOST));
  const far = u.sub(1, u.div(2, u.add(e, 1)));
  const signed = u.select(u.lt(x, 0), u.neg(far), far);
  return u.select(u.lt(magnitude, 0.55), near, signed);
}

/** Computes cos x. */
export function cos(u: PairUnit, argument: Pairs): Pairs {
  const x = u.pmin(u.pmax(argument, -COS_MOST), COS_MOST);
  const halves = u.mul(x, INVERSE_PI);
  const shifted = u.add(halves, SHIFTER);
  const r = u.sub(halves, u.sub(shifted, SHIFTER));
  const z = u.mul(r, r);
  const y = u.add(1, u.mul(z, u.horner(z, COS_DOWNWARDS)));
  // k stands in the low bits: odd ones are negative.
  return u.xor(y, u.shiftLeft(shifted, 63));
}

const COS_DOWNWARDS = [...COS_COEFFICIENTS].reverse();
