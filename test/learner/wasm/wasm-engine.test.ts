import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Engine, EngineOptions } from "../../../src/learner/engine.ts";
import { GRADIENT_OPTIMIZERS } from "../../../src/learner/optimizer.ts";
import { Random } from "../../../src/learner/random.ts";
import { ReferenceEngine } from "../../../src/learner/reference-engine.ts";
import { memoryMapOf } from "../../../src/learner/wasm/memory-map.ts";
import { WasmEngine } from "../../../src/learner/wasm/wasm-engine.ts";
import { copyRows, drawParameters, drawRows, engineOptions, firstDifference, traceOf } from "../engines.ts";

const SEED = 4;
const STEPS = 8;
/** Sizes of the odd feature: ordinary, absurd, subnormal, and such that squares and sums overflow. */
const MAGNITUDES = [1, 1, 1, 1e6, 1e-310, 1e160, 1e308];

/** Bytes behind an engine that are watched. */
const CANARY_BYTES = 8192;

/** Runs both engines on the same rows and tells the first difference; counts the steps that were undone. */
function compare(
  options: EngineOptions,
  seed: number,
  steps = STEPS,
): { readonly difference: string | null; readonly undone: number } {
  const random = new Random(seed);
  const reference: Engine = new ReferenceEngine(options);
  const wasm: Engine = new WasmEngine(options);
  let undone = 0;
  try {
    drawParameters(reference, random);
    wasm.parameters.set(reference.parameters);
    for (let step = 0; step < steps; step++) {
      drawRows(options, reference, random, MAGNITUDES[random.uint32() % MAGNITUDES.length] ?? 1);
      copyRows(wasm, reference);
      const rows = 1 + (random.uint32() % options.batchMax);
      const learningRate = 10 ** -(random.uint32() % 4);
      for (const engine of [reference, wasm]) {
        engine.rows = rows;
        engine.learningRate = learningRate;
        engine.step();
      }
      undone += reference.undone ? 1 : 0;
      const afterStep = firstDifference(traceOf(reference, rows), traceOf(wasm, rows));
      if (afterStep !== null) return { difference: `step ${step} of ${rows} rows: ${afterStep}`, undone };
      for (const engine of [reference, wasm]) {
        engine.rows = 1 + (step % options.batchMax);
        engine.forward();
      }
      const predicted = firstDifference(traceOf(reference, reference.rows), traceOf(wasm, wasm.rows));
      if (predicted !== null) return { difference: `prediction after step ${step}: ${predicted}`, undone };
    }
    return { difference: null, undone };
  } finally {
    wasm.release();
  }
}

describe("the compiled engine", () => {
  it("agrees with the reference on every bit of state, gradients, cost and predictions, at every step", () => {
    let undone = 0;
    fc.assert(
      fc.property(engineOptions, fc.nat(), (options, seed) => {
        const result = compare(options, seed);
        undone += result.undone;
        expect(result.difference).toBeNull();
      }),
      { seed: SEED, numRuns: 400 },
    );
    // The absurd features did what they are for, and not always.
    expect(undone).toBeGreaterThan(100);
    expect(undone).toBeLessThan(2000);
  });

  it.each([
    [256, 70],
    [70, 256],
  ])("agrees with the reference on layers of %i and %i units, which it goes through in loops", (first, second) => {
    for (const precision of ["f64", "f32"] as const) {
      const topology = {
        units: [33, first, second, 21],
        activations: ["tanh", "leaky-relu", "softmax"],
        loss: "cross-entropy",
      } as const;
      const optimizer = { kind: "adam", l2: 0.001, clipNorm: 1 } as const;
      expect(compare({ topology, optimizer, scaled: true, batchMax: 9, precision }, 1).difference).toBeNull();
    }
  });

  it("keeps its hands off what other engines own", () => {
    const topology = { units: [3, 5, 1], activations: ["relu", "sigmoid"], loss: "cross-entropy" } as const;
    const options = { topology, optimizer: { kind: "sgd" }, scaled: true, batchMax: 7, precision: "f32" } as const;
    const [left, middle, right] = [new WasmEngine(options), new WasmEngine(options), new WasmEngine(options)];
    const random = new Random(1);
    for (const engine of [left, middle, right]) drawParameters(engine, random);
    const before = [left, right].map((engine) => Object.values(traceOf(engine, 7)).map((values) => values.slice()));
    for (let step = 0; step < 50; step++) {
      drawRows(options, middle, random, 1e300);
      middle.rows = 7;
      middle.learningRate = 1;
      middle.step();
    }
    const after = [left, right].map((engine) => Object.values(traceOf(engine, 7)).map((values) => values.slice()));
    expect(after).toEqual(before);
    for (const engine of [left, middle, right]) engine.release();
  });

  it("refuses more rows than it has room for, and none", () => {
    const topology = { units: [3, 5, 1], activations: ["relu", "sigmoid"], loss: "cross-entropy" } as const;
    const engine = new WasmEngine({ topology, optimizer: { kind: "sgd" }, scaled: true, batchMax: 7 });
    const reference = new ReferenceEngine({ topology, optimizer: { kind: "sgd" }, scaled: true, batchMax: 7 });
    for (const rows of [0, 8, -1, 2.5, Number.NaN]) {
      for (const either of [engine, reference]) {
        expect(() => (either.rows = rows)).toThrow("are no whole number from 1 to 7");
      }
    }
    engine.release();
    expect(() => engine.release()).toThrow("released once");
  });

  it.each([
    ["three outputs without softmax", [2, 3], ["sigmoid"], "cross-entropy"],
    ["one output with softmax", [2, 1], ["softmax"], "cross-entropy"],
    ["softmax in a hidden layer", [2, 3, 1], ["softmax", "sigmoid"], "cross-entropy"],
    ["softmax with mse", [2, 3], ["softmax"], "mse"],
    ["cross-entropy of a value", [2, 1], ["identity"], "cross-entropy"],
    ["a layer of no unit", [2, 0, 1], ["relu", "sigmoid"], "cross-entropy"],
    ["an activation too few", [2, 3, 1], ["sigmoid"], "cross-entropy"],
  ] as const)("refuses what it cannot compute, as the reference does: %s", (_, units, activations, loss) => {
    const options = {
      topology: { units, activations, loss },
      optimizer: { kind: "sgd" },
      scaled: false,
      batchMax: 2,
    } as const;
    for (const Engine of [WasmEngine, ReferenceEngine]) expect(() => new Engine(options)).toThrow(Error);
  });

  it("agrees with the reference over thousands of steps, whatever fades meanwhile", { timeout: 60_000 }, () => {
    for (const precision of ["f64", "f32"] as const) {
      for (const kind of GRADIENT_OPTIMIZERS) {
        const topology = { units: [3, 5, 1], activations: ["tanh", "sigmoid"], loss: "cross-entropy" } as const;
        const optimizer = { kind, momentum: 0.9, beta2: 0.9 };
        const options = { topology, optimizer, scaled: true, batchMax: 4, precision };
        expect(compare(options, 3, 3000).difference).toBeNull();
      }
    }
  });

  it("writes nothing behind its part of the memory", () => {
    fc.assert(
      fc.property(engineOptions, fc.nat(), (options, seed) => {
        const engine = new WasmEngine(options);
        const map = memoryMapOf(options);
        const end = engine.parameters.byteOffset - map.parameters + map.bytes;
        const behind = new Uint8Array(engine.parameters.buffer, end);
        const canary = behind.subarray(0, CANARY_BYTES).fill(0xa5);
        const random = new Random(seed);
        drawParameters(engine, random);
        for (let step = 0; step < 3; step++) {
          drawRows(options, engine, random, 1);
          engine.rows = options.batchMax;
          engine.learningRate = 0.1;
          engine.step();
          engine.forward();
        }
        expect(canary.every((byte) => byte === 0xa5)).toBe(true);
        engine.release();
      }),
      { seed: SEED },
    );
  });
});
