import type { CommitOptions } from "./commit-policy.ts";

const DAY_MS = 86_400_000;
/** Of the bytes that commits may write in a day, what snapshots that are due by time may write beside them. */
const SHARE = 0.25;
/** What may be written beyond that for a while, and in a second: to pack a state takes a millisecond, and a commit waits. */
const BURST_BYTES = 5_000_000;
const SECOND_BYTES = 200_000;
/** Once the bytes are spent it waits for so many: snapshots that are made together share pages. */
const TOGETHER_BYTES = 400_000;
/** Who has not asked for that long lets others pass: it learns nothing at present. */
const PATIENCE_MS = 60_000;

/**
 * Bounds what all models' snapshots write that are due by time: of one model each minute is a hundredth of a day's bytes,
 * of hundreds it is many times all of them. Where the bytes do not suffice, models wait in the order in which theirs fell
 * due. The options are read each time: they may change. Times are ms of the scheduler's clock.
 */
export class SnapshotBudget {
  readonly #options: Pick<CommitOptions, "profile" | "bytesPerDay">;
  #bytes = BURST_BYTES;
  #secondBytes = SECOND_BYTES;
  #at = Number.NaN;
  /** Who waits, first come first: for how many bytes, and when it asked last. */
  readonly #waiting = new Map<string, { readonly bytes: number; readonly askedAt: number }>();
  /** Whether some are being made at present. */
  #isOpen = true;

  constructor(options: Pick<CommitOptions, "profile" | "bytesPerDay">) {
    this.#options = options;
  }

  /** Tells whether a model may save about so many bytes now; what it may is spent. */
  allows(model: string, bytes: number, now: number): boolean {
    const { profile, bytesPerDay } = this.#options;
    if (profile === "eager") return true;
    const elapsed = Number.isNaN(this.#at) ? 0 : Math.max(0, now - this.#at);
    this.#at = now;
    this.#bytes = Math.min(BURST_BYTES, this.#bytes + (elapsed * SHARE * bytesPerDay) / DAY_MS);
    this.#secondBytes = Math.min(SECOND_BYTES, this.#secondBytes + (elapsed * SECOND_BYTES) / 1000);
    this.#waiting.set(model, { bytes, askedAt: now });
    if (!this.#isOpen && this.#bytes < TOGETHER_BYTES) return false;
    this.#isOpen = true;
    // What those who came before it wait for is not for it. One that takes more than ever is there would wait for ever.
    let needed = 0;
    let neededAtOnce = 0;
    for (const [other, waits] of this.#waiting) {
      if (now - waits.askedAt > PATIENCE_MS) continue;
      const isFirst = needed === 0;
      needed += Math.min(waits.bytes, BURST_BYTES);
      neededAtOnce += Math.min(waits.bytes, SECOND_BYTES);
      if (needed > this.#bytes && isFirst) this.#isOpen = false;
      if (needed > this.#bytes || neededAtOnce > this.#secondBytes) return false;
      if (other === model) break;
    }
    this.#waiting.delete(model);
    this.#bytes -= bytes;
    this.#secondBytes -= bytes;
    return true;
  }
}
