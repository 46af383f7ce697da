// Server-sent events by fetch: an EventSource cannot send the token. It comes again by itself when the connection is lost,
// soon at first, then less often.

import { authorization } from "./api.ts";
import { EventReader, type ServerEvent } from "./event-reader.ts";

const RETRY_MS_MIN = 500;
const RETRY_MS_MAX = 10_000;
/** Longest silence: the daemon says something every 15 s. */
const SILENCE_MS_MAX = 40_000;

export interface EventStreamOptions {
  readonly onEvent: (event: ServerEvent) => void;
  readonly onOpen: () => void;
  /** The connection is lost, or refused with this status; `retryMs` says when it is tried again. */
  readonly onLost: (status: number | null, retryMs: number) => void;
}

export class EventStream {
  readonly #options: EventStreamOptions;
  #abort: AbortController | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #retryMs = RETRY_MS_MIN;
  #lastId = "";

  constructor(options: EventStreamOptions) {
    this.#options = options;
  }

  /** Connects, unless it is connected or tries to. */
  open(): void {
    clearTimeout(this.#timer);
    if (this.#abort !== null) return;
    const abort = new AbortController();
    this.#abort = abort;
    void this.#listen(abort).then((status) => {
      if (this.#abort !== abort) return;
      this.#abort = null;
      this.#options.onLost(status, this.#retryMs);
      this.#timer = setTimeout(() => this.open(), this.#retryMs);
      this.#retryMs = Math.min(RETRY_MS_MAX, this.#retryMs * 2);
    });
  }

  /** Tries at once, without waiting for its turn. */
  retry(): void {
    this.#retryMs = RETRY_MS_MIN;
    this.open();
  }

  close(): void {
    clearTimeout(this.#timer);
    const abort = this.#abort;
    this.#abort = null;
    abort?.abort();
  }

  /** Reads until the connection ends. Returns the status where it was refused. */
  async #listen(abort: AbortController): Promise<number | null> {
    let silence = setTimeout(() => abort.abort(), SILENCE_MS_MAX);
    try {
      const headers = { ...authorization(), ...(this.#lastId === "" ? {} : { "Last-Event-ID": this.#lastId }) };
      const response = await fetch("/api/events", { headers, signal: abort.signal });
      if (!response.ok || response.body === null) return response.status;
      this.#retryMs = RETRY_MS_MIN;
      this.#options.onOpen();
      const events = new EventReader();
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
        clearTimeout(silence);
        silence = setTimeout(() => abort.abort(), SILENCE_MS_MAX);
        for (const event of events.read(piece.value)) {
          if (event.id !== "") this.#lastId = event.id;
          this.#options.onEvent(event);
        }
      }
    } catch {
      // It was lost, or closed: either way it is over.
    } finally {
      clearTimeout(silence);
    }
    return null;
  }
}
