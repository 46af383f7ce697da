import { ANSWER, QUESTION, type Rows, SAMPLE } from "../sample/rows.ts";
import type { RingBudget, Shares } from "./ring-budget.ts";

const VIEWED_ROWS_MIN = 16;

/** Columns besides the features that have a number for each row: labels, weights, times, and a place for an id. */
const COLUMNS = 4;

/**
 * Buffers accepted rows between intake and training: bounded, and by demand as large as a burst needs. A slot is free again
 * when its row is both trained and committed. Rows are addressed by their sequence. Its arrays are others after it has
 * grown; who holds views of the former ones holds the rows as they were.
 */
export class Ring implements Shares {
  readonly capacityMax: number;
  readonly featureCount: number;
  readonly #budget: RingBudget;
  readonly #willFree: () => boolean;
  /** Slots that it has at first, and that it keeps. */
  readonly #capacityMin: number;
  capacity = 0;
  /** (capacity, I) row-major. */
  features = new Float64Array();
  labels = new Float64Array();
  weights = new Float64Array();
  /** Event times in ms, NaN where none came. */
  times = new Float64Array();
  ids: (string | null)[] = [];
  /** What each row is (sample/rows.ts). */
  kinds = new Uint8Array();
  /** (capacity, K) what was predicted for questions, and for answers when they were asked; made at the first of them. */
  predictions: Float64Array | null = null;
  /** Sequence before that of the first row that it holds, or has held since the start. */
  begin: number;
  /** Sequence of the newest row. */
  head: number;
  /** Every slot up to this sequence is free. */
  released: number;

  /**
   * Makes a ring of at most `capacityMax` slots; the first row appended has sequence `head + 1`. `willFree` tells of the rows in
   * use whether any will be trained and committed without more rows.
   */
  constructor(featureCount: number, capacityMax: number, head: number, budget: RingBudget, willFree: () => boolean) {
    this.featureCount = featureCount;
    this.capacityMax = capacityMax;
    this.#budget = budget;
    this.begin = head;
    this.head = head;
    this.released = head;
    this.#willFree = willFree;
    this.#capacityMin = Math.min(budget.slotsAtFirst(bytesOfRow(featureCount)), capacityMax);
    this.#resize(this.#capacityMin);
    budget.join(this);
  }

  /** Counts the rows that are not both trained and committed. */
  get used(): number {
    return this.head - this.released;
  }

  get free(): number {
    return this.capacity - this.used;
  }

  get bytes(): number {
    const outputs = this.predictions === null ? 0 : this.predictions.length / this.capacity;
    return bytesOfRow(this.featureCount + outputs) * this.capacity;
  }

  get willFree(): boolean {
    return this.#willFree();
  }

  /**
   * Tells whether there is room for so many rows, after growing where that takes it, and others' shrinking. Beyond the budget it grows only where
   * no ring will free anything by itself, or where it `must`, and then no further than these rows need.
   */
  makeRoom(rows: number, must = false): boolean {
    if (rows <= this.free) return true;
    const needed = this.used + rows;
    if (needed > this.capacityMax) return false;
    const wanted = Math.min(this.capacityMax, Math.max(needed, 2 * this.capacity));
    const each = this.bytes / this.capacity;
    const granted = [wanted, needed].find((slots) => this.#budget.grants(this, each * (slots - this.capacity)));
    if (granted === undefined && !must && this.#budget.willFree) return false;
    this.#resize(granted ?? needed);
    return true;
  }

  shrink(): void {
    const needed = Math.max(this.#capacityMin, this.used);
    if (2 * needed <= this.capacity) this.#resize(needed);
  }

  /** Moves the newest rows, as many as there is room for, into arrays of another size. */
  #resize(capacity: number): void {
    const { features, labels, weights, times, ids, kinds, predictions, featureCount: width, capacity: before } = this;
    const outputs = predictions === null ? 0 : predictions.length / before;
    this.begin = Math.max(this.begin, this.head - Math.min(before, capacity));
    this.features = new Float64Array(capacity * width);
    this.labels = new Float64Array(capacity);
    this.weights = new Float64Array(capacity);
    this.times = new Float64Array(capacity);
    this.ids = new Array<string | null>(capacity).fill(null);
    this.kinds = new Uint8Array(capacity);
    this.predictions = predictions === null ? null : new Float64Array(capacity * outputs);
    for (let sequence = this.begin + 1; sequence <= this.head; sequence++) {
      const from = sequence % before;
      const to = sequence % capacity;
      for (let i = 0; i < width; i++) this.features[to * width + i] = features[from * width + i]!;
      this.labels[to] = labels[from]!;
      this.weights[to] = weights[from]!;
      this.times[to] = times[from]!;
      this.ids[to] = ids[from]!;
      this.kinds[to] = kinds[from]!;
      for (let k = 0; k < outputs; k++) this.predictions![to * outputs + k] = predictions![from * outputs + k]!;
    }
    this.capacity = capacity;
  }

  /** Tells the slot of a sequence. */
  slotOf(sequence: number): number {
    return sequence % this.capacity;
  }

  /** Appends rows `from` to `to` of a message. The caller has checked `free`. */
  append(rows: Rows, from: number, to: number): void {
    for (let at = from; at < to; ) {
      const slot = this.slotOf(this.head + 1);
      const end = Math.min(to, at + this.capacity - slot);
      this.#put(rows, at, end, slot);
      this.head += end - at;
      at = end;
    }
  }

  /** Copies rows to slots that lie side by side. Views of a few rows cost more than the rows. */
  #put(rows: Rows, from: number, to: number, slot: number): void {
    const { featureCount: width } = this;
    const end = slot + to - from;
    if (to - from < VIEWED_ROWS_MIN) {
      for (let n = 0; n < (to - from) * width; n++) this.features[slot * width + n] = rows.features[from * width + n]!;
      for (let r = from; r < to; r++) this.labels[slot + r - from] = rows.labels[r]!;
    } else {
      this.features.set(rows.features.subarray(from * width, to * width), slot * width);
      this.labels.set(rows.labels.subarray(from, to), slot);
    }
    if (rows.hasWeights) this.weights.set(rows.weights.subarray(from, to), slot);
    else this.weights.fill(1, slot, end);
    if (rows.hasTimes) this.times.set(rows.times.subarray(from, to), slot);
    else this.times.fill(Number.NaN, slot, end);
    if (rows.hasLate) this.kinds.set(rows.kinds.subarray(from, to), slot);
    else this.kinds.fill(SAMPLE, slot, end);
    if (rows.hasIds) for (let r = from; r < to; r++) this.ids[slot + r - from] = rows.ids[r] ?? null;
    else this.ids.fill(null, slot, end);
  }

  /** Takes the next slot. The caller has checked `free` and fills the columns at the slot returned. */
  take(): number {
    this.head++;
    return this.slotOf(this.head);
  }

  /** Gives room for predictions of `outputs` values. */
  predictionsOf(outputs: number): Float64Array {
    this.predictions ??= new Float64Array(this.capacity * outputs);
    return this.predictions;
  }

  /**
   * Copies what was predicted of the answered questions among the rows that `copy` takes; NaN for the others. Returns null
   * where nothing was ever asked.
   */
  made(sequence: number, taken: number): Float64Array | null {
    const { predictions } = this;
    if (predictions === null) return null;
    const outputs = predictions.length / this.capacity;
    const into = new Float64Array(taken * outputs);
    let r = 0;
    for (let t = 0; t < taken; t++) {
      const slot = this.slotOf(sequence + t);
      if (this.kinds[slot] === QUESTION) continue;
      const known = this.kinds[slot] === ANSWER;
      for (let k = 0; k < outputs; k++) into[r * outputs + k] = known ? predictions[slot * outputs + k]! : Number.NaN;
      r++;
    }
    return into;
  }

  /**
   * Copies the `trained` oldest rows that are no questions, from `sequence` on, into a mini-batch: inputs (rows, I),
   * labels (rows), weights (rows). Returns how many rows that took, the questions among them included.
   */
  copy(sequence: number, trained: number, inputs: Float64Array, labels: Float64Array, weights: Float64Array): number {
    const { featureCount } = this;
    let taken = 0;
    for (let r = 0; r < trained; taken++) {
      const slot = this.slotOf(sequence + taken);
      if (this.kinds[slot]! === QUESTION) continue;
      for (let i = 0; i < featureCount; i++) inputs[r * featureCount + i] = this.features[slot * featureCount + i]!;
      labels[r] = this.labels[slot]!;
      weights[r] = this.weights[slot]!;
      r++;
    }
    return taken;
  }
}

/** Counts what a row takes of a ring, with so many features, and outputs where it is asked questions. */
export function bytesOfRow(numbers: number): number {
  return Float64Array.BYTES_PER_ELEMENT * (numbers + COLUMNS) + 1;
}
