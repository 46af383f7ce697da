// Rows on their way into a store. What comes in one turn is flushed together, and while a flush is under way the next one
// gathers: so many small sends cost few flushes.

import { RivuletError } from "../error.ts";
import type { OutboxStore } from "./outbox-store.ts";

/** Bytes of what one flush writes. */
export const FLUSH_BYTES_MAX = 1_048_576;
/** Bytes that wait to be flushed, or for room. */
const WAITING_BYTES_MAX = 4_194_304;

interface Waiting {
  readonly texts: readonly string[];
  readonly bytes: number;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export class OutboxIntake {
  readonly #store: OutboxStore;
  readonly #bytesMax: number;
  readonly #onFlushed: () => void;
  readonly #onFailure: (cause: unknown) => void;
  #waiting: Waiting[] = [];
  #waitingBytes = 0;
  #flushing: Promise<void> | null = null;
  /** Rows are on their way into the store, and wait no more. */
  #writing = false;
  #ended = false;

  /** `bytesMax` is what the store holds at most: beyond it rows wait. */
  constructor(store: OutboxStore, bytesMax: number, onFlushed: () => void, onFailure: (cause: unknown) => void) {
    this.#store = store;
    this.#bytesMax = bytesMax;
    this.#onFlushed = onFlushed;
    this.#onFailure = onFailure;
  }

  /** All rows are in the store that were added. */
  get isEmpty(): boolean {
    return this.#waiting.length === 0 && !this.#writing;
  }

  /** Resolves when rows are in the store. Throws `outbox-full`, where `reason` tells why it does not empty. */
  add(texts: readonly string[], bytes: number, reason: string | null): Promise<void> {
    if (this.#waitingBytes + bytes > WAITING_BYTES_MAX) throw full(reason);
    return new Promise<void>((resolve, reject) => {
      this.#waiting.push({ texts, bytes, resolve, reject });
      this.#waitingBytes += bytes;
      this.flush();
    });
  }

  /** Writes what waits, as far as there is room. */
  flush(): void {
    if (this.#flushing !== null || !this.#mayWrite) return;
    this.#flushing = this.#flushAll()
      .catch((cause) => this.#onFailure(cause))
      .finally(() => {
        this.#flushing = null;
        // Who waits for each row before the next one gives it after the last look at what waits.
        this.flush();
      });
  }

  /** Takes no more: what waits is told so. */
  fail(error: RivuletError): void {
    this.#ended = true;
    for (const { reject } of this.#waiting.splice(0)) reject(error);
  }

  /** Resolves when nothing is written: there is nothing to write, or no room. */
  async idle(): Promise<void> {
    while (this.#flushing !== null) await this.#flushing;
  }

  get #mayWrite(): boolean {
    return this.#waiting.length > 0 && !this.#ended && this.#store.heldBytes < this.#bytesMax;
  }

  async #flushAll(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#mayWrite) {
      const group = this.#nextGroup();
      this.#writing = true;
      try {
        await this.#store.append(group.flatMap(({ texts }) => texts));
      } catch (cause) {
        for (const { reject } of group) reject(failed(cause));
        throw failed(cause);
      } finally {
        this.#writing = false;
      }
      for (const { resolve } of group) resolve();
      this.#onFlushed();
    }
  }

  #nextGroup(): readonly Waiting[] {
    let bytes = 0;
    let count = 0;
    for (const one of this.#waiting) {
      if (count > 0 && bytes + one.bytes > FLUSH_BYTES_MAX) break;
      bytes += one.bytes;
      count++;
    }
    this.#waitingBytes -= bytes;
    return this.#waiting.splice(0, count);
  }
}

/** Says that an outbox failed, and why. */
export function failed(cause: unknown): RivuletError {
  if (cause instanceof RivuletError) return cause;
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new RivuletError("outbox-failed", `the outbox cannot be written: ${reason}`, {
    hint: "What `send` resolved for is in the file: open it again when the disk takes it.",
    cause,
  });
}

function full(reason: string | null): RivuletError {
  return new RivuletError("outbox-full", `the outbox is full${reason === null ? "" : `: ${reason}`}`, {
    hint: "Wait for each `send` before the next one: it resolves when there is room.",
  });
}
