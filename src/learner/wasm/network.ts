// Forward and backward pass: one product a layer and direction, see gemm.ts; ../dense.ts and ../activation.ts have the
// scalar loops.

import { LEAKY_SLOPE } from "../activation.ts";
import type { LayerLayout, OutputActivation } from "../topology.ts";
import { i32, op, shuffle, type Value, zero } from "./assembler.ts";
import { exp, negativeMagnitude, sigmoidOf, tanh } from "./elementary.ts";
import { eachStep, type Frame } from "./frame.ts";
import { gemm } from "./gemm.ts";
import type { Lanes } from "./lanes.ts";

/** Emits the outputs of every layer; those of the last one are left as they are before its activation, but for the plain ones. */
export function emitForward(frame: Frame): void {
  const { code, lanes, map, base, rows, layout } = frame;
  const { width } = lanes;
  layout.layers.forEach(({ inputs, units, activation, weightsOffset, biasesOffset }, l) => {
    gemm(code, lanes, base, {
      rows,
      columns: units,
      depth: inputs,
      left: { offset: map.activations[l] ?? 0, rowBytes: inputs * width, depthBytes: width },
      right: { offset: map.parameters + weightsOffset * width, depthBytes: units * width },
      out: { offset: map.activations[l + 1] ?? 0, rowBytes: units * width },
      start: map.parameters + biasesOffset * width,
      finish: (_, sum) => activated(frame, activation, sum),
    });
    if (l < layout.layers.length - 1) emitCurve(frame, activation, map.activations[l + 1] ?? 0, units);
  });
}

/** Applies an activation that needs no more than a comparison. */
function activated({ code, lanes }: Frame, activation: OutputActivation, z: Value): Value {
  switch (activation) {
    case "relu":
      return lanes.pmax(zero, z);
    case "leaky-relu": {
      const kept = code.keep("v128", z);
      return op("v128.bitselect", kept, lanes.mul(lanes.constant(LEAKY_SLOPE), kept), lanes.gt(kept, zero));
    }
    default:
      return z;
  }
}

/** Emits tanh or sigmoid of a layer's sums (rows, units) in place; nothing for the others. */
export function emitCurve(frame: Frame, activation: OutputActivation, offset: number, units: number): void {
  if (activation !== "tanh" && activation !== "sigmoid") return;
  const { code, lanes, constants, rows } = frame;
  const bytes = op("i32.mul", rows, i32(units * lanes.width));
  eachStep(frame, bytes, 2 * lanes.width, (pointer) => {
    const z = code.keep("v128", lanes.loadDoubles(pointer, offset));
    const a =
      activation === "tanh"
        ? tanh(code, constants, z)
        : sigmoidOf(constants, z, exp(code, constants, negativeMagnitude(z)));
    lanes.storeDoubles(code, pointer, offset, a, 2);
  });
}

/** Multiplies δ by f'(z), expressed through a = f(z). */
export function timesDerivative(lanes: Lanes, activation: OutputActivation, delta: Value, a: Value): Value {
  const one = lanes.constant(1);
  switch (activation) {
    case "relu":
      return op("v128.and", delta, lanes.gt(a, zero));
    case "leaky-relu":
      return op("v128.bitselect", delta, lanes.mul(lanes.constant(LEAKY_SLOPE), delta), lanes.gt(a, zero));
    case "tanh":
      return lanes.mul(delta, lanes.sub(one, lanes.mul(a, a)));
    case "sigmoid":
      return lanes.mul(delta, lanes.mul(a, lanes.sub(one, a)));
    case "identity":
    case "softmax":
      return delta;
  }
}

/** Emits the gradients of all layers and the errors between them, from the error of the last one. */
export function emitBackward(frame: Frame): void {
  const { layout } = frame;
  for (let l = layout.layers.length - 1; l >= 0; l--) {
    const layer = layout.layers[l];
    if (layer === undefined) continue;
    emitGradient(frame, l, layer);
    const below = layout.layers[l - 1];
    if (below !== undefined) emitError(frame, l, layer, below.activation);
  }
}

function emitGradient({ code, lanes, map, base, rows }: Frame, l: number, layer: LayerLayout): void {
  const { inputs, units, weightsOffset } = layer;
  const { width } = lanes;
  gemm(code, lanes, base, {
    rows: inputs,
    columns: units,
    depth: rows,
    left: { offset: map.activations[l] ?? 0, rowBytes: width, depthBytes: inputs * width },
    right: { offset: map.deltas[l] ?? 0, depthBytes: units * width },
    out: { offset: map.gradients + weightsOffset * width, rowBytes: units * width },
    start: null,
    // The gradients of the biases follow those of the weights, like one more input that is always 1.
    onesRow: true,
  });
}

function emitError(frame: Frame, l: number, layer: LayerLayout, activation: OutputActivation): void {
  const { code, lanes, map, base, rows } = frame;
  const { inputs, units, weightsOffset } = layer;
  const { width } = lanes;
  const weights = map.parameters + weightsOffset * width;
  const isOwnTranspose = inputs === 1 || units === 1;
  if (!isOwnTranspose) emitTransposed(frame, weights, inputs, units);
  const errors = map.deltas[l - 1] ?? 0;
  const outputs = map.activations[l] ?? 0;
  gemm(code, lanes, base, {
    rows,
    columns: inputs,
    depth: units,
    left: { offset: map.deltas[l] ?? 0, rowBytes: units * width, depthBytes: width },
    right: { offset: isOwnTranspose ? weights : map.transposed, depthBytes: inputs * width },
    out: { offset: errors, rowBytes: inputs * width },
    start: null,
    finish: (_, sum, address, offset) => {
      const a = code.keep("v128", lanes.load(address, offset - errors + outputs));
      return timesDerivative(lanes, activation, code.keep("v128", sum), a);
    },
  });
}

/** Emits weightsᵀ (units, inputs) of weights (inputs, units): squares of as many numbers as a vector has, then the rest one by one. */
function emitTransposed({ code, lanes, map, base }: Frame, weights: number, inputs: number, units: number): void {
  const { count, width } = lanes;
  const restInputs = inputs % count;
  const restUnits = units % count;
  const copy = (from: Value, fromOffset: number, to: Value, toOffset: number) => {
    lanes.store(code, to, toOffset, lanes.broadcast(from, fromOffset), 1);
  };
  const from = code.variable("i32", base);
  const to = code.variable("i32", base);
  code.loop(i32(0), i32(inputs - restInputs), count, (i) => {
    code.assign(from, op("i32.add", base, op("i32.mul", i, i32(units * width))));
    code.assign(to, op("i32.add", base, op("i32.mul", i, i32(width))));
    code.loop(i32(0), i32(units - restUnits), count, () => {
      const rows = Array.from({ length: count }, (_, r) =>
        code.keep("v128", lanes.load(from.value, weights + r * units * width)),
      );
      for (const [c, column] of transposedSquare(rows, (value) => code.keep("v128", value)).entries()) {
        lanes.store(code, to.value, map.transposed + c * inputs * width, column, count);
      }
      code.assign(from, op("i32.add", from.value, i32(count * width)));
      code.assign(to, op("i32.add", to.value, i32(count * inputs * width)));
    });
    for (let c = 0; c < restUnits; c++) {
      for (let r = 0; r < count; r++) {
        const place = map.transposed + c * inputs * width + r * width;
        copy(from.value, weights + r * units * width + c * width, to.value, place);
      }
    }
  });
  for (let r = inputs - restInputs; r < inputs; r++) {
    code.assign(from, base);
    code.assign(to, base);
    code.loop(i32(0), i32(units), 1, () => {
      copy(from.value, weights + r * units * width, to.value, map.transposed + r * width);
      code.assign(from, op("i32.add", from.value, i32(width)));
      code.assign(to, op("i32.add", to.value, i32(inputs * width)));
    });
  }
}

/** Transposes 2 × 2 f64 or 4 × 4 f32. */
function transposedSquare(rows: readonly Value[], keep: (value: Value) => Value): readonly Value[] {
  const row = (r: number) => rows[r] ?? zero;
  if (rows.length === 2) return [shuffle(row(0), row(1), LOW_HALVES), shuffle(row(0), row(1), HIGH_HALVES)];
  const low = [keep(shuffle(row(0), row(1), LOW_QUARTERS)), keep(shuffle(row(2), row(3), LOW_QUARTERS))] as const;
  const high = [keep(shuffle(row(0), row(1), HIGH_QUARTERS)), keep(shuffle(row(2), row(3), HIGH_QUARTERS))] as const;
  return [low, high].flatMap(([a, b]) => [shuffle(a, b, LOW_HALVES), shuffle(a, b, HIGH_HALVES)]);
}

const bytesFrom = (...starts: readonly number[]) => starts.flatMap((start) => range(start, 16 / starts.length));
const range = (start: number, length: number) => Array.from({ length }, (_, i) => start + i);
const LOW_HALVES = bytesFrom(0, 16);
const HIGH_HALVES = bytesFrom(8, 24);
const LOW_QUARTERS = bytesFrom(0, 16, 4, 20);
const HIGH_QUARTERS = bytesFrom(8, 24, 12, 28);
