import { ANSWER, QUESTION, type Rows, SAMPLE } from "../sample/rows.ts";

const VIEWED_ROWS_MIN = 16;

/**
 * Buffers accepted rows between intake and training: preallocated and bounded. A slot is free again when its row is both
 * trained and committed. Rows are addressed by their sequence.
 */
export class Ring {
  readonly capacity: number;
  readonly featureCount: number;
  /** (capacity, I) row-major. */
  readonly features: Float64Array;
  readonly labels: Float64Array;
  readonly weights: Float64Array;
  /** Event times in ms, NaN where none came. */
  readonly times: Float64Array;
  readonly ids: (string | null)[];
  /** What each row is (sample/rows.ts). */
  readonly kinds: Uint8Array;
  /** (capacity, K) what was predicted for questions, and for answers when they were asked; made at the first of them. */
  predictions: Float64Array | null = null;
  /** Sequence before that of the first row it was ever given. */
  readonly begin: number;
  /** Sequence of the newest row. */
  head: number;
  /** Every slot up to this sequence is free. */
  released: number;

  /** Allocates the slots; the first row appended has sequence `head + 1`. */
  constructor(featureCount: number, capacity: number, head: number) {
    this.featureCount = featureCount;
    this.capacity = capacity;
    this.features = new Float64Array(capacity * featureCount);
    this.labels = new Float64Array(capacity);
    this.weights = new Float64Array(capacity);
    this.times = new Float64Array(capacity);
    this.ids = new Array<string | null>(capacity).fill(null);
    this.kinds = new Uint8Array(capacity);
    this.begin = head;
    this.head = head;
    this.released = head;
  }

  get free(): number {
    return this.capacity - (this.head - this.released);
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
