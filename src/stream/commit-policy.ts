/** Says when transactions are committed: the trade between latency and what is written to the card. */
export interface CommitOptions {
  readonly profile: "eager" | "balanced" | "sd-card";
  readonly maxDelayMs: number;
  readonly maxSamples: number;
  readonly bytesPerDay: number;
}

const DAY_MS = 86_400_000;
/** What a commit writes: pages that every commit touches, and the packed rows (measured: store/DESIGN.md). */
const COMMIT_BYTES = 8300;
const ROW_BYTES = 26;
/** Share of the day's bytes that may be spent in one burst. */
const BURST_SHARE = 0.01;
/** Silence after which intake counts as idle. */
const IDLE_MS = 1;
/** Grouping of a steady trickle once the budget is spent. */
const TRICKLE_MS = 1000;
const SD_CARD_MS = 10_000;
/** A connection with this many unacknowledged messages that is silent for SMALL_WINDOW_MS waits for its acks. */
export const SMALL_WINDOW_MESSAGES = 10;
export const SMALL_WINDOW_MS = 5;
/** The same of one that has gone on sending when it was silent before, without any acknowledgement: it does not wait. */
export const LARGE_WINDOW_MS = 250;

/** Tells what the transaction being filled holds. Times are ms of the scheduler's clock. */
export interface Filling {
  readonly rows: number;
  /** It holds something that must become durable, not only acknowledgements. */
  readonly changes: boolean;
  /** Someone waits for it: a command's reply, or the stop. */
  readonly urgent: boolean;
  readonly firstAt: number;
  readonly lastAt: number;
  /** Unacknowledged messages by connection. */
  readonly held: ReadonlyMap<number, Held>;
}

/** Tells what a connection waits for, if it does. */
export interface Held {
  readonly messages: number;
  readonly lastAt: number;
  /** So many unacknowledged messages are taken not to keep it from sending the next one (windows.ts). */
  readonly shown: number;
}

/** Tells about how many bytes a commit of `rows` rows writes. */
export function commitBytes(rows: number): number {
  return COMMIT_BYTES + ROW_BYTES * rows;
}

/** Decides when the transaction being filled is due, within a budget of bytes a day that refills steadily. The options are read each time: they may change. */
export class CommitPolicy {
  readonly #options: CommitOptions;
  #budget: number;
  #budgetAt: number;

  constructor(options: CommitOptions, now: number) {
    this.#options = options;
    this.#budget = this.#burst;
    this.#budgetAt = now;
  }

  get #burst(): number {
    return this.#options.bytesPerDay * BURST_SHARE;
  }

  /** Tells when the transaction is due. */
  dueAt(filling: Filling): number {
    const { profile, maxSamples, maxDelayMs } = this.#options;
    if (!filling.changes || filling.urgent || filling.rows >= maxSamples || profile === "eager") return filling.lastAt;
    let due = filling.firstAt + SD_CARD_MS;
    if (profile === "balanced") {
      const latest = filling.firstAt + maxDelayMs;
      due = this.#budget > 0 ? Math.min(filling.lastAt + IDLE_MS, latest) : filling.firstAt + TRICKLE_MS;
    }
    for (const { messages, lastAt, shown } of filling.held.values()) {
      if (messages < SMALL_WINDOW_MESSAGES) continue;
      due = Math.min(due, lastAt + (messages > shown ? SMALL_WINDOW_MS : LARGE_WINDOW_MS));
    }
    return due;
  }

  /** Spends what a commit of `rows` rows writes. */
  spend(rows: number, now: number): void {
    const elapsed = Math.max(0, now - this.#budgetAt);
    this.#budgetAt = now;
    const refilled = this.#budget + (elapsed * this.#options.bytesPerDay) / DAY_MS;
    this.#budget = Math.min(this.#burst, refilled) - commitBytes(rows);
  }
}
