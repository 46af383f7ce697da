// The kernels of a filter, compiled once for each precision: each takes where the constants stand, then addresses and counts.
// ../kalman/covariance.ts has the scalar loops, and says in which order sums are taken.

import { KEEP, NOISE, SHARE, SPREAD, SQUARE } from "../kalman/covariance.ts";
import type { Precision } from "../precision.ts";
import { assemble, Code, i32, local, op, shuffle, type Value, type Variable, zero } from "./assembler.ts";
import { Constants } from "./constants.ts";
import { emitCurveFunction } from "./curves.ts";
import { cos, sigmoid, tanh } from "./elementary.ts";
import type { Emitted } from "./emit.ts";
import { behind } from "./frame.ts";
import { type Lanes, lanesOf } from "./lanes.ts";
import { VECTOR_BYTES } from "./memory-map.ts";

/** Emits the module of a precision. */
export function emitKernels(precision: Precision, memoryPagesMax: number): Emitted {
  const constants = new Constants(local(0), 0);
  const lanes = lanesOf(precision, constants);
  const singles = lanesOf("f32", constants);
  const functions = new Map([
    ["tanh", emitCurveFunction(tanh, lanes, constants)],
    ["sigmoid", emitCurveFunction((unit, z) => sigmoid(unit, z).a, lanes, constants)],
    ["cos", emitCurveFunction(cos, lanes, constants)],
    ["affine", emitAffine(lanes)],
    ["product", emitProduct(singles)],
    ["rankOne", emitRankOne(singles, constants)],
    ["distances", emitDistances(singles)],
  ]);
  return { module: assemble(functions, memoryPagesMax), constants: constants.bits };
}

/** Emits (constants, out, input, weights, biases, inputs, units) → (): some units at a time, each sum over the inputs upwards. */
function emitAffine(lanes: Lanes): Code {
  const code = new Code(7);
  const [out, input, weights] = [local(1), local(2), local(3)];
  const [biases, inputs, units] = [local(4), local(5), local(6)];
  const rowBytes = code.keep("i32", op("i32.mul", units, i32(lanes.width)));
  const inputsEnd = code.keep("i32", behind(input, inputs, lanes.width));
  const outEnd = code.keep("i32", op("i32.add", out, rowBytes));
  const weightAt = code.variable("i32", weights);
  const biasAt = code.variable("i32", biases);
  code.loop(out, outEnd, VECTOR_BYTES, (place) => {
    const sum = code.variable("v128", lanes.load(biasAt.value, 0));
    const w = code.variable("i32", weightAt.value);
    code.loop(input, inputsEnd, lanes.width, (x) => {
      code.assign(sum, lanes.add(sum.value, lanes.mul(lanes.broadcast(x, 0), lanes.load(w.value, 0))));
      code.assign(w, op("i32.add", w.value, rowBytes));
    });
    lanes.store(code, place, 0, sum.value, lanes.count);
    advance(code, weightAt, VECTOR_BYTES);
    advance(code, biasAt, VECTOR_BYTES);
  });
  return code;
}

/** Emits (constants, v, covariance, g, filled) → (). */
function emitProduct(lanes: Lanes): Code {
  const code = new Code(5);
  const [v, covariance, g, filled] = [local(1), local(2), local(3), local(4)];
  const end = code.keep("i32", behind(v, filled, lanes.width));
  code.loop(v, end, VECTOR_BYTES, (place) => lanes.store(code, place, 0, zero, SQUARE));
  const square = code.variable("i32", covariance);
  const fromV = code.keep("i32", op("i32.sub", g, v));
  const gAt = (place: Value) => op("i32.add", place, fromV);
  code.loop(v, end, VECTOR_BYTES, (place) => {
    const line = code.keep("i32", gAt(place));
    const factors = rows.map((r) => code.keep("v128", lanes.broadcast(line, r * lanes.width)));
    const given = code.keep("v128", lanes.load(line, 0));
    const sums = rows.map((r) => code.variable("v128", lanes.mul(lanes.load(square.value, r * VECTOR_BYTES), given)));
    advance(code, square, SQUARE * VECTOR_BYTES);
    code.loop(op("i32.add", place, i32(VECTOR_BYTES)), end, VECTOR_BYTES, (mirror) => {
      const own = code.keep("v128", lanes.load(gAt(mirror), 0));
      const mirrored = code.variable("v128", lanes.load(mirror, 0));
      for (const [r, sum] of sums.entries()) {
        const entries = code.keep("v128", lanes.load(square.value, r * VECTOR_BYTES));
        code.assign(sum, lanes.add(sum.value, lanes.mul(entries, own)));
        code.assign(mirrored, lanes.add(mirrored.value, lanes.mul(entries, factors[r] ?? zero)));
      }
      lanes.store(code, mirror, 0, mirrored.value, SQUARE);
      advance(code, square, SQUARE * VECTOR_BYTES);
    });
    const all = combined(
      code,
      lanes,
      sums.map(({ value }) => value),
    );
    lanes.store(code, place, 0, lanes.add(lanes.load(place, 0), all), SQUARE);
  });
  const spread = code.variable("v128", zero);
  const norm = code.variable("v128", zero);
  code.loop(v, end, VECTOR_BYTES, (place) => {
    const own = code.keep("v128", lanes.load(place, 0));
    code.assign(spread, lanes.add(spread.value, lanes.mul(lanes.load(gAt(place), 0), own)));
    code.assign(norm, lanes.add(norm.value, lanes.mul(own, own)));
  });
  const both = combined(code, lanes, [spread.value, norm.value, zero, zero]);
  lanes.store(code, end, SPREAD * lanes.width, both, 2);
  return code;
}

/** Emits (constants, to, covariance, v, filled) → (). */
function emitRankOne(lanes: Lanes, constants: Constants): Code {
  const code = new Code(5);
  const [to, covariance, v, filled] = [local(1), local(2), local(3), local(4)];
  const end = code.keep("i32", behind(v, filled, lanes.width));
  const keep = code.keep("v128", lanes.broadcast(end, KEEP * lanes.width));
  const noise = code.keep("v128", lanes.broadcast(end, NOISE * lanes.width));
  const share = code.keep("v128", lanes.broadcast(end, SHARE * lanes.width));
  const diagonal = rows.map((r) => {
    const bits = (lane: number) => (r === lane ? 0xffff_ffffn : 0n) | (r === lane + 1 ? 0xffff_ffff_0000_0000n : 0n);
    return code.keep("v128", op("v128.and", noise, constants.i64(bits(0), bits(2))));
  });
  const from = code.variable("i32", covariance);
  const into = code.variable("i32", to);
  code.loop(v, end, VECTOR_BYTES, (place) => {
    const factors = rows.map((r) => code.keep("v128", lanes.mul(share, lanes.broadcast(place, r * lanes.width))));
    const squareOf = (column: Value, added?: readonly Value[]) => {
      const own = code.keep("v128", lanes.load(column, 0));
      for (const [r, factor] of factors.entries()) {
        const taught = lanes.sub(lanes.load(from.value, r * VECTOR_BYTES), lanes.mul(factor, own));
        const kept = lanes.mul(taught, keep);
        const given = added === undefined ? kept : lanes.add(kept, added[r] ?? zero);
        lanes.store(code, into.value, r * VECTOR_BYTES, given, SQUARE);
      }
      for (const pointer of [from, into]) advance(code, pointer, SQUARE * VECTOR_BYTES);
    };
    squareOf(place, diagonal);
    code.loop(op("i32.add", place, i32(VECTOR_BYTES)), end, VECTOR_BYTES, (column) => squareOf(column));
  });
  return code;
}

/** Emits (constants, out, rows, point, weights, inputs, count) → (): four rows at a time. */
function emitDistances(lanes: Lanes): Code {
  const code = new Code(7);
  const [out, rowsAt, point, weights] = [local(1), local(2), local(3), local(4)];
  const [inputs, count] = [local(5), local(6)];
  const columnBytes = code.keep("i32", op("i32.mul", count, i32(lanes.width)));
  const end = code.keep("i32", op("i32.add", out, columnBytes));
  const inputsEnd = code.keep("i32", behind(point, inputs, lanes.width));
  const fromPoint = code.keep("i32", op("i32.sub", weights, point));
  const first = code.variable("i32", rowsAt);
  code.loop(out, end, VECTOR_BYTES, (place) => {
    const sum = code.variable("v128", zero);
    const entry = code.variable("i32", first.value);
    code.loop(point, inputsEnd, lanes.width, (x) => {
      const away = code.keep("v128", lanes.sub(lanes.load(entry.value, 0), lanes.broadcast(x, 0)));
      const weight = lanes.broadcast(op("i32.add", x, fromPoint), 0);
      code.assign(sum, lanes.add(sum.value, lanes.mul(weight, lanes.mul(away, away))));
      code.assign(entry, op("i32.add", entry.value, columnBytes));
    });
    lanes.store(code, place, 0, sum.value, SQUARE);
    advance(code, first, VECTOR_BYTES);
  });
  return code;
}

function advance(code: Code, pointer: Variable, bytes: number): void {
  code.assign(pointer, op("i32.add", pointer.value, i32(bytes)));
}

/** Adds up the four lanes of each of four sums whose terms took turns: (0 + 1) + (2 + 3). */
function combined(code: Code, lanes: Lanes, sums: readonly Value[]): Value {
  const [a = zero, b = zero, c = zero, d = zero] = sums;
  const low = [0, 1, 2, 3, 16, 17, 18, 19, 4, 5, 6, 7, 20, 21, 22, 23];
  const high = low.map((byte) => byte + 8);
  // a0 b0 a1 b1, and so on.
  const [ab, cd, abHigh, cdHigh] = [
    code.keep("v128", shuffle(a, b, low)),
    code.keep("v128", shuffle(c, d, low)),
    code.keep("v128", shuffle(a, b, high)),
    code.keep("v128", shuffle(c, d, high)),
  ];
  const front = [0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23];
  const back = front.map((byte) => byte + 8);
  const lower = lanes.add(shuffle(ab, cd, front), shuffle(ab, cd, back));
  return lanes.add(lower, lanes.add(shuffle(abHigh, cdHigh, front), shuffle(abHigh, cdHigh, back)));
}

const rows = [0, 1, 2, 3] as const;
