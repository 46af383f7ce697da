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

  /** Takes the next slot. The caller has checked `free` and fills the columns at the slot returned. */
  take(): number {
    this.head++;
    return this.slotOf(this.head);
  }

  /** Copies rows `sequence …` into a mini-batch: inputs (rows, I), labels (rows), weights (rows). */
  copy(sequence: number, rows: number, inputs: Float64Array, labels: Float64Array, weights: Float64Array): void {
    const { featureCount } = this;
    for (let r = 0; r < rows; r++) {
      const slot = this.slotOf(sequence + r);
      for (let i = 0; i < featureCount; i++) inputs[r * featureCount + i] = this.features[slot * featureCount + i]!;
      labels[r] = this.labels[slot]!;
      weights[r] = this.weights[slot]!;
    }
  }
}
