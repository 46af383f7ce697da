// The elementary functions in C99: those of src/learner/elementary.ts, and the cosine, with + − × ÷ and exact steps of
// the exponent, so that a program needs no libm. `P_` stands for the prefix of the header, `P_real` is double, or float
// where RIVULET_F32 is defined. One text serves both: in float the last coefficients add nothing.

import { EXP_COEFFICIENTS, LN2_HIGH, LN2_LOW, LOG_COEFFICIENTS } from "../learner/elementary.ts";
import { numberInC, numbersInC } from "./c-numbers.ts";

export type CFunction = "exp" | "log" | "tanh" | "sigmoid" | "cos" | "bits";

/** Terms of the series of sine and cosine; the argument is at most π/4. */
const TERMS = 8;

const needs: Readonly<Record<CFunction, readonly CFunction[]>> = {
  bits: [],
  exp: ["bits"],
  log: ["bits"],
  tanh: ["exp"],
  sigmoid: ["exp"],
  cos: [],
};

/** Writes the functions that are asked for, and those that they call, in an order in which each is known before its use. */
export function functionsInC(asked: Iterable<CFunction>): string {
  const wanted = new Set<CFunction>();
  const want = (name: CFunction): void => {
    needs[name].forEach(want);
    wanted.add(name);
  };
  for (const name of asked) want(name);
  return [...wanted].map((name) => TEXTS[name]).join("\n");
}

/** (−1)^k / (2k + odd)!, k from 0 to TERMS. */
function series(odd: 0 | 1): readonly number[] {
  const terms = [1];
  for (let k = 1; k <= TERMS; k++) terms.push(-(terms.at(-1) ?? 0) / ((2 * k - 1 + odd) * (2 * k + odd)));
  return terms;
}

const TEXTS: Readonly<Record<CFunction, string>> = {
  bits: `#ifdef RIVULET_F32
typedef uint32_t P_bits;
enum { P_FRACTION_BITS = 23, P_BIAS = 127 };
static const P_real P_ln2_high = 0.693145751953125f, P_ln2_low = 1.42860682e-6f;
#else
typedef uint64_t P_bits;
enum { P_FRACTION_BITS = 52, P_BIAS = 1023 };
static const P_real P_ln2_high = ${numberInC(LN2_HIGH)}, P_ln2_low = ${numberInC(LN2_LOW)};
#endif
typedef union { P_real real; P_bits bits; } P_word;

/* 2^k of a normal number. */
static inline P_real P_power(int k)
{
  P_word word;
  word.bits = (P_bits)(k + P_BIAS) << P_FRACTION_BITS;
  return word.real;
}
`,
  exp: `static const P_real P_exp_terms[] = ${numbersInC(EXP_COEFFICIENTS)};

static inline P_real P_exp(P_real x)
{
  const int most = P_BIAS == 127 ? 89 : 710, least = P_BIAS == 127 ? -104 : -746;
  if (x != x) return x;
  if (x < least) x = (P_real)least;
  if (x > most) x = (P_real)most;
  int k = (int)(x * (P_real)1.4426950408889634 + (x < 0 ? (P_real)-0.5 : (P_real)0.5));
  P_real high = x - (P_real)k * P_ln2_high, low = (P_real)k * P_ln2_low;
  P_real r = high - low, rest = high - r - low, p = P_exp_terms[${EXP_COEFFICIENTS.length - 1}];
  for (int i = ${EXP_COEFFICIENTS.length - 2}; i >= 0; i--) p = P_exp_terms[i] + r * p;
  P_real sum = 1 + r, y = sum + (r - (sum - 1) + (r * r * p + rest));
  int half = k < 0 ? -(-k / 2) : k / 2;
  return y * P_power(half) * P_power(k - half);
}
`,
  log: `static const P_real P_log_terms[] = ${numbersInC(LOG_COEFFICIENTS)};

/* Of a normal number above 0. */
static inline P_real P_log(P_real x)
{
#ifdef RIVULET_F32
  const P_bits one = 0x3f800000u, root = 0x3f3504f3u;
#else
  const P_bits one = (P_bits)0x3ff00000u << 32, root = (P_bits)0x3fe6a09eu << 32;
#endif
  P_word word;
  word.real = x;
  word.bits += one - root;
  int k = (int)(word.bits >> P_FRACTION_BITS) - P_BIAS;
  word.bits = (word.bits & (((P_bits)1 << P_FRACTION_BITS) - 1)) + root;
  P_real f = word.real - 1, s = f / (2 + f), z = s * s, p = P_log_terms[0];
  for (int i = 1; i < ${LOG_COEFFICIENTS.length}; i++) p = P_log_terms[i] + z * p;
  P_real square = f * f / 2, small = s * (square + z * p) + (P_real)k * P_ln2_low;
  return (P_real)k * P_ln2_high - (square - small - f);
}
`,
  tanh: `static inline P_real P_tanh(P_real x)
{
  if (x < (P_real)0.55 && x > (P_real)-0.55) {
    P_real z = x * x;
    P_real n = 2027025 + z * (270270 + z * (6930 + z * 36));
    P_real d = z * (675675 + z * (45045 + z * (594 + z)));
    return x * (1 - d / (n + d));
  }
  P_real t = 1 - 2 / (P_exp(2 * (x < 0 ? -x : x)) + 1);
  return x < 0 ? -t : t;
}
`,
  sigmoid: `static inline P_real P_sigmoid(P_real z)
{
  P_real e = P_exp(z < 0 ? z : -z);
  return (z < 0 ? e : 1) / (1 + e);
}
`,
  cos: `static const P_real P_cos_terms[] = ${numbersInC(series(0))};
static const P_real P_sin_terms[] = ${numbersInC(series(1))};

/* Up to some thousand turns. */
static inline P_real P_cos(P_real x)
{
#ifdef RIVULET_F32
  const P_real high = 1.5703125f, middle = 4.8375129699707031e-4f, low = 7.5497899548918821e-8f;
#else
  const P_real high = 1.57079632673412561417, middle = 6.07710050630396597660e-11, low = 2.02226624879595063154e-21;
#endif
  int n = (int)(x * (P_real)0.63661977236758134 + (x < 0 ? (P_real)-0.5 : (P_real)0.5));
  P_real r = x - (P_real)n * high - (P_real)n * middle - (P_real)n * low, z = r * r, c, s;
  c = P_cos_terms[${TERMS}];
  s = P_sin_terms[${TERMS}];
  for (int i = ${TERMS - 1}; i >= 0; i--) {
    c = P_cos_terms[i] + z * c;
    s = P_sin_terms[i] + z * s;
  }
  s = r * s;
  switch (n & 3) {
    case 0: return c;
    case 1: return -s;
    case 2: return -c;
    default: return s;
  }
}
`,
};
