// The vector unit as the emitters see it: numbers of one precision, 16 bytes at a time.

import type { Precision } from "../precision.ts";
import { type Code, load, op, type Value } from "./assembler.ts";
import type { Constants } from "./constants.ts";

export interface Lanes {
  readonly precision: Precision;
  /** Bytes of a number. */
  readonly width: number;
  /** Numbers in a vector. */
  readonly count: number;
  add(a: Value, b: Value): Value;
  sub(a: Value, b: Value): Value;
  mul(a: Value, b: Value): Value;
  div(a: Value, b: Value): Value;
  sqrt(a: Value): Value;
  /** b where a < b, else a. */
  pmax(a: Value, b: Value): Value;
  gt(a: Value, b: Value): Value;
  /** The first `lanes` numbers of a vector from memory. What the other lanes hold is of no account. */
  load(address: Value, offset: number, lanes?: number): Value;
  /** One number from memory, in every lane. */
  broadcast(address: Value, offset: number): Value;
  /** An f64, rounded, in every lane. */
  splat(scalar: Value): Value;
  /** A number of the program's, rounded, in every lane. */
  constant(x: number): Value;
  /** All bits of the first `lanes` numbers, none of the others. */
  mask(lanes: number): Value;
  /** Writes the first `lanes` numbers of a vector. */
  store(code: Code, address: Value, offset: number, vector: Value, lanes: number): void;
  /** Two numbers from memory as f64; only the first of them for one lane. */
  loadDoubles(address: Value, offset: number, lanes?: number): Value;
  /** Two f64, rounded, to memory; only the first of them for one lane. */
  storeDoubles(code: Code, address: Value, offset: number, pair: Value, lanes: number): void;
  /** Two f64, rounded to the precision. */
  roundDoubles(pair: Value): Value;
}

/** Makes the lanes of a precision. */
export function lanesOf(precision: Precision, constants: Constants): Lanes {
  return precision === "f32" ? f32Lanes(constants) : f64Lanes(constants);
}

function f64Lanes(constants: Constants): Lanes {
  // Not more than is asked for: a load of what two stores have just written waits for both.
  const loadPair = (address: Value, offset: number, lanes = 2) =>
    load(lanes < 2 ? "v128.load64_zero" : "v128.load", address, offset);
  const store = (code: Code, address: Value, offset: number, vector: Value, lanes: number) => {
    if (lanes >= 2) code.store("v128.store", address, offset, vector);
    else code.storeLane("v128.store64_lane", address, offset, vector, 0);
  };
  return {
    precision: "f64",
    width: 8,
    count: 2,
    add: (a, b) => op("f64x2.add", a, b),
    sub: (a, b) => op("f64x2.sub", a, b),
    mul: (a, b) => op("f64x2.mul", a, b),
    div: (a, b) => op("f64x2.div", a, b),
    sqrt: (a) => op("f64x2.sqrt", a),
    pmax: (a, b) => op("f64x2.pmax", a, b),
    gt: (a, b) => op("f64x2.gt", a, b),
    load: loadPair,
    broadcast: (address, offset) => load("v128.load64_splat", address, offset),
    splat: (scalar) => op("f64x2.splat", scalar),
    constant: (x) => constants.f64(x),
    mask: (lanes) => constants.i64(lanes > 0 ? -1n : 0n, lanes > 1 ? -1n : 0n),
    store,
    loadDoubles: loadPair,
    storeDoubles: store,
    roundDoubles: (pair) => pair,
  };
}

function f32Lanes(constants: Constants): Lanes {
  const demote = (pair: Value) => op("f32x4.demote_f64x2_zero", pair);
  const store = (code: Code, address: Value, offset: number, vector: Value, lanes: number) => {
    if (lanes >= 4) return code.store("v128.store", address, offset, vector);
    if (lanes === 1) return code.storeLane("v128.store32_lane", address, offset, vector, 0);
    const kept = code.keep("v128", vector);
    code.storeLane("v128.store64_lane", address, offset, kept, 0);
    if (lanes === 3) code.storeLane("v128.store32_lane", address, offset + 8, kept, 2);
  };
  return {
    precision: "f32",
    width: 4,
    count: 4,
    add: (a, b) => op("f32x4.add", a, b),
    sub: (a, b) => op("f32x4.sub", a, b),
    mul: (a, b) => op("f32x4.mul", a, b),
    div: (a, b) => op("f32x4.div", a, b),
    sqrt: (a) => op("f32x4.sqrt", a),
    pmax: (a, b) => op("f32x4.pmax", a, b),
    gt: (a, b) => op("f32x4.gt", a, b),
    load: (address, offset, lanes = 4) =>
      load(lanes > 2 ? "v128.load" : lanes === 2 ? "v128.load64_zero" : "v128.load32_zero", address, offset),
    broadcast: (address, offset) => load("v128.load32_splat", address, offset),
    splat: (scalar) => op("f32x4.splat", op("f32.demote_f64", scalar)),
    constant: (x) => constants.f32(x),
    mask: (lanes) => constants.i64(halfMask(lanes), halfMask(lanes - 2)),
    store,
    loadDoubles: (address, offset, lanes = 2) =>
      op("f64x2.promote_low_f32x4", load(lanes < 2 ? "v128.load32_zero" : "v128.load64_zero", address, offset)),
    storeDoubles: (code, address, offset, pair, lanes) => store(code, address, offset, demote(pair), lanes),
    roundDoubles: (pair) => op("f64x2.promote_low_f32x4", demote(pair)),
  };
}

/** The bits of the first of two f32, of both, or of none. */
function halfMask(lanes: number): bigint {
  return lanes >= 2 ? -1n : lanes === 1 ? 0xffff_ffffn : 0n;
}
