// Pairs of f64, some of them at once: the same operation on each, one after the other. The elementary functions are long
// chains; side by side, one fills the time that another waits, and a constant is loaded once for all of them.

import { type Code, i32, op, type Value } from "./assembler.ts";
import type { Constants } from "./constants.ts";
import type { Opcode } from "./opcodes.ts";

/** Vectors of two f64 each, in locals. */
export type Pairs = readonly Value[];
/** Pairs, or one number for all of them. */
export type Operand = Pairs | number;

/** Emits operations on `count` pairs; each is emitted when it is called. */
export class PairUnit {
  readonly code: Code;
  readonly count: number;
  readonly #constants: Constants;

  constructor(code: Code, constants: Constants, count: number) {
    this.code = code;
    this.count = count;
    this.#constants = constants;
  }

  /** Puts what `value` gives for each pair into locals. */
  each(value: (index: number) => Value): Pairs {
    const pairs: Value[] = [];
    for (let index = 0; index < this.count; index++) pairs.push(this.code.keep("v128", value(index)));
    return pairs;
  }

  add(a: Operand, b: Operand): Pairs {
    return this.#apply("f64x2.add", a, b);
  }

  sub(a: Operand, b: Operand): Pairs {
    return this.#apply("f64x2.sub", a, b);
  }

  mul(a: Operand, b: Operand): Pairs {
    return this.#apply("f64x2.mul", a, b);
  }

  div(a: Operand, b: Operand): Pairs {
    return this.#apply("f64x2.div", a, b);
  }

  /** Multiplies every pair by the same one. */
  scale(pairs: Pairs, factors: Value): Pairs {
    return this.each((i) => op("f64x2.mul", at(pairs, i), factors));
  }

  /** b where a < b, else a. */
  pmax(a: Operand, b: Operand): Pairs {
    return this.#apply("f64x2.pmax", a, b);
  }

  /** b where b < a, else a. */
  pmin(a: Operand, b: Operand): Pairs {
    return this.#apply("f64x2.pmin", a, b);
  }

  abs(a: Pairs): Pairs {
    return this.#apply("f64x2.abs", a);
  }

  /** −|a|, whose sign bit is set. */
  negatedMagnitude(a: Pairs): Pairs {
    const sign = this.#valuesOf(-0);
    return this.each((i) => op("v128.or", at(a, i), sign(i)));
  }

  neg(a: Pairs): Pairs {
    return this.#apply("f64x2.neg", a);
  }

  /** All bits where a < b. */
  lt(a: Operand, b: Operand): Pairs {
    return this.#apply("f64x2.lt", a, b);
  }

  /** a where the mask has bits, else b. */
  select(mask: Pairs, a: Operand, b: Operand): Pairs {
    const [left, right] = [this.#valuesOf(a), this.#valuesOf(b)];
    return this.each((i) => op("v128.bitselect", left(i), right(i), at(mask, i)));
  }

  addInteger(a: Pairs, n: bigint): Pairs {
    const integer = this.code.keep("v128", this.#constants.i64(n));
    return this.each((i) => op("i64x2.add", at(a, i), integer));
  }

  xor(a: Pairs, b: Pairs): Pairs {
    return this.each((i) => op("v128.xor", at(a, i), at(b, i)));
  }

  subFromInteger(n: bigint, a: Pairs): Pairs {
    const integer = this.code.keep("v128", this.#constants.i64(n));
    return this.each((i) => op("i64x2.sub", integer, at(a, i)));
  }

  shiftLeft(a: Pairs, bits: number): Pairs {
    return this.each((i) => op("i64x2.shl", at(a, i), i32(bits)));
  }

  shiftRight(a: Pairs, bits: number): Pairs {
    return this.each((i) => op("i64x2.shr_u", at(a, i), i32(bits)));
  }

  /** Whether any mask has a bit: an i32. */
  anyTrue(masks: Pairs): Value {
    return op(
      "v128.any_true",
      masks.reduce((all, mask) => op("v128.or", all, mask)),
    );
  }

  /** Computes c₀ + c₁ x + … + c₉ x⁹ by Estrin's scheme, of x and x². */
  polynomialOf9(x: Pairs, x2: Pairs, c: readonly number[]): Pairs {
    const pair = (i: number) => this.add(c[i] ?? Number.NaN, this.mul(c[i + 1] ?? Number.NaN, x));
    const x4 = this.mul(x2, x2);
    const low = this.add(pair(0), this.mul(pair(2), x2));
    const middle = this.add(pair(4), this.mul(pair(6), x2));
    return this.add(this.add(low, this.mul(middle, x4)), this.mul(pair(8), this.mul(x4, x4)));
  }

  /** Computes c₀ zⁿ + … + cₙ by Horner's scheme. */
  horner(z: Pairs, [first = Number.NaN, second = Number.NaN, ...rest]: readonly number[]): Pairs {
    return rest.reduce<Pairs>((sum, c) => this.add(c, this.mul(z, sum)), this.add(second, this.mul(z, first)));
  }

  #apply(name: Opcode, a: Operand, b?: Operand): Pairs {
    const left = this.#valuesOf(a);
    const right = b === undefined ? undefined : this.#valuesOf(b);
    return this.each((i) => op(name, left(i), right?.(i)));
  }

  /** Loads a number once. */
  #valuesOf(operand: Operand): (index: number) => Value {
    if (typeof operand !== "number") return (index) => at(operand, index);
    const constant = this.#constants.f64(operand);
    const value = this.count === 1 ? constant : this.code.keep("v128", constant);
    return () => value;
  }
}

function at(pairs: Pairs, index: number): Value {
  const pair = pairs[index];
  if (pair === undefined) throw new Error("operands of different counts");
  return pair;
}
