// One of the engines behind the line protocol of peer.py, in a process of its own: what the others have run would
// otherwise decide how its loops are compiled. The engine is the first argument; a sixth word of a case is an optimizer.
// `ready …` answers with the ms from nothing to the first step, `allocated …` with bytes a step.

import { createInterface } from "node:readline";
import type { Engine, EngineKind } from "../../../src/learner/engine.ts";
import { createEngine } from "../../../src/learner/engines.ts";
import { GRADIENT_OPTIMIZERS } from "../../../src/learner/optimizer.ts";
import { PRECISIONS } from "../../../src/learner/precision.ts";
import { Random } from "../../../src/learner/random.ts";

const ROWS = 4096;
const STEPS_AT_ONCE = 64;
const ALLOCATION_STEPS_MAX = 1_000_000;

const kind: EngineKind = process.argv[2] === "reference" ? "reference" : "wasm";

interface Case {
  readonly engine: Engine;
  readonly x: Float64Array;
  readonly y: Float64Array;
  readonly batch: number;
}

function engineOf(network: string, batch: number, precision: string, optimizer: string): Engine {
  const units = network.split("-").map(Number);
  return createEngine(
    {
      topology: {
        units,
        activations: [...units.slice(2).map(() => "relu" as const), "sigmoid"],
        loss: "cross-entropy",
      },
      optimizer: { kind: GRADIENT_OPTIMIZERS.find((name) => name === optimizer) ?? "sgd" },
      scaled: false,
      batchMax: batch,
      precision: PRECISIONS.find((name) => name === precision) ?? "f64",
    },
    kind,
  );
}

function prepare(network: string, batch: number, precision: string, optimizer: string): Case {
  const engine = engineOf(network, batch, precision, optimizer);
  const [features = 0] = network.split("-").map(Number);
  const random = new Random(1);
  const { parameters } = engine;
  for (const { inputs, weightsOffset, biasesOffset } of engine.layout.layers) {
    for (let p = weightsOffset; p < biasesOffset; p++) parameters[p] = random.normal() * Math.sqrt(2 / inputs);
  }
  engine.rows = batch;
  engine.learningRate = 0.01;
  const x = Float64Array.from({ length: ROWS * features }, () => random.normal());
  const y = Float64Array.from({ length: ROWS }, () => random.uint32() & 1);
  return { engine, x, y, batch };
}

/** Trains or predicts so many times, each with rows of its own copied in. */
function repeat({ engine, x, y, batch }: Case, mode: string, steps: number): void {
  const { inputs, labels } = engine;
  const length = inputs.length;
  for (let k = 0, row = 0, at = 0; k < steps; k++) {
    for (let i = 0; i < length; i++) inputs[i] = x[at + i]!;
    for (let r = 0; r < batch; r++) labels[r] = y[row + r]!;
    row += batch;
    at += length;
    if (row + batch > ROWS) {
      row = 0;
      at = 0;
    }
    if (mode === "predict") engine.forward();
    else engine.step();
  }
}

function samplesPerSecond(work: Case, mode: string, seconds: number): number {
  const begin = performance.now();
  let steps = 0;
  let passed = 0;
  do {
    repeat(work, mode, STEPS_AT_ONCE);
    steps += STEPS_AT_ONCE;
    passed = (performance.now() - begin) / 1000;
  } while (passed < seconds);
  return (steps * work.batch) / passed;
}

/** Needs --expose-gc. */
function bytesPerStep(work: Case, rate: number): number {
  const steps = Math.min(ALLOCATION_STEPS_MAX, Math.ceil(rate / work.batch));
  const { gc } = globalThis;
  gc?.();
  const before = process.memoryUsage().heapUsed;
  repeat(work, "train", steps);
  return (process.memoryUsage().heapUsed - before) / steps;
}

const known = new Map<string, Case>();
console.log(`Rivulet, ${kind}`);
for await (const line of createInterface({ input: process.stdin })) {
  const [mode = "", network = "", batch = "", precision = "", seconds = "", optimizer = "sgd"] = line.split(" ");
  if (mode === "ready") {
    const begin = performance.now();
    engineOf(network, Number(batch), precision, optimizer).step();
    console.log(performance.now() - begin);
    continue;
  }
  const key = [network, batch, precision, optimizer].join(" ");
  const work = known.get(key) ?? prepare(network, Number(batch), precision, optimizer);
  known.set(key, work);
  if (mode === "allocated") console.log(bytesPerStep(work, samplesPerSecond(work, "train", Number(seconds))));
  else console.log(samplesPerSecond(work, mode, Number(seconds)));
}
