import { describe, expect, it } from "vitest";
import { Learner } from "../../src/learner/learner.ts";
import type { LearnerConfig } from "../../src/learner/learner-config.ts";
import { Random } from "../../src/learner/random.ts";

const base: LearnerConfig = {
  features: ["x1", "x2"],
  label: "y",
  classes: null,
  network: { hidden: [5], activation: ["tanh"], output: "sigmoid", loss: "cross-entropy", init: "he", seed: 1 },
  scale: "standard",
  optimizer: { kind: "adagrad", learningRate: 0.1 },
  batch: { size: 4 },
};
const several: LearnerConfig = {
  ...base,
  classes: ["a", "b", "c"],
  network: { ...base.network, output: "softmax" },
};

/** Trains on seeded mini-batches; `weigh` gives the weight of a row of a class, after its mini-batch was counted. */
function teach(learner: Learner, steps: number, weigh?: (label: number, counts: readonly number[]) => number): void {
  const random = new Random(4);
  const { raw } = learner;
  const { labels, sampleWeights } = learner.engine;
  const counts = new Array(learner.config.classes?.length ?? 2).fill(0);
  for (let k = 0; k < steps; k++) {
    for (let i = 0; i < raw.length; i++) raw[i] = random.normal();
    for (let r = 0; r < 4; r++) {
      const label = random.uint32() % 20 === 0 ? 1 + (k % (counts.length - 1)) : 0;
      labels[r] = label;
      counts[label]++;
    }
    for (let r = 0; r < 4; r++) sampleWeights[r] = (1 + (r % 2)) * (weigh?.(labels[r] ?? 0, counts) ?? 1);
    learner.step(4);
  }
}

describe("class weights", () => {
  it.each([base, several])("multiply the sample weights: given", (config) => {
    const classWeights = config.classes === null ? [0.5, 7] : [1, 2, 3];
    const [given, own] = [new Learner({ ...config, classWeights }), new Learner(config)];
    teach(given, 100);
    teach(own, 100, (label) => classWeights[label] ?? 0);
    expect(given.save()).toEqual(own.save());
    expect(given.engine.cost).toBe(own.engine.cost);
  });

  it.each([base, several])("multiply the sample weights: balanced, n / (k · n_c) and at most 100", (config) => {
    const [balanced, own] = [new Learner({ ...config, classWeights: "balanced" }), new Learner(config)];
    let largest = 0;
    teach(balanced, 100);
    teach(own, 100, (label, counts) => {
      const total = counts.reduce((sum, count) => sum + count, 0);
      const weight = Math.min(100, total / (counts.length * (counts[label] ?? 0)));
      largest = Math.max(largest, weight);
      return weight;
    });
    expect(largest).toBeGreaterThan(5);
    expect(balanced.engine.parameters).toEqual(own.engine.parameters);
  });

  it("never throw the network away when a class comes for the first time", () => {
    const learner = new Learner({ ...base, batch: { size: 1 }, classWeights: "balanced" });
    learner.raw.set([1, 2]);
    for (let k = 0; k < 1000; k++) learner.step(1);
    learner.engine.labels[0] = 1;
    const before = learner.predict([1, 2]);
    learner.raw.set([1, 2]);
    learner.step(1);
    expect(learner.engine.cost).toBeCloseTo(-100 * Math.log(before), 8);
  });

  it("leave the given sample weights as they were", () => {
    const learner = new Learner({ ...base, classWeights: [2, 3] });
    learner.engine.sampleWeights.set([1, 0.5, 3, 1]);
    learner.step(3);
    expect([...learner.engine.sampleWeights]).toEqual([1, 0.5, 3, 1]);
  });

  it("are saved, restored and adopted, and begin anew where a state has none", () => {
    const config: LearnerConfig = { ...base, classWeights: "balanced" };
    const whole = new Learner(config, "wasm");
    teach(whole, 50);
    const resumed = new Learner(config, "reference");
    resumed.restore(whole.save());
    teach(whole, 30);
    teach(resumed, 30);
    expect(resumed.save()).toEqual(whole.save());
    const adopted = new Learner(config);
    adopted.adopt(whole.save());
    expect(adopted.save()).toEqual(whole.save());
    const plain = new Learner(base);
    adopted.adopt(plain.save());
    const fresh = new Learner(config);
    expect(adopted.save()).toEqual(fresh.save());
  });

  it("count nothing of a step that is undone", () => {
    const learner = new Learner({ ...base, classWeights: "balanced" });
    teach(learner, 10);
    const before = learner.save();
    learner.engine.sampleWeights.fill(Number.MAX_VALUE);
    learner.engine.labels.fill(1);
    learner.step(4);
    expect(learner.engine.undone).toBe(true);
    expect(learner.save()).toEqual(before);
  });
});
