// Server-sent events. Each is written down once, however many listen; what changes all the time is told at a pace, for all
// models in one piece. Who does not read is let go, and comes again by itself: an EventSource does that.

/** Listeners at a time. */
const LISTENERS_MAX = 64;
/** Shortest time between two tellings of what changes all the time: so long at least, and longer the more listen. */
const PACE_MS_MIN = 250;
const PACE_MS_PER_LISTENER = 25;
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

/** Is somebody who listens, as the server knows it. */
export interface Listener {
  /** Sends bytes, which are shared with others; false where so many wait to be read that it is to be let go. */
  send(bytes: Uint8Array): boolean;
  /** Ends the connection. */
  end(): void;
}

export class EventHub {
  /** Tells events apart from those of the daemon's former lives. */
  readonly #life: string;
  readonly #greeting: () => readonly HubEvent[];
  readonly #listeners = new Set<Listener>();
  readonly #kept: { readonly number: number; readonly text: string }[] = [];
  readonly #due = new Map<string, () => HubEvent>();
  readonly #encoder = new TextEncoder();
  #number = 0;
  #toldAtMs = Number.NEGATIVE_INFINITY;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #heartbeat: ReturnType<typeof setInterval> | null = null;
  #dropped = 0;

  /** `life` is different for each start; `greeting` says what a new listener is told at first. */
  constructor(life: string, greeting: () => readonly HubEvent[]) {
    this.#life = life;
    this.#greeting = greeting;
  }

  get listeners(): number {
    return this.#listeners.size;
  }

  get isFull(): boolean {
    return this.#listeners.size >= LISTENERS_MAX;
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
    const paceMs = Math.max(PACE_MS_MIN, PACE_MS_PER_LISTENER * this.#listeners.size);
    const waitMs = Math.max(0, this.#toldAtMs + paceMs - performance.now());
    this.#timer = setTimeout(() => this.#tellChanges(), waitMs);
    this.#timer.unref();
  }

  /**
   * Adds a listener, who is told what it missed since `lastEventId`, and how everything is. Returns what takes it off
   * again. The caller has looked whether the hub is full.
   */
  add(listener: Listener, lastEventId: string | null): () => void {
    const text = `retry: ${RETRY_MS}\n\n${this.#missed(lastEventId)}${this.#greeting().map(plain).join("")}`;
    listener.send(this.#encoder.encode(text));
    this.#listeners.add(listener);
    this.#heartbeat ??= setInterval(() => this.#send(":\n\n"), HEARTBEAT_MS);
    this.#heartbeat.unref();
    return () => this.#remove(listener);
  }

  /** Lets all listeners go. */
  close(): void {
    for (const listener of [...this.#listeners]) {
      this.#remove(listener);
      listener.end();
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

  #missed(lastEventId: string | null): string {
    const [, life, number] = /^(.+)-(\d+)$/.exec(lastEventId ?? "") ?? [];
    if (life !== this.#life) return "";
    return this.#kept
      .filter((one) => one.number > Number(number))
      .map(({ text }) => text)
      .join("");
  }

  #send(text: string): void {
    const bytes = this.#encoder.encode(text);
    for (const listener of this.#listeners) {
      if (listener.send(bytes)) continue;
      this.#dropped++;
      this.#remove(listener);
      listener.end();
    }
  }

  #remove(listener: Listener): void {
    this.#listeners.delete(listener);
    if (this.#listeners.size > 0) return;
    if (this.#heartbeat !== null) clearInterval(this.#heartbeat);
    this.#heartbeat = null;
    this.#due.clear();
  }
}

function plain({ event, data }: HubEvent): string {
  return `event: ${event}\ndata: ${data}\n\n`;
}
