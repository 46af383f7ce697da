import { log } from "../learner/elementary.ts";
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
  majorityOf,
  RIGHTS,
  weightOf,
} from "./class-tally.ts";
import { Logistic, logisticLength } from "./logistic.ts";
import { auc } from "./ranking.ts";
import { type Score, type Scored, type ScoreOptions, WEIGHT_MAX, WEIGHT_SCALE, windowRows } from "./score.ts";
import { add } from "./sum.ts";

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
const MAJORITY_LOSS = 4; // and its rest, as the next two
const LAST_LOSS = 6;
const LOGISTIC_LOSS = 8;
const HEAD = 10;

// Positions in the row at hand.
const LOSS = 0;
const BRIER = 1;
const PREDICTED = 2;

export interface ClassSpan extends ClassMetrics {
  /** Over the newest rows only: over all it would need all of their scores. */
  readonly auc: number | null;
}

export interface ClassBaselineScores extends ClassBaselines {
  /** Log losses over all rows. */
  readonly logLoss: ClassBaselines;
}

/** Counts the numbers that the scores of a classifier take. */
export function classScoreLength(options: ScoreOptions): number {
  const { classes, features } = options;
  return HEAD + 2 * classTallyLength(classes) + ringLength(options) + logisticLength(features, classes);
}

/** Scores a classifier; all that it knows is in one vector. Nothing is allocated but in the constructor and `read`. */
export class ClassScore implements Score<ClassSpan, ClassBaselineScores> {
  readonly #classes: number;
  /** K: scores of a row. */
  readonly #scores: number;
  readonly #growth: number;
  readonly #head: Float64Array;
  readonly #cumulative: Float64Array;
  readonly #fading: Float64Array;
  /** Of each row label and rights as one number, then its scores: (window, 1 + K). */
  readonly #ring: Float64Array;
  readonly #logistic: Logistic | null;
  /** Of the row at hand (3). */
  readonly #row = new Float64Array(3);

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
    this.#scores = classes > 2 ? classes : 1;
    this.#growth = 1 / fading;
    this.#head = take(HEAD);
    this.#cumulative = take(tally);
    this.#fading = take(tally);
    this.#ring = take(ring);
    const rest = take(logisticLength(features, classes));
    this.#logistic = rest.length === 0 ? null : new Logistic(features, classes, rest);
  }

  get boundedLoss(): number {
    // Of several classes the Brier score goes up to 2.
    return this.#classes > 2 ? this.#row[BRIER]! / 2 : this.#row[BRIER]!;
  }

  row(x: Float64Array, xAt: number, label: number, outputs: Float32Array | Float64Array, outputsAt: number): number {
    const head = this.#head;
    if (!judge(this.#row, outputs, outputsAt, this.#scores, label)) {
      head[SKIPPED] = head[SKIPPED]! + 1;
      return -1;
    }
    const rights = this.#baselines(x, xAt, label);
    const predicted = this.#row[PREDICTED]!;
    const weight = this.#nextWeight();
    addRow(this.#cumulative, this.#classes, 1, label, predicted, this.#row[LOSS]!, this.#row[BRIER]!, rights);
    addRow(this.#fading, this.#classes, weight, label, predicted, this.#row[LOSS]!, this.#row[BRIER]!, rights);
    this.#keep(label * RIGHTS + rights, outputs, outputsAt);
    return predicted === label ? 0 : 1;
  }

  read(): Scored<ClassSpan, ClassBaselineScores> {
    const head = this.#head;
    const rows = weightOf(this.#cumulative);
    const mean = (at: number, count: number) => (count > 0 ? (head[at]! + head[at + 1]!) / count : null);
    const logistic = this.#logistic !== null;
    const { metrics: window, samples } = this.#window();
    const cumulative = { ...classMetrics(this.#cumulative, this.#classes, logistic), auc: window.auc };
    return {
      samples: rows,
      skipped: head[SKIPPED]!,
      cumulative,
      window: { ...window, samples },
      fading: { ...classMetrics(this.#fading, this.#classes, logistic), auc: window.auc },
      baselines: {
        ...cumulative.baselines,
        logLoss: {
          majority: mean(MAJORITY_LOSS, rows),
          lastClass: mean(LAST_LOSS, rows - 1),
          logistic: logistic ? mean(LOGISTIC_LOSS, rows) : null,
        },
      },
    };
  }

  /** Lets the baselines predict, then learn; returns which were right. */
  #baselines(x: Float64Array, xAt: number, label: number): number {
    const head = this.#head;
    const tally = this.#cumulative;
    const classes = this.#classes;
    const rows = head[ROWS]!;
    let rights = 0;
    if (majorityOf(tally, classes) === label) rights |= MAJORITY_RIGHT;
    // Laplace's rule of succession: a class that has not been seen yet is not impossible.
    add(head, MAJORITY_LOSS, -log((labelWeight(tally, classes, label) + 1) / (rows + classes)));
    if (rows > 0) {
      const right = head[LAST_LABEL] === label;
      rights |= right ? FOLLOWS | LAST_RIGHT : FOLLOWS;
      add(head, LAST_LOSS, right ? LOSS_RIGHT : LOSS_WRONG);
    }
    if (this.#logistic !== null) {
      const given = this.#logistic.score(x, xAt, label);
      if (given > 0) rights |= LOGISTIC_RIGHT;
      add(head, LOGISTIC_LOSS, -log(given > 0 ? given : -given));
    }
    head[LAST_LABEL] = label;
    head[ROWS] = rows + 1;
    return rights;
  }

  /** Instead of all sums' fading with each row, the weight of the rows grows. */
  #nextWeight(): number {
    const grown = this.#head[ROWS]! === 1 ? 1 : this.#head[WEIGHT]! * this.#growth;
    if (grown > WEIGHT_MAX)
      for (let i = 0; i < this.#fading.length; i++) this.#fading[i] = this.#fading[i]! * WEIGHT_SCALE;
    const weight = grown > WEIGHT_MAX ? grown * WEIGHT_SCALE : grown;
    this.#head[WEIGHT] = weight;
    return weight;
  }

  #keep(code: number, outputs: Float32Array | Float64Array, outputsAt: number): void {
    const width = 1 + this.#scores;
    const at = ((this.#head[ROWS]! - 1) % (this.#ring.length / width)) * width;
    this.#ring[at] = code;
    for (let k = 0; k < this.#scores; k++) this.#ring[at + 1 + k] = outputs[outputsAt + k]!;
  }

  /** Counts and sums anew over the ring, from the oldest row on, so that nothing has to be taken out of a sum. */
  #window(): { readonly metrics: ClassSpan; readonly samples: number } {
    const width = 1 + this.#scores;
    const capacity = this.#ring.length / width;
    const rows = this.#head[ROWS]!;
    const samples = Math.min(rows, capacity);
    const tally = new Float64Array(classTallyLength(this.#classes));
    const row = new Float64Array(3);
    for (let r = rows - samples; r < rows; r++) {
      const at = (r % capacity) * width;
      const rights = this.#ring[at]! % RIGHTS;
      const label = (this.#ring[at]! - rights) / RIGHTS;
      judge(row, this.#ring, at + 1, this.#scores, label);
      addRow(tally, this.#classes, 1, label, row[PREDICTED]!, row[LOSS]!, row[BRIER]!, rights);
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

function ringLength({ classes, window }: ScoreOptions): number {
  const width = 1 + (classes > 2 ? classes : 1);
  return windowRows(window, width) * width;
}

/** Writes loss, Brier score and predicted class of a prediction (K); false where it is not finite. */
function judge(
  row: Float64Array,
  outputs: Float32Array | Float64Array,
  at: number,
  scores: number,
  label: number,
): boolean {
  let given = 0;
  if (scores === 1) {
    const p = outputs[at]!;
    if (p - p !== 0) return false;
    given = label === 1 ? p : 1 - p;
    row[PREDICTED] = p >= 0.5 ? 1 : 0;
    row[BRIER] = (p - label) * (p - label);
  } else {
    let best = 0;
    let brier = 0;
    for (let k = 0; k < scores; k++) {
      const p = outputs[at + k]!;
      if (p - p !== 0) return false;
      if (p > outputs[at + best]!) best = k;
      const wrong = k === label ? 1 - p : p;
      brier += wrong * wrong;
    }
    given = outputs[at + label]!;
    row[PREDICTED] = best;
    row[BRIER] = brier;
  }
  row[LOSS] = -log(given < LEAST ? LEAST : given > MOST ? MOST : given);
  return true;
}
