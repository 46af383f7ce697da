import { expect, it } from "vitest";
import { Adaptation } from "../../src/evaluate/adaptation.ts";
import { DRIFT, NONE } from "../../src/evaluate/detector.ts";
import { Learner } from "../../src/learner/learner.ts";
import { Random } from "../../src/learner/random.ts";

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
