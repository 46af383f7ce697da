// How well values are learned by a configuration that nobody tuned, beside a linear regression by gradient descent as River
// has it: its learning rate .01, features standardized as they come, the gradient clipped as River does.

import { Random } from "../../src/learner/random.ts";
import { Scaler } from "../../src/learner/scaler.ts";
import { configFor, mean, run, type Stream, streamOptions } from "./streams.ts";

const ROWS = 10_000;
const RATE = 0.01;
const GRADIENT_MAX = 1e12;

interface Kind {
  readonly name: string;
  readonly features: number;
  readonly value: (x: Float64Array, share: number, random: Random) => number;
  readonly draw: (x: Float64Array, random: Random) => void;
  readonly rows: number;
}

const uniform = (x: Float64Array, random: Random) => {
  for (let i = 0; i < x.length; i++) x[i] = random.uniform();
};

/** Friedman's first function (1991) of five of ten inputs, with noise of deviation 1; inputs may be named in another order. */
function friedman(x: Float64Array, shift: number, random: Random): number {
  const at = (i: number) => x[(i + shift) % x.length] ?? 0;
  const wave = 10 * Math.sin(Math.PI * at(0) * at(1));
  return wave + 20 * (at(2) - 0.5) ** 2 + 10 * at(3) + 5 * at(4) + random.normal();
}

const kinds: readonly Kind[] = [
  {
    name: "chicks: weight by age and diet",
    features: 3,
    rows: 578,
    draw: (x, random) => {
      // Days of age, the diet, and which of 50 chicks it is.
      x[0] = 2 * Math.floor(random.uniform() * 12);
      x[1] = 1 + Math.floor(random.uniform() * 4);
      x[2] = 1 + Math.floor(random.uniform() * 50);
    },
    value: ([age = 0, diet = 0, chick = 0], _, random) =>
      41 + age * (4.5 + 1.2 * diet + ((chick * 7) % 5) / 2) + 0.09 * age * age + random.normal() * (1 + age / 2),
  },
  { name: "Friedman", features: 10, rows: ROWS, draw: uniform, value: (x, _, random) => friedman(x, 0, random) },
  {
    name: "Friedman, abrupt drift",
    features: 10,
    rows: ROWS,
    draw: uniform,
    value: (x, share, random) => friedman(x, share < 0.35 ? 0 : share < 0.7 ? 3 : 6, random),
  },
  {
    name: "Friedman, in units of a million",
    features: 10,
    rows: ROWS,
    draw: uniform,
    value: (x, _, random) => 5e6 + 1e6 * friedman(x, 0, random),
  },
];

function streamOf({ name, features, rows, draw, value }: Kind, seed: number): Stream {
  const random = new Random(seed);
  const x = new Float64Array(rows * features);
  const y = new Float64Array(rows);
  for (let r = 0; r < rows; r++) {
    const row = x.subarray(r * features, (r + 1) * features);
    draw(row, random);
    y[r] = value(row, r / rows, random);
  }
  return { name, features, classes: 0, rows, x, y };
}

/** Predicts, then learns, each row by gradient descent on the squared error. */
function linearError({ features, rows, x, y }: Stream): number {
  const scaler = new Scaler(features);
  const weights = new Float64Array(features);
  const z = new Float64Array(features);
  let intercept = 0;
  let total = 0;
  for (let r = 0; r < rows; r++) {
    const row = x.subarray(r * features, (r + 1) * features);
    scaler.learn(row, 1);
    scaler.standardize(z, row, 1);
    const value = z.reduce((sum, input, i) => sum + input * (weights[i] ?? 0), intercept);
    const error = value - (y[r] ?? 0);
    total += Math.abs(error);
    const gradient = Math.max(-GRADIENT_MAX, Math.min(GRADIENT_MAX, 2 * error));
    for (let i = 0; i < features; i++) weights[i] = (weights[i] ?? 0) - RATE * gradient * (z[i] ?? 0);
    intercept -= RATE * gradient;
  }
  return total / rows;
}

/** Predicts the mean of what came before. */
function meanError({ rows, y }: Stream): number {
  let sum = 0;
  let total = 0;
  for (let r = 0; r < rows; r++) {
    total += Math.abs((y[r] ?? 0) - (r === 0 ? 0 : sum / r));
    sum += y[r] ?? 0;
  }
  return total / rows;
}

/** Prints the mean absolute error on streams of values. */
export function benchRegression(args: readonly string[] = []): void {
  const { seeds } = streamOptions(args);
  console.log(`mean absolute error, ${seeds} seeds`);
  console.log(
    `${"".padEnd(36)}${["default", "plain", "linear", "the mean"].map((name) => name.padStart(12)).join("")}`,
  );
  for (const kind of kinds) {
    const streams = Array.from({ length: seeds }, (_, s) => streamOf(kind, s + 1));
    const errors = [
      streams.map((stream, s) => run(configFor(stream, "ensemble", s + 1), stream).score),
      streams.map((stream, s) => run(configFor(stream, "network", s + 1), stream).score),
      streams.map(linearError),
      streams.map(meanError),
    ];
    console.log(`${kind.name.padEnd(36)}${errors.map((values) => mean(values).toPrecision(4).padStart(12)).join("")}`);
  }
}
