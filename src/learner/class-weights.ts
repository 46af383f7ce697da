/** What the losses of the classes are multiplied by: one factor for each, or the inverse of how often each came. */
export type ClassWeightsConfig = "balanced" | readonly number[];

/** Largest balanced weight: a class that first comes after 10,000 rows of others would weigh 5000, and one step undo all of them. */
export const BALANCED_MAX = 100;

/**
 * Multiplies sample weights by those of their classes. Balanced weights are n / (k · n_c) over the n labels trained so far, the
 * mini-batch included, n_c of them of the row's class, k classes (King & Zeng 2001), and at most BALANCED_MAX.
 */
export class ClassWeights {
  /** (k) labels trained, by class; learner state where weights are balanced, else nothing (0). */
  readonly counts: Float64Array;
  /** (k) */
  readonly #factors: Float64Array;
  readonly #before: Float64Array;
  /** (B) weights as they were given. */
  readonly #kept: Float64Array;

  constructor(config: ClassWeightsConfig, classes: number, batchMax: number) {
    this.#factors = config === "balanced" ? new Float64Array(classes) : Float64Array.from(config);
    if (this.#factors.length !== classes) throw new Error(`${this.#factors.length} weights for ${classes} classes`);
    this.counts = new Float64Array(config === "balanced" ? classes : 0);
    this.#before = this.counts.slice();
    this.#kept = new Float64Array(batchMax);
  }

  /** Multiplies the weights of the first `rows` rows, until `restore`. */
  apply(weights: Float64Array, labels: Float64Array, rows: number): void {
    if (this.counts.length > 0) this.#count(labels, rows);
    for (let s = 0; s < rows; s++) this.#kept[s] = weights[s]!;
    this.multiply(weights, labels, rows);
  }

  /** Multiplies the weights of rows that were counted before, by the factors of the last `apply`. */
  multiply(weights: Float64Array, labels: Float64Array, rows: number): void {
    const factors = this.#factors;
    for (let s = 0; s < rows; s++) weights[s] = weights[s]! * factors[labels[s]!]!;
  }

  /** Puts the weights as they were given back: the caller need not give them anew with each mini-batch. */
  restore(weights: Float64Array, rows: number): void {
    for (let s = 0; s < rows; s++) weights[s] = this.#kept[s]!;
  }

  /** Takes back what the last `apply` counted. */
  undo(): void {
    this.counts.set(this.#before);
  }

  #count(labels: Float64Array, rows: number): void {
    const { counts } = this;
    const factors = this.#factors;
    this.#before.set(counts);
    for (let s = 0; s < rows; s++) counts[labels[s]!] = counts[labels[s]!]! + 1;
    let total = 0;
    for (let c = 0; c < counts.length; c++) total += counts[c]!;
    for (let c = 0; c < counts.length; c++) {
      const factor = total / (counts.length * counts[c]!);
      factors[c] = factor < BALANCED_MAX ? factor : BALANCED_MAX;
    }
  }
}
