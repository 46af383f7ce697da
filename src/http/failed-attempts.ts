/** Wrong tokens that an address may send within the window. */
const ATTEMPTS_MAX = 10;
const WINDOW_MS = 60_000;
/** Addresses remembered; the one that failed first is forgotten first. */
const ADDRESSES_MAX = 1000;

/** Counts wrong tokens by address, so that who guesses is not listened to for a while. */
export class FailedAttempts {
  readonly #failed = new Map<string, { sinceMs: number; count: number }>();

  /** Tells for how many more seconds an address is not listened to; 0 where it is. `nowMs` only ever rises. */
  waitSeconds(address: string, nowMs: number): number {
    const known = this.#failed.get(address);
    if (known === undefined || known.count < ATTEMPTS_MAX) return 0;
    const waitMs = known.sinceMs + WINDOW_MS - nowMs;
    if (waitMs > 0) return Math.ceil(waitMs / 1000);
    this.#failed.delete(address);
    return 0;
  }

  /** Notes that an address sent a wrong token. */
  failed(address: string, nowMs: number): void {
    const known = this.#failed.get(address);
    if (known !== undefined && nowMs < known.sinceMs + WINDOW_MS) {
      known.count++;
      return;
    }
    this.#failed.delete(address);
    if (this.#failed.size >= ADDRESSES_MAX) {
      for (const oldest of this.#failed.keys()) {
        this.#failed.delete(oldest);
        break;
      }
    }
    this.#failed.set(address, { sinceMs: nowMs, count: 1 });
  }
}
