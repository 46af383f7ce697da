import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, it } from "vitest";
import { Learner } from "../../src/learner/learner.ts";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

const STEPS = 20_000;
/**
 * The engine may put a double on the heap where a kernel is called (16 bytes each); one for each of the 16 rows, or any
 * object or buffer of a step, is more than this.
 */
const BYTES_PER_STEP_MAX = 200;

it.each([
  ["relu", "cross-entropy", "sigmoid"],
  ["tanh", "mse", "identity"],
] as const)("allocates no object and no buffer in a step: %s, %s", (activation, loss, output) => {
  const learner = new Learner({
    features: ["x1", "x2"],
    label: "y",
    classes: null,
    network: { hidden: [32], activation: [activation], output, loss, init: "he", seed: 1 },
    scale: "standard",
    optimizer: { kind: "adagrad", learningRate: 0.1 },
    batch: { size: 16 },
  });
  const { inputs, labels } = learner.engine;
  for (let i = 0; i < inputs.length; i++) inputs[i] = ((i * 37) % 101) / 50 - 1;
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
