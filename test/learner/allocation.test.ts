import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, it } from "vitest";
import { defaultMembers } from "../../src/learner/ensemble/members.ts";
import { Learner } from "../../src/learner/learner.ts";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

const STEPS = 20_000;
/**
 * The engine may put a double on the heap where a kernel is called (16 bytes each); one for each of the 16 rows, or any
 * object or buffer of a step, is more than this.
 */
const BYTES_PER_STEP_MAX = 200;
/** What a network may do beside a step. */
const PAST = { averaging: { decay: 0.99 }, replay: { kind: "reservoir", rows: 100, batches: 4, size: 8 } } as const;

it.each([
  ["relu", "cross-entropy", "sigmoid", {}],
  ["tanh", "mse", "identity", {}],
  ["relu", "cross-entropy", "sigmoid", PAST],
] as const)("allocates no object and no buffer in a step: %s, %s, %s, %j", (activation, loss, output, more) => {
  const learner = new Learner({
    features: ["x1", "x2"],
    label: "y",
    classes: null,
    network: { hidden: [32], activation: [activation], output, loss, init: "he", seed: 1 },
    scale: "standard",
    optimizer: { kind: "adagrad", learningRate: 0.1 },
    batch: { size: 16 },
    ...more,
  });
  const { raw } = learner;
  const { labels } = learner.engine;
  for (let i = 0; i < raw.length; i++) raw[i] = ((i * 37) % 101) / 50 - 1;
  for (let r = 0; r < labels.length; r++) labels[r] = r & 1;
  const train = () => {
    for (let k = 0; k < STEPS; k++) learner.step(16);
  };
  train();
  // The least of some rounds: the first may still be compiling, and others share this process.
  const rounds = Array.from({ length: 4 }, () => {
    collect();
    const before = process.memoryUsage().heapUsed;
    train();
    return (process.memoryUsage().heapUsed - before) / STEPS;
  });
  expect(Math.min(...rounds)).toBeLessThan(BYTES_PER_STEP_MAX);
});

it("allocates nothing that grows with a step of an ensemble: its numbers live in vectors", () => {
  const learner = new Learner({
    features: ["x1", "x2"],
    label: "y",
    classes: null,
    network: { hidden: [], activation: [], output: "sigmoid", loss: "cross-entropy", init: "he", seed: 1 },
    ensemble: defaultMembers(2, 1),
    scale: "standard",
    optimizer: { kind: "ekf", learningRate: 1 },
    batch: { size: 1 },
  });
  const { raw, engine } = learner;
  const train = () => {
    for (let k = 0; k < 3000; k++) {
      raw[0] = ((k * 37) % 101) / 50 - 1;
      raw[1] = ((k * 53) % 97) / 50 - 1;
      engine.labels[0] = k & 1;
      learner.step(1);
    }
  };
  train();
  train();
  const rounds = Array.from({ length: 8 }, () => {
    collect();
    const before = process.memoryUsage().heapUsed;
    train();
    return (process.memoryUsage().heapUsed - before) / 3000;
  });
  // Doubles that are handed to a function which is not compiled into its caller: 16 bytes each, about 1 kB a step. One
  // covariance would be ten times that.
  expect(Math.min(...rounds)).toBeLessThan(3000);
});

const GC_STEPS = 1_000_000;
/** Until then a busy machine may still be compiling. */
const WARM_STEPS = 500_000;

it.each([
  [[2], 1, "sgd", "none", {}],
  [[32], 4, "adagrad", "standard", {}],
  [[8], 1, "adam", "standard", {}],
  [[8], 1, "adam", "standard", { averaging: { decay: 0.9 } }],
] as const)(
  "collects no garbage in a million compiled steps: hidden %j, batch %i, %s, %s, %j",
  async (hidden, size, kind, scale, more) => {
    const config = {
      features: ["x1", "x2"],
      label: "y",
      classes: null,
      network: { hidden, activation: ["relu"], output: "sigmoid", loss: "cross-entropy", init: "he", seed: 1 },
      scale,
      optimizer: { kind, learningRate: 0.01, schedule: { kind: "inverse", steps: 1000 } },
      batch: { size },
      ...more,
    };
    // A process of its own: nothing else in it makes garbage.
    const script = `
    import { PerformanceObserver } from "node:perf_hooks";
    const { Learner } = await import("./src/learner/learner.ts");
    const learner = new Learner(${JSON.stringify(config)});
    const { engine, raw } = learner;
    const train = (steps) => {
      for (let k = 0; k < steps; k++) {
        for (let i = 0; i < raw.length; i++) raw[i] = ((k * 37 + i * 11) % 101) / 50 - 1;
        for (let r = 0; r < ${size}; r++) engine.labels[r] = (k >> 3) & 1;
        learner.step(${size});
      }
    };
    let told = 0;
    let forced = 0;
    const observer = new PerformanceObserver((list) => (told += list.getEntries().length));
    observer.observe({ entryTypes: ["gc"] });
    // Collections are told later, in their order: once a forced one is told, those before it are, too.
    const unforced = async () => {
      const before = told;
      gc();
      forced++;
      while (told === before) await new Promise((resolve) => setTimeout(resolve, 5));
      return told - forced;
    };
    train(${WARM_STEPS});
    const before = await unforced();
    train(${GC_STEPS});
    const collections = (await unforced()) - before;
    console.log(JSON.stringify({ collections, applied: learner.stepsApplied, kind: engine.kind }));`;
    const args = ["--expose-gc", "--input-type=module", "-e", script];
    const { stdout } = await promisify(execFile)(process.execPath, args);
    expect(JSON.parse(stdout)).toEqual({ collections: 0, applied: GC_STEPS + WARM_STEPS, kind: "wasm" });
  },
);
