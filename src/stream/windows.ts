import { type Held, LARGE_WINDOW_MS, SMALL_WINDOW_MESSAGES, SMALL_WINDOW_MS } from "./commit-policy.ts";

/** Connections that are remembered. */
const CONNECTIONS_MAX = 1024;

/**
 * Remembers of connections how many unacknowledged messages do not keep them from sending: what was silent with ten or more
 * in flight, and sent the next one before they were acknowledged, had not been waiting for that, and is taken not to wait
 * for twice as many.
 */
export class Windows {
  readonly #shown = new Map<number, number>();
  #inFlight: ReadonlyMap<number, Held> = new Map();

  /** Takes over what the transaction holds that is in flight from now on. Who was silent for long may have waited after all. */
  sealed(held: ReadonlyMap<number, Held>, now: number): void {
    this.#inFlight = held;
    for (const [connection, { messages, lastAt }] of held) {
      if (messages >= SMALL_WINDOW_MESSAGES && now >= lastAt + LARGE_WINDOW_MS) this.#shown.delete(connection);
    }
  }

  /** Its messages were acknowledged. */
  settled(): void {
    this.#inFlight = new Map();
  }

  /** Notes that a connection sends a message; returns how many it is taken not to wait for. */
  sends(connection: number, now: number): number {
    const flying = this.#inFlight.get(connection);
    const shown = this.#shown.get(connection) ?? 0;
    if (flying === undefined || flying.messages < SMALL_WINDOW_MESSAGES || now < flying.lastAt + SMALL_WINDOW_MS) {
      return shown;
    }
    const more = 2 * flying.messages;
    if (more <= shown) return shown;
    this.#shown.delete(connection);
    this.#shown.set(connection, more);
    for (const oldest of this.#shown.keys()) {
      if (this.#shown.size <= CONNECTIONS_MAX) break;
      this.#shown.delete(oldest);
    }
    return more;
  }
}
