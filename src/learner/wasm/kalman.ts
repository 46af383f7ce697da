// The kernels of a filter, compiled once for each precision: each takes where the constants stand, then addresses and counts.
// ../kalman/covariance.ts has the scalar loops, and says in which order sums are taken.

import { SQUARE } from "../kalman/covariance.ts";
import type { Precision } from "../precision.ts";
import { assemble, Code, i32, lane, load, local, op, type Value, type Variable, zero } from "./assembler.ts";
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
  const functions = new Map([
    ["tanh", emitCurveFunction(tanh, lanes, constants)],
    ["sigmoid", emitCurveFunction((unit, z) => sigmoid(unit, z).a, lanes, constants)],
    ["cos", emitCurveFunction(cos, lanes, constants)],
    ["affine", emitAffine(lanes)],
    ["product", emitProduct(lanes)],
    ["rankOne", emitRankOne(lanes)],
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
  const bytes = code.keep("i32", op("i32.mul", filled, i32(lanes.width)));
  const end = code.keep("i32", op("i32.add", v, bytes));
  code.loop(v, end, VECTOR_BYTES, (place) => lanes.store(code, place, 0, zero, lanes.count));
  const row = code.variable("i32", covariance);
  const gAt = code.variable("i32", g);
  eachLine(code, lanes, v, end, (place, rowBytes) => {
    const rows = rowsFrom(code, row, rowBytes);
    const sums = rows.map(() => code.variable("v128", zero));
    const factors = rows.map((_, r) => code.keep("v128", lanes.broadcast(gAt.value, r * lanes.width)));
    const column = code.variable("i32", gAt.value);
    const addRows = (read: (r: number) => Value) => {
      const own = code.keep("v128", lanes.load(column.value, 0));
      for (const [r, sum] of sums.entries()) code.assign(sum, lanes.add(sum.value, lanes.mul(read(r), own)));
    };
    for (let c = 0; c < SQUARE; c += lanes.count) {
      addRows((r) => lanes.load(rows[r]?.value ?? zero, 0));
      for (const pointer of [column, ...rows]) advance(code, pointer, VECTOR_BYTES);
    }
    code.loop(op("i32.add", place, i32(SQUARE * lanes.width)), end, VECTOR_BYTES, (mirror) => {
      const entries = rows.map(({ value }) => code.keep("v128", lanes.load(value, 0)));
      addRows((r) => entries[r] ?? zero);
      const mirrored = entries.reduce(
        (sum, entry, r) => lanes.add(sum, lanes.mul(entry, factors[r] ?? zero)),
        lanes.load(mirror, 0),
      );
      lanes.store(code, mirror, 0, mirrored, lanes.count);
      for (const pointer of [column, ...rows]) advance(code, pointer, VECTOR_BYTES);
    });
    for (const [r, sum] of sums.entries()) {
      addNumber(code, lanes, place, r * lanes.width, combined(code, lanes, sum.value));
    }
    code.assign(row, rows[SQUARE - 1]?.value ?? zero);
    advance(code, gAt, SQUARE * lanes.width);
  });
  const total = code.variable("v128", zero);
  const other = code.variable("i32", g);
  code.loop(v, end, VECTOR_BYTES, (place) => {
    code.assign(total, lanes.add(total.value, lanes.mul(lanes.load(other.value, 0), lanes.load(place, 0))));
    advance(code, other, VECTOR_BYTES);
  });
  storeNumber(code, lanes, end, 0, combined(code, lanes, total.value));
  return code;
}

/** Emits (constants, to, covariance, u, filled) → (). */
function emitRankOne(lanes: Lanes): Code {
  const code = new Code(5);
  const [to, covariance, u, filled] = [local(1), local(2), local(3), local(4)];
  // What is written stands as far from what is read everywhere.
  const away = code.keep("i32", op("i32.sub", to, covariance));
  const written = (address: Value) => op("i32.add", address, away);
  const end = code.keep("i32", behind(u, filled, lanes.width));
  const keep = code.keep("v128", lanes.broadcast(end, 0));
  const noise = code.keep(lanes.precision, load(`${lanes.precision}.load`, end, lanes.width));
  const row = code.variable("i32", covariance);
  eachLine(code, lanes, u, end, (place, rowBytes) => {
    const rows = rowsFrom(code, row, rowBytes);
    const diagonal = rows.map(({ value }, r) => code.keep("i32", op("i32.add", written(value), i32(r * lanes.width))));
    const factors = rows.map((_, r) => code.keep("v128", lanes.broadcast(place, r * lanes.width)));
    code.loop(place, end, VECTOR_BYTES, (column) => {
      const own = code.keep("v128", lanes.load(column, 0));
      for (const [r, pointer] of rows.entries()) {
        const taught = lanes.sub(lanes.load(pointer.value, 0), lanes.mul(factors[r] ?? zero, own));
        lanes.store(code, written(pointer.value), 0, lanes.mul(taught, keep), lanes.count);
        advance(code, pointer, VECTOR_BYTES);
      }
    });
    for (const entry of diagonal) addNumber(code, lanes, entry, 0, noise);
    code.assign(row, rows[SQUARE - 1]?.value ?? zero);
  });
  return code;
}

/** Goes through the lines of squares: where the vector stands at each, and the bytes of a row of it. */
function eachLine(
  code: Code,
  lanes: Lanes,
  from: Value,
  end: Value,
  body: (place: Value, rowBytes: Value) => void,
): void {
  code.loop(from, end, SQUARE * lanes.width, (place) => {
    body(place, code.keep("i32", op("i32.sub", end, place)));
  });
}

/** Points at the four rows of a line; the last of them ends where the next line begins. */
function rowsFrom(code: Code, first: Variable, rowBytes: Value): readonly Variable[] {
  const rows: Variable[] = [];
  for (let r = 0; r < SQUARE; r++) {
    const before = rows[r - 1]?.value;
    rows.push(code.variable("i32", before === undefined ? first.value : op("i32.add", before, rowBytes)));
  }
  return rows;
}

function advance(code: Code, pointer: Variable, bytes: number): void {
  code.assign(pointer, op("i32.add", pointer.value, i32(bytes)));
}

/** Adds up the lanes of a sum whose terms took turns. */
function combined(code: Code, lanes: Lanes, sum: Value): Value {
  const kept = code.keep("v128", sum);
  if (lanes.precision === "f64") {
    return op("f64.add", lane("f64x2.extract_lane", kept, 0), lane("f64x2.extract_lane", kept, 1));
  }
  const part = (index: number) => lane("f32x4.extract_lane", kept, index);
  return op("f32.add", op("f32.add", part(0), part(1)), op("f32.add", part(2), part(3)));
}

function addNumber(code: Code, lanes: Lanes, address: Value, offset: number, number: Value): void {
  const { precision } = lanes;
  const sum = op(`${precision}.add`, load(`${precision}.load`, address, offset), number);
  code.store(`${precision}.store`, address, offset, sum);
}

function storeNumber(code: Code, { precision }: Lanes, address: Value, offset: number, number: Value): void {
  code.store(`${precision}.store`, address, offset, number);
}
