import { describe, expect, it } from "vitest";
import { Neighbours } from "../../../src/learner/ensemble/neighbours.ts";
import { ReferenceKernels } from "../../../src/learner/kalman/kernels.ts";
import { Random } from "../../../src/learner/random.ts";
import { Scaler } from "../../../src/learner/scaler.ts";

const kernels = new ReferenceKernels("f64");
const KEPT = 25;
const RELEVANCE = Float64Array.of(2, 0.5);

/** Keeps seeded rows; the last of them are returned as they are kept. */
function filled(neighbours: Neighbours, rows: number, classes: number, random = new Random(3)) {
  const seen: { readonly x: readonly number[]; readonly label: number }[] = [];
  for (let r = 0; r < rows; r++) {
    const x = [random.normal(), random.normal()].map(Math.fround);
    const label = classes === 0 ? 100 + random.normal() : random.uint32() % classes;
    neighbours.hold();
    expect(neighbours.propose(Float64Array.from(x), 0, label)).toBe(true);
    neighbours.commit();
    seen.push({ x, label });
  }
  return seen.slice(-KEPT);
}

/** Lists the labels of the ten nearest. */
function nearestLabels(seen: ReturnType<typeof filled>, [a = 0, b = 0]: readonly number[]): readonly number[] {
  const distance = ([c = 0, d = 0]: readonly number[]) => 4 * (c - a) ** 2 + 0.25 * (d - b) ** 2;
  return [...seen]
    .sort((one, other) => distance(one.x) - distance(other.x))
    .slice(0, 10)
    .map(({ label }) => label);
}

const points = [
  [0, 0],
  [1, -1],
  [-3, 2],
] as const;

describe("the nearest of the newest rows", () => {
  it.each([4, 10, KEPT, 61])("give the odds of two classes, after %i rows", (rows) => {
    const neighbours = new Neighbours(kernels, KEPT, 2, 1, 1, null);
    const seen = filled(neighbours, rows, 2);
    for (const point of points) {
      const labels = nearestLabels(seen, point);
      const ones = labels.filter((label) => label === 1).length;
      neighbours.forward(Float64Array.of(9, ...point), 1, RELEVANCE);
      expect(neighbours.sums[0]).toBeCloseTo(Math.log((ones + 0.5) / (labels.length - ones + 0.5)), 12);
    }
  });

  it("give the logarithms of how often each of several classes is among them", () => {
    const neighbours = new Neighbours(kernels, KEPT, 2, 4, 1, null);
    const seen = filled(neighbours, 40, 4);
    for (const point of points) {
      const labels = nearestLabels(seen, point);
      neighbours.forward(Float64Array.from(point), 0, RELEVANCE);
      for (let k = 0; k < 4; k++) {
        const count = labels.filter((label) => label === k).length;
        expect(neighbours.sums[k]).toBeCloseTo(Math.log(count + 0.25), 12);
      }
    }
  });

  it("give the mean of values, standardized as the labels are", () => {
    const scaler = new Scaler(1);
    scaler.import([90], [4], null);
    const neighbours = new Neighbours(kernels, KEPT, 2, 1, 1, scaler);
    const seen = filled(neighbours, 40, 0);
    for (const point of points) {
      const labels = nearestLabels(seen, point);
      neighbours.forward(Float64Array.from(point), 0, RELEVANCE);
      const mean = labels.reduce((sum, label) => sum + label, 0) / labels.length;
      expect(neighbours.sums[0]).toBeCloseTo((mean - 90) / 4, 10);
    }
  });

  it("say nothing before the first row", () => {
    const neighbours = new Neighbours(kernels, KEPT, 2, 1, 1, null);
    neighbours.forward(Float64Array.of(1, 2), 0, RELEVANCE);
    expect(neighbours.sums[0]).toBe(0);
  });

  it.each([0, 20, 24, 70])("are as they were when a mini-batch is undone, after %i rows", (rows) => {
    const neighbours = new Neighbours(kernels, KEPT, 2, 1, 6, null);
    filled(neighbours, rows, 2);
    const before = neighbours.vectors.map(({ values }) => values.slice());
    neighbours.hold();
    for (let r = 0; r < 6; r++) {
      neighbours.propose(Float64Array.of(r, -r), 0, 1);
      neighbours.commit();
    }
    expect(neighbours.vectors.map(({ values }) => values)).not.toEqual(before);
    neighbours.undo();
    expect(neighbours.vectors.map(({ values }) => values)).toEqual(before);
  });

  it.each([
    [[Number.NaN, 1], 1],
    [[1, 1e39], 1],
    [[1, 1], Number.POSITIVE_INFINITY],
  ])("refuse what is not finite, or would not be: %j, %d", (x, label) => {
    expect(new Neighbours(kernels, KEPT, 2, 1, 1, null).propose(Float64Array.from(x), 0, label)).toBe(false);
  });
});
