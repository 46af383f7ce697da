// What a learner as it stands would have predicted for rows of the past, and how good that would have been. Nothing is
// learned on the way.

import { log } from "../learner/elementary.ts";
import type { Learner } from "../learner/learner.ts";
import { outputsOf } from "../learner/learner-config.ts";
import type { Stretch } from "./labelled-rows.ts";
import { Monitor } from "./monitor.ts";

/** Bounds of a probability whose logarithm is taken, as for log losses. */
const LEAST = 2 ** -52;
const MOST = 1 - LEAST;

/** Says how well a learner would have done on a stretch of rows. */
export interface StretchScore {
  /** Mean loss, each row's times its weight: what the cost of a mini-batch is. Null where no row was scored. */
  readonly loss: number | null;
  /** Rows whose prediction was not finite; they are in nothing else. */
  readonly skipped: number;
  /** As evaluate/DESIGN.md has them, over all rows, and `mse` where labels are values; AUC over the newest that a window holds. */
  readonly metrics: Readonly<Record<string, number | null>>;
}

/** Names the metric that says which of several learners is best: the least is. */
export type Criterion = "logLoss" | "mse";

export function criterionOf({ config }: Pick<Learner, "config">): Criterion {
  return config.network.loss === "mse" ? "mse" : "logLoss";
}

/** Scores a learner as it stands on rows. Overwrites its inputs and outputs. */
export function scoreOn(learner: Learner, rows: Stretch): StretchScore {
  const { config } = learner;
  const classes = config.network.loss === "mse" ? 0 : Math.max(2, outputsOf(config));
  const monitor = new Monitor({
    classes,
    // Baselines are not asked for, and rows may lack values.
    features: 0,
    window: Math.max(1, rows.rows),
    fading: 1,
    detector: null,
    watch: "error",
  });
  const outputs = predictAll(learner, rows, null);
  monitor.score(rows.x, rows.labels, outputs, rows.rows);
  const reading = monitor.read();
  const numbers = Object.entries(reading).filter((entry): entry is [string, number | null] => {
    const [name, value] = entry;
    return name !== "samples" && name !== "skipped" && (value === null || typeof value === "number");
  });
  const mse = reading.kind === "values" ? { mse: reading.rmse === null ? null : reading.rmse * reading.rmse } : {};
  return {
    loss: meanLoss(learner, rows, outputs),
    skipped: reading.skipped,
    metrics: { ...Object.fromEntries(numbers), ...mse },
  };
}

/** Orders scores, the best first: below 0 where the first one is better. One that could not predict every row is no match for one that could. */
export function compareScores(a: StretchScore, b: StretchScore, by: Criterion): number {
  const [one, other] = [a.metrics[by] ?? Number.POSITIVE_INFINITY, b.metrics[by] ?? Number.POSITIVE_INFINITY];
  if (a.skipped !== b.skipped) return a.skipped - b.skipped;
  return one === other ? 0 : one - other;
}

/** Stands in the place of a feature of each row: that of row `order[r]`. */
export interface Shuffled {
  readonly feature: number;
  readonly order: Uint32Array;
}

/** Predicts every row: (rows, K). */
export function predictAll(learner: Learner, rows: Stretch, shuffled: Shuffled | null): Float64Array {
  const { outputCount } = learner.engine;
  const { features, x } = rows;
  const outputs = new Float64Array(rows.rows * outputCount);
  const row = new Float64Array(features);
  for (let r = 0; r < rows.rows; r++) {
    for (let i = 0; i < features; i++) row[i] = x[r * features + i]!;
    if (shuffled !== null) row[shuffled.feature] = x[shuffled.order[r]! * features + shuffled.feature]!;
    outputs.set(learner.outputsFor(row), r * outputCount);
  }
  return outputs;
}

/** Computes the mean loss of predictions (rows, K), each times the row's weight; null where none is finite. */
export function meanLoss({ config, engine }: Learner, rows: Stretch, outputs: Float64Array): number | null {
  const { outputCount } = engine;
  let sum = 0;
  let count = 0;
  for (let r = 0; r < rows.rows; r++) {
    const label = rows.labels[r]!;
    const output = outputs[r * outputCount]!;
    const given = outputCount > 1 ? outputs[r * outputCount + label]! : label === 1 ? output : 1 - output;
    const loss = config.network.loss === "mse" ? ((output - label) * (output - label)) / 2 : -log(bounded(given));
    if (!Number.isFinite(loss)) continue;
    sum += rows.weights[r]! * loss;
    count += 1;
  }
  return count === 0 ? null : sum / count;
}

function bounded(probability: number): number {
  return probability < LEAST ? LEAST : probability > MOST ? MOST : probability;
}
