import { log } from "../learner/elementary.ts";
import { classOf, givenTo, same } from "./branch-free.ts";
import type { ClassBaselines, ClassMetrics } from "./class-tally.ts";
import {
  addRow,
  classMetrics,
  classTallyLength,
  FOLLOWS,
  LAST_RIGHT,
  LOGISTIC_RIGHT,
  labelWeight,
  MAJORITY_RIGHT,
  MODEL_RIGHT,
  majorityOf,
  RIGHTS,
  ROW_BRIER,
  ROW_LENGTH,
  ROW_LOGISTIC,
  ROW_LOSS,
  ROW_MAJORITY,
  ROW_WEIGHT,
} from "./class-tally.ts";
import { Logistic, logisticLength } from "./logistic.ts";
import { auc } from "./ranking.ts";
import { type Score, type Scored, type ScoreOptions, WEIGHT_MAX, WEIGHT_SCALE, windowRows } from "./score.ts";

/** Bounds of a probability whose logarithm is taken. */
const LEAST = 2 ** -52;
const MOST = 1 - LEAST;
/** Loss of a baseline that is sure, and right or wrong. */
const LOSS_RIGHT = -log(MOST);
const LOSS_WRONG = -log(LEAST);

// Positions of single numbers, before the tallies, the ring and the logistic regression.
const ROWS = 0;
const SKIPPED = 1;
/** Weight of the newest row in the fading tally. */
const WEIGHT = 2;
const LAST_LABEL = 3;
/** Where the next row goes in the ring. */
const NEXT = 4;
// Of what baselines gave the labels, the product, and the loss of what was taken out of it.
const MAJORITY_GIVEN = 5;
const MAJORITY_LOSS = 6;
const LOGISTIC_GIVEN = 7;
const LOGISTIC_LOSS = 8;
const HEAD = 9;
/** Where the logarithm of such a product is taken: one for many rows, and none is lost to underflow. */
const GIVEN_LEAST = 2 ** -900;

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
  return HEAD + 2 * classTallyLength(classes) + ringLength(options) + logisticLength(features, classes);
}

/** Scores a classifier; all that it knows is in one vector. Nothing is allocated but in the constructor and `read`. */
export class ClassScore implements Score<ClassTotals, ClassSpan> {
  readonly #classes: number;
  readonly #features: number;
  /** K: scores of a row. */
  readonly #scores: number;
  readonly #growth: number;
  readonly #head: Float64Array;
  readonly #cumulative: Float64Array;
  readonly #fading: Float64Array;
  /** Of each row label and rights as one number, then its scores: (window, 1 + K). */
  readonly #ring: Float64Array;
  readonly #logistic: Logistic | null;
  /** The row at hand. */
  readonly #row = new Float64Array(ROW_LENGTH);
  #error = 0;

  /** Takes a vector of `classScoreLength` numbers: zeros, or what a score of the same options knew. */
  constructor(options: ScoreOptions, state: Float64Array) {
    const { classes, features, fading } = options;
    const tally = classTallyLength(classes);
    const ring = ringLength(options);
    let at = 0;
    const take = (length: number) => {
      at += length;
      return state.subarray(at - length, at);
    };
    this.#classes = classes;
    this.#features = features;
    this.#scores = classes > 2 ? classes : 1;
    this.#growth = 1 / fading;
    this.#head = take(HEAD);
    this.#cumulative = take(tally);
    this.#fading = take(tally);
    this.#ring = take(ring);
    const rest = take(logisticLength(features, classes));
    this.#logistic = rest.length === 0 ? null : new Logistic(features, classes, rest);
  }

  get error(): number {
    return this.#error;
  }

  get boundedLoss(): number {
    // Of several classes the Brier score goes up to 2.
    return this.#classes > 2 ? this.#row[ROW_BRIER]! / 2 : this.#row[ROW_BRIER]!;
  }

  row(x: Float64Array, labels: Float64Array, outputs: Float32Array | Float64Array, r: number): boolean {
    const head = this.#head;
    const row = this.#row;
    const label = labels[r]! | 0;
    if (label >>> 0 >= this.#classes) throw new Error(`${label} is no class of ${this.#classes}`);
    const predicted = judge(row, outputs, r * this.#scores, this.#scores, label);
    if (predicted < 0) {
      head[SKIPPED] = head[SKIPPED]! + 1;
      return false;
    }
    const rights = this.#baselines(x, r * this.#features, label) | (MODEL_RIGHT * same(predicted, label));
    row[ROW_WEIGHT] = 1;
    addRow(this.#cumulative, this.#classes, row, label, predicted, rights);
    this.#grow();
    row[ROW_WEIGHT] = head[WEIGHT]!;
    addRow(this.#fading, this.#classes, row, label, predicted, rights);
    this.#keep(label * RIGHTS + rights, outputs, r * this.#scores);
    this.#error = 1 - same(predicted, label);
    return true;
  }

  read(): Scored<ClassTotals, ClassSpan> {
    const head = this.#head;
    const rows = head[ROWS]!;
    const mean = (given: number, loss: number) => (rows > 0 ? (head[loss]! - log(head[given]!)) / rows : null);
    const logistic = this.#logistic !== null;
    const { metrics: window, samples } = this.#window();
    const all = classMetrics(this.#cumulative, this.#classes, logistic);
    return {
      samples: rows,
      skipped: head[SKIPPED]!,
      ...all,
      auc: window.auc,
      baselinesLogLoss: {
        majority: mean(MAJORITY_GIVEN, MAJORITY_LOSS),
        lastClass: lastClassLoss(all.baselines.lastClass),
        logistic: logistic ? mean(LOGISTIC_GIVEN, LOGISTIC_LOSS) : null,
      },
      window: { samples, ...window },
      fading: { ...classMetrics(this.#fading, this.#classes, logistic), auc: window.auc },
    };
  }

  /** Lets the baselines predict, then learn; returns which were right. */
  #baselines(x: Float64Array, xAt: number, label: number): number {
    const head = this.#head;
    const tally = this.#cumulative;
    const classes = this.#classes;
    const rows = head[ROWS]!;
    let rights = MAJORITY_RIGHT * same(majorityOf(tally, classes), label);
    // Laplace's rule of succession: a class that has not been seen yet is not impossible.
    this.#row[ROW_MAJORITY] = (labelWeight(tally, classes, label) + 1) / (rows + classes);
    give(head, MAJORITY_GIVEN, MAJORITY_LOSS, this.#row, ROW_MAJORITY);
    if (rows > 0) rights |= FOLLOWS | (LAST_RIGHT * same(head[LAST_LABEL]! | 0, label));
    if (this.#logistic !== null) {
      rights |= LOGISTIC_RIGHT * this.#logistic.score(x, xAt, label, this.#row, ROW_LOGISTIC);
      give(head, LOGISTIC_GIVEN, LOGISTIC_LOSS, this.#row, ROW_LOGISTIC);
    }
    head[LAST_LABEL] = label;
    head[ROWS] = rows + 1;
    return rights;
  }

  /** Instead of all sums' fading with each row, the weight of the rows grows. */
  #grow(): void {
    const head = this.#head;
    const fading = this.#fading;
    const grown = head[ROWS]! === 1 ? 1 : head[WEIGHT]! * this.#growth;
    head[WEIGHT] = grown;
    if (grown <= WEIGHT_MAX) return;
    head[WEIGHT] = grown * WEIGHT_SCALE;
    for (let i = 0; i < fading.length; i++) fading[i] = fading[i]! * WEIGHT_SCALE;
  }

  #keep(code: number, outputs: Float32Array | Float64Array, outputsAt: number): void {
    const ring = this.#ring;
    let at = this.#head[NEXT]!;
    ring[at++] = code;
    for (let k = 0; k < this.#scores; k++) ring[at++] = outputs[outputsAt + k]!;
    this.#head[NEXT] = at === ring.length ? 0 : at;
  }

  /** Counts and sums anew over the ring, from the oldest row on, so that nothing has to be taken out of a sum. */
  #window(): { readonly metrics: ClassSpan; readonly samples: number } {
    const width = 1 + this.#scores;
    const capacity = this.#ring.length / width;
    const rows = this.#head[ROWS]!;
    const samples = Math.min(rows, capacity);
    const tally = new Float64Array(classTallyLength(this.#classes));
    const row = new Float64Array(ROW_LENGTH);
    row[ROW_WEIGHT] = 1;
    for (let r = rows - samples; r < rows; r++) {
      const at = (r % capacity) * width;
      const rights = this.#ring[at]! % RIGHTS;
      const label = (this.#ring[at]! - rights) / RIGHTS;
      const predicted = judge(row, this.#ring, at + 1, this.#scores, label);
      addRow(tally, this.#classes, row, label, predicted, rights);
    }
    const metrics = classMetrics(tally, this.#classes, this.#logistic !== null);
    return { metrics: { ...metrics, auc: this.#windowAuc(samples) }, samples };
  }

  /** Averages over the classes that some rows have and others have not, each against the rest; of two there is one pair. */
  #windowAuc(samples: number): number | null {
    const width = 1 + this.#scores;
    const scores = new Float64Array(samples);
    let sum = 0;
    let count = 0;
    for (let k = 0; k < this.#scores; k++) {
      const positive = this.#scores === 1 ? 1 : k;
      let front = 0;
      let back = samples;
      for (let r = 0; r < samples; r++) {
        const isPositive = Math.floor(this.#ring[r * width]! / RIGHTS) === positive;
        scores[isPositive ? front++ : --back] = this.#ring[r * width + 1 + k]!;
      }
      const area = auc(scores.subarray(0, front), scores.subarray(front));
      if (area === null) continue;
      sum += area;
      count += 1;
    }
    return count === 0 ? null : sum / count;
  }
}

/** Multiplies in what a baseline gave the label. */
function give(head: Float64Array, product: number, loss: number, row: Float64Array, at: number): void {
  const next = (head[product] === 0 ? 1 : head[product]!) * row[at]!;
  head[product] = next;
  if (next >= GIVEN_LEAST) return;
  head[loss] = head[loss]! - log(next);
  head[product] = 1;
}

/** The last class is always sure, and right or wrong. */
function lastClassLoss(accuracy: number | null): number | null {
  return accuracy === null ? null : accuracy * LOSS_RIGHT + (1 - accuracy) * LOSS_WRONG;
}

function ringLength({ classes, window }: ScoreOptions): number {
  const width = 1 + (classes > 2 ? classes : 1);
  return windowRows(window, width) * width;
}

/** Writes loss and Brier score of a prediction (K), and returns the class; −1 where it is not finite. */
function judge(
  row: Float64Array,
  outputs: Float32Array | Float64Array,
  at: number,
  scores: number,
  label: number,
): number {
  let best = 0;
  let brier = 0;
  let given = outputs[at]!;
  if (scores === 1) {
    if (given - given !== 0) return -1;
    brier = (given - label) * (given - label);
    best = classOf(given);
    given = givenTo(label, given);
  } else {
    for (let k = 0; k < scores; k++) {
      const p = outputs[at + k]!;
      if (p - p !== 0) return -1;
      if (p > outputs[at + best]!) best = k;
      const wrong = k === label ? 1 - p : p;
      brier += wrong * wrong;
    }
    given = outputs[at + label]!;
  }
  row[ROW_BRIER] = brier;
  row[ROW_LOSS] = -log(given < LEAST ? LEAST : given > MOST ? MOST : given);
  return best;
}
