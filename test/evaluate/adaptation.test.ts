import { expect, it } from "vitest";
import { Adaptation } from "../../src/evaluate/adaptation.ts";
import { DRIFT, NONE } from "../../src/evaluate/detector.ts";
import { Learner } from "../../src/learner/learner.ts";
import { Random } from "../../src/learner/random.ts";
import { decodeStateBlock, sectionOf } from "../../src/learner/state-block.ts";

const BATCH = 4;

it("lets a challenger learn the rows as they came, gaps and categories, by means and class weights of its own", () => {
  const learner = new Learner({
    features: ["x1", "x2"],
    label: "y",
    classes: null,
    network: { hidden: [4], activation: ["relu"], output: "sigmoid", loss: "cross-entropy", init: "he", seed: 1 },
    scale: "standard",
    optimizer: { kind: "adagrad", learningRate: 0.1 },
    batch: { size: BATCH },
    categorical: { x2: ["red", "green", "blue"] },
    classWeights: "balanced",
  });
  const random = new Random(1);
  const adaptation = new Adaptation("background", 2);
  const challenger = () => adaptation.save().find(({ tag }) => tag === "CHAL")?.bytes ?? new Uint8Array();
  // Trained on the same rows alone.
  const alone = new Learner(learner.config);
  for (let step = 0; step < 30; step++) {
    for (let r = 0; r < BATCH; r++) {
      const isGone = random.uint32() % 3 === 0;
      learner.raw.set([isGone ? Number.NaN : random.normal(), random.uint32() % 3], 2 * r);
      learner.engine.labels[r] = random.uint32() % 4 === 0 ? 1 : 0;
    }
    alone.raw.set(learner.raw);
    alone.engine.labels.set(learner.engine.labels);
    learner.forward(BATCH);
    adaptation.before(learner, BATCH);
    learner.step(BATCH);
    if (step < 20) {
      expect(adaptation.challenged).toBe(false);
      if (step < 19) continue;
      expect(adaptation.after(learner, DRIFT)).toBe("challenge");
      alone.restore(challenger());
    } else {
      alone.step(BATCH);
      adaptation.after(learner, NONE);
      expect(challenger()).toEqual(alone.save());
    }
  }
  adaptation.release();
});

it("goes back to what was learned of a former concept, without the rows held for replay", () => {
  const learner = new Learner({
    features: ["x1", "x2"],
    label: "y",
    classes: null,
    network: { hidden: [8], activation: ["relu"], output: "sigmoid", loss: "cross-entropy", init: "he", seed: 1 },
    scale: "standard",
    optimizer: { kind: "adagrad", learningRate: 0.3 },
    replay: { kind: "window", rows: 200, batches: 1, size: 8 },
    batch: { size: BATCH },
  });
  const random = new Random(1);
  const adaptation = new Adaptation("rollback", 2);
  const held = () => {
    const bytes = sectionOf(decodeStateBlock(learner.save()), "WIND", 0).slice();
    return new DataView(bytes.buffer).getFloat64(0, true);
  };
  /** Labels turn over with the concept. */
  const teach = (concept: number, steps: number) => {
    for (let step = 0; step < steps; step++) {
      for (let r = 0; r < BATCH; r++) {
        const x = [random.normal(), random.normal()] as const;
        learner.raw.set(x, 2 * r);
        learner.engine.labels[r] = x[0] + x[1] > 0 === (concept === 0) ? 1 : 0;
      }
      learner.forward(BATCH);
      adaptation.before(learner, BATCH);
      learner.step(BATCH);
    }
  };
  teach(0, 300);
  expect(adaptation.save().filter(({ tag }) => tag === "RECN")).not.toEqual([]);
  for (const { tag, bytes } of adaptation.save()) {
    if (tag === "RECN") expect(decodeStateBlock(bytes).map((section) => section.tag)).not.toContain("WIND");
  }
  teach(1, 20);
  expect(adaptation.after(learner, DRIFT)).toBe("boost");
  expect(held()).toBe(1280);
  teach(1, 300);
  teach(0, 20);
  expect(adaptation.after(learner, DRIFT)).toBe("rollback");
  expect(held()).toBe(0);
  teach(0, 1);
  expect(held()).toBe(BATCH);
});
