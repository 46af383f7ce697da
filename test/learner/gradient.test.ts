import { describe, expect, it } from "vitest";
import { createEngine } from "../../src/learner/engines.ts";
import { Random } from "../../src/learner/random.ts";
import { ACTIVATIONS, type Activation, type Topology } from "../../src/learner/topology.ts";

const ROWS = 7;
const SEED = 20_231;
/** Balances rounding against the curvature of a central difference in f64. */
const STEP = 2e-5;

const cases: [string, Topology][] = [];
for (const hidden of [[], [5], [6, 4], [4, 5, 3]]) {
  for (const activation of ACTIVATIONS) {
    if (hidden.length === 0 && activation !== "relu") continue;
    const units = [3, ...hidden, 1];
    const inner = hidden.map((): Activation => activation);
    cases.push([
      `${units.join("-")} ${activation} cross-entropy`,
      { units, activations: [...inner, "sigmoid"], loss: "cross-entropy" },
    ]);
    for (const output of ACTIVATIONS) {
      cases.push([
        `${units.join("-")} ${activation} mse ${output}`,
        { units, activations: [...inner, output], loss: "mse" },
      ]);
    }
  }
}

for (const hidden of [[], [5], [6, 4]]) {
  for (const activation of ACTIVATIONS) {
    if (hidden.length === 0 && activation !== "relu") continue;
    const inner = hidden.map((): Activation => activation);
    const units = [3, ...hidden, 4];
    cases.push([
      `${units.join("-")} ${activation} softmax`,
      { units, activations: [...inner, "softmax"], loss: "cross-entropy" },
    ]);
  }
}

describe.each(["reference", "wasm"] as const)(
  "the gradient of the %s engine agrees with central differences",
  (kind) => {
    it.each(cases)("%s", (_, topology) => {
      const random = new Random(SEED);
      const engine = createEngine({ topology, optimizer: { kind: "sgd" }, scaled: false, batchMax: ROWS }, kind);
      const { parameters, inputs, labels, sampleWeights } = engine;
      for (let p = 0; p < parameters.length; p++) parameters[p] = random.normal() * 0.7;
      // A bias that keeps a ReLU output alive: a gradient of 0 would prove nothing.
      if (engine.outputCount === 1) parameters[parameters.length - 1] = 3;
      for (let i = 0; i < inputs.length; i++) inputs[i] = random.normal();
      for (let r = 0; r < ROWS; r++) {
        labels[r] =
          topology.loss === "cross-entropy" ? random.uint32() % (engine.outputCount > 1 ? 4 : 2) : random.normal();
        sampleWeights[r] = 0.25 + random.uniform();
      }
      engine.rows = ROWS;
      engine.learningRate = 0;
      engine.step();
      const gradients = engine.gradients.slice();
      const costAt = (p: number, value: number) => {
        const before = parameters[p] ?? 0;
        parameters[p] = value;
        engine.step();
        parameters[p] = before;
        return engine.cost;
      };
      let difference = 0;
      let size = 0;
      for (let p = 0; p < parameters.length; p++) {
        const theta = parameters[p] ?? 0;
        const numeric = (costAt(p, theta + STEP) - costAt(p, theta - STEP)) / (2 * STEP);
        difference += (numeric - (gradients[p] ?? 0)) ** 2;
        size += numeric ** 2 + (gradients[p] ?? 0) ** 2;
      }
      expect(size).toBeGreaterThan(0);
      expect(Math.sqrt(difference) / Math.sqrt(size)).toBeLessThan(1e-7);
    });
  },
);
