import { map, type OperatorFunction } from "rxjs";
import type { Learner } from "../learner/learner.ts";

/** Is one labelled row. */
export interface Sample {
  /** (F), NaN where one is missing. */
  readonly features: ArrayLike<number>;
  /** A value, or the index of the class. */
  readonly label: number;
  /** Factor of the loss; left out: 1. */
  readonly weight?: number;
}

/** Tells what came of one training step. */
export interface Step {
  readonly rows: number;
  /** Mean loss over the mini-batch before its update. */
  readonly cost: number;
  /** Whether a number was not finite, and the step left the learner as it was. */
  readonly undone: boolean;
}

/**
 * Trains a learner on each mini-batch, as one step. A batch may have as many rows as the learner's `batch.size`; more, none,
 * or a row of another length is a programmer's mistake, and throws.
 */
export function trainOn(learner: Learner): OperatorFunction<readonly Sample[], Step> {
  const { engine, raw, config } = learner;
  const width = config.features.length;
  return map((samples) => {
    samples.forEach(({ features, label, weight = 1 }, s) => {
      if (features.length !== width) throw new Error(`${features.length} features came where ${width} belong`);
      raw.set(features, s * width);
      engine.labels[s] = label;
      engine.sampleWeights[s] = weight;
    });
    learner.step(samples.length);
    return { rows: samples.length, cost: engine.cost, undone: engine.undone };
  });
}
