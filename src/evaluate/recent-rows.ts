import { log } from "../learner/elementary.ts";
import type { Learner } from "../learner/learner.ts";

/** Numbers that the newest rows may take: 128 kB. */
const NUMBERS_MAX = 16_384;
const ROWS_MAX = 500;
/** A probability below this says no less: one row alone decides nothing. */
const PROBABILITY_MIN = 0.01;
const LOSS_MAX = -log(PROBABILITY_MIN);

const COUNT = 0;

/** Keeps the newest labelled rows of a model as they came, not as some state encoded them, and tells what a learner's state would have lost on each. */
export class RecentRows {
  /** How many rows came, then rows (capacity, F + 1): features, NaN where one is missing, and label. */
  readonly state: Float64Array;
  readonly #features: number;
  readonly #capacity: number;

  constructor(features: number) {
    this.#features = features;
    this.#capacity = Math.max(1, Math.min(ROWS_MAX, Math.floor(NUMBERS_MAX / (features + 1))));
    this.state = new Float64Array(1 + this.#capacity * (features + 1));
  }

  get rows(): number {
    return Math.min(this.state[COUNT]!, this.#capacity);
  }

  /** Adds features (rows, F) and labels (rows). */
  add(x: Float64Array, labels: Float64Array, rows: number): void {
    const { state } = this;
    const features = this.#features;
    for (let r = 0; r < rows; r++) {
      const at = 1 + (state[COUNT]! % this.#capacity) * (features + 1);
      for (let i = 0; i < features; i++) state[at + i] = x[r * features + i]!;
      state[at + features] = labels[r]!;
      state[COUNT] = state[COUNT]! + 1;
    }
  }

  /**
   * Computes the bounded loss of each row, oldest first, under a learner as it stands: of classes the log loss, of values
   * the squared error in units of their variance. Overwrites the learner's rows.
   */
  losses(learner: Learner): Float64Array {
    const { engine, raw, config } = learner;
    const losses = new Float64Array(this.rows);
    const scale = config.network.loss === "mse" ? 1 / (2 * this.#variance()) : null;
    for (let from = 0; from < losses.length; from += config.batch.size) {
      const rows = Math.min(config.batch.size, losses.length - from);
      for (let r = 0; r < rows; r++) {
        const at = this.#at(from + r);
        for (let i = 0; i < this.#features; i++) raw[r * this.#features + i] = this.state[at + i]!;
      }
      learner.forward(rows);
      for (let r = 0; r < rows; r++) {
        const label = this.state[this.#at(from + r) + this.#features]!;
        losses[from + r] = lossOf(engine.outputs, r, engine.outputCount, label, scale);
      }
    }
    return losses;
  }

  /** Position of a row, counted from the oldest. */
  #at(row: number): number {
    const first = this.state[COUNT]! - this.rows;
    return 1 + ((first + row) % this.#capacity) * (this.#features + 1);
  }

  #variance(): number {
    let mean = 0;
    let squares = 0;
    for (let r = 0; r < this.rows; r++) {
      const label = this.state[this.#at(r) + this.#features]!;
      const before = label - mean;
      mean += before / (r + 1);
      squares += before * (label - mean);
    }
    return squares > 0 ? squares / this.rows : 1;
  }
}

function lossOf(outputs: ArrayLike<number>, row: number, count: number, label: number, scale: number | null): number {
  const output = outputs[row * count]!;
  if (scale !== null) {
    const loss = (output - label) * (output - label) * scale;
    return loss < LOSS_MAX ? loss : LOSS_MAX;
  }
  const given = count > 1 ? outputs[row * count + label]! : label === 1 ? output : 1 - output;
  return given > PROBABILITY_MIN ? -log(given) : LOSS_MAX;
}

/** Nats that the newest rows may speak against a candidate; beyond that what older ones say counts no more. */
const DOUBT_MAX = 4;

/**
 * Finds how much less a candidate lost than the present state since the moment from which on it lost least: the largest sum
 * over the newest rows, however many. After a drift only the rows behind it speak for an old concept; those before it would
 * speak for the concept that has just ended, which the present state may have begun to forget.
 */
export function gainOf(present: Float64Array, loss: (row: number) => number): number {
  let gain = 0;
  let largest = 0;
  for (let r = present.length - 1; r >= 0; r--) {
    gain += present[r]! - loss(r);
    if (gain > largest) largest = gain;
    if (gain < -DOUBT_MAX) break;
  }
  return largest;
}
