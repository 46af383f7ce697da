import { log } from "../learner/elementary.ts";
import { type Detector, DRIFT, NONE, type Signal } from "./detector.ts";

/** Buckets of one size that are kept; with one more, the oldest two become one of twice the size (the paper's M). */
const BUCKETS = 5;
const SLOTS = BUCKETS + 1;
/**
 * Values of the smallest bucket; a look for a cut follows each. Buckets of single values would cost ten times as much, and
 * show little: no split with fewer newer values than some ten can pass the bound.
 */
const BLOCK = 32;
/** Sizes of buckets: up to 32 · 2^31 values each, more than any stream fills. */
const LEVELS = 32;
/** Values of a bucket, by its level. */
const SIZES = Float64Array.from({ length: LEVELS }, (_, level) => BLOCK * ((1 << level) >>> 0));

// Positions in the state: numbers of the window, the block that is filling up, buckets of each level, then sum and sum of
// squares of each slot, side by side, the oldest bucket of a level first. What lies behind a level's last bucket means nothing.
const WIDTH = 0;
const SUM = 1;
const SQUARES = 2;
const SINCE = 3;
const DIRECTION = 4;
const FILLED = 5;
const BLOCK_SUM = 6;
const BLOCK_SQUARES = 7;
const COUNTS = 8;
const BUCKETS_AT = COUNTS + LEVELS;
const LEVEL_NUMBERS = 2 * SLOTS;
export const ADWIN_LENGTH = BUCKETS_AT + LEVELS * LEVEL_NUMBERS;

/**
 * Keeps a window of values as long as no split of it shows two different means (Bifet & Gavaldà 2007, Learning from
 * Time-Changing Data with Adaptive Windowing, ADWIN2: exponential histogram, M = 5; bound with variance, section 3.2).
 * Input: values in [0, 1], 0/1 errors or a bounded loss. It tells rises and falls alike: `direction`.
 *
 * One drift, one alarm: after a drift the window still holds values from before it, and goes on shrinking as more
 * evidence comes. A cut is told only where its change lies after the last alarm, also if it was at the begin of the bucket
 * before the split; for an earlier one the window shrinks silently.
 */
export class Adwin implements Detector {
  readonly state: Float64Array;
  readonly #delta: number;

  /** `delta` bounds the chance of a false cut at each look. */
  constructor(state: Float64Array = new Float64Array(ADWIN_LENGTH), delta = 0.002) {
    this.state = state;
    this.#delta = delta;
  }

  get direction(): number {
    return this.state[DIRECTION]!;
  }

  /** Counts the values of the window; those of the block that is filling up come after it. */
  get width(): number {
    return this.state[WIDTH]!;
  }

  reset(): void {
    this.state.fill(0);
  }

  update(value: number): Signal {
    const { state } = this;
    const filled = state[FILLED]! + 1;
    state[BLOCK_SUM] = state[BLOCK_SUM]! + value;
    state[BLOCK_SQUARES] = state[BLOCK_SQUARES]! + value * value;
    state[FILLED] = filled;
    if (filled < BLOCK) return NONE;
    insert(state, 0, state[BLOCK_SUM]!, state[BLOCK_SQUARES]!);
    state[WIDTH] = state[WIDTH]! + BLOCK;
    state[SUM] = state[SUM]! + state[BLOCK_SUM]!;
    state[SQUARES] = state[SQUARES]! + state[BLOCK_SQUARES]!;
    state[SINCE] = state[SINCE]! + BLOCK;
    state[BLOCK_SUM] = 0;
    state[BLOCK_SQUARES] = 0;
    state[FILLED] = 0;
    compress(state);
    return this.#shrink();
  }

  /** Drops the oldest bucket as long as any split shows a change. */
  #shrink(): Signal {
    const { state } = this;
    let signal: Signal = NONE;
    while (state[WIDTH]! > BLOCK) {
      const change = clearestChange(state, this.#delta);
      if (change === 0) break;
      const age = Math.abs(change);
      if (age <= state[SINCE]! && signal === NONE) {
        signal = DRIFT;
        state[DIRECTION] = change < 0 ? -1 : 1;
      }
      dropOldest(state);
    }
    if (signal === DRIFT) state[SINCE] = 0;
    return signal;
  }
}

/**
 * Finds the split into older and newer values whose means differ most beyond the bound, and returns how many values ago the
 * change was at most, negative where the newer mean is the lower one; 0 where no split passes. With n = n₀ + n₁, m = n₀ n₁ / n and
 * L = ln(2 ln n / δ) the bound is √(2 σ² L / m) + 2 L / (3 m); both sides are multiplied by n₀ n₁, so that nothing is divided.
 */
function clearestChange(state: Float64Array, delta: number): number {
  const n = state[WIDTH]!;
  const sum = state[SUM]!;
  const mean = sum / n;
  const variance = state[SQUARES]! / n - mean * mean;
  const confidence = log((2 * log(n)) / delta);
  const spread = 2 * (variance > 0 ? variance : 0) * confidence * n;
  const least = (2 / 3) * confidence * n;
  let n0 = 0;
  let sum0 = 0;
  let best = 1;
  let found = 0;
  for (let level = LEVELS - 1; level >= 0; level--) {
    const count = state[COUNTS + level]!;
    const size = SIZES[level]!;
    const from = BUCKETS_AT + level * LEVEL_NUMBERS;
    for (let slot = 0; slot < count; slot++) {
      n0 += size;
      sum0 += state[from + 2 * slot]!;
      const difference = sum0 * n - sum * n0; // (mean₀ − mean₁) n₀ n₁
      const excess = Math.abs(difference) - least;
      if (excess <= 0) continue;
      const bound = spread * n0 * (n - n0);
      if (excess * excess <= bound * best) continue;
      best = (excess * excess) / bound; // Infinity where nothing varies within the parts: no split is clearer
      const age = n - n0 + size; // it may have been anywhere in the bucket before the split
      found = difference < 0 ? age : -age;
    }
  }
  return found;
}

function insert(state: Float64Array, level: number, sum: number, squares: number): void {
  const count = state[COUNTS + level]!;
  const at = BUCKETS_AT + level * LEVEL_NUMBERS + 2 * count;
  state[at] = sum;
  state[at + 1] = squares;
  state[COUNTS + level] = count + 1;
}

/** Makes one bucket of the oldest two of each size of which there is one too many. */
function compress(state: Float64Array): void {
  for (let level = 0; level < LEVELS - 1 && state[COUNTS + level]! === SLOTS; level++) {
    const at = BUCKETS_AT + level * LEVEL_NUMBERS;
    insert(state, level + 1, state[at]! + state[at + 2]!, state[at + 1]! + state[at + 3]!);
    forget(state, level, 2);
  }
  // The largest size has nowhere to go: the window ends there.
  if (state[COUNTS + LEVELS - 1]! === SLOTS) dropOldest(state);
}

function dropOldest(state: Float64Array): void {
  let level = LEVELS - 1;
  while (state[COUNTS + level]! === 0) level--;
  const at = BUCKETS_AT + level * LEVEL_NUMBERS;
  state[WIDTH] = state[WIDTH]! - SIZES[level]!;
  state[SUM] = state[SUM]! - state[at]!;
  state[SQUARES] = state[SQUARES]! - state[at + 1]!;
  forget(state, level, 1);
}

/** Forgets the oldest buckets of a level. */
function forget(state: Float64Array, level: number, buckets: number): void {
  const from = BUCKETS_AT + level * LEVEL_NUMBERS;
  const to = from + LEVEL_NUMBERS;
  for (let at = from + 2 * buckets; at < to; at++) state[at - 2 * buckets] = state[at]!;
  state[COUNTS + level] = state[COUNTS + level]! - buckets;
}
