import { describe, expect, it } from "vitest";
import { assertWritable } from "../../src/export/ensemble-file.ts";
import { anyModelFileOf, learnerOf, modelFileOf, parseAnyModelFile } from "../../src/export/model-file.ts";
import { defaultMembers } from "../../src/learner/ensemble/members.ts";
import { Learner } from "../../src/learner/learner.ts";
import type { LearnerConfig } from "../../src/learner/learner-config.ts";
import { Random } from "../../src/learner/random.ts";

const two: LearnerConfig = {
  features: ["x1", "x2", "x3"],
  label: "y",
  classes: null,
  network: { hidden: [], activation: [], output: "sigmoid", loss: "cross-entropy", init: "he", seed: 1 },
  ensemble: defaultMembers(3, 1),
  scale: "standard",
  optimizer: { kind: "ekf", learningRate: 1 },
  batch: { size: 4 },
};
const three: LearnerConfig = {
  ...two,
  classes: ["a", "b", "c"],
  network: { ...two.network, output: "softmax" },
  ensemble: defaultMembers(3, 3),
  scale: "none",
};
const values: LearnerConfig = { ...two, network: { ...two.network, output: "identity", loss: "mse" } };
const alone: LearnerConfig = {
  ...values,
  network: { ...values.network, hidden: [5], activation: ["tanh"] },
};
const { ensemble: _, ...single } = alone;

function taught(config: LearnerConfig): Learner {
  const learner = new Learner(config);
  const random = new Random(9);
  for (let k = 0; k < 200; k++) {
    for (let i = 0; i < learner.raw.length; i++) learner.raw[i] = 2 + random.normal();
    for (let r = 0; r < 4; r++) {
      const [a, b] = [learner.raw[3 * r] ?? 0, learner.raw[3 * r + 1] ?? 0];
      const sector = a * b > 4 ? 0 : a > 2 ? 1 : 2;
      learner.engine.labels[r] =
        config.network.loss === "mse" ? 100 + 20 * a * b : config.classes ? sector : sector & 1;
    }
    learner.step(4);
  }
  return learner;
}

const rows = Array.from({ length: 40 }, (_, r) => [1 + (r % 7) / 3, 3 - (r % 5) / 2, (r % 3) - 1]);
const said = (learner: Learner) => rows.flatMap((row) => [...learner.outputsFor(row)]);

describe("an ensemble that keeps rows", () => {
  it("is shown without them, their weight shared out, and not exported", () => {
    const learner = taught({ ...two, neighbours: 50 });
    const file = anyModelFileOf(learner);
    if (file.version !== 2) throw new Error("an ensemble");
    const { shares, weights } = file.mixer;
    const sum = (numbers: ArrayLike<number>) => Array.from(numbers).reduce((all, number) => all + number, 0);
    expect([shares.length, weights.length]).toEqual([file.members.length, file.members.length]);
    expect(sum(shares)).toBeCloseTo(1, 10);
    expect(sum(weights)).toBeCloseTo(sum(learner.engine.ensemble?.mixer.stacking.weights ?? []), 10);
    expect(() => assertWritable(learner)).toThrow("in no exported model");
    const other = new Learner(two);
    expect(() => assertWritable(other)).not.toThrow();
    for (const either of [learner, other]) either.release();
  });
});

describe("the model file of an ensemble", () => {
  it.each([
    ["two classes", two],
    ["three classes", three],
    ["values", values],
  ])("predicts the same after the way through text: %s", (_, config) => {
    const learner = taught(config);
    const text = JSON.stringify(anyModelFileOf(learner));
    const file = parseAnyModelFile(text);
    expect(file.version).toBe(2);
    const again = learnerOf(file, { optimizer: config.optimizer, batch: config.batch });
    const [before, after] = [said(learner), said(again)];
    for (const [i, output] of before.entries()) expect(Math.abs((after[i] ?? 0) / output - 1)).toBeLessThan(1e-12);
    // And it goes on learning.
    again.raw.set([1, 2, 3]);
    again.step(1);
    expect(again.engine.undone).toBe(false);
    for (const either of [learner, again]) either.release();
  });

  it("is that of a network where there is one network, whose values are in their own unit", () => {
    const learner = taught(single);
    const file = modelFileOf(learner);
    expect(file.version).toBe(1);
    const again = learnerOf(file, { optimizer: { kind: "sgd", learningRate: 0.1 }, batch: { size: 1 } });
    const [before, after] = [said(learner), said(again)];
    for (const [i, output] of before.entries()) expect(Math.abs((after[i] ?? 0) / output - 1)).toBeLessThan(1e-12);
    const filtered = learnerOf(file, { optimizer: { kind: "ekf", learningRate: 1 }, batch: { size: 1 } });
    for (const [i, output] of said(filtered).entries()) {
      expect(Math.abs(output / (before[i] ?? 0) - 1)).toBeLessThan(1e-12);
    }
    for (const either of [learner, again, filtered]) either.release();
  });

  it("is not what a network's file is read as, or written as", () => {
    const learner = taught(two);
    expect(() => modelFileOf(learner)).toThrow("takes a single network");
    learner.release();
  });

  const file = JSON.parse(JSON.stringify(anyModelFileOf(new Learner(two))));
  it.each([
    ["no members", { members: [] }, "members has 0"],
    ["shares of fewer members", { mixer: { ...file.mixer, shares: [1] } }, "mixer.shares"],
    ["a share above 1", { mixer: { ...file.mixer, shares: file.mixer.shares.map(() => 2) } }, "mixer.shares"],
    ["no weights", { mixer: { shares: file.mixer.shares } }, "mixer.weights"],
    ["no relevance", { relevance: null }, "relevance"],
    ["a target of classes", { target: { mean: 0, std: 1 } }, "target"],
    ["a member without layers", { members: [{ ...file.members[0], layers: [] }] }, "members[0].layers"],
    ["a member of other noise", { members: [{ ...file.members[0], noise: 2 }] }, "members[0].noise"],
    ["a member of no covariance", { members: [{ ...file.members[0], covariance: "all" }] }, "members[0].covariance"],
    ["a member of unknown relevance", { members: [{ ...file.members[0], relevant: 1 }] }, "members[0].relevant"],
    [
      "fewer phases than frequencies",
      { members: [{ ...file.members[6], fourier: { ...file.members[6].fourier, phases: [1] } }] },
      "members[0].fourier",
    ],
    ["a scaler of fewer inputs", { scaler: { mean: [1], std: [1] } }, "scaler.mean"],
  ])("is refused with %s", (_, change, told) => {
    expect(() => parseAnyModelFile(JSON.stringify({ ...file, ...change }))).toThrow(told);
  });
});
