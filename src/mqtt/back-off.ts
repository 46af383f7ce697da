const FIRST_MS = 100;
const LONGEST_MS = 10_000;
/** A connection that lived as long was a good one. */
const GOOD_MS = 1000;

/** Says how long to wait before the next attempt: twice as long after each failure, up to 10 s, and never quite as long as others do. */
export class BackOff {
  #failures = 0;
  readonly #random: () => number;

  /** Takes numbers from 0 to 1 for the jitter. */
  constructor(random: () => number = Math.random) {
    this.#random = random;
  }

  /** Begins anew. */
  succeeded(): void {
    this.#failures = 0;
  }

  /** Tells the wait after an attempt that failed. */
  failed(): number {
    const longest = Math.min(LONGEST_MS, FIRST_MS * 2 ** this.#failures++);
    return longest * (0.5 + 0.5 * this.#random());
  }

  /** Tells the wait after a connection that lived so long was lost: one that is thrown out at once must not come back at once. */
  lost(livedMs: number): number {
    if (livedMs >= GOOD_MS) this.#failures = 0;
    return this.failed();
  }
}
