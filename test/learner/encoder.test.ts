import { describe, expect, it } from "vitest";
import type { EngineKind } from "../../src/learner/engine.ts";
import { Learner } from "../../src/learner/learner.ts";
import type { LearnerConfig } from "../../src/learner/learner-config.ts";
import { Random } from "../../src/learner/random.ts";
import { decodeStateBlock } from "../../src/learner/state-block.ts";
import { firstDifference, traceOf } from "./engines.ts";

const base: LearnerConfig = {
  features: ["x1", "x2"],
  label: "y",
  classes: null,
  network: { hidden: [5], activation: ["tanh"], output: "sigmoid", loss: "cross-entropy", init: "he", seed: 1 },
  scale: "standard",
  optimizer: { kind: "adagrad", learningRate: 0.1 },
  batch: { size: 4 },
};
const unscaled: LearnerConfig = { ...base, scale: "none" };
const gone = Number.NaN;

/** Trains on seeded rows near (1000, −3), of which a share lacks a value. */
function teach(learner: Learner, random: Random, steps: number, share: number): void {
  const { raw, engine } = learner;
  for (let k = 0; k < steps; k++) {
    for (let i = 0; i < raw.length; i++) {
      const value = (i % 2 === 0 ? 1000 : -3) + random.normal();
      raw[i] = random.uniform() < share ? gone : value;
    }
    for (let r = 0; r < engine.labels.length; r++) engine.labels[r] = random.uint32() & 1;
    learner.step(1 + (k % engine.labels.length));
  }
}

describe("a missing value", () => {
  it("leaves nothing in the state where there is none", () => {
    for (const config of [base, unscaled]) {
      const learner = new Learner(config);
      teach(learner, new Random(2), 50, 0);
      const tags = decodeStateBlock(learner.save()).map(({ tag }) => tag);
      expect(tags.filter((tag) => tag === "MISS" || tag === "MEAN")).toEqual([]);
    }
  });

  it("is predicted by the mean from before its mini-batch, which stays as it came, and as unknown", () => {
    for (const config of [base, unscaled, { ...base, categorical: { x2: 3 } }]) {
      const learner = new Learner(config);
      teach(learner, new Random(2), 50, 0.3);
      const before = learner.save();
      const rows = [gone, 1, 5000, 2, 7000, gone, 9000, 0];
      const predicted = [0, 2, 4, 6].map((at) => learner.predict(rows.slice(at, at + 2)));
      learner.raw.set(rows);
      learner.forward(4);
      expect([...learner.engine.outputs]).toEqual(predicted);
      expect([...learner.engine.inputs].some(Number.isNaN)).toBe(false);
      expect([...learner.raw]).toEqual(rows);
      expect(learner.save()).toEqual(before);
      // A step after it is the one that there would have been without.
      const other = new Learner(config);
      other.restore(before);
      other.raw.set(rows);
      for (const { engine } of [learner, other]) engine.labels.set([0, 1, 1, 0]);
      expect([learner.step(4), other.step(4)]).toEqual([2, 2]);
      expect(learner.save()).toEqual(other.save());
    }
  });

  it.each([
    ["with a scaler", base],
    ["without one", unscaled],
  ])("is the mean of those that were there, the row's own mini-batch included, %s", (_, config) => {
    const [gappy, filled] = [new Learner(config), new Learner(config)];
    gappy.raw.set([1, 7, 3, gone, gone, 9, 5, gone]);
    gappy.step(4);
    expect([...gappy.engine.inputs.subarray(0, 8)]).toEqual([1, 7, 3, 8, 3, 9, 5, 8]);
    filled.raw.set([1, 7, 3, 8, 3, 9, 5, 8]);
    // It is not counted as an observation: the deviation of x2 is that of 7 and 9.
    if (config.scale === "standard") {
      filled.engine.scaler?.import([3, 8], [Math.sqrt(8 / 3), 1], null);
      expect([...(gappy.engine.scaler?.std ?? [])]).toEqual([Math.sqrt(8 / 3), 1]);
    }
    filled.step(4);
    expect(gappy.engine.cost).toBe(filled.engine.cost);
    expect([...gappy.engine.parameters]).toEqual([...filled.engine.parameters]);
    expect(gappy.predict([gone, 8.5])).toBe(filled.predict([3, 8.5]));
  });

  it("is counted, and nothing is learned of it: mean and deviation are those of the values present", () => {
    const learner = new Learner(base);
    const random = new Random(3);
    const present: number[] = [];
    let missing = 0;
    for (let k = 0; k < 300; k++) {
      const isGone = random.uniform() < 0.6;
      const value = 1000 + random.normal();
      if (!isGone) present.push(value);
      learner.raw.set([isGone ? gone : value, random.normal()]);
      learner.engine.labels[0] = k & 1;
      missing += learner.step(1);
    }
    const mean = present.reduce((sum, x) => sum + x, 0) / present.length;
    const std = Math.sqrt(present.reduce((sum, x) => sum + (x - mean) ** 2, 0) / present.length);
    expect(missing).toBe(300 - present.length);
    expect(learner.engine.scaler?.mean[0]).toBeCloseTo(mean, 9);
    expect(learner.engine.scaler?.std[0]).toBeCloseTo(std, 9);
    expect(learner.engine.scaler?.count).toBe(300);
    expect(learner.engine.scaler?.frozen).toBe(false);
  });

  it("of a feature that never came is 0 to the network, and does not blind the model for when it comes", () => {
    const learner = new Learner(base);
    for (let k = 0; k < 200; k++) {
      learner.raw.set([gone, k % 7]);
      learner.step(1);
    }
    learner.raw.set([1000, 0, 1001, 0, 1002, 0]);
    learner.step(3);
    expect(learner.engine.scaler?.mean[0]).toBeCloseTo(1001, 9);
    expect(learner.engine.scaler?.std[0]).toBeCloseTo(Math.sqrt(2 / 3), 9);
  });

  it.each(["wasm", "reference"] as const)("comes back from a saved state to the same bits (%s)", (kind) => {
    for (const config of [base, unscaled]) {
      const whole = new Learner(config, kind);
      teach(whole, new Random(5), 80, 0.3);
      const resumed = new Learner(config, kind);
      teach(resumed, new Random(9), 10, 0.5);
      resumed.restore(whole.save());
      expect(resumed.predict([gone, 1])).toBe(whole.predict([gone, 1]));
      teach(whole, new Random(6), 80, 0.3);
      teach(resumed, new Random(6), 80, 0.3);
      expect(resumed.save()).toEqual(whole.save());
    }
  });

  it("gives the same bits in both engines", () => {
    for (const config of [base, unscaled, { ...base, precision: "f32" } as const]) {
      const [wasm, reference] = (["wasm", "reference"] as const).map((kind: EngineKind) => {
        const learner = new Learner(config, kind);
        teach(learner, new Random(5), 200, 0.3);
        return learner;
      });
      if (wasm === undefined || reference === undefined) throw new Error("there are two");
      expect(firstDifference(traceOf(wasm.engine, 4), traceOf(reference.engine, 4))).toBeNull();
      expect(wasm.save()).toEqual(reference.save());
    }
  });

  it("leaves no trace where the step is undone, not even that it was the first", () => {
    for (const config of [base, unscaled]) {
      const learner = new Learner({ ...config, network: { ...config.network, loss: "mse", output: "identity" } });
      teach(learner, new Random(5), 20, 0);
      for (let round = 0; round < 2; round++) {
        const before = learner.save();
        learner.raw.set([1, gone, 2, 3]);
        learner.engine.labels[0] = Number.MAX_VALUE;
        expect(learner.step(2)).toBe(1);
        expect(learner.engine.undone).toBe(true);
        expect(learner.save()).toEqual(before);
        teach(learner, new Random(6), 5, 0.4);
      }
    }
  });

  it("is forgotten with the scaler, where another configuration has another, or none", () => {
    for (const [from, to] of [
      [base, unscaled],
      [unscaled, base],
    ] as const) {
      const [old, next] = [new Learner(from), new Learner(to)];
      teach(old, new Random(5), 20, 0.3);
      next.adopt(old.save());
      const fresh = new Learner(to);
      fresh.engine.parameters.set(next.engine.parameters);
      expect(next.predict([gone, 1])).toBe(fresh.predict([gone, 1]));
      teach(next, new Random(6), 5, 0);
      teach(fresh, new Random(6), 5, 0);
      if (to.scale === "standard") expect(next.engine.scaler?.state).toEqual(fresh.engine.scaler?.state);
    }
  });

  it("is the imported mean where the scaler came without a count, and stays so", () => {
    const learner = new Learner(base);
    learner.engine.scaler?.import([40, 50], [2, 3], null);
    teach(learner, new Random(5), 20, 0.5);
    learner.raw.set([gone, 1]);
    learner.step(1);
    expect(learner.engine.inputs[0]).toBe(40);
    expect(learner.engine.scaler?.frozen).toBe(true);
  });
});

describe("a categorical feature", () => {
  const categorical = { colour: ["red", "green", "blue"], plant: 4 };
  const mixed: LearnerConfig = { ...base, features: ["x1", "colour", "plant"], categorical };

  it("has an input for each category, or hash; where it is missing all of them are 0", () => {
    const learner = new Learner({ ...mixed, scale: "none" });
    learner.raw.set([5, 1, 4294967295, 6, gone, 2, gone, 0, gone]);
    expect(learner.step(3)).toBe(3);
    expect([...learner.engine.inputs.subarray(0, 24)]).toEqual([
      ...[5, 0, 1, 0, 0, 0, 0, 1],
      ...[6, 0, 0, 0, 0, 0, 1, 0],
      ...[5.5, 1, 0, 0, 0, 0, 0, 0],
    ]);
    learner.outputsFor([gone, 2, 8]);
    expect([...learner.engine.inputs.subarray(0, 8)]).toEqual([5.5, 0, 0, 1, 1, 0, 0, 0]);
  });

  it("is not scaled", () => {
    const learner = new Learner(mixed);
    const random = new Random(1);
    for (let k = 0; k < 100; k++) {
      learner.raw.set([random.normal(), random.uint32() % 3, random.uint32()]);
      learner.step(1);
    }
    expect([...(learner.engine.scaler?.mean ?? [])].slice(1)).toEqual(new Array(7).fill(0));
    expect([...(learner.engine.scaler?.std ?? [])].slice(1)).toEqual(new Array(7).fill(1));
    expect(learner.engine.scaler?.count).toBe(100);
  });

  it("gives the bits of the numbers beside ones and zeros of one's own", () => {
    const network = { ...base.network, seed: 3 };
    const own = new Learner({ ...base, features: ["x1", "red", "green"], scale: "none", network });
    const learner = new Learner({
      ...base,
      ...{ features: ["x1", "c"], categorical: { c: ["red", "green"] } },
      scale: "none",
      network,
    });
    const random = new Random(1);
    for (let k = 0; k < 50; k++) {
      for (let r = 0; r < 4; r++) {
        const [x, c] = [random.normal(), random.uint32() % 2];
        own.raw.set([x, 1 - c, c], 3 * r);
        learner.raw.set([x, c], 2 * r);
        own.engine.labels[r] = learner.engine.labels[r] = c;
      }
      own.step(4);
      learner.step(4);
    }
    expect(learner.engine.parameters).toEqual(own.engine.parameters);
    expect(learner.predict([1, 1])).toBeGreaterThan(0.9);
  });

  it.each(["standard", "none"] as const)("comes back from a saved state, whatever the engine (scale %s)", (scale) => {
    const teachMixed = (learner: Learner, seed: number) => {
      const random = new Random(seed);
      for (let k = 0; k < 60; k++) {
        for (let r = 0; r < 4; r++) {
          const row = [random.normal(), random.uint32() % 3, random.uint32()];
          learner.raw.set(
            row.map((value) => (random.uniform() < 0.2 ? gone : value)),
            3 * r,
          );
          learner.engine.labels[r] = random.uint32() & 1;
        }
        learner.step(4);
      }
    };
    const [wasm, reference] = [new Learner({ ...mixed, scale }, "wasm"), new Learner({ ...mixed, scale }, "reference")];
    teachMixed(wasm, 1);
    reference.restore(wasm.save());
    teachMixed(wasm, 2);
    teachMixed(reference, 2);
    expect(reference.save()).toEqual(wasm.save());
    const other = new Learner({ ...mixed, scale: scale === "none" ? "standard" : "none" });
    other.adopt(wasm.save());
    teachMixed(other, 3);
    expect(other.engine.undone).toBe(false);
  });
});
