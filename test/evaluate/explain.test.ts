import { describe, expect, it } from "vitest";
import { explain } from "../../src/evaluate/explain.ts";
import { defaultMembers } from "../../src/learner/ensemble/members.ts";
import { Learner } from "../../src/learner/learner.ts";
import type { LearnerConfig } from "../../src/learner/learner-config.ts";
import { Random } from "../../src/learner/random.ts";
import type { Activation, OutputActivation } from "../../src/learner/topology.ts";

const STEP = 1e-5;
const SLOPE = 0.01;

interface Kind {
  readonly hidden: readonly number[];
  readonly activation: Activation;
  readonly output: OutputActivation;
}

const kinds: Kind[] = [];
for (const hidden of [[5], [6, 4], [4, 5, 3]]) {
  for (const activation of ["relu", "tanh", "sigmoid", "leaky-relu"] as const) {
    for (const output of ["sigmoid", "softmax", "identity", "tanh"] as const)
      kinds.push({ hidden, activation, output });
  }
}
kinds.push({ hidden: [], activation: "relu", output: "sigmoid" });

/** Makes a learner whose scaler has seen rows, and a row. */
function learnerOf(
  { hidden, activation, output }: Kind,
  rest: Partial<LearnerConfig> = {},
): { learner: Learner; row: Float64Array } {
  const config: LearnerConfig = {
    features: ["a", "b", "c"],
    label: "y",
    classes: output === "softmax" ? ["p", "q", "r", "s"] : null,
    network: {
      hidden,
      activation: hidden.map(() => activation),
      output,
      loss: output === "sigmoid" || output === "softmax" ? "cross-entropy" : "mse",
      init: "he",
      seed: 5,
    },
    scale: "standard",
    optimizer: { kind: "sgd", learningRate: 0.1 },
    batch: { size: 4 },
    ...rest,
  };
  const learner = new Learner(config);
  const random = new Random(11);
  for (let p = 0; p < learner.engine.parameters.length; p++) learner.engine.parameters[p] = random.normal() * 0.8;
  const { scaler } = learner.engine;
  scaler?.learn(
    Float64Array.from({ length: 60 }, (_, i) => 3 * random.normal() + (i % 3)),
    20,
  );
  return { learner, row: Float64Array.from({ length: 3 }, () => 2 * random.normal()) };
}

function applied(z: number, activation: OutputActivation): number {
  switch (activation) {
    case "relu":
      return Math.max(0, z);
    case "leaky-relu":
      return z > 0 ? z : SLOPE * z;
    case "tanh":
      return Math.tanh(z);
    case "sigmoid":
      return 1 / (1 + Math.exp(-z));
    case "identity":
    case "softmax":
      return z;
  }
}

/** Computes logits, or values, for inputs as the network is given them; shares nothing with the learner but its layout. */
function outputsOf({ engine, config }: Learner, inputs: readonly number[]): readonly number[] {
  const { layers } = engine.layout;
  return layers.reduce<readonly number[]>((below, { units, activation, weightsOffset, biasesOffset }, l) => {
    return Array.from({ length: units }, (_, j) => {
      const z = below.reduce(
        (sum, value, i) => sum + value * (engine.parameters[weightsOffset + i * units + j] ?? 0),
        engine.parameters[biasesOffset + j] ?? 0,
      );
      const isLogit = l === layers.length - 1 && config.network.loss === "cross-entropy";
      return isLogit ? z : applied(z, activation);
    });
  }, inputs);
}

function differences(learner: Learner, inputs: readonly number[], output: number): readonly number[] {
  return inputs.map((_, i) => {
    const at = (step: number) =>
      outputsOf(
        learner,
        inputs.map((value, k) => (k === i ? value + step : value)),
      )[output] ?? 0;
    return (at(STEP) - at(-STEP)) / (2 * STEP);
  });
}

describe("the gradients of an explanation", () => {
  it.each(kinds)("agree with central differences: $hidden $activation $output", (kind) => {
    const { learner, row } = learnerOf(kind);
    const explained = explain(learner, row);
    const inputs = [...explained.inputs];
    const numeric = differences(learner, inputs, explained.output);
    const scaler = learner.engine.scaler;
    expect(inputs).toEqual([...row].map((x, i) => (x - (scaler?.mean[i] ?? 0)) / (scaler?.std[i] ?? 1)));
    expect(explained.value).toBeCloseTo(outputsOf(learner, inputs)[explained.output] ?? 0, 10);
    expect(Math.max(...numeric.map(Math.abs))).toBeGreaterThan(1e-4);
    numeric.forEach((value, i) => {
      expect(Math.abs((explained.gradients[i] ?? 0) - value)).toBeLessThan(1e-6);
    });
  });

  it("agree with central differences in f32, but for its rounding", () => {
    for (const kind of kinds) {
      const { learner, row } = learnerOf(kind, { precision: "f32" });
      const explained = explain(learner, row);
      differences(learner, [...explained.inputs], explained.output).forEach((value, i) => {
        expect(Math.abs((explained.gradients[i] ?? 0) - value)).toBeLessThan(1e-4);
      });
    }
  });

  it("are those of the features themselves where nothing is scaled", () => {
    const { learner, row } = learnerOf({ hidden: [5], activation: "tanh", output: "sigmoid" }, { scale: "none" });
    expect([...explain(learner, row).inputs]).toEqual([...row]);
  });

  it("are those of the class that is predicted, of several", () => {
    const { learner, row } = learnerOf({ hidden: [6, 4], activation: "tanh", output: "softmax" });
    const winners = new Set<number>();
    const random = new Random(3);
    for (let t = 0; t < 40; t++) {
      for (let i = 0; i < row.length; i++) row[i] = 4 * random.normal();
      const outputs = [...learner.outputsFor(row)];
      const { output } = explain(learner, row);
      expect(output).toBe(outputs.indexOf(Math.max(...outputs)));
      winners.add(output);
    }
    expect(winners.size).toBeGreaterThan(1);
  });

  it("leave the learner as it was", () => {
    const { learner, row } = learnerOf({ hidden: [5], activation: "relu", output: "sigmoid" });
    const before = learner.save();
    explain(learner, row);
    expect(learner.save()).toEqual(before);
  });
});

describe("of an ensemble", () => {
  it.each([
    ["two classes", null, "sigmoid", "cross-entropy"],
    ["three classes", ["a", "b", "c"], "softmax", "cross-entropy"],
    ["values", null, "identity", "mse"],
  ] as const)("the contributions sum up to what the row has beyond the mean of all: %s", (_, classes, output, loss) => {
    const learner = new Learner({
      features: ["a", "b", "c"],
      label: "y",
      classes,
      network: { hidden: [], activation: [], output, loss, init: "he", seed: 2 },
      ensemble: defaultMembers(3, classes?.length ?? 1),
      scale: "standard",
      optimizer: { kind: "ekf", learningRate: 1 },
      batch: { size: 1 },
    });
    const random = new Random(3);
    for (let k = 0; k < 400; k++) {
      for (let i = 0; i < 3; i++) learner.raw[i] = 10 + random.normal();
      const far = (learner.raw[0] ?? 0) - 10;
      learner.engine.labels[0] =
        loss === "mse" ? 50 * far : classes === null ? Number(far > 0) : far > 0.5 ? 2 : far > -0.5 ? 1 : 0;
      learner.step(1);
    }
    const { value, inputs, gradients, output: explained } = explain(learner, [11, 10.5, 9]);
    const mean = learner.outputsFor(learner.engine.scaler?.mean ?? [])[explained] ?? Number.NaN;
    const from = loss === "mse" ? mean : Math.log(mean / (1 - mean));
    const sum = Array.from(inputs).reduce((total, input, i) => total + input * (gradients[i] ?? 0), 0);
    expect(Math.abs(sum - (value - from))).toBeLessThan(0.05 * Math.abs(value - from) + 0.05);
    const [a = 0, b = 0, c = 0] = Array.from(inputs).map((input, i) => Math.abs(input * (gradients[i] ?? 0)));
    expect(a).toBeGreaterThan(b + c);
    learner.release();
  });
});
