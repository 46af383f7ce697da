import type { ErrorCode, RivuletError } from "../error.ts";
import type { StoreEvent } from "./event-publisher.ts";

/** Says why nothing can be committed. */
export interface StoreFailure {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint: string;
}

/** Knows whether commits succeed, and tells when that changes: a disk may stay full for days, and each retry fails. */
export class StoreHealth {
  readonly #onChange: (event: StoreEvent) => void;
  #failure: StoreFailure | null = null;
  #failures = 0;
  #since = 0;

  constructor(onChange: (event: StoreEvent) => void) {
    this.#onChange = onChange;
  }

  /** Why the last commit failed; null where it succeeded. */
  get failure(): StoreFailure | null {
    return this.#failure;
  }

  /** Notes a commit that failed; `now` is of a clock that only goes forward. */
  failed({ code, message, hint }: RivuletError, now: number): void {
    const before = this.#failure;
    if (before === null) this.#since = now;
    this.#failures++;
    this.#failure = { code, message, hint };
    if (before?.message !== message) this.#onChange({ event: "store-failing", code, error: message, hint });
  }

  /** Notes a commit that succeeded. */
  worked(now: number): void {
    if (this.#failure === null) return;
    const event = {
      event: "store-working",
      failures: this.#failures,
      outageMs: Math.round(now - this.#since),
    } as const;
    this.#failure = null;
    this.#failures = 0;
    this.#onChange(event);
  }
}
