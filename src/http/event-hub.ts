// Server-sent events. Each is written down once, however many listen; what changes all the time is told at a pace, for all
// models in one piece. Who does not read is let go, and comes again by itself: an EventSource does that.

/** Listeners at a time. */
const LISTENERS_MAX = 64;
/** Bytes written for a listener, and not read by it, at which it is let go. */
const UNREAD_BYTES_MAX = 1_048_576;
/** Shortest time between two tellings of what changes all the time. */
const PACE_MS = 250;
/** A line that says nothing, so that neither end nor anybody between takes the connection for dead. */
const HEARTBEAT_MS = 15_000;
/** Events kept for those who were away for a moment. */
const KEPT_MAX = 256;
const RETRY_MS = 2000;

/** Is an event by its name and its data, which is JSON. */
export interface HubEvent {
  readonly event: string;
  readonly data: string;
}

type Listener = ReadableStreamDefaultController<Uint8Array>;

export class EventHub {
  /** Tells events apart from those of the daemon's former lives. */
  readonly #life: string;
  readonly #greeting: () => readonly HubEvent[];
  readonly #listeners = new Set<Listener>();
  readonly #kept: { readonly number: number; readonly text: string }[] = [];
  readonly #due = new Map<string, () => HubEvent>();
  #number = 0;
  #toldAtMs = Number.NEGATIVE_INFINITY;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #heartbeat: ReturnType<typeof setInterval> | null = null;
  #dropped = 0;
  readonly #encoder = new TextEncoder();

  /** `life` is different for each start; `greeting` says what a new listener is told at first. */
  constructor(life: string, greeting: () => readonly HubEvent[]) {
    this.#life = life;
    this.#greeting = greeting;
  }

  get listeners(): number {
    return this.#listeners.size;
  }

  /** Counts listeners that were let go because they did not read. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Tells something that happened, at once. It is kept for those who come back. */
  tell({ event, data }: HubEvent): void {
    const number = ++this.#number;
    const text = `id: ${this.#life}-${number}\nevent: ${event}\ndata: ${data}\n\n`;
    this.#kept.push({ number, text });
    if (this.#kept.length > KEPT_MAX) this.#kept.shift();
    if (this.#listeners.size > 0) this.#send(text);
  }

  /** Notes that what `key` stands for has changed; `read` is called when that is told, which is only where anybody listens. */
  changed(key: string, read: () => HubEvent): void {
    if (this.#listeners.size === 0) return;
    this.#due.set(key, read);
    if (this.#timer !== null) return;
    const waitMs = Math.max(0, this.#toldAtMs + PACE_MS - performance.now());
    this.#timer = setTimeout(() => this.#tellChanges(), waitMs);
    this.#timer.unref();
  }

  /**
   * Adds a listener, who is told what it missed since `lastEventId` first. Returns what is to be sent to it, or null where
   * too many listen.
   */
  listen(lastEventId: string | null): ReadableStream<Uint8Array> | null {
    if (this.#listeners.size >= LISTENERS_MAX) return null;
    let own: Listener;
    return new ReadableStream<Uint8Array>(
      {
        start: (listener) => {
          own = listener;
          this.#listeners.add(listener);
          listener.enqueue(this.#encode(`retry: ${RETRY_MS}\n\n${this.#missed(lastEventId)}${this.#greet()}`));
          this.#heartbeat ??= setInterval(() => this.#send(":\n\n"), HEARTBEAT_MS);
          this.#heartbeat.unref();
        },
        cancel: () => this.#remove(own),
      },
      { highWaterMark: UNREAD_BYTES_MAX, size: ({ length }) => length },
    );
  }

  /** Lets all listeners go. */
  close(): void {
    for (const listener of [...this.#listeners]) {
      this.#remove(listener);
      listener.close();
    }
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  #tellChanges(): void {
    this.#timer = null;
    this.#toldAtMs = performance.now();
    let text = "";
    for (const read of this.#due.values()) text += plain(read());
    this.#due.clear();
    if (this.#listeners.size > 0) this.#send(text);
  }

  #greet(): string {
    return this.#greeting().map(plain).join("");
  }

  #missed(lastEventId: string | null): string {
    const [, life, number] = /^(.+)-(\d+)$/.exec(lastEventId ?? "") ?? [];
    if (life !== this.#life) return "";
    return this.#kept
      .filter((one) => one.number > Number(number))
      .map(({ text }) => text)
      .join("");
  }

  #send(text: string): void {
    const bytes = this.#encode(text);
    for (const listener of this.#listeners) {
      if ((listener.desiredSize ?? 0) >= bytes.length) listener.enqueue(bytes);
      else {
        this.#dropped++;
        this.#remove(listener);
        listener.error(new Error("it does not read what is sent to it"));
      }
    }
  }

  #remove(listener: Listener): void {
    this.#listeners.delete(listener);
    if (this.#listeners.size > 0) return;
    if (this.#heartbeat !== null) clearInterval(this.#heartbeat);
    this.#heartbeat = null;
    this.#due.clear();
  }

  #encode(text: string): Uint8Array {
    return this.#encoder.encode(text);
  }
}

function plain({ event, data }: HubEvent): string {
  return `event: ${event}\ndata: ${data}\n\n`;
}
