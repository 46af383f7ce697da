// Compiles a topology: emits `step` and `forward`, each () → (), for an engine whose memory is laid out by the memory map.

import type { EngineOptions } from "../engine.ts";
import { resolveOptimizer } from "../optimizer.ts";
import { layoutOf } from "../topology.ts";
import { assemble, Code, f64, load, local, op, type Variable, zero } from "./assembler.ts";
import { Constants } from "./constants.ts";
import { CURVES, curvesOf, emitCurveFunction } from "./curves.ts";
import { eachKnownStep, type Frame } from "./frame.ts";
import { emitLoss, emitOutputs } from "./head.ts";
import { lanesOf } from "./lanes.ts";
import { memoryMapOf, VECTOR_BYTES } from "./memory-map.ts";
import { emitBackward, emitForward } from "./network.ts";
import { emitLearnScaler, emitStandardize } from "./scaler.ts";
import { emitGradientEnd, emitUpdate } from "./update.ts";

/** What is emitted for an engine. */
export interface Emitted {
  readonly module: Uint8Array<ArrayBuffer>;
  /** What belongs into the slots for constants. */
  readonly constants: BigUint64Array;
}

/** Emits the module of an engine; equal options give equal bytes. */
export function emit(options: EngineOptions, memoryPagesMax: number): Emitted {
  const map = memoryMapOf(options);
  // The first local, or parameter, of every function.
  const base = local(0);
  const constants = new Constants(base, map.constants);
  const lanes = lanesOf(options.precision ?? "f64", constants);
  const frameOf = (code: Code): Frame => {
    code.variable("i32", (into) => {
      into.instruction("global.get");
      into.unsigned(0);
    });
    return {
      code,
      lanes,
      constants,
      map,
      topology: options.topology,
      layout: layoutOf(options.topology),
      optimizer: resolveOptimizer(options.optimizer),
      scaled: options.scaled,
      curves,
      base,
      rows: options.batchMax === 1 ? 1 : code.keep("i32", load("i32.load", base, map.rows)),
      rowsMax: options.batchMax,
    };
  };
  const curves = curvesOf(options.topology);
  const step = new Code();
  emitStep(frameOf(step));
  const forward = new Code();
  emitPrediction(frameOf(forward));
  const entries = [
    ["step", step],
    ["forward", forward],
  ] as const;
  const functions = curves.flatMap((name) => {
    const curve = CURVES[name];
    return curve === undefined ? [] : [[name, emitCurveFunction(curve, lanes, constants)] as const];
  });
  return {
    module: assemble(new Map([...entries, ...functions]), memoryPagesMax),
    constants: constants.bits,
  };
}

function emitPrediction(frame: Frame): void {
  emitStandardize(frame);
  emitForward(frame);
  emitOutputs(frame);
}

function emitStep(frame: Frame): void {
  const { code, map, scaled } = frame;
  const bad = code.variable("v128", zero);
  const small = { from: map.powers, bytes: map.state + map.stateBytes - map.powers };
  eachKnownStep(frame, small.bytes, VECTOR_BYTES, (pointer, offset) => {
    const kept = load("v128.load", pointer, small.from + offset);
    code.store("v128.store", pointer, small.from + map.stateBytes + offset, kept);
  });
  if (scaled) emitLearnScaler(frame);
  emitStandardize(frame);
  emitForward(frame);
  emitLoss(frame);
  emitGradientEnd(frame);
  emitBackward(frame);
  emitUpdate(frame, bad);
  eachKnownStep(frame, small.bytes, VECTOR_BYTES, (pointer, offset) => {
    const kept = code.keep("v128", load("v128.load", pointer, small.from + offset));
    code.assign(bad, op("v128.or", bad.value, op("f64x2.sub", kept, kept)));
  });
  const cost = load("f64.load", frame.base, map.cost);
  code.assign(bad, op("v128.or", bad.value, op("f64x2.splat", op("f64.sub", cost, cost))));
  emitGuard(frame, bad);
}

/** Emits the undoing of a step that made a number non-finite, or whose cost is. */
function emitGuard(frame: Frame, bad: Variable): void {
  const { code, map, base } = frame;
  const cost = load("f64.load", base, map.cost);
  code.store("i32.store", base, map.undone, op("v128.any_true", bad.value));
  code.when(load("i32.load", base, map.undone), () => {
    eachKnownStep(frame, map.stateBytes, VECTOR_BYTES, (pointer, offset) => {
      const before = load("v128.load", pointer, map.state + map.stateBytes + offset);
      code.store("v128.store", pointer, map.state + offset, before);
    });
    // What NaN a processor makes of inf − inf is its own.
    code.when(op("f64.ne", cost, cost), () => code.store("f64.store", base, map.cost, f64(Number.NaN)));
  });
}
