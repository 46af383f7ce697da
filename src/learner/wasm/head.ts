// The head: the last layer's activation, and for a step the cost and δ with it, two rows or two classes at a time. The
// arithmetic is f64 in either precision; ../loss.ts and ../activation.ts have the scalar loops.

import { f64, i32, lane, load, op, type Value, type Variable, zero } from "./assembler.ts";
import { CURVES } from "./curves.ts";
import { exp, log, log1p, sigmoid } from "./elementary.ts";
import { behind, countValue, DOUBLE, eachPair, eachRow, eachStep, type Frame, PAIRS_AT_ONCE, pairAt } from "./frame.ts";
import { VECTOR_BYTES } from "./memory-map.ts";
import { timesDerivative } from "./network.ts";
import { type Pairs, PairUnit } from "./pairs.ts";

const sub = (a: Value, b: Value) => op("f64x2.sub", a, b);
const mul = (a: Value, b: Value) => op("f64x2.mul", a, b);
const splat = (scalar: Value) => op("f64x2.splat", scalar);

/** Emits the outputs, for a prediction. */
export function emitOutputs(frame: Frame): void {
  const { map, layout } = frame;
  const head = layout.layers.at(-1);
  if (head === undefined) return;
  if (head.activation === "softmax") return emitSoftmax(frame, null);
  const curve = CURVES[head.activation];
  if (curve === undefined) return;
  const outputs = map.activations.at(-1) ?? 0;
  eachRowPairs(frame, null, ({ unit, load, store }) => store(outputs, curve(unit, load(outputs))));
}

/** Emits the outputs, the cost and the δ of the last layer, for a step. */
export function emitLoss(frame: Frame): void {
  const { code, topology, map, base, rows } = frame;
  const scale = code.keep("f64", op("f64.div", f64(1), op("f64.convert_i32_u", countValue(rows))));
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

/** Some pairs of rows, and the vectors that have a number for each row. */
interface RowPairs {
  readonly unit: PairUnit;
  /** Reads numbers of the network's precision, as f64. */
  readonly load: (vector: number) => Pairs;
  /** Reads f64. */
  readonly loadWide: (vector: number) => Pairs;
  /** Writes numbers of the network's precision. */
  readonly store: (vector: number, pairs: Pairs) => void;
  /** Adds the rows' losses in their order; not what stands for rows that there are not. */
  readonly sum: (losses: Pairs) => void;
}

/** Goes through the rows, some pairs at a time, then pair by pair; losses are added to `total`. */
function eachRowPairs(frame: Frame, total: Variable | null, body: (pairs: RowPairs) => void): void {
  const { code, lanes, constants, base, rows, rowsMax } = frame;
  const addLoss = (pair: Value, index: number) => {
    if (total !== null) code.assign(total, op("f64.add", total.value, lane("f64x2.extract_lane", pair, index)));
  };
  const emitPairs = (row: Value, count: number, rowsOfPair: number, sum: (losses: Pairs) => void) => {
    const unit = new PairUnit(code, constants, count);
    const narrow = code.keep("i32", behind(base, row, lanes.width));
    const wide = code.keep("i32", behind(base, row, DOUBLE));
    const wideLoad = rowsOfPair < 2 ? "v128.load64_zero" : "v128.load";
    body({
      unit,
      load: (vector) => unit.each((i) => lanes.loadDoubles(narrow, vector + 2 * i * lanes.width, rowsOfPair)),
      loadWide: (vector) => unit.each((i) => load(wideLoad, wide, vector + 2 * i * DOUBLE)),
      store: (vector, pairs) => {
        for (const [i, pair] of pairs.entries()) {
          lanes.storeDoubles(code, narrow, vector + 2 * i * lanes.width, pair, rowsOfPair);
        }
      },
      sum,
    });
  };
  if (rows === 1) return emitPairs(i32(0), 1, 1, ([loss = zero]) => addLoss(loss, 0));
  const below = countValue(rows);
  const sideBySide = Math.min(PAIRS_AT_ONCE, rowsMax >> 1);
  const step = 2 * sideBySide;
  const whole = code.keep("i32", op("i32.sub", below, op("i32.rem_u", below, i32(step))));
  code.loop(i32(0), whole, step, (row) => {
    emitPairs(row, sideBySide, 2, (losses) => {
      for (const loss of losses) for (const index of [0, 1]) addLoss(loss, index);
    });
  });
  code.loop(whole, below, 2, (row) => {
    emitPairs(row, 1, 2, ([loss = zero]) => {
      addLoss(loss, 0);
      code.when(op("i32.lt_u", op("i32.add", row, i32(1)), below), () => addLoss(loss, 1));
    });
  });
}

/** Multiplies by 1/m; one row has it all. */
function shareOf({ rows }: Frame, unit: PairUnit, pairs: Pairs, scales: Value): Pairs {
  return rows === 1 ? pairs : unit.scale(pairs, scales);
}

function emitCrossEntropy(frame: Frame, scale: Value, total: Variable): void {
  const { code, lanes, map } = frame;
  const outputs = map.activations.at(-1) ?? 0;
  const scales = code.keep("v128", splat(scale));
  eachRowPairs(frame, total, ({ unit: u, load, loadWide, store, sum }) => {
    const z = load(outputs);
    const { a: exact, e } = sigmoid(u, z);
    const a = u.each((i) => lanes.roundDoubles(exact[i] ?? zero));
    const y = loadWide(map.labels);
    const w = loadWide(map.sampleWeights);
    store(outputs, a);
    store(map.deltas.at(-1) ?? 0, shareOf(frame, u, u.mul(w, u.sub(a, y)), scales));
    sum(u.mul(w, u.add(u.sub(u.pmax(0, z), u.mul(z, y)), log1p(u, e))));
  });
}

function emitSquaredError(frame: Frame, scale: Value, total: Variable): void {
  const { code, lanes, map, rows, topology } = frame;
  const outputs = map.activations.at(-1) ?? 0;
  const deltas = map.deltas.at(-1) ?? 0;
  const activation = topology.activations.at(-1) ?? "identity";
  const scales = code.keep("v128", splat(scale));
  eachRowPairs(frame, total, ({ unit: u, load, loadWide, store, sum }) => {
    const w = loadWide(map.sampleWeights);
    const error = u.sub(load(outputs), loadWide(map.labels));
    store(deltas, shareOf(frame, u, u.mul(w, error), scales));
    sum(u.mul(w, u.mul(error, error)));
  });
  if (activation === "identity") return;
  eachStep(frame, op("i32.mul", countValue(rows), i32(lanes.width)), VECTOR_BYTES, (pointer) => {
    const delta = code.keep("v128", lanes.load(pointer, deltas));
    const a = code.keep("v128", lanes.load(pointer, outputs));
    lanes.store(code, pointer, deltas, timesDerivative(lanes, activation, delta, a), lanes.count);
  });
}

/** Emits softmax row by row; with `loss`, its cross-entropy too. */
function emitSoftmax(frame: Frame, loss: { readonly scale: Value; readonly total: Variable } | null): void {
  const { code, lanes, constants, map, base, layout } = frame;
  const classes = layout.layers.at(-1)?.units ?? 0;
  const outputs = map.activations.at(-1) ?? 0;
  const unit = new PairUnit(code, constants, 1);
  eachRow(frame, (row) => {
    const place = code.keep("i32", behind(base, row, classes * lanes.width));
    const wide = code.keep("i32", behind(base, row, DOUBLE));
    const label = code.keep("f64", load("f64.load", wide, map.labels));
    const { largest, own } = largestOf(frame, place, outputs, classes, label);
    const tops = code.keep("v128", splat(largest));
    const sum = code.variable("f64", f64(0));
    eachPair(code, classes, (pair) => {
      const pointer = code.keep("i32", pairAt(place, pair, lanes.width));
      const offset = outputs + pair.known * lanes.width;
      const [e = zero] = exp(
        unit,
        unit.each(() => sub(lanes.loadDoubles(pointer, offset), tops)),
      );
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
      const isLabel = op("f64x2.eq", sub(splat(op("f64.sub", label, first)), constants.f64(0, 1)), constants.f64(0));
      const error = sub(a, op("v128.and", isLabel, constants.f64(1)));
      const delta = mul(mul(splat(w), error), splat(loss.scale));
      lanes.storeDoubles(code, pointer, (map.deltas.at(-1) ?? 0) + shift, delta, pair.count);
    });
    if (loss === null) return;
    const [logs = zero] = log(unit, [sums]);
    const logOfSum = lane("f64x2.extract_lane", logs, 0);
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
