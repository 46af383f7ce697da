import { type Score, type Scored, type ScoreOptions, WEIGHT_MAX, WEIGHT_SCALE, windowRows } from "./score.ts";
import {
  addValue,
  labelMean,
  meanAbsoluteError,
  scaleWeights,
  VALUE_TALLY_LENGTH,
  type ValueBaselines,
  type ValueMetrics,
  valueMetrics,
  valueWeight,
} from "./value-tally.ts";

/** An error so many times the mean one counts as 1, and no error as more. */
const ERROR_SPAN = 4;

// Positions of single numbers, before the tallies and the ring.
const SKIPPED = 0;
const ROWS = 1;
/** Weight of the newest row in the fading tally. */
const WEIGHT = 2;
const LAST_LABEL = 3;
const ERROR = 4;
/** Where the next row goes in the ring. */
const NEXT = 5;
const HEAD = 6;
/** Of a row the ring keeps the label, the prediction, and what mean and last value predicted. */
const RING_WIDTH = 4;

export type { ValueBaselines, ValueMetrics };

/** Counts the numbers that the scores of a regression take. */
export function valueScoreLength({ window }: ScoreOptions): number {
  return HEAD + 2 * VALUE_TALLY_LENGTH + windowRows(window, RING_WIDTH) * RING_WIDTH;
}

/** Scores a regression; all that it knows is in one vector. Nothing is allocated but in the constructor and `read`. */
export class ValueScore implements Score<ValueMetrics, ValueBaselines> {
  readonly #growth: number;
  readonly #head: Float64Array;
  readonly #cumulative: Float64Array;
  readonly #fading: Float64Array;
  readonly #ring: Float64Array;

  /** Takes a vector of `valueScoreLength` numbers: zeros, or what a score of the same options knew. */
  constructor(options: ScoreOptions, state: Float64Array) {
    this.#growth = 1 / options.fading;
    this.#head = state.subarray(0, HEAD);
    this.#cumulative = state.subarray(HEAD, HEAD + VALUE_TALLY_LENGTH);
    this.#fading = state.subarray(HEAD + VALUE_TALLY_LENGTH, HEAD + 2 * VALUE_TALLY_LENGTH);
    this.#ring = state.subarray(HEAD + 2 * VALUE_TALLY_LENGTH, valueScoreLength(options));
  }

  /** Values have no natural bound: the error is told in shares of four times its running mean, at most 1. */
  get error(): number {
    return this.#head[ERROR]!;
  }

  get boundedLoss(): number {
    return this.#head[ERROR]!;
  }

  row(_x: Float64Array, labels: Float64Array, outputs: Float32Array | Float64Array, r: number): boolean {
    const head = this.#head;
    const label = labels[r]!;
    const prediction = outputs[r]!;
    const difference = prediction - label;
    const square = difference * difference;
    if (square - square !== 0) {
      head[SKIPPED] = head[SKIPPED]! + 1;
      return false;
    }
    const rows = head[ROWS]!;
    const mean = labelMean(this.#cumulative);
    const last = head[LAST_LABEL]!;
    const weight = this.#nextWeight();
    addValue(this.#cumulative, 1, label, prediction, mean, last, rows > 0);
    addValue(this.#fading, weight, label, prediction, mean, last, rows > 0);
    const at = head[NEXT]!;
    this.#ring[at] = label;
    this.#ring[at + 1] = prediction;
    this.#ring[at + 2] = mean;
    this.#ring[at + 3] = last;
    head[NEXT] = at + RING_WIDTH === this.#ring.length ? 0 : at + RING_WIDTH;
    head[LAST_LABEL] = label;
    head[ROWS] = rows + 1;
    head[ERROR] = boundedError(difference, meanAbsoluteError(this.#cumulative));
    return true;
  }

  read(): Scored<ValueMetrics, ValueBaselines> {
    const cumulative = valueMetrics(this.#cumulative);
    return {
      samples: valueWeight(this.#cumulative),
      skipped: this.#head[SKIPPED]!,
      cumulative,
      window: this.#window(),
      fading: valueMetrics(this.#fading),
      baselines: cumulative.baselines,
    };
  }

  #nextWeight(): number {
    const grown = this.#head[ROWS] === 0 ? 1 : this.#head[WEIGHT]! * this.#growth;
    if (grown > WEIGHT_MAX) scaleWeights(this.#fading, WEIGHT_SCALE);
    const weight = grown > WEIGHT_MAX ? grown * WEIGHT_SCALE : grown;
    this.#head[WEIGHT] = weight;
    return weight;
  }

  /** Sums anew over the ring, from the oldest row on, so that nothing has to be taken out of a sum. */
  #window(): ValueMetrics & { readonly samples: number } {
    const ring = this.#ring;
    const rows = this.#head[ROWS]!;
    const samples = Math.min(rows, ring.length / RING_WIDTH);
    const tally = new Float64Array(VALUE_TALLY_LENGTH);
    for (let r = rows - samples; r < rows; r++) {
      const at = (r * RING_WIDTH) % ring.length;
      addValue(tally, 1, ring[at]!, ring[at + 1]!, ring[at + 2]!, ring[at + 3]!, r > 0);
    }
    return { ...valueMetrics(tally), samples };
  }
}

function boundedError(difference: number, mean: number): number {
  const error = difference < 0 ? -difference : difference;
  return error >= ERROR_SPAN * mean ? (error > 0 ? 1 : 0) : error / (ERROR_SPAN * mean);
}
