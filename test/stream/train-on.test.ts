import { from, lastValueFrom, toArray } from "rxjs";
import { describe, expect, it } from "vitest";
import { Learner } from "../../src/learner/learner.ts";
import type { LearnerConfig } from "../../src/learner/learner-config.ts";
import { Random } from "../../src/learner/random.ts";
import { miniBatch } from "../../src/stream/mini-batch.ts";
import { type Sample, trainOn } from "../../src/stream/train-on.ts";

const config: LearnerConfig = {
  features: ["x1", "x2"],
  label: "y",
  classes: null,
  network: { hidden: [4], activation: ["tanh"], output: "sigmoid", loss: "cross-entropy", init: "he", seed: 1 },
  scale: "standard",
  optimizer: { kind: "adagrad", learningRate: 0.3 },
  batch: { size: 4 },
};

function samples(count: number): readonly Sample[] {
  const random = new Random(2);
  return Array.from({ length: count }, (_, i) => {
    const features = [random.normal(), random.normal()];
    return { features, label: Number((features[0] ?? 0) > 0), ...(i % 3 === 0 ? { weight: 2 } : {}) };
  });
}

describe("training on a stream", () => {
  it("is a step a mini-batch, with the cost before it, just as the learner does by itself", async () => {
    const [learner, other] = [new Learner(config), new Learner(config)];
    const rows = samples(402);
    const steps = await lastValueFrom(from(rows).pipe(miniBatch(4), trainOn(learner), toArray()));
    expect(steps.map(({ rows }) => rows)).toEqual([...new Array(100).fill(4), 2]);
    const costs = steps.map((_, b) => {
      const batch = rows.slice(4 * b, 4 * b + 4);
      batch.forEach(({ features, label, weight = 1 }, s) => {
        other.raw.set(features, 2 * s);
        other.engine.labels[s] = label;
        other.engine.sampleWeights[s] = weight;
      });
      other.step(batch.length);
      return other.engine.cost;
    });
    expect(steps.map(({ cost }) => cost)).toEqual(costs);
    expect(learner.save()).toEqual(other.save());
    expect(steps.at(-2)?.cost).toBeLessThan(0.2);
  });

  it("tells of a step that was undone", async () => {
    const learner = new Learner(config);
    const broken = from([[{ features: [1, 2], label: 1, weight: Number.POSITIVE_INFINITY }]]).pipe(trainOn(learner));
    expect(await lastValueFrom(broken)).toMatchObject({ undone: true });
  });

  it("throws where a row or a mini-batch is not the learner's", async () => {
    const learner = new Learner(config);
    const train = (batch: readonly Sample[]) => lastValueFrom(from([batch]).pipe(trainOn(learner)));
    await expect(train([{ features: [1], label: 0 }])).rejects.toThrow("1 features came where 2 belong");
    await expect(train(samples(5))).rejects.toThrow();
    await expect(train([])).rejects.toThrow();
  });
});
