import { describe, expect, it } from "vitest";
import { RivuletError } from "../../src/error.ts";
import { Learner } from "../../src/learner/learner.ts";
import type { LearnerConfig } from "../../src/learner/learner-config.ts";
import { Random } from "../../src/learner/random.ts";

const base: LearnerConfig = {
  features: ["x1", "x2"],
  label: "y",
  classes: null,
  network: { hidden: [8], activation: ["relu"], output: "sigmoid", loss: "cross-entropy", init: "he", seed: 1 },
  scale: "standard",
  optimizer: { kind: "adagrad", learningRate: 0.3 },
  batch: { size: 4 },
};

/** Trains on `steps` seeded mini-batches of a circle. */
function teach(learner: Learner, random: Random, steps: number): number {
  const { raw } = learner;
  const { labels } = learner.engine;
  let cost = 0;
  for (let k = 0; k < steps; k++) {
    for (let r = 0; r < 4; r++) {
      const x1 = random.normal();
      const x2 = random.normal();
      raw[2 * r] = x1;
      raw[2 * r + 1] = x2;
      labels[r] = x1 * x1 + x2 * x2 < 1.4 ? 1 : 0;
    }
    learner.step(4);
    cost = learner.engine.cost;
  }
  return cost;
}

/** Three clouds, each a class. */
const clouds: LearnerConfig = {
  ...base,
  classes: ["east", "north", "west"],
  network: { ...base.network, output: "softmax" },
};

function cloud(random: Random): { readonly x: [number, number]; readonly label: number } {
  const label = random.uint32() % 3;
  const [east, north] =
    [
      [2, 0],
      [0, 2],
      [-2, 0],
    ][label] ?? [];
  return { x: [(east ?? 0) + 0.7 * random.normal(), (north ?? 0) + 0.7 * random.normal()], label };
}

describe("several classes", () => {
  function taught(): Learner {
    const learner = new Learner(clouds);
    const random = new Random(4);
    for (let k = 0; k < 1000; k++) {
      for (let r = 0; r < 4; r++) {
        const { x, label } = cloud(random);
        learner.raw.set(x, 2 * r);
        learner.engine.labels[r] = label;
      }
      learner.step(4);
    }
    return learner;
  }

  it("are learned, each with a probability", () => {
    const learner = taught();
    const random = new Random(5);
    let right = 0;
    for (let i = 0; i < 1000; i++) {
      const { x, label } = cloud(random);
      const outputs = [...learner.outputsFor(x)];
      expect(outputs.reduce((sum, p) => sum + p, 0)).toBeCloseTo(1, 12);
      if (outputs.indexOf(Math.max(...outputs)) === label) right++;
    }
    expect(right).toBeGreaterThan(930);
  });

  it("cost what the mean of −log p is, and stay finite where p is 0", () => {
    const learner = taught();
    const rows = Array.from({ length: 4 }, () => cloud(new Random(6)));
    rows.forEach(({ x, label }, r) => {
      learner.raw.set(x, 2 * r);
      learner.engine.labels[r] = label;
    });
    learner.engine.sampleWeights.set([1, 2, 0.5, 1]);
    learner.engine.scaler?.import([0, 0], [1, 1], null);
    learner.forward(4);
    const expected = rows.reduce(
      (sum, { label }, r) =>
        sum - (learner.engine.sampleWeights[r] ?? 0) * Math.log(learner.engine.outputs[3 * r + label] ?? 0),
      0,
    );
    learner.step(4);
    expect(learner.engine.cost).toBeCloseTo(expected / 4, 12);
    learner.engine.parameters.fill(0);
    learner.engine.parameters.set([1e6, -1e6, 0], learner.engine.parameters.length - 3);
    learner.engine.labels.fill(1);
    learner.step(4);
    expect(learner.engine.cost).toBeCloseTo((2e6 * 4.5) / 4, 0);
    expect(learner.engine.undone).toBe(false);
  });

  it("come back from a saved state to the same bits", () => {
    const learner = taught();
    const again = new Learner(clouds);
    again.restore(learner.save());
    expect([...again.outputsFor([0.3, 0.4])]).toEqual([...learner.outputsFor([0.3, 0.4])]);
  });
});

describe("the learner", () => {
  it.each(["sgd", "adagrad"] as const)("learns a circle with %s", (kind) => {
    const learner = new Learner({ ...base, optimizer: { kind, learningRate: 0.3 } });
    teach(learner, new Random(7), 4000);
    const random = new Random(8);
    let right = 0;
    for (let i = 0; i < 1000; i++) {
      const x = [random.normal(), random.normal()];
      const inside = (x[0] ?? 0) ** 2 + (x[1] ?? 0) ** 2 < 1.4;
      if (learner.predict(x) >= 0.5 === inside) right++;
    }
    expect(right).toBeGreaterThan(930);
  });

  it("gives the same bits for the same seed and the same entries", () => {
    const [a, b] = [new Learner(base), new Learner(base)];
    teach(a, new Random(3), 200);
    teach(b, new Random(3), 200);
    expect(a.save()).toEqual(b.save());
  });

  it("goes on from a saved state as if it had never stopped", () => {
    const whole = new Learner(base);
    const random = new Random(5);
    teach(whole, random, 100);
    const resumed = new Learner(base);
    resumed.restore(whole.save());
    const again = new Random(6);
    teach(whole, new Random(6), 100);
    teach(resumed, again, 100);
    expect(resumed.save()).toEqual(whole.save());
    expect(resumed.stepsApplied).toBe(200);
  });

  it("draws textbook weights of a hundredth and no biases", () => {
    const config = {
      ...base,
      features: ["a", "b"],
      network: { ...base.network, hidden: [200], init: "textbook" as const },
    };
    const { parameters, layout } = new Learner(config).engine;
    const first = layout.layers[0];
    const weights = [...parameters.subarray(first?.weightsOffset, first?.biasesOffset)];
    const std = Math.sqrt(weights.reduce((sum, w) => sum + w * w, 0) / weights.length);
    expect(std).toBeGreaterThan(0.009);
    expect(std).toBeLessThan(0.011);
    expect(parameters.subarray(first?.biasesOffset, (first?.biasesOffset ?? 0) + 200).every((b) => b === 0)).toBe(true);
  });

  it("draws Glorot weights within their bound and He weights of their deviation", () => {
    const network = { ...base.network, hidden: [300] };
    const glorot = new Learner({ ...base, network: { ...network, init: "glorot" } }).engine.parameters.subarray(0, 600);
    const bound = Math.sqrt(6 / 302);
    expect(Math.max(...glorot.map(Math.abs))).toBeLessThanOrEqual(bound);
    expect(Math.max(...glorot.map(Math.abs))).toBeGreaterThan(0.97 * bound);
    const he = [...new Learner({ ...base, network }).engine.parameters.subarray(0, 600)];
    expect(Math.sqrt(he.reduce((sum, w) => sum + w * w, 0) / 600)).toBeCloseTo(1, 1);
  });

  it("undoes a step that makes a number non-finite, exactly", () => {
    const learner = new Learner({ ...base, scale: "none", optimizer: { kind: "sgd", learningRate: 1 } });
    teach(learner, new Random(1), 10);
    const before = learner.save();
    learner.raw.fill(1e308);
    learner.engine.labels.fill(0);
    learner.step(4);
    expect(learner.engine.undone).toBe(true);
    expect(learner.save()).toEqual(before);
    teach(learner, new Random(2), 1);
    expect(learner.engine.undone).toBe(false);
  });

  it("undoes what the scaler learned in such a step as well", () => {
    const learner = new Learner(base);
    teach(learner, new Random(1), 10);
    const before = learner.save();
    learner.raw.fill(1e300);
    learner.step(4);
    expect(learner.engine.undone).toBe(true);
    expect(learner.save()).toEqual(before);
  });

  it("multiplies a sample's loss by its weight", () => {
    const config = { ...base, scale: "none" as const, optimizer: { kind: "sgd" as const, learningRate: 0.1 } };
    const [weighted, repeated] = [new Learner(config), new Learner({ ...config, batch: { size: 4 } })];
    weighted.raw.set([1, 2, -1, 0.5]);
    weighted.engine.labels.set([1, 0]);
    weighted.engine.sampleWeights.set([3, 1]);
    weighted.step(2);
    repeated.raw.set([1, 2, 1, 2, 1, 2, -1, 0.5]);
    repeated.engine.labels.set([1, 1, 1, 0]);
    repeated.step(4);
    expect(weighted.engine.cost).toBeCloseTo(2 * repeated.engine.cost, 12);
    weighted.engine.gradients.forEach((g, p) => {
      expect(g).toBeCloseTo(2 * (repeated.engine.gradients[p] ?? 0), 12);
    });
  });

  it("carries parameters over to another generation and begins the moments anew", () => {
    const learner = new Learner(base);
    teach(learner, new Random(1), 20);
    const next = new Learner({ ...base, optimizer: { kind: "sgd", learningRate: 0.1 }, scale: "none" });
    next.adopt(learner.save());
    expect(next.engine.parameters).toEqual(learner.engine.parameters);
    const back = new Learner(base);
    teach(back, new Random(9), 3);
    back.adopt(next.save());
    expect(back.engine.parameters).toEqual(learner.engine.parameters);
    expect(back.engine.moments[0]?.every((square) => square === 0)).toBe(true);
    expect(back.engine.scaler?.count).toBe(0);
  });

  it.each([
    ["no block", (block: Uint8Array) => block.fill(0)],
    ["another version", (block: Uint8Array) => block.fill(9, 4, 5)],
    ["a cut end", (block: Uint8Array) => block.subarray(0, block.length - 3)],
    ["a cut header", (block: Uint8Array) => block.subarray(0, 12)],
    ["bytes behind", (block: Uint8Array) => new Uint8Array([...block, 0])],
    ["another tag", (block: Uint8Array) => block.fill(0x41, 8, 9)],
    ["another size", () => new Learner({ ...base, network: { ...base.network, hidden: [7] } }).save()],
  ])("refuses a damaged state: %s", (_, damage) => {
    const learner = new Learner(base);
    expect(() => learner.restore(damage(learner.save()))).toThrow(
      expect.objectContaining({ constructor: RivuletError, code: "state-damaged" }),
    );
  });
});
