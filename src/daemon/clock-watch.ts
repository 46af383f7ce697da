/** Difference between two looks that is no drift any more. */
const JUMP_MS_MIN = 60_000;

/**
 * Tells when the time of day was set: a Pi has no clock of its own, and begins anywhere. Nothing waits for a time of day;
 * but what is written down bears it.
 */
export class ClockWatch {
  #aheadMs: number;

  /** Takes both clocks as they stand. */
  constructor(timeOfDayMs: number, monotonicMs: number) {
    this.#aheadMs = timeOfDayMs - monotonicMs;
  }

  /** Tells by how much the time of day jumped since the last look; 0 where it did not. */
  jump(timeOfDayMs: number, monotonicMs: number): number {
    const aheadMs = timeOfDayMs - monotonicMs;
    const moved = aheadMs - this.#aheadMs;
    this.#aheadMs = aheadMs;
    return Math.abs(moved) >= JUMP_MS_MIN ? Math.round(moved) : 0;
  }
}
