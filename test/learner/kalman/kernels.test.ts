import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { covarianceLength, entryAt, filledUp, resetCovariance } from "../../../src/learner/kalman/covariance.ts";
import { type Kernels, ReferenceKernels, within } from "../../../src/learner/kalman/kernels.ts";
import { PRECISIONS, type Precision } from "../../../src/learner/precision.ts";
import { Random } from "../../../src/learner/random.ts";
import { WasmKernels } from "../../../src/learner/wasm/wasm-kernels.ts";

const SEED = 8;

const made: Kernels[] = [];
afterEach(() => {
  for (const kernels of made.splice(0)) kernels.release();
});

function both(precision: Precision): readonly [Kernels, Kernels] {
  const pair = [new ReferenceKernels(precision), new WasmKernels(precision)] as const;
  made.push(...pair);
  return pair;
}

const magnitude = fc.constantFrom(1, 1, 1e-20, 1e10, 1e20);

/** Says which of two lists of numbers differs first; all NaN are one. */
function differs(left: ArrayLike<number>, right: ArrayLike<number>, count: number): number {
  for (let i = 0; i < count; i++) if (!Object.is(left[i], right[i])) return i;
  return -1;
}

describe("the kernels of a filter", () => {
  it("agree on every bit of products and updates, whatever the numbers", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 70 }), fc.constantFrom(...PRECISIONS), magnitude, fc.nat(), (...drawn) => {
        const [count, precision, size, seed] = drawn;
        const random = new Random(seed);
        const filled = filledUp(count);
        const length = covarianceLength(count);
        const [one, other] = both(precision).map((kernels) => ({
          kernels,
          covariance: kernels.singles(length),
          g: kernels.singles(filled),
          v: kernels.singles(filled),
        }));
        if (one === undefined || other === undefined) throw new Error("two kernels");
        resetCovariance(one.covariance.values, count);
        other.covariance.values.set(one.covariance.values);
        for (let step = 0; step < 4; step++) {
          for (let i = 0; i < count; i++) one.g.values[i] = random.normal() * size;
          other.g.values.set(one.g.values);
          for (const { kernels, covariance, g, v } of [one, other]) kernels.product(v, covariance, g, filled);
          expect(differs(one.v.values, other.v.values, filled + 2)).toBe(-1);
          for (const { kernels, covariance, v } of [one, other]) {
            v.values.set([1 - 0.01, 0.01, 1 / (1 + Math.abs(v.values[filled] ?? 0))], filled);
            kernels.rankOne(covariance, covariance, v, filled);
          }
          expect(differs(one.covariance.values, other.covariance.values, length)).toBe(-1);
        }
      }),
      { seed: SEED, numRuns: 150 },
    );
  });

  it("agree on every bit of layers and curves", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 12 }),
        fc.integer({ min: 1, max: 21 }),
        fc.constantFrom(...PRECISIONS),
        fc.constantFrom("tanh", "sigmoid", "cos"),
        fc.nat(),
        (inputs, units, precision, curve, seed) => {
          const random = new Random(seed);
          const results = both(precision).map((kernels) => ({
            kernels,
            out: kernels.vector(units),
            input: kernels.vector(inputs),
            theta: kernels.vector(inputs * units + units),
          }));
          const [one, other] = results;
          if (one === undefined || other === undefined) throw new Error("two kernels");
          for (const place of ["input", "theta"] as const) {
            const { values } = one[place];
            for (let i = 0; i < values.length; i++) values[i] = random.normal() * 3;
            other[place].values.set(values);
          }
          for (const { kernels, out, input, theta } of results) {
            const weights = within(theta, 0, inputs * units);
            kernels.affine(out, input, weights, within(theta, inputs * units, units), inputs, units);
          }
          expect(differs(one.out.values, other.out.values, units)).toBe(-1);
          for (const { kernels, out } of results) kernels.curve(out, curve, units);
          expect(differs(one.out.values, other.out.values, units)).toBe(-1);
        },
      ),
      { seed: SEED, numRuns: 200 },
    );
  });

  it("agree on every bit of distances", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 12 }), fc.nat(), (inputs, fours, seed) => {
        const random = new Random(seed);
        const count = 4 * fours;
        const [one, other] = both("f64").map((kernels) => ({
          kernels,
          rows: kernels.singles(inputs * count),
          point: kernels.singles(inputs),
          weights: kernels.singles(inputs),
          out: kernels.singles(count),
        }));
        if (one === undefined || other === undefined) throw new Error("two kernels");
        for (const place of ["rows", "point", "weights"] as const) {
          const { values } = one[place];
          for (let i = 0; i < values.length; i++) values[i] = random.normal();
          other[place].values.set(values);
        }
        for (const { kernels, out, rows, point, weights } of [one, other]) {
          kernels.distances(out, rows, point, weights, inputs, count);
        }
        expect(differs(one.out.values, other.out.values, count)).toBe(-1);
        const last = Array.from({ length: inputs }, (_, i) => {
          const away = (one.rows.values[i * count + count - 1] ?? 0) - (one.point.values[i] ?? 0);
          return (one.weights.values[i] ?? 0) * away * away;
        });
        expect(one.out.values[count - 1]).toBeCloseTo(
          last.reduce((sum, square) => sum + square, 0),
          4,
        );
      }),
      { seed: SEED, numRuns: 60 },
    );
  });

  it("multiply by the symmetric matrix that the squares stand for, and update it as the formula says", () => {
    const count = 11;
    const filled = filledUp(count);
    const kernels = new ReferenceKernels("f64");
    const [covariance, g, v] = [
      kernels.singles(covarianceLength(count)),
      kernels.singles(filled),
      kernels.singles(filled),
    ];
    const random = new Random(SEED);
    const dense = Array.from({ length: count }, () => new Float64Array(count));
    for (let i = 0; i < filled; i++) {
      for (let j = i; j < filled; j++) {
        const entry = i < count && j < count ? Math.fround(random.normal()) : 0;
        covariance.values[entryAt(count, i, j)] = entry;
        // The square on the diagonal holds both halves.
        if (Math.floor(i / 4) === Math.floor(j / 4)) covariance.values[entryAt(count, j, i)] = entry;
        if (i >= count || j >= count) continue;
        dense[i]?.fill(entry, j, j + 1);
        dense[j]?.fill(entry, i, i + 1);
      }
    }
    for (let i = 0; i < count; i++) g.values[i] = random.normal();
    kernels.product(v, covariance, g, filled);
    const exact = dense.map((row) => row.reduce((sum, entry, j) => sum + entry * (g.values[j] ?? 0), 0));
    for (const [i, value] of exact.entries()) expect(v.values[i]).toBeCloseTo(value, 5);
    expect(v.values[filled]).toBeCloseTo(
      exact.reduce((sum, value, i) => sum + value * (g.values[i] ?? 0), 0),
      4,
    );
    expect(v.values[filled + 1]).toBeCloseTo(
      exact.reduce((sum, value) => sum + value * value, 0),
      4,
    );
    v.values.set([0.75, 0.25, 0.125], filled);
    kernels.rankOne(covariance, covariance, v, filled);
    for (let i = 0; i < count; i++) {
      for (let j = 0; j < count; j++) {
        const taught = (dense[i]?.[j] ?? 0) - 0.125 * (exact[i] ?? 0) * (exact[j] ?? 0);
        const wanted = 0.75 * taught + (i === j ? 0.25 : 0);
        expect(covariance.values[entryAt(count, i, j)]).toBeCloseTo(wanted, 5);
      }
    }
  });
});
