// The head: the last layer's activation, and for a step the cost and δ with it, two rows or two classes at a time. The
// arithmetic is f64 in either precision; ../loss.ts and ../activation.ts have the scalar loops.

import { f64, i32, lane, load, op, type Value, type Variable } from "./assembler.ts";
import { exp, log, log1p, negativeMagnitude, sigmoidOf } from "./elementary.ts";
import { behind, DOUBLE, eachPair, eachStep, type Frame, pairAt } from "./frame.ts";
import { emitCurve, timesDerivative } from "./network.ts";

const add = (a: Value, b: Value) => op("f64x2.add", a, b);
const sub = (a: Value, b: Value) => op("f64x2.sub", a, b);
const mul = (a: Value, b: Value) => op("f64x2.mul", a, b);
const splat = (scalar: Value) => op("f64x2.splat", scalar);

/** Emits the outputs, for a prediction. */
export function emitOutputs(frame: Frame): void {
  const { map, layout } = frame;
  const head = layout.layers.at(-1);
  if (head === undefined) return;
  if (head.activation === "softmax") emitSoftmax(frame, null);
  else emitCurve(frame, head.activation, map.activations.at(-1) ?? 0, head.units);
}

/** Emits the outputs, the cost and the δ of the last layer, for a step. */
export function emitLoss(frame: Frame): void {
  const { code, topology, map, base, rows } = frame;
  const scale = code.keep("f64", op("f64.div", f64(1), op("f64.convert_i32_u", rows)));
  const total = code.variable("f64", f64(0));
  if (topology.loss === "mse") {
    emitOutputs(frame);
    emitSquaredError(frame, scale, total);
    code.store("f64.store", base, map.cost, op("f64.mul", op("f64.mul", total.value, f64(0.5)), scale));
    return;
  }
  if (topology.activations.at(-1) === "softmax") emitSoftmax(frame, { scale, total });
  else emitCrossEntropy(frame, scale, total);
  code.store("f64.store", base, map.cost, op("f64.mul", total.value, scale));
}

/** Where the numbers of two rows stand. */
interface RowPair {
  /** Points at numbers of the network's precision. */
  readonly narrow: Value;
  /** Points at f64. */
  readonly wide: Value;
  /** Adds both rows' losses, in their order; only the first where there is no second. */
  readonly sum: (losses: Value) => void;
}

function eachRowPair({ code, lanes, base, rows }: Frame, total: Variable, body: (pair: RowPair) => void): void {
  code.loop(i32(0), rows, 2, (row) => {
    body({
      narrow: code.keep("i32", behind(base, row, lanes.width)),
      wide: code.keep("i32", behind(base, row, DOUBLE)),
      sum: (losses) => {
        const kept = code.keep("v128", losses);
        code.assign(total, op("f64.add", total.value, lane("f64x2.extract_lane", kept, 0)));
        const hasSecond = op("i32.lt_u", op("i32.add", row, i32(1)), rows);
        const second = op("select", lane("f64x2.extract_lane", kept, 1), f64(0), hasSecond);
        code.assign(total, op("f64.add", total.value, second));
      },
    });
  });
}

function emitCrossEntropy(frame: Frame, scale: Value, total: Variable): void {
  const { code, lanes, constants, map } = frame;
  const outputs = map.activations.at(-1) ?? 0;
  const deltas = map.deltas.at(-1) ?? 0;
  const scales = code.keep("v128", splat(scale));
  eachRowPair(frame, total, ({ narrow, wide, sum }) => {
    const z = code.keep("v128", lanes.loadDoubles(narrow, outputs));
    const y = code.keep("v128", load("v128.load", wide, map.labels));
    const w = code.keep("v128", load("v128.load", wide, map.sampleWeights));
    const e = exp(code, constants, negativeMagnitude(z));
    const a = code.keep("v128", lanes.roundDoubles(sigmoidOf(constants, z, e)));
    lanes.storeDoubles(code, narrow, outputs, a, 2);
    lanes.storeDoubles(code, narrow, deltas, mul(mul(w, sub(a, y)), scales), 2);
    const positive = op("f64x2.pmax", constants.f64(0), z);
    sum(mul(w, add(sub(positive, mul(z, y)), log1p(code, constants, e))));
  });
}

function emitSquaredError(frame: Frame, scale: Value, total: Variable): void {
  const { code, lanes, map, rows, topology } = frame;
  const outputs = map.activations.at(-1) ?? 0;
  const deltas = map.deltas.at(-1) ?? 0;
  const activation = topology.activations.at(-1) ?? "identity";
  const scales = code.keep("v128", splat(scale));
  eachRowPair(frame, total, ({ narrow, wide, sum }) => {
    const y = load("v128.load", wide, map.labels);
    const w = code.keep("v128", load("v128.load", wide, map.sampleWeights));
    const error = code.keep("v128", sub(lanes.loadDoubles(narrow, outputs), y));
    lanes.storeDoubles(code, narrow, deltas, mul(mul(w, error), scales), 2);
    sum(mul(w, mul(error, error)));
  });
  if (activation === "identity") return;
  eachStep(frame, op("i32.mul", rows, i32(lanes.width)), 16, (pointer) => {
    const delta = code.keep("v128", lanes.load(pointer, deltas));
    const a = code.keep("v128", lanes.load(pointer, outputs));
    lanes.store(code, pointer, deltas, timesDerivative(lanes, activation, delta, a), lanes.count);
  });
}

/** Emits softmax row by row; with `loss`, its cross-entropy too. */
function emitSoftmax(frame: Frame, loss: { readonly scale: Value; readonly total: Variable } | null): void {
  const { code, lanes, constants, map, base, rows, layout } = frame;
  const classes = layout.layers.at(-1)?.units ?? 0;
  const outputs = map.activations.at(-1) ?? 0;
  code.loop(i32(0), rows, 1, (row) => {
    const place = code.keep("i32", behind(base, row, classes * lanes.width));
    const wide = code.keep("i32", behind(base, row, DOUBLE));
    const label = code.keep("f64", load("f64.load", wide, map.labels));
    const { largest, own } = largestOf(frame, place, outputs, classes, label);
    const tops = code.keep("v128", splat(largest));
    const sum = code.variable("f64", f64(0));
    eachPair(code, classes, (pair) => {
      const pointer = code.keep("i32", pairAt(place, pair, lanes.width));
      const offset = outputs + pair.known * lanes.width;
      const e = exp(code, constants, sub(lanes.loadDoubles(pointer, offset), tops));
      lanes.storeDoubles(code, pointer, offset, e, pair.count);
      for (let i = 0; i < pair.count; i++) {
        code.assign(sum, op("f64.add", sum.value, lane("f64x2.extract_lane", e, i)));
      }
    });
    const sums = code.keep("v128", splat(sum.value));
    const w = code.keep("f64", load("f64.load", wide, map.sampleWeights));
    eachPair(code, classes, (pair) => {
      const pointer = code.keep("i32", pairAt(place, pair, lanes.width));
      const shift = pair.known * lanes.width;
      const ratio = op("f64x2.div", lanes.loadDoubles(pointer, outputs + shift), sums);
      const a = code.keep("v128", lanes.roundDoubles(ratio));
      lanes.storeDoubles(code, pointer, outputs + shift, a, pair.count);
      if (loss === null) return;
      const first = pair.index === null ? f64(pair.known) : op("f64.convert_i32_u", pair.index);
      const isLabel = op("f64x2.eq", sub(splat(op("f64.sub", label, first)), constants.pair(0, 1)), constants.f64(0));
      const error = sub(a, op("v128.and", isLabel, constants.f64(1)));
      const delta = mul(mul(splat(w), error), splat(loss.scale));
      lanes.storeDoubles(code, pointer, (map.deltas.at(-1) ?? 0) + shift, delta, pair.count);
    });
    if (loss === null) return;
    const logOfSum = lane("f64x2.extract_lane", log(code, constants, sums), 0);
    const ofRow = op("f64.mul", w, op("f64.sub", logOfSum, op("f64.sub", own, largest)));
    code.assign(loss.total, op("f64.add", loss.total.value, ofRow));
  });
}

/** Finds the largest sum of a row, and that of the label's class: NaN where the label is none. */
function largestOf({ code, lanes }: Frame, place: Value, outputs: number, classes: number, label: Value) {
  const { width } = lanes;
  const number = (pointer: Value) =>
    width === DOUBLE ? load("f64.load", pointer, outputs) : op("f64.promote_f32", load("f32.load", pointer, outputs));
  const largest = code.variable("f64", number(place));
  const own = code.variable("f64", f64(Number.NaN));
  const pointer = code.variable("i32", place);
  code.loop(i32(0), i32(classes), 1, (k) => {
    const z = code.keep("f64", number(pointer.value));
    code.assign(largest, op("select", z, largest.value, op("f64.gt", z, largest.value)));
    code.assign(own, op("select", z, own.value, op("f64.eq", op("f64.convert_i32_u", k), label)));
    code.assign(pointer, op("i32.add", pointer.value, i32(width)));
  });
  return { largest: largest.value, own: own.value };
}
