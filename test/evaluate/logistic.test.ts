import { describe, expect, it } from "vitest";
import { Logistic, logisticLength } from "../../src/evaluate/logistic.ts";
import { Random } from "../../src/learner/random.ts";

const ROWS = 3000;
const FEATURES = 3;

/** Draws rows around a centre for each class; every 50th value is missing. */
function streamOf(classes: number): { x: Float64Array; labels: Uint8Array } {
  const random = new Random(classes);
  const labels = Uint8Array.from({ length: ROWS }, () => Math.floor(random.uniform() * classes));
  const x = Float64Array.from({ length: ROWS * FEATURES }, (_, i) => {
    const label = labels[Math.floor(i / FEATURES)] ?? 0;
    return i % 50 === 7
      ? Number.NaN
      : 100 * (i % FEATURES) + 3 * Math.sin(label * (1 + (i % FEATURES))) + random.normal();
  });
  return { x, labels };
}

/** The same regression as written in books: softmax of K outputs, or one sigmoid. */
function plain(classes: number) {
  const outputs = classes > 2 ? classes : 1;
  const w = Array.from({ length: outputs }, () => new Array<number>(FEATURES + 1).fill(0));
  const seen: number[][] = Array.from({ length: FEATURES }, () => []);
  const deviations: number[] = [];
  const std = (values: readonly number[], mean: number) =>
    Math.sqrt(values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / values.length);
  return (row: readonly number[], label: number): readonly number[] => {
    const z = row.map((value, i) => {
      const values = seen[i] ?? [];
      const mean = values.length === 0 ? 0 : values.reduce((a, b) => a + b, 0) / values.length;
      if (values.length < 256 || values.length % 16 === 0) deviations[i] = std(values, mean);
      const known = Number.isNaN(value) ? mean : value;
      values.push(known);
      return (deviations[i] ?? 0) > 0 ? Math.max(-8, Math.min(8, (known - mean) / (deviations[i] ?? 1))) : 0;
    });
    const logits = w.map((unit) => unit.reduce((sum, weight, i) => sum + weight * (z[i] ?? 1), 0));
    const e = outputs === 1 ? [1, Math.exp(logits[0] ?? 0)] : logits.map((logit) => Math.exp(logit));
    const p = e.map((value) => value / e.reduce((a, b) => a + b, 0));
    w.forEach((unit, k) => {
      const residual = outputs === 1 ? (p[1] ?? 0) - label : (p[k] ?? 0) - (k === label ? 1 : 0);
      for (let i = 0; i <= FEATURES; i++) unit[i] = (unit[i] ?? 0) - 0.03 * residual * (z[i] ?? 1);
    });
    return p;
  };
}

describe.each([2, 3, 5])("the logistic regression of %i classes", (classes) => {
  it("gives the probabilities of one that is written as in books, and learns", () => {
    const { x, labels } = streamOf(classes);
    const logistic = new Logistic(FEATURES, classes, new Float64Array(logisticLength(FEATURES, classes)));
    const expected = plain(classes);
    const given = new Float64Array(2);
    let right = 0;
    for (let r = 0; r < 600; r++) {
      const label = labels[r] ?? 0;
      const p = expected([...x.subarray(r * FEATURES, (r + 1) * FEATURES)], label);
      const hit = logistic.score(x, r * FEATURES, label, given, 1);
      expect(given[1]).toBeCloseTo(p[label] ?? Number.NaN, 9);
      if (r > 0) expect(hit).toBe(p[label] === Math.max(...p) ? 1 : 0);
      if (r >= 300) right += hit;
    }
    expect(right / 300).toBeGreaterThan(0.8);
  });
});

it("is left out where it would have more than 65,536 weights", () => {
  expect(logisticLength(1023, 64)).toBe(1 + 3 * 1023 + 1024 * 64);
  expect(logisticLength(1023, 65)).toBe(0);
});
