// Forward and backward pass: one product a layer and direction, see gemm.ts; ../dense.ts and ../activation.ts have the
// scalar loops.

import { LEAKY_SLOPE } from "../activation.ts";
import type { LayerLayout, OutputActivation } from "../topology.ts";
import { i32, op, type Value, zero } from "./assembler.ts";
import { columnProduct, transposedSquare } from "./column.ts";
import { FIRST_CURVE } from "./curves.ts";
import { behind, countValue, type Frame } from "./frame.ts";
import { gemm, panelColumnsOf } from "./gemm.ts";
import type { Lanes } from "./lanes.ts";

/** Emits the outputs of every layer; those of the last one are left as they are before its activation, but for the plain ones. */
export function emitForward(frame: Frame): void {
  const { code, lanes, map, base, rows, layout } = frame;
  const { width } = lanes;
  layout.layers.forEach(({ inputs, units, activation, weightsOffset, biasesOffset }, l) => {
    const finish = (sums: Value) => activated(frame, activation, sums);
    const left = map.activations[l] ?? 0;
    const right = map.parameters + weightsOffset * width;
    const start = map.parameters + biasesOffset * width;
    const out = map.activations[l + 1] ?? 0;
    const rowBytes = map.rowBytes[l] ?? 0;
    if (units === 1 && rows !== 1) {
      columnProduct(code, lanes, base, { rows, depth: inputs, left, rowBytes, right, start, out, finish });
    } else {
      gemm(code, lanes, base, {
        rows,
        columns: units,
        depth: inputs,
        left: { offset: left, rowBytes, depthBytes: width },
        right: { offset: right, depthBytes: units * width },
        out: { offset: out, rowBytes: map.rowBytes[l + 1] ?? 0 },
        start,
        finish,
      });
    }
    if (l < layout.layers.length - 1) emitCurve(frame, activation, l + 1);
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

/** Emits tanh or sigmoid of the sums in activations[l], and of what lies between the rows, in place; nothing for the others. */
function emitCurve({ code, map, base, rows, curves }: Frame, activation: OutputActivation, l: number): void {
  const curve = curves.indexOf(activation);
  if (curve < 0) return;
  const from = code.keep("i32", op("i32.add", base, i32(map.activations[l] ?? 0)));
  code.call(FIRST_CURVE + curve, base, from, behind(from, countValue(rows), map.rowBytes[l] ?? 0));
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
  const { inputs, units, weightsOffset, biasesOffset } = layer;
  const { width } = lanes;
  const input = map.activations[l] ?? 0;
  const delta = map.deltas[l] ?? 0;
  const inputBytes = map.rowBytes[l] ?? 0;
  const deltaBytes = map.rowBytes[l + 1] ?? 0;
  const weights = map.gradients + weightsOffset * width;
  const right = { offset: delta, depthBytes: deltaBytes };
  const common = { depth: rows, start: null };
  if (units === 1) {
    // One unit: lanes run over its inputs instead, which lie side by side too.
    gemm(code, lanes, base, {
      ...common,
      rows: 1,
      columns: inputs,
      left: { offset: delta, rowBytes: width, depthBytes: width },
      right: { offset: input, depthBytes: inputBytes },
      out: { offset: weights, rowBytes: inputs * width },
    });
    const biases = map.gradients + biasesOffset * width;
    const none = { offset: 0, rowBytes: 0, depthBytes: width };
    gemm(code, lanes, base, {
      ...common,
      rows: 0,
      onesRow: true,
      columns: 1,
      left: none,
      right,
      out: { offset: biases, rowBytes: width },
    });
    return;
  }
  gemm(code, lanes, base, {
    ...common,
    rows: inputs,
    columns: units,
    left: { offset: input, rowBytes: width, depthBytes: inputBytes },
    right,
    out: { offset: weights, rowBytes: units * width },
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
  const panelWidth = panelColumnsOf(lanes, inputs) * width;
  const errors = map.deltas[l - 1] ?? 0;
  const outputs = map.activations[l] ?? 0;
  gemm(code, lanes, base, {
    rows,
    columns: inputs,
    depth: units,
    left: { offset: map.deltas[l] ?? 0, rowBytes: map.rowBytes[l + 1] ?? 0, depthBytes: width },
    right: isOwnTranspose
      ? { offset: weights, depthBytes: inputs * width }
      : { offset: map.transposed, depthBytes: panelWidth, panelBytes: units * panelWidth },
    out: { offset: errors, rowBytes: map.rowBytes[l] ?? 0 },
    start: null,
    finish: (sum, address, offset, count) => {
      const a = code.keep("v128", lanes.load(address, offset - errors + outputs, count));
      return timesDerivative(lanes, activation, code.keep("v128", sum), a);
    },
  });
}

/**
 * Emits weightsᵀ (units, inputs) of weights (inputs, units) as panels that stand one behind the other: some inputs wide, all
 * units long. A product reads a panel from one end to the other. Squares of as many numbers as a vector has are moved at
 * once, the rest one by one.
 */
function emitTransposed({ code, lanes, map, base }: Frame, weights: number, inputs: number, units: number): void {
  const { count, width } = lanes;
  const panel = panelColumnsOf(lanes, inputs);
  const panelBytes = units * panel * width;
  const restUnits = units % count;
  const from = code.variable("i32", base);
  const to = code.variable("i32", base);
  const copy = (fromOffset: number, toOffset: number) => {
    const number = lanes.broadcast(from.value, weights + fromOffset * width);
    lanes.store(code, to.value, map.transposed + toOffset * width, number, 1);
  };
  /** Moves `rows` inputs, from the pointers on: all of their units. */
  const strip = (rows: number) => {
    const isSquare = rows === count;
    const length = isSquare ? units - restUnits : units;
    const step = isSquare ? count : 1;
    code.loop(i32(0), i32(length), step, () => {
      if (isSquare) {
        const numbers = Array.from({ length: count }, (_, r) =>
          code.keep("v128", lanes.load(from.value, weights + r * units * width)),
        );
        for (const [c, column] of transposedSquare(numbers, (value) => code.keep("v128", value)).entries()) {
          lanes.store(code, to.value, map.transposed + c * panel * width, column, count);
        }
      } else for (let r = 0; r < rows; r++) copy(r * units, r);
      code.assign(from, op("i32.add", from.value, i32(step * width)));
      code.assign(to, op("i32.add", to.value, i32(step * panel * width)));
    });
    if (isSquare)
      for (let c = 0; c < restUnits; c++) for (let r = 0; r < count; r++) copy(r * units + c, c * panel + r);
  };
  const restInputs = inputs % count;
  const begin = (input: Value) => {
    const panelIndex = op("i32.div_u", input, i32(panel));
    const within = op("i32.rem_u", input, i32(panel));
    code.assign(from, behind(base, input, units * width));
    code.assign(to, op("i32.add", behind(base, panelIndex, panelBytes), op("i32.mul", within, i32(width))));
  };
  code.loop(i32(0), i32(inputs - restInputs), count, (input) => {
    begin(input);
    strip(count);
  });
  if (restInputs > 0) {
    begin(i32(inputs - restInputs));
    strip(restInputs);
  }
}
