import { describe, expect, it } from "vitest";
import { Learner } from "../../src/learner/learner.ts";
import type { LearnerConfig } from "../../src/learner/learner-config.ts";
import type { OptimizerConfig } from "../../src/learner/optimizer.ts";
import { Random } from "../../src/learner/random.ts";
import type { Schedule } from "../../src/learner/schedule.ts";

const ROWS = 5;
const RATE = 0.05;

function configOf(optimizer: OptimizerConfig): LearnerConfig {
  return {
    features: ["x1", "x2", "x3"],
    label: "y",
    classes: null,
    network: { hidden: [4], activation: ["tanh"], output: "sigmoid", loss: "cross-entropy", init: "he", seed: 3 },
    scale: "standard",
    optimizer,
    batch: { size: ROWS },
  };
}

/** Trains one step on rows that the seed gives, and returns the gradients that it saw. */
function step(learner: Learner, random: Random): number[] {
  const { raw } = learner;
  const { labels } = learner.engine;
  for (let i = 0; i < raw.length; i++) raw[i] = random.normal();
  for (let r = 0; r < ROWS; r++) labels[r] = random.uint32() & 1;
  learner.step(ROWS);
  return [...learner.engine.gradients];
}

type Rule = (memory: number[], g: number, t: number) => number;

// Each rule of one parameter as its paper writes it, apart from the kernels: the change that is subtracted, times the rate.
const rules: readonly (readonly [string, Omit<OptimizerConfig, "learningRate">, Rule])[] = [
  ["sgd", { kind: "sgd" }, (_, g) => g],
  ["momentum", { kind: "sgd", momentum: 0.8 }, (m, g) => (m[0] = 0.8 * (m[0] ?? 0) + g)],
  [
    "nesterov",
    { kind: "sgd", momentum: 0.8, nesterov: true },
    (m, g) => {
      m[0] = 0.8 * (m[0] ?? 0) + g;
      return g + 0.8 * m[0];
    },
  ],
  [
    "adagrad",
    { kind: "adagrad" },
    (m, g) => {
      m[0] = (m[0] ?? 0) + g ** 2;
      return g / (Math.sqrt(m[0]) + 1e-10);
    },
  ],
  [
    "rmsprop",
    { kind: "rmsprop", decay: 0.7, epsilon: 1e-6 },
    (m, g) => {
      m[0] = 0.7 * (m[0] ?? 0) + 0.3 * g ** 2;
      return g / (Math.sqrt(m[0]) + 1e-6);
    },
  ],
  [
    "adam",
    { kind: "adam", beta1: 0.8, beta2: 0.95 },
    (m, g, t) => {
      m[0] = 0.8 * (m[0] ?? 0) + 0.2 * g;
      m[1] = 0.95 * (m[1] ?? 0) + 0.05 * g ** 2;
      return m[0] / (1 - 0.8 ** t) / (Math.sqrt(m[1] / (1 - 0.95 ** t)) + 1e-8);
    },
  ],
];

describe.each(rules)("%s", (_, optimizer, rule) => {
  it("moves each parameter as its paper says", () => {
    const learner = new Learner(configOf({ ...optimizer, learningRate: RATE }));
    const random = new Random(5);
    const memories = [...learner.engine.parameters].map(() => [] as number[]);
    for (let t = 1; t <= 30; t++) {
      const before = [...learner.engine.parameters];
      const gradients = step(learner, random);
      gradients.forEach((g, p) => {
        const expected = (before[p] ?? 0) - RATE * rule(memories[p] ?? [], g, t);
        expect(Math.abs((learner.engine.parameters[p] ?? 0) - expected)).toBeLessThan(1e-12);
      });
    }
  });

  it("goes on from a saved state to the same bits, and undoes a step exactly", () => {
    const config = configOf({ ...optimizer, learningRate: RATE, schedule: { kind: "step", steps: 4, factor: 0.5 } });
    const learner = new Learner(config);
    const random = new Random(6);
    for (let t = 0; t < 10; t++) step(learner, random);
    const saved = learner.save();
    learner.engine.sampleWeights.fill(Number.NaN);
    learner.step(ROWS);
    expect(learner.engine.undone).toBe(true);
    expect(learner.save()).toEqual(saved);
    learner.engine.sampleWeights.fill(1);
    const again = new Learner(config);
    again.restore(saved);
    learner.restore(saved);
    const [left, right] = [new Random(9), new Random(9)];
    for (let t = 0; t < 10; t++) {
      step(learner, left);
      step(again, right);
    }
    expect(again.save()).toEqual(learner.save());
  });

  it("begins its moments anew where a state of another optimizer is taken over", () => {
    const other = new Learner(configOf({ kind: optimizer.kind === "adam" ? "sgd" : "adam", learningRate: RATE }));
    const random = new Random(7);
    for (let t = 0; t < 5; t++) step(other, random);
    const learner = new Learner(configOf({ ...optimizer, learningRate: RATE }));
    for (let t = 0; t < 5; t++) step(learner, random);
    learner.adopt(other.save());
    expect(learner.engine.parameters).toEqual(other.engine.parameters);
    for (const moment of learner.engine.moments) expect(moment.every((value) => value === 0)).toBe(true);
    expect(learner.engine.powers.every((value) => value === 1)).toBe(true);
  });
});

describe("what is done to the gradient first", () => {
  it("l2 pulls weights towards 0, and biases not", () => {
    const plain = new Learner(configOf({ kind: "sgd", learningRate: RATE }));
    const pulled = new Learner(configOf({ kind: "sgd", learningRate: RATE, l2: 0.1 }));
    const theta = [...pulled.engine.parameters];
    const g = step(plain, new Random(1));
    const decayed = step(pulled, new Random(1));
    const { layers } = plain.engine.layout;
    for (const { weightsOffset, biasesOffset, units } of layers) {
      for (let p = weightsOffset; p < biasesOffset; p++) {
        expect(decayed[p]).toBeCloseTo((g[p] ?? 0) + 0.1 * (theta[p] ?? 0), 14);
      }
      for (let p = biasesOffset; p < biasesOffset + units; p++) expect(decayed[p]).toBe(g[p]);
    }
    expect(pulled.engine.cost).toBe(plain.engine.cost);
  });

  it("a gradient that is too long is shortened, and keeps its direction; a shorter one stays as it is", () => {
    const norm = (g: readonly number[]) => Math.sqrt(g.reduce((sum, value) => sum + value * value, 0));
    const plain = step(new Learner(configOf({ kind: "sgd", learningRate: RATE })), new Random(1));
    const length = norm(plain);
    const clipped = step(
      new Learner(configOf({ kind: "sgd", learningRate: RATE, clipNorm: length / 3 })),
      new Random(1),
    );
    expect(norm(clipped)).toBeCloseTo(length / 3, 14);
    for (const [p, g] of clipped.entries()) expect(g).toBeCloseTo((plain[p] ?? 0) / 3, 14);
    const longer = step(
      new Learner(configOf({ kind: "sgd", learningRate: RATE, clipNorm: length * 2 })),
      new Random(1),
    );
    expect(longer).toEqual(plain);
  });
});

describe("a schedule", () => {
  const cases: readonly (readonly [Schedule, (t: number) => number])[] = [
    [{ kind: "inverse", steps: 5 }, (t) => 1 / (1 + t / 5)],
    [{ kind: "exponential", steps: 5, factor: 0.25 }, (t) => 0.25 ** (t / 5)],
    [{ kind: "step", steps: 5, factor: 0.25 }, (t) => 0.25 ** Math.floor(t / 5)],
  ];

  it.each(cases)("%j lowers the rate with the steps applied", (schedule, factor) => {
    const learner = new Learner(configOf({ kind: "sgd", learningRate: RATE, schedule }));
    const random = new Random(2);
    for (let t = 0; t < 23; t++) {
      step(learner, random);
      expect(learner.engine.learningRate / RATE).toBeCloseTo(factor(t), 12);
    }
  });

  it("does not count steps that were undone", () => {
    const learner = new Learner(
      configOf({ kind: "sgd", learningRate: RATE, schedule: { kind: "step", steps: 1, factor: 0.5 } }),
    );
    step(learner, new Random(1));
    learner.engine.sampleWeights.fill(Number.NaN);
    learner.step(ROWS);
    expect(learner.engine.undone).toBe(true);
    learner.step(ROWS);
    expect(learner.engine.learningRate).toBe(RATE / 2);
  });
});
