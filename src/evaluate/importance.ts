import type { Learner } from "../learner/learner.ts";
import { Random } from "../learner/random.ts";
import { meanLoss, predictAll } from "./backtest.ts";
import type { Stretch } from "./labelled-rows.ts";

/** Says how much dearer a learner's predictions become where a feature tells nothing any more. */
export interface Importance {
  /** Mean increase of the mean loss over all permutations; null where no prediction is finite. */
  readonly increase: number | null;
  /** Standard deviation of the increases. */
  readonly deviation: number | null;
}

/** Draws `count` orders of rows by a seed; all features are put into the same ones. */
export function permutationsOf(seed: number, rows: number, count: number): readonly Uint32Array[] {
  const random = new Random(seed);
  return Array.from({ length: count }, () => {
    const order = Uint32Array.from({ length: rows }, (_, r) => r);
    for (let r = rows - 1; r > 0; r--) {
      const other = Math.floor(random.uniform() * (r + 1));
      const value = order[r]!;
      order[r] = order[other]!;
      order[other] = value;
    }
    return order;
  });
}

/** Computes the mean loss as it is. */
export function lossOn(learner: Learner, rows: Stretch): number | null {
  return meanLoss(learner, rows, predictAll(learner, rows, null));
}

/**
 * Measures the permutation importance of a feature (Breiman 2001; Fisher, Rudin & Dominici 2019): what the mean loss grows
 * by when the feature's values are dealt out anew among the rows. Overwrites the learner's inputs and outputs.
 */
export function importanceOf(
  learner: Learner,
  rows: Stretch,
  feature: number,
  orders: readonly Uint32Array[],
  base: number | null,
): Importance {
  const losses = orders.map((order) => meanLoss(learner, rows, predictAll(learner, rows, { feature, order })));
  const increases = losses.filter((loss) => loss !== null).map((loss) => loss - (base ?? 0));
  if (base === null || increases.length === 0) return { increase: null, deviation: null };
  const mean = increases.reduce((sum, increase) => sum + increase, 0) / increases.length;
  const squares = increases.reduce((sum, increase) => sum + (increase - mean) * (increase - mean), 0);
  return { increase: mean, deviation: Math.sqrt(squares / increases.length) };
}
