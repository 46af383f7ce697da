import { describe, expect, it } from "vitest";
import { explain } from "../../src/evaluate/explain.ts";
import { learnerOf, modelFileOf } from "../../src/export/model-file.ts";
import { Learner } from "../../src/learner/learner.ts";
import type { LearnerConfig } from "../../src/learner/learner-config.ts";
import { PRECISIONS } from "../../src/learner/precision.ts";
import { Random } from "../../src/learner/random.ts";
import { decodeStateBlock, sectionOf } from "../../src/learner/state-block.ts";

const plain: LearnerConfig = {
  features: ["x1", "x2"],
  label: "y",
  classes: null,
  network: { hidden: [5], activation: ["tanh"], output: "sigmoid", loss: "cross-entropy", init: "he", seed: 1 },
  scale: "standard",
  optimizer: { kind: "adam", learningRate: 0.05 },
  batch: { size: 4 },
};
const averaged: LearnerConfig = { ...plain, averaging: { decay: 0.9 } };

/** Trains all learners on the same seeded mini-batches of a circle. */
function teach(learners: readonly Learner[], random: Random, steps: number, after: () => void = () => {}): void {
  for (let k = 0; k < steps; k++) {
    for (let r = 0; r < 4; r++) {
      const x = [random.normal(), random.normal()] as const;
      for (const { raw, engine } of learners) {
        raw.set(x, 2 * r);
        engine.labels[r] = x[0] * x[0] + x[1] * x[1] < 1.4 ? 1 : 0;
      }
    }
    for (const learner of learners) learner.step(4);
    after();
  }
}

const section = (learner: Learner, tag: string) => sectionOf(decodeStateBlock(learner.save()), tag, 0);

describe("averaged weights", () => {
  it("are the moving average of what training without it gives, which they do not change", () => {
    const [own, other] = [new Learner(averaged), new Learner(plain)];
    const average = other.engine.parameters.slice();
    let steps = 0;
    teach([own, other], new Random(3), 200, () => {
      steps++;
      const kept = Math.min(0.9, (steps - 1) / (steps + 1));
      other.engine.parameters.forEach((value, p) => {
        average[p] = kept * (average[p] ?? 0) + (1 - kept) * value;
      });
      expect(own.engine.parameters).toEqual(average);
      expect(section(own, "ITER")).toEqual(section(other, "PARM"));
      expect(own.engine.cost).toBe(other.engine.cost);
    });
    expect(own.predict([0.3, -0.2])).not.toBe(other.predict([0.3, -0.2]));
  });

  it("predict, and are what is exported and explained", () => {
    const learner = new Learner(averaged);
    teach([learner], new Random(3), 50);
    const x = [0.3, -0.2];
    const { optimizer, batch } = plain;
    const read = learnerOf(modelFileOf(learner), { optimizer, batch, averaging: { decay: 0.9 } });
    expect(read.predict(x)).toBe(learner.predict(x));
    const { value } = explain(learner, x);
    expect(1 / (1 + Math.exp(-value))).toBeCloseTo(learner.predict(x), 12);
    // Training goes on from them, not from what a seed drew.
    const before = read.engine.parameters.slice();
    teach([read], new Random(4), 1);
    expect(Math.max(...read.engine.parameters.map((weight, p) => Math.abs(weight - (before[p] ?? 0))))).toBeLessThan(
      0.1,
    );
  });

  it.each(PRECISIONS)(
    "have the same bits in both engines, and come back from a saved state to them: %s",
    (precision) => {
      const learners = (["wasm", "reference"] as const).map((kind) => new Learner({ ...averaged, precision }, kind));
      const random = new Random(5);
      teach(learners, random, 60);
      const saved = learners.map((learner) => learner.save());
      expect(saved[0]).toEqual(saved[1]);
      const again = new Learner({ ...averaged, precision });
      again.restore(saved[0] ?? new Uint8Array());
      teach([...learners, again], random, 60);
      expect(again.save()).toEqual(learners[1]?.save());
    },
  );

  it.each(["wasm", "reference"] as const)("are as before where a step is undone: %s", (kind) => {
    const learner = new Learner(averaged, kind);
    teach([learner], new Random(3), 20);
    const before = learner.save();
    learner.engine.labels.fill(Number.NaN);
    learner.step(4);
    expect(learner.engine.undone).toBe(true);
    expect(learner.save()).toEqual(before);
  });

  it("begin with the weights of a state that has no average, and become the weights where no average is wanted", () => {
    const without = new Learner(plain);
    teach([without], new Random(3), 20);
    const learner = new Learner(averaged);
    teach([learner], new Random(4), 20);
    learner.adopt(without.save());
    expect(learner.engine.parameters).toEqual(without.engine.parameters);
    teach([learner, without], new Random(5), 1);
    expect(section(learner, "ITER")).toEqual(section(without, "PARM"));
    without.adopt(learner.save());
    expect(without.engine.parameters).toEqual(learner.engine.parameters);
  });

  it("begin anew with the weights", () => {
    const learner = new Learner(averaged);
    teach([learner], new Random(3), 20);
    learner.begin();
    expect(section(learner, "ITER")).toEqual(section(learner, "PARM"));
  });
});
