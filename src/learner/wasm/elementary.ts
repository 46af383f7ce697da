// The elementary functions, two at a time: the same operations in the same order as ../elementary.ts, which says why each.

import {
  EXP_COEFFICIENTS,
  EXP_LEAST,
  LN2_HIGH,
  LN2_LOW,
  LOG_COEFFICIENTS,
  LOG1P_COEFFICIENTS,
  SHIFTER,
} from "../elementary.ts";
import { type Code, i32, op, type Value } from "./assembler.ts";
import type { Constants } from "./constants.ts";

/** The least power of two that is no subnormal number when multiplied by a number from 0.7 to 1.5. */
const POWER_LEAST = -1021;
const EXPONENT_BITS_AT = 52;
const EXPONENT_BIAS = 1023n;
/** What is missing from √½ to 1, in the bits of a double. */
const HALF_ROOT_TO_ONE = (0x3ff00000n - 0x3fe6a09en) << 32n;
/** The bits of SHIFTER. */
const SHIFTER_BITS = 0x4338000000000000n;

const add = (a: Value, b: Value) => op("f64x2.add", a, b);
const sub = (a: Value, b: Value) => op("f64x2.sub", a, b);
const mul = (a: Value, b: Value) => op("f64x2.mul", a, b);
const div = (a: Value, b: Value) => op("f64x2.div", a, b);

/** Computes c₀ + c₁ x + … + c₉ x⁹ by Estrin's scheme. */
function polynomialOf9(code: Code, k: Constants, x: Value, x2: Value, coefficients: readonly number[]): Value {
  const x4 = code.keep("v128", mul(x2, x2));
  const c = (i: number) => k.f64(coefficients[i] ?? Number.NaN);
  const pair = (i: number) => add(c(i), mul(c(i + 1), x));
  const low = add(pair(0), mul(pair(2), x2));
  const middle = add(pair(4), mul(pair(6), x2));
  return add(add(low, mul(middle, x4)), mul(pair(8), mul(x4, x4)));
}

/** Computes e^x of both lanes, for x ≤ 709. */
export function exp(code: Code, k: Constants, argument: Value): Value {
  const x = code.keep("v128", op("f64x2.pmax", argument, k.f64(EXP_LEAST)));
  const shifted = code.keep("v128", add(mul(x, k.f64(Math.LOG2E)), k.f64(SHIFTER)));
  const power = code.keep("v128", sub(shifted, k.f64(SHIFTER)));
  const high = code.keep("v128", sub(x, mul(power, k.f64(LN2_HIGH))));
  const low = code.keep("v128", mul(power, k.f64(LN2_LOW)));
  const r = code.keep("v128", sub(high, low));
  const rest = sub(sub(high, r), low);
  const r2 = code.keep("v128", mul(r, r));
  const p = polynomialOf9(code, k, r, r2, EXP_COEFFICIENTS);
  const sum = code.keep("v128", add(k.f64(1), r));
  const y = code.variable("v128", add(sum, add(sub(r, sub(sum, k.f64(1))), add(mul(r2, p), rest))));
  // 2^n of an n in the low bits of n + SHIFTER.
  const scale = (shiftedPower: Value) =>
    op("i64x2.shl", op("i64x2.add", shiftedPower, k.i64(EXPONENT_BIAS)), i32(EXPONENT_BITS_AT));
  code.when(
    op("v128.any_true", op("f64x2.lt", power, k.f64(POWER_LEAST))),
    () => {
      const first = code.keep("v128", op("f64x2.pmax", power, k.f64(POWER_LEAST)));
      const second = sub(power, first);
      const inRange = mul(y.value, scale(add(first, k.f64(SHIFTER))));
      code.assign(y, mul(inRange, scale(add(second, k.f64(SHIFTER)))));
    },
    () => code.assign(y, mul(y.value, scale(shifted))),
  );
  return y.value;
}

/** Computes log(1 + x) of both lanes, for x in [0, 1]. */
export function log1p(code: Code, k: Constants, x: Value): Value {
  const s = code.keep("v128", div(x, add(k.f64(2), x)));
  const z = code.keep("v128", mul(s, s));
  const z2 = code.keep("v128", mul(z, z));
  const p = polynomialOf9(code, k, z, z2, LOG1P_COEFFICIENTS);
  const square = code.keep("v128", mul(mul(k.f64(0.5), x), x));
  return sub(x, sub(square, mul(s, add(square, mul(z, p)))));
}

/** Computes log x of both lanes, for x in [1, 2^1000). */
export function log(code: Code, k: Constants, x: Value): Value {
  const exponent = code.keep(
    "v128",
    op("i64x2.shr_u", op("i64x2.add", x, k.i64(HALF_ROOT_TO_ONE)), i32(EXPONENT_BITS_AT)),
  );
  const inverse = op("i64x2.shl", op("i64x2.sub", k.i64(2n * EXPONENT_BIAS), exponent), i32(EXPONENT_BITS_AT));
  const f = code.keep("v128", sub(mul(x, inverse), k.f64(1)));
  const power = code.keep(
    "v128",
    sub(op("i64x2.add", exponent, k.i64(SHIFTER_BITS)), k.f64(SHIFTER + Number(EXPONENT_BIAS))),
  );
  const s = code.keep("v128", div(f, add(k.f64(2), f)));
  const z = code.keep("v128", mul(s, s));
  let p = k.f64(LOG_COEFFICIENTS[0] ?? Number.NaN);
  for (const coefficient of LOG_COEFFICIENTS.slice(1)) p = add(k.f64(coefficient), mul(z, p));
  const square = code.keep("v128", mul(mul(k.f64(0.5), f), f));
  const small = add(mul(s, add(square, mul(z, p))), mul(power, k.f64(LN2_LOW)));
  return sub(mul(power, k.f64(LN2_HIGH)), sub(sub(square, small), f));
}

/** Computes 1 / (1 + e^−z) of both lanes from e = e^−|z|. */
export function sigmoidOf(k: Constants, z: Value, e: Value): Value {
  const numerator = op("v128.bitselect", e, k.f64(1), op("f64x2.lt", z, k.f64(0)));
  return div(numerator, add(k.f64(1), e));
}

/** Computes −|z| of both lanes. */
export function negativeMagnitude(z: Value): Value {
  return op("f64x2.neg", op("f64x2.abs", z));
}

/** Computes tanh of both lanes. */
export function tanh(code: Code, k: Constants, x: Value): Value {
  const magnitude = code.keep("v128", op("f64x2.abs", x));
  const z = code.keep("v128", mul(x, x));
  const horner = (...coefficients: readonly number[]) =>
    coefficients.slice(1).reduce((sum, c) => add(k.f64(c), mul(z, sum)), k.f64(coefficients[0] ?? Number.NaN));
  const n = horner(36, 6930, 270270, 2027025);
  const d = code.keep("v128", mul(z, add(k.f64(675675), mul(z, add(k.f64(45045), mul(z, add(k.f64(594), z)))))));
  const near = mul(x, sub(k.f64(1), div(d, add(n, d))));
  // Beyond 22 it is 1 whatever e^2|x| is.
  const e = exp(code, k, op("f64x2.pmin", mul(k.f64(2), magnitude), k.f64(44)));
  const far = code.keep("v128", sub(k.f64(1), div(k.f64(2), add(e, k.f64(1)))));
  const signed = op("v128.bitselect", op("f64x2.neg", far), far, op("f64x2.lt", x, k.f64(0)));
  return op("v128.bitselect", near, signed, op("f64x2.lt", magnitude, k.f64(0.55)));
}
