const FIRST_MS = 100;
const LONGEST_MS = 10_000;
/** Granted connections that may be lost and made anew at once. */
const RESERVE = 120;
/** Time in which one more may be. */
const REFILL_MS = 1000;

/**
 * Says how long to wait before the next attempt, and never quite as long as others do: after attempts that failed, twice
 * as long each time, up to 10 s; after a connection that was granted, 0.1 s, while such losses are not too many.
 */
export class BackOff {
  /** Attempts in a row that came to nothing. */
  #failures = 0;
  /** Granted connections that may still be lost; below 0 they are waited for. */
  #reserve = RESERVE;
  #countedAtMs = 0;
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
    return this.#jitter(Math.min(LONGEST_MS, FIRST_MS * 2 ** this.#failures++));
  }

  /** Tells the wait after a granted connection was lost at a time, on a clock that never goes back. */
  lost(atMs: number): number {
    this.#failures = 0;
    this.#reserve = Math.min(RESERVE, this.#reserve + (atMs - this.#countedAtMs) / REFILL_MS) - 1;
    this.#countedAtMs = atMs;
    return this.#jitter(Math.max(FIRST_MS, -this.#reserve * REFILL_MS));
  }

  #jitter(longestMs: number): number {
    return longestMs * (0.5 + 0.5 * this.#random());
  }
}
