import type { RowsEntry } from "../learner/entry.ts";

/** Holds consecutive labelled rows, oldest first. */
export interface Stretch {
  readonly features: number;
  readonly rows: number;
  /** (rows, I) as they stand in the journal; NaN is missing. */
  readonly x: Float64Array;
  /** (rows) */
  readonly labels: Float64Array;
  /** (rows) factors of the losses. */
  readonly weights: Float64Array;
  /** Sequences of the first row and the last; null where there is none. */
  readonly from: number | null;
  readonly to: number | null;
}

/** Collects the newest labelled rows of a journal that is read from some point on: samples and answers, but no questions. */
export class LabelledRows {
  readonly #features: number;
  readonly #capacity: number;
  readonly #x: Float64Array;
  readonly #labels: Float64Array;
  readonly #weights: Float64Array;
  readonly #sequences: Float64Array;
  #count = 0;

  constructor(features: number, capacity: number) {
    this.#features = features;
    this.#capacity = capacity;
    this.#x = new Float64Array(capacity * features);
    this.#labels = new Float64Array(capacity);
    this.#weights = new Float64Array(capacity);
    this.#sequences = new Float64Array(capacity);
  }

  /** Counts the rows that are held. */
  get rows(): number {
    return Math.min(this.#count, this.#capacity);
  }

  /** Adds the rows of a block that have labels, in the place of the oldest. */
  add({ rows, firstSequence, features, labels, weights }: RowsEntry): void {
    if (labels === null) return;
    const width = this.#features;
    for (let r = 0; r < rows; r++) {
      const at = this.#count % this.#capacity;
      for (let i = 0; i < width; i++) this.#x[at * width + i] = features[r * width + i]!;
      this.#labels[at] = labels[r]!;
      this.#weights[at] = weights === null ? 1 : weights[r]!;
      this.#sequences[at] = firstSequence + r;
      this.#count++;
    }
  }

  /** Forgets all of them: what follows means something else. */
  clear(): void {
    this.#count = 0;
  }

  /** Copies them out, oldest first. */
  stretch(): Stretch {
    const { rows } = this;
    const first = this.#count - rows;
    const width = this.#features;
    const unrolled = (ring: Float64Array, numbers: number) => {
      const values = new Float64Array(rows * numbers);
      const split = (first % this.#capacity) * numbers;
      const behind = ring.subarray(split, split + values.length);
      values.set(behind);
      values.set(ring.subarray(0, values.length - behind.length), behind.length);
      return values;
    };
    const sequences = unrolled(this.#sequences, 1);
    return {
      features: width,
      rows,
      x: unrolled(this.#x, width),
      labels: unrolled(this.#labels, 1),
      weights: unrolled(this.#weights, 1),
      from: sequences[0] ?? null,
      to: sequences[rows - 1] ?? null,
    };
  }
}
