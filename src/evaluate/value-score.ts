import { type Score, type Scored, type ScoreOptions, WEIGHT_MAX, WEIGHT_SCALE, windowRows } from "./score.ts";
import {
  addValue,
  labelDeviation,
  labelMean,
  ROW_LABEL,
  ROW_LAST,
  ROW_LENGTH,
  ROW_MEAN,
  ROW_PREDICTION,
  ROW_WEIGHT,
  scaleWeights,
  VALUE_TALLY_LENGTH,
  type ValueMetrics,
  valueMetrics,
  valueWeight,
} from "./value-tally.ts";

/** An error of so many deviations of the labels counts as 1, and none as more. */
const ERROR_SPAN = 2;

// Positions of single numbers, before the tallies and the ring.
const SKIPPED = 0;
const ROWS = 1;
const ERROR = 2;
/** Where the next row goes in the ring. */
const NEXT = 3;
const LAST_LABEL = 4;
const HEAD = 5;

/** Counts the numbers that the scores of a regression take. */
export function valueScoreLength({ window }: ScoreOptions): number {
  return HEAD + 2 * VALUE_TALLY_LENGTH + windowRows(window, ROW_LENGTH) * ROW_LENGTH;
}

/** Scores a regression; all that it knows is in one vector. Nothing is allocated but in the constructor and `read`. */
export class ValueScore implements Score<ValueMetrics, ValueMetrics> {
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

  /**
   * Values have no natural bound: the error is told in shares of two deviations of the labels so far, at most 1. In shares of
   * its own mean it would seem to rise whenever that mean still falls.
   */
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
    const at = head[NEXT]!;
    const ring = this.#ring;
    ring[at + ROW_LABEL] = label;
    ring[at + ROW_PREDICTION] = prediction;
    ring[at + ROW_MEAN] = labelMean(this.#cumulative);
    ring[at + ROW_LAST] = head[LAST_LABEL]!;
    this.#cumulative[ROW_WEIGHT] = 1;
    addValue(this.#cumulative, ring, at, rows > 0);
    this.#grow();
    addValue(this.#fading, ring, at, rows > 0);
    head[NEXT] = at + ROW_LENGTH === ring.length ? 0 : at + ROW_LENGTH;
    head[LAST_LABEL] = label;
    head[ROWS] = rows + 1;
    const share = Math.abs(difference) / (ERROR_SPAN * labelDeviation(this.#cumulative));
    head[ERROR] = share < 1 ? share : difference === 0 ? 0 : 1;
    return true;
  }

  read(): Scored<ValueMetrics, ValueMetrics> {
    return {
      samples: valueWeight(this.#cumulative),
      skipped: this.#head[SKIPPED]!,
      ...valueMetrics(this.#cumulative),
      window: this.#window(),
      fading: valueMetrics(this.#fading),
    };
  }

  /** Instead of all sums' fading with each row, the weight of the rows grows. */
  #grow(): void {
    const fading = this.#fading;
    const weight = fading[ROW_WEIGHT]!;
    fading[ROW_WEIGHT] = weight === 0 ? 1 : weight * this.#growth;
    if (fading[ROW_WEIGHT]! > WEIGHT_MAX) scaleWeights(fading, WEIGHT_SCALE);
  }

  /** Sums anew over the ring, from the oldest row on, so that nothing has to be taken out of a sum. */
  #window(): ValueMetrics & { readonly samples: number } {
    const ring = this.#ring;
    const rows = this.#head[ROWS]!;
    const samples = Math.min(rows, ring.length / ROW_LENGTH);
    const tally = new Float64Array(VALUE_TALLY_LENGTH);
    tally[ROW_WEIGHT] = 1;
    for (let r = rows - samples; r < rows; r++) {
      addValue(tally, ring, (r * ROW_LENGTH) % ring.length, r > 0);
    }
    return { samples, ...valueMetrics(tally) };
  }
}
