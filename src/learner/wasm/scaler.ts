// The standardizer, two features at a time: the same operations in the same order as ../scaler.ts.

import { COUNTS, SETTLED_SAMPLES, SETTLED_STDS, STD_SHARE_MIN, Z_MAX } from "../scaler.ts";
import { f64, i32, lane, load, op, type Value, type Variable } from "./assembler.ts";
import { countValue, DOUBLE, eachPair, eachRow, type Frame, type Pair, pairAt } from "./frame.ts";

const add = (a: Value, b: Value) => op("f64x2.add", a, b);
const sub = (a: Value, b: Value) => op("f64x2.sub", a, b);
const mul = (a: Value, b: Value) => op("f64x2.mul", a, b);
const div = (a: Value, b: Value) => op("f64x2.div", a, b);
/** `low` where x is below it, `high` where it is above; NaN stays. */
const clamp = (x: Value, low: Value, high: Value) => op("f64x2.pmin", op("f64x2.pmax", x, low), high);

interface Places {
  readonly features: number;
  readonly mean: number;
  readonly m2: number;
  readonly std: number;
}

function placesOf({ map, topology }: Frame): Places {
  const features = topology.units[0] ?? 0;
  const mean = map.scaler + COUNTS * DOUBLE;
  return { features, mean, m2: mean + features * DOUBLE, std: mean + 2 * features * DOUBLE };
}

/** Emits what the scaler learns from the mini-batch. */
export function emitLearnScaler(frame: Frame): void {
  const { code, base, map, rows } = frame;
  const { features, mean, m2, std } = placesOf(frame);
  const countAt = map.scaler;
  const clippedAt = map.scaler + DOUBLE;
  const frozenAt = map.scaler + 2 * DOUBLE;
  code.when(op("f64.eq", load("f64.load", base, frozenAt), f64(0)), () => {
    const count = code.keep("f64", load("f64.load", base, countAt));
    eachPair(code, features, (pair) => {
      const place = code.keep("i32", pairAt(base, pair, DOUBLE));
      const at = (offset: number) => offset + pair.known * DOUBLE;
      const statistics = {
        mean: code.variable("v128", load("v128.load", place, at(mean))),
        m2: code.variable("v128", load("v128.load", place, at(m2))),
        std: code.variable("v128", load("v128.load", place, at(std))),
        clipped: code.variable("v128", frame.constants.f64(0)),
      };
      learnPair(frame, pair, features, count, statistics);
      storePair(frame, place, at(mean), statistics.mean.value, pair);
      storePair(frame, place, at(m2), statistics.m2.value, pair);
      storePair(frame, place, at(std), statistics.std.value, pair);
      for (let i = 0; i < pair.count; i++) {
        const clipped = lane("f64x2.extract_lane", statistics.clipped.value, i);
        code.store("f64.store", base, clippedAt, op("f64.add", load("f64.load", base, clippedAt), clipped));
      }
    });
    code.store("f64.store", base, countAt, op("f64.add", count, op("f64.convert_i32_u", countValue(rows))));
  });
}

/** Goes through the rows for two features. */
function learnPair(
  frame: Frame,
  pair: Pair,
  features: number,
  countBefore: Value,
  { mean, m2, std, clipped }: Readonly<Record<"mean" | "m2" | "std" | "clipped", Variable>>,
): void {
  const { code, constants, map, base } = frame;
  const count = code.variable("f64", countBefore);
  const row = code.variable("i32", pairAt(base, pair, DOUBLE));
  eachRow(frame, () => {
    const x = code.keep("v128", load("v128.load", row.value, map.inputs + pair.known * DOUBLE));
    const value = code.variable("v128", x);
    code.when(op("f64.ge", count.value, f64(SETTLED_SAMPLES)), () => {
      const bound = code.keep("v128", mul(constants.f64(SETTLED_STDS), std.value));
      code.assign(value, clamp(x, sub(mean.value, bound), add(mean.value, bound)));
      const isClipped = op("f64x2.ne", value.value, x);
      code.assign(clipped, add(clipped.value, op("v128.and", isClipped, constants.f64(1))));
    });
    code.assign(count, op("f64.add", count.value, f64(1)));
    const counts = code.keep("v128", op("f64x2.splat", count.value));
    const before = code.keep("v128", sub(value.value, mean.value));
    code.assign(mean, add(mean.value, div(before, counts)));
    code.assign(m2, add(m2.value, mul(before, sub(value.value, mean.value))));
    const deviation = code.keep("v128", op("f64x2.sqrt", div(m2.value, counts)));
    const magnitude = op("f64x2.pmax", constants.f64(1), op("f64x2.abs", mean.value));
    const isConstant = op("f64x2.lt", deviation, mul(constants.f64(STD_SHARE_MIN), magnitude));
    code.assign(std, op("v128.bitselect", constants.f64(1), deviation, isConstant));
    code.assign(row, op("i32.add", row.value, i32(features * DOUBLE)));
  });
}

function storePair({ code }: Frame, address: Value, offset: number, vector: Value, { count }: Pair): void {
  if (count === 2) code.store("v128.store", address, offset, vector);
  else code.storeLane("v128.store64_lane", address, offset, vector, 0);
}

/** Emits the mini-batch as the network takes it: standardized where there is a scaler, in the network's precision. */
export function emitStandardize(frame: Frame): void {
  const { code, lanes, constants, map, base, scaled } = frame;
  const { features, mean, std } = placesOf(frame);
  const to = map.activations[0] ?? 0;
  if (to === map.inputs) return;
  eachPair(code, features, (pair) => {
    const place = pairAt(base, pair, DOUBLE);
    const means = scaled ? code.keep("v128", load("v128.load", place, mean + pair.known * DOUBLE)) : null;
    const stds = scaled ? code.keep("v128", load("v128.load", place, std + pair.known * DOUBLE)) : null;
    const input = code.variable("i32", pairAt(base, pair, DOUBLE));
    const output = code.variable("i32", pairAt(base, pair, lanes.width));
    eachRow(frame, () => {
      const x = load("v128.load", input.value, map.inputs + pair.known * DOUBLE);
      const z =
        means === null || stds === null
          ? x
          : clamp(div(sub(x, means), stds), constants.f64(-Z_MAX), constants.f64(Z_MAX));
      lanes.storeDoubles(code, output.value, to + pair.known * lanes.width, z, pair.count);
      code.assign(input, op("i32.add", input.value, i32(features * DOUBLE)));
      code.assign(output, op("i32.add", output.value, i32(features * lanes.width)));
    });
  });
}
