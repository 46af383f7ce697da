import { describe, expect, it } from "vitest";
import { filledUp } from "../../../src/learner/kalman/covariance.ts";
import { type FilterOptions, filterLayoutOf } from "../../../src/learner/kalman/filter-layout.ts";
import { FilterNetwork } from "../../../src/learner/kalman/filter-network.ts";
import { ReferenceKernels } from "../../../src/learner/kalman/kernels.ts";
import { Random } from "../../../src/learner/random.ts";

const NOISE = 1e-3;
const ones = (inputs: number) => new Float64Array(inputs).fill(1);

function networkOf(options: FilterOptions, inputs: number, outputs: number): FilterNetwork {
  const kernels = new ReferenceKernels("f64");
  const { parameterCount } = filterLayoutOf(options, inputs, outputs);
  const network = new FilterNetwork(kernels, options, inputs, outputs, kernels.vector(filledUp(parameterCount)));
  network.draw(new Random(3));
  return network;
}

const base: FilterOptions = { hidden: [4], activation: ["tanh"], covariance: "full", noise: NOISE, relevance: false };

const kinds: readonly (readonly [string, FilterOptions])[] = [
  ["one covariance", base],
  ["a covariance for each unit", { ...base, covariance: "units" }],
  ["a covariance for each layer", { ...base, covariance: "layers" }],
  ["two hidden layers", { ...base, hidden: [4, 3], activation: ["tanh", "sigmoid"] }],
  ["two hidden layers, decoupled", { ...base, hidden: [5, 3], activation: ["sigmoid", "tanh"], covariance: "units" }],
  ["relevant inputs", { ...base, relevance: true }],
  ["no hidden layer", { ...base, hidden: [], activation: [] }],
  ["Fourier features", { ...base, hidden: [], activation: [], fourier: { count: 6, gamma: 1 } }],
  ["Fourier features before a hidden layer", { ...base, fourier: { count: 5, gamma: 0.5 } }],
];

describe.each(kinds)("a network with %s", (_, options) => {
  it.each([1, 3])("moves, from the prior on, along the gradient of what is asked for: %i outputs", (outputs) => {
    const network = networkOf(options, 3, outputs);
    const input = Float64Array.of(9, 0.4, -1.2, 0.7);
    const relevance = Float64Array.of(0.5, 2, 1);
    const direction = Float64Array.from({ length: outputs }, (_, k) => 1 - 0.6 * k);
    const { parameters } = network;
    const value = () => {
      network.forward(input, 1, relevance);
      return Array.from(network.sums).reduce((sum, z, k) => sum + z * (direction[k] ?? 0), 0);
    };
    const h = 1e-5;
    const before = Array.from(parameters);
    const gradient = Array.from(before, (theta, p) => {
      parameters[p] = theta + h;
      const up = value();
      parameters[p] = theta - h;
      const down = value();
      parameters[p] = theta;
      return (up - down) / (2 * h);
    });
    const squares = gradient.reduce((sum, g) => sum + g * g, 0);
    value();
    const r = 0.2;
    expect(network.propose(direction, 0.3, r)).toBe(true);
    network.commit(NOISE);
    for (const [p, g] of gradient.entries()) {
      expect(parameters[p]).toBeCloseTo((before[p] ?? 0) + (0.3 * g) / (1 + r * squares), 6);
    }
    // What was learned is known: the same again moves less.
    const moved = Array.from(parameters);
    value();
    network.propose(direction, 0.3, r);
    network.commit(NOISE);
    const far = (a: ArrayLike<number>, b: readonly number[]) => Math.hypot(...b.map((theta, p) => theta - (a[p] ?? 0)));
    expect(far(parameters, moved)).toBeLessThan(far(moved, before));
  });
});

describe("a proposal", () => {
  it("leaves nothing behind unless it is committed", () => {
    const network = networkOf(base, 3, 1);
    const before = network.vectors(0).map(({ values }) => values.slice());
    network.forward(Float64Array.of(1, 2, 3), 0, ones(3));
    network.propose(Float64Array.of(1), 5, 0.1);
    expect(network.vectors(0).map(({ values }) => values)).toEqual(before);
  });

  it.each([
    ["a residual", Number.NaN, 0.1],
    ["an endless residual", Number.POSITIVE_INFINITY, 0.1],
    ["an information", 1, Number.NaN],
  ])("tells that a number would not stay finite: %s", (_, residual, r) => {
    const network = networkOf(base, 3, 1);
    network.forward(Float64Array.of(1, 2, 3), 0, ones(3));
    expect(network.propose(Float64Array.of(1), residual, r)).toBe(false);
  });
});

/** Logistic regression by the dense recursion of DESIGN.md. */
function denseFilter(
  rows: readonly { readonly x: readonly number[]; readonly y: number }[],
  noise: number,
): readonly number[] {
  const n = (rows[0]?.x.length ?? 0) + 1;
  const at = (i: number, j: number) => i * n + j;
  const w: number[] = new Array<number>(n).fill(0);
  const P: number[] = Array.from({ length: n * n }, (_, k) => (Math.floor(k / n) === k % n ? 1 : 0));
  for (const { x, y } of rows) {
    const g = [...x, 1];
    const z = g.reduce((sum, value, i) => sum + value * (w[i] ?? 0), 0);
    const p = 1 / (1 + Math.exp(-z));
    const r = Math.max(0.01, p * (1 - p));
    const v = g.map((_, i) => g.reduce((sum, value, j) => sum + (P[at(i, j)] ?? 0) * value, 0));
    const spread = g.reduce((sum, value, i) => sum + value * (v[i] ?? 0), 0);
    for (let i = 0; i < n; i++) {
      w[i] = (w[i] ?? 0) + ((v[i] ?? 0) * (y - p)) / (1 + r * spread);
      for (let j = 0; j < n; j++) {
        const taught = (P[at(i, j)] ?? 0) - (r / (1 + r * spread)) * (v[i] ?? 0) * (v[j] ?? 0);
        P[at(i, j)] = (1 - noise) * taught + (i === j ? noise : 0);
      }
    }
  }
  return w;
}

describe("the recursion", () => {
  it("is the dense one", () => {
    const random = new Random(6);
    const rows = Array.from({ length: 300 }, () => {
      const x = [random.normal(), random.normal(), random.normal()] as const;
      return { x, y: x[0] - 2 * x[1] + 0.5 * random.normal() > 0 ? 1 : 0 };
    });
    const network = networkOf({ ...base, hidden: [], activation: [] }, 3, 1);
    for (const { x, y } of rows) {
      network.forward(Float64Array.from(x), 0, ones(3));
      const p = 1 / (1 + Math.exp(-(network.sums[0] ?? 0)));
      network.propose(Float64Array.of(1), y - p, Math.max(0.01, p * (1 - p)));
      network.commit(NOISE);
    }
    const wanted = denseFilter(rows, NOISE);
    for (const [i, value] of wanted.entries()) expect(network.parameters[i]).toBeCloseTo(value, 5);
  });
});
