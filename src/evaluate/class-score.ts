import { log } from "../learner/elementary.ts";
import { same } from "./branch-free.ts";
import { ClassPredictors, classPredictorsLength } from "./class-baselines.ts";
import { brierOf, givenOf, predictedClass } from "./class-row.ts";
import {
  addRows,
  type ClassBaselines,
  type ClassMetrics,
  classMetrics,
  classTallyLength,
  codeOf,
  labelOf,
  MODEL_RIGHT,
} from "./class-tally.ts";
import { auc } from "./ranking.ts";
import { type Score, type Scored, type ScoreOptions, WEIGHT_MAX, WEIGHT_SCALE, windowRows } from "./score.ts";

// Positions of single numbers, before the tallies, the ring and the baselines.
const ROWS = 0;
const SKIPPED = 1;
/** Weight of the newest row in the fading tally. */
const WEIGHT = 2;
/** Where the next row goes in the ring. */
const NEXT = 3;
const HEAD = 4;
/**
 * Rows that enter the tallies at once, whenever so many have come: in loops of a single kind of work no logarithm waits for
 * another. A power of two.
 */
const BATCH = 16;
/** Weights of rows that do not fade (BATCH). */
const ONES = new Float64Array(BATCH).fill(1);

export interface ClassSpan extends ClassMetrics {
  /** Over the newest rows only: over all it would need all of their scores. */
  readonly auc: number | null;
}

export interface ClassTotals extends ClassSpan {
  readonly baselinesLogLoss: ClassBaselines;
}

/** Counts the numbers that the scores of a classifier take. */
export function classScoreLength(options: ScoreOptions): number {
  const { classes, features } = options;
  return HEAD + 2 * classTallyLength(classes) + ringLength(options) + classPredictorsLength(features, classes);
}

/** Scores a classifier; all that it knows is in one vector. Nothing is allocated but in the constructor and `read`. */
export class ClassScore implements Score<ClassTotals, ClassSpan> {
  readonly #classes: number;
  readonly #features: number;
  /** K: scores of a row. */
  readonly #scores: number;
  readonly #window: number;
  readonly #growth: number;
  readonly #head: Float64Array;
  readonly #cumulative: Float64Array;
  readonly #fading: Float64Array;
  /** Of each row its code, then its scores: (rows, 1 + K). */
  readonly #ring: Float64Array;
  readonly #predictors: ClassPredictors;
  // Of the rows that enter the tallies (BATCH).
  readonly #losses = new Float64Array(BATCH);
  readonly #briers = new Float64Array(BATCH);
  readonly #weights = new Float64Array(BATCH);
  readonly #codes = new Int32Array(BATCH);
  /** Where the newest row is in the ring. */
  #newest = 0;

  /** Takes a vector of `classScoreLength` numbers: zeros, or what a score of the same options knew. */
  constructor(options: ScoreOptions, state: Float64Array) {
    const { classes, features, fading } = options;
    const lengths = [HEAD, classTallyLength(classes), classTallyLength(classes), ringLength(options)];
    let at = 0;
    const [head, cumulative, fadingTally, ring] = lengths.map((length) => {
      at += length;
      return state.subarray(at - length, at);
    }) as [Float64Array, Float64Array, Float64Array, Float64Array];
    this.#classes = classes;
    this.#features = features;
    this.#scores = classes > 2 ? classes : 1;
    this.#window = windowRows(options.window, 1 + this.#scores);
    this.#growth = 1 / fading;
    this.#head = head;
    this.#cumulative = cumulative;
    this.#fading = fadingTally;
    this.#ring = ring;
    this.#predictors = new ClassPredictors(features, classes, state.subarray(at));
  }

  get error(): number {
    const code = this.#ring[this.#newest]! | 0;
    return (code & MODEL_RIGHT) === 0 ? 1 : 0;
  }

  get boundedLoss(): number {
    const label = labelOf(this.#ring[this.#newest]! | 0);
    const brier = brierOf(this.#ring, this.#newest + 1, this.#scores, label);
    return this.#scores > 1 ? brier / 2 : brier;
  }

  row(x: Float64Array, labels: Float64Array, outputs: Float32Array | Float64Array, r: number): boolean {
    const head = this.#head;
    const ring = this.#ring;
    const scores = this.#scores;
    const label = labels[r]! | 0;
    if (label >>> 0 >= this.#classes) throw new Error(`${label} is no class of ${this.#classes}`);
    const predicted = predictedClass(outputs, r * scores, scores);
    if (predicted < 0) {
      head[SKIPPED] = head[SKIPPED]! + 1;
      return false;
    }
    const rights = this.#predictors.row(x, r * this.#features, label) | (MODEL_RIGHT * same(predicted, label));
    const at = head[NEXT]! | 0;
    ring[at] = codeOf(predicted, label, rights);
    for (let k = 0; k < scores; k++) ring[at + 1 + k] = outputs[r * scores + k]!;
    this.#newest = at;
    head[NEXT] = at + 1 + scores === ring.length ? 0 : at + 1 + scores;
    const rows = head[ROWS]! + 1;
    head[ROWS] = rows;
    if ((rows & (BATCH - 1)) === 0) this.#settle(BATCH, head, this.#cumulative, this.#fading);
    return true;
  }

  read(): Scored<ClassTotals, ClassSpan> {
    // Reading leaves no trace: the rows that are not in the tallies yet enter copies of them.
    const head = this.#head.slice();
    const cumulative = this.#cumulative.slice();
    const fading = this.#fading.slice();
    this.#settle(head[ROWS]! & (BATCH - 1), head, cumulative, fading);
    const { logistic } = this.#predictors;
    const all = classMetrics(cumulative, this.#classes, logistic);
    const samples = Math.min(head[ROWS]!, this.#window);
    const area = this.#windowAuc(samples);
    return {
      samples: head[ROWS]!,
      skipped: head[SKIPPED]!,
      ...all,
      auc: area,
      baselinesLogLoss: this.#predictors.logLoss(all.baselines),
      window: { samples, ...classMetrics(this.#windowTally(samples), this.#classes, logistic), auc: area },
      fading: { ...classMetrics(fading, this.#classes, logistic), auc: area },
    };
  }

  /** Takes the newest rows into the tallies. Instead of all sums' fading with each row, the weight of the rows grows. */
  #settle(rows: number, head: Float64Array, cumulative: Float64Array, fading: Float64Array): void {
    if (rows === 0) return;
    const weights = this.#weights;
    let weight = head[WEIGHT]!;
    for (let r = 0; r < rows; r++) {
      weight = weight === 0 ? 1 : weight * this.#growth;
      weights[r] = weight;
    }
    this.#judge(rows, rows);
    this.#add(cumulative, ONES, rows);
    this.#add(fading, weights, rows);
    head[WEIGHT] = weight;
    if (weight <= WEIGHT_MAX) return;
    head[WEIGHT] = weight * WEIGHT_SCALE;
    for (let i = 0; i < fading.length; i++) fading[i] = fading[i]! * WEIGHT_SCALE;
  }

  /** Scores `rows` rows of the ring, BATCH at most, the oldest of which came `age` rows before the next one. */
  #judge(age: number, rows: number): void {
    const ring = this.#ring;
    const scores = this.#scores;
    const losses = this.#losses;
    const briers = this.#briers;
    let at = this.#placeOf(age);
    for (let r = 0; r < rows; r++) {
      const label = labelOf(ring[at]! | 0);
      losses[r] = givenOf(ring, at + 1, scores, label);
      briers[r] = brierOf(ring, at + 1, scores, label);
      this.#codes[r] = ring[at]! | 0;
      at = at + 1 + scores === ring.length ? 0 : at + 1 + scores;
    }
    for (let r = 0; r < rows; r++) losses[r] = -log(losses[r]!);
  }

  /** Adds the rows that were judged to a tally. */
  #add(tally: Float64Array, weights: Float64Array, rows: number): void {
    addRows(tally, this.#classes, weights, this.#codes, this.#losses, this.#briers, rows);
  }

  /** Counts and sums anew over the newest rows, from the oldest of them on, so that nothing has to be taken out of a sum. */
  #windowTally(samples: number): Float64Array {
    const tally = new Float64Array(classTallyLength(this.#classes));
    for (let age = samples; age > 0; age -= BATCH) {
      const rows = age < BATCH ? age : BATCH;
      this.#judge(age, rows);
      this.#add(tally, ONES, rows);
    }
    return tally;
  }

  /** Averages over the classes that some rows have and others have not, each against the rest; of two there is one pair. */
  #windowAuc(samples: number): number | null {
    const scores = new Float64Array(samples);
    let sum = 0;
    let count = 0;
    for (let k = 0; k < this.#scores; k++) {
      const positive = this.#scores === 1 ? 1 : k;
      let front = 0;
      let back = samples;
      for (let age = 1; age <= samples; age++) {
        const at = this.#placeOf(age);
        const isPositive = labelOf(this.#ring[at]! | 0) === positive;
        scores[isPositive ? front++ : --back] = this.#ring[at + 1 + k]!;
      }
      const area = auc(scores.subarray(0, front), scores.subarray(front));
      if (area === null) continue;
      sum += area;
      count += 1;
    }
    return count === 0 ? null : sum / count;
  }

  /** Finds the row of the ring that came so many rows before the next one. */
  #placeOf(age: number): number {
    const at = this.#head[NEXT]! - age * (1 + this.#scores);
    return at < 0 ? at + this.#ring.length : at;
  }
}

/** The ring has the rows of the window, and at least those of a batch. */
function ringLength({ classes, window }: ScoreOptions): number {
  const width = 1 + (classes > 2 ? classes : 1);
  return Math.max(BATCH, windowRows(window, width)) * width;
}
