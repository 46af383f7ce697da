/** Upper bounds of the buckets, s. */
const BOUNDS_SECONDS: readonly number[] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** Counts durations by how long they were. */
export class Durations {
  readonly bounds = BOUNDS_SECONDS;
  /** Of each bucket alone; the last one is for all that is longer. */
  readonly #counts = new Float64Array(BOUNDS_SECONDS.length + 1);
  #sum = 0;

  observe(seconds: number): void {
    const bucket = BOUNDS_SECONDS.findIndex((bound) => seconds <= bound);
    const at = bucket < 0 ? BOUNDS_SECONDS.length : bucket;
    this.#counts[at] = (this.#counts[at] ?? 0) + 1;
    this.#sum += seconds;
  }

  get sumSeconds(): number {
    return this.#sum;
  }

  get count(): number {
    return this.#counts.reduce((sum, count) => sum + count, 0);
  }

  /** Counts how many were at most as long as each bound. */
  get cumulative(): readonly number[] {
    let sum = 0;
    return BOUNDS_SECONDS.map((_, bucket) => {
      sum += this.#counts[bucket] ?? 0;
      return sum;
    });
  }
}
