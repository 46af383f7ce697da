// What a prediction is to be better than: the likeliest class so far, the last label, a line, and the 5 nearest of 1000 rows. Each
// predicts a row, is scored, and then learns it. Inputs are standardized as they come.

import { Scaler } from "../../src/learner/scaler.ts";
import type { Stream } from "./streams.ts";

/** Tells the class of standardized inputs, then learns them. */
interface Baseline {
  readonly predict: (z: Float64Array) => number;
  readonly learn: (z: Float64Array, label: number) => void;
}

const RATE = 0.3;
const NEIGHBOURS = 5;
const KEPT = 1000;

const largest = (values: ArrayLike<number>) => {
  let winner = 0;
  for (let k = 1; k < values.length; k++) if ((values[k] ?? 0) > (values[winner] ?? 0)) winner = k;
  return winner;
};

const majority = (_: number, classes: number): Baseline => {
  const counts = new Float64Array(classes);
  return { predict: () => largest(counts), learn: (_z, label) => void counts.set([(counts[label] ?? 0) + 1], label) };
};

const lastLabel = (): Baseline => {
  let last = 0;
  return {
    predict: () => last,
    learn: (_, label) => {
      last = label;
    },
  };
};

/** Softmax regression by Adagrad. */
const logistic = (features: number, classes: number): Baseline => {
  const width = features + 1;
  const weights = new Float64Array(classes * width);
  const squares = new Float64Array(classes * width).fill(1e-8);
  const chances = new Float64Array(classes);
  const forward = (z: Float64Array) => {
    for (let k = 0; k < classes; k++) {
      let sum = weights[k * width + features] ?? 0;
      for (let i = 0; i < features; i++) sum += (weights[k * width + i] ?? 0) * (z[i] ?? 0);
      chances[k] = sum;
    }
    const most = chances[largest(chances)] ?? 0;
    let total = 0;
    for (let k = 0; k < classes; k++) total += chances[k] = Math.exp((chances[k] ?? 0) - most);
    for (let k = 0; k < classes; k++) chances[k] = (chances[k] ?? 0) / total;
  };
  return {
    predict: (z) => {
      forward(z);
      return largest(chances);
    },
    learn: (z, label) => {
      forward(z);
      for (let k = 0; k < classes; k++) {
        const delta = (chances[k] ?? 0) - (k === label ? 1 : 0);
        for (let i = 0; i <= features; i++) {
          const at = k * width + i;
          const gradient = delta * (i < features ? (z[i] ?? 0) : 1);
          squares[at] = (squares[at] ?? 0) + gradient * gradient;
          weights[at] = (weights[at] ?? 0) - (RATE * gradient) / Math.sqrt(squares[at] ?? 1);
        }
      }
    },
  };
};

/** The commonest label of the nearest of the newest rows. */
const nearest = (features: number, classes: number): Baseline => {
  const rows = new Float64Array(KEPT * features);
  const labels = new Float64Array(KEPT);
  const votes = new Float64Array(classes);
  const [distances, places] = [new Float64Array(NEIGHBOURS), new Float64Array(NEIGHBOURS)];
  let count = 0;
  return {
    predict: (z) => {
      distances.fill(Infinity);
      const kept = Math.min(count, KEPT);
      for (let r = 0; r < kept; r++) {
        let distance = 0;
        for (let i = 0; i < features; i++) distance += ((rows[r * features + i] ?? 0) - (z[i] ?? 0)) ** 2;
        let at = NEIGHBOURS;
        for (; at > 0 && distance < (distances[at - 1] ?? 0); at--) {
          if (at === NEIGHBOURS) continue;
          distances[at] = distances[at - 1] ?? 0;
          places[at] = places[at - 1] ?? 0;
        }
        if (at < NEIGHBOURS) {
          distances[at] = distance;
          places[at] = r;
        }
      }
      votes.fill(0);
      for (let n = 0; n < Math.min(kept, NEIGHBOURS); n++) {
        const label = labels[places[n] ?? 0] ?? 0;
        votes[label] = (votes[label] ?? 0) + 1;
      }
      return largest(votes);
    },
    learn: (z, label) => {
      rows.set(z, (count % KEPT) * features);
      labels[count % KEPT] = label;
      count++;
    },
  };
};

/** By their names. */
export const BASELINES: Readonly<Record<string, (features: number, classes: number) => Baseline>> = {
  majority,
  "last label": lastLabel,
  logistic,
  "5 nearest": nearest,
};

/** Computes the share of rows that a baseline predicts right. */
export function baselineScore(begin: (features: number, classes: number) => Baseline, stream: Stream): number {
  const { features, classes, rows, x, y } = stream;
  const baseline = begin(features, classes);
  const scaler = new Scaler(features);
  const z = new Float64Array(features);
  let right = 0;
  for (let r = 0; r < rows; r++) {
    const row = x.subarray(r * features, (r + 1) * features);
    scaler.learn(row, 1);
    scaler.standardize(z, row, 1);
    const label = y[r] ?? 0;
    if (baseline.predict(z) === label) right++;
    baseline.learn(z, label);
  }
  return right / rows;
}
