import { describe, expect, it } from "vitest";
import { compareScores, criterionOf, type StretchScore, scoreOn } from "../../src/evaluate/backtest.ts";
import { importanceOf, lossOn, permutationsOf } from "../../src/evaluate/importance.ts";
import { LabelledRows, type Stretch } from "../../src/evaluate/labelled-rows.ts";
import type { RowKind, RowsEntry } from "../../src/learner/entry.ts";
import { Learner } from "../../src/learner/learner.ts";
import type { LearnerConfig } from "../../src/learner/learner-config.ts";
import { Random } from "../../src/learner/random.ts";

const FEATURES = ["a", "b"];

function learnerOf(rest: Partial<LearnerConfig> = {}, network: Partial<LearnerConfig["network"]> = {}): Learner {
  return new Learner({
    features: FEATURES,
    label: "y",
    classes: null,
    network: {
      hidden: [8],
      activation: ["tanh"],
      output: "sigmoid",
      loss: "cross-entropy",
      init: "he",
      seed: 1,
      ...network,
    },
    scale: "standard",
    optimizer: { kind: "adagrad", learningRate: 0.3 },
    batch: { size: 4 },
    ...rest,
  });
}

/** Makes a block of rows; feature i of row r is 100 * its sequence + i, its label the sequence. */
function blockOf(firstSequence: number, rows: number, rowKind: RowKind = "sample", weights = false): RowsEntry {
  const sequences = Array.from({ length: rows }, (_, r) => firstSequence + r);
  return {
    type: "rows",
    rowKind,
    firstSequence,
    rows,
    features: Float64Array.from(sequences.flatMap((sequence) => FEATURES.map((_, i) => 100 * sequence + i))),
    labels: rowKind === "question" ? null : Float64Array.from(sequences),
    weights: weights ? Float64Array.from(sequences, (sequence) => 1 / sequence) : null,
    predictions: null,
    times: null,
    ids: null,
    numbering: [],
  };
}

/** Draws rows whose label depends on the first feature only. */
function stretchOf(rows: number, labelOf: (a: number) => number, weight = 1): Stretch {
  const random = new Random(7);
  const x = Float64Array.from({ length: 2 * rows }, () => random.normal());
  const labels = Float64Array.from({ length: rows }, (_, r) => labelOf(x[2 * r] ?? 0));
  const weights = new Float64Array(rows).fill(weight);
  return { features: 2, rows, x, labels, weights, from: 1, to: rows };
}

function train(learner: Learner, { x, labels, rows }: Stretch): void {
  const { engine } = learner;
  const size = engine.labels.length;
  for (let at = 0; at + size <= rows; at += size) {
    learner.raw.set(x.subarray(2 * at, 2 * (at + size)));
    engine.labels.set(labels.subarray(at, at + size));
    learner.step(size);
  }
}

const halves = (a: number) => (a > 0 ? 1 : 0);

describe("the newest labelled rows", () => {
  it.each([1, 2, 3, 5, 7, 8, 20])("are samples and answers in their order, at most %i", (capacity) => {
    const held = new LabelledRows(2, capacity);
    held.add(blockOf(1, 3));
    held.add(blockOf(4, 2, "question"));
    held.add(blockOf(6, 1, "answer", true));
    held.add(blockOf(7, 4));
    const expected = [1, 2, 3, 6, 7, 8, 9, 10].slice(-capacity);
    const { rows, x, labels, weights, from, to } = held.stretch();
    expect(rows).toBe(expected.length);
    expect([from, to]).toEqual([expected[0], 10]);
    expect([...labels]).toEqual(expected);
    expect([...x]).toEqual(expected.flatMap((sequence) => [100 * sequence, 100 * sequence + 1]));
    expect([...weights]).toEqual(expected.map((sequence) => (sequence === 6 ? 1 / 6 : 1)));
  });

  it("are none after they are forgotten", () => {
    const held = new LabelledRows(2, 4);
    held.add(blockOf(1, 3));
    held.clear();
    expect(held.stretch()).toMatchObject({ rows: 0, from: null, to: null });
    held.add(blockOf(4, 1));
    expect(held.stretch()).toMatchObject({ rows: 1, from: 4, to: 4 });
  });
});

describe("a score on rows of the past", () => {
  it("is the mean of the losses of predictions as the learner stands, which stays as it was", () => {
    const rows = stretchOf(500, halves);
    const learner = learnerOf();
    train(learner, rows);
    const before = learner.save();
    const { loss, skipped, metrics } = scoreOn(learner, rows);
    expect(learner.save()).toEqual(before);
    let sum = 0;
    let right = 0;
    for (let r = 0; r < rows.rows; r++) {
      const p = learner.predict(rows.x.subarray(2 * r, 2 * r + 2));
      sum -= Math.log(rows.labels[r] === 1 ? p : 1 - p);
      right += p >= 0.5 === (rows.labels[r] === 1) ? 1 : 0;
    }
    expect(skipped).toBe(0);
    expect(loss).toBeCloseTo(sum / rows.rows, 12);
    expect(metrics).toMatchObject({ accuracy: right / rows.rows });
    expect(metrics["logLoss"]).toBeCloseTo(sum / rows.rows, 12);
    expect(Object.keys(metrics).sort()).toEqual(
      ["accuracy", "auc", "balancedAccuracy", "brier", "f1", "kappa", "kappaTemporal", "logLoss", "mcc"].sort(),
    );
    expect(metrics["auc"]).toBeGreaterThan(0.95);
  });

  it("counts a row's weight in the loss, as training does, and in no metric", () => {
    const learner = learnerOf();
    const one = scoreOn(learner, stretchOf(50, halves));
    const two = scoreOn(learner, stretchOf(50, halves, 2));
    expect(two.loss).toBeCloseTo(2 * (one.loss ?? 0), 12);
    expect(two.metrics).toEqual(one.metrics);
  });

  it("is of several classes, and of values", () => {
    const classes = learnerOf({ classes: ["p", "q", "r"] }, { output: "softmax" });
    const byClass = scoreOn(
      classes,
      stretchOf(60, (a) => (a > 0.5 ? 2 : a > -0.5 ? 1 : 0)),
    );
    expect(byClass.loss).toBeCloseTo(byClass.metrics["logLoss"] ?? 0, 12);
    const values = learnerOf({}, { output: "identity", loss: "mse" });
    const byValue = scoreOn(
      values,
      stretchOf(60, (a) => 3 * a),
    );
    const { mse, rmse } = byValue.metrics;
    expect(mse).toBeCloseTo((rmse ?? 0) ** 2, 12);
    expect(byValue.loss).toBeCloseTo((mse ?? 0) / 2, 12);
    expect([criterionOf(classes), criterionOf(values)]).toEqual(["logLoss", "mse"]);
  });

  it("of no rows is none", () => {
    const empty = new LabelledRows(2, 4).stretch();
    expect(scoreOn(learnerOf(), empty)).toMatchObject({ loss: null, skipped: 0, metrics: { accuracy: null } });
  });

  it("puts the least loss first, and behind all others who could not predict every row", () => {
    const score = (logLoss: number | null, skipped = 0): StretchScore => ({
      loss: null,
      skipped,
      metrics: { logLoss },
    });
    const sorted = [score(null), score(0.1, 1), score(0.7), score(0.3)].sort((a, b) => compareScores(a, b, "logLoss"));
    expect(sorted).toEqual([score(0.3), score(0.7), score(null), score(0.1, 1)]);
    expect(compareScores(score(0.3), score(0.3), "logLoss")).toBe(0);
    expect(compareScores(score(null), score(null), "logLoss")).toBe(0);
  });
});

describe("permutation importance", () => {
  it("is the increase of the loss where a feature matters, and nothing where it does not", () => {
    const rows = stretchOf(400, halves);
    const learner = learnerOf();
    train(learner, rows);
    // What the second feature does to the outputs is taken away.
    const { layout, parameters } = learner.engine;
    const [first] = layout.layers;
    for (let j = 0; j < (first?.units ?? 0); j++) parameters[(first?.units ?? 0) + j] = 0;
    const base = lossOn(learner, rows);
    const orders = permutationsOf(1, rows.rows, 5);
    const a = importanceOf(learner, rows, 0, orders, base);
    const b = importanceOf(learner, rows, 1, orders, base);
    expect(a.increase).toBeGreaterThan(0.3);
    expect(a.deviation).toBeGreaterThan(0);
    expect(b).toEqual({ increase: 0, deviation: 0 });
  });

  it("is measured by orders that a seed draws, each of which has every row", () => {
    const orders = permutationsOf(9, 50, 5);
    expect(orders).toEqual(permutationsOf(9, 50, 5));
    expect(orders).not.toEqual(permutationsOf(10, 50, 5));
    expect(new Set(orders.map(String)).size).toBe(5);
    for (const order of orders)
      expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, r) => r));
  });
});
