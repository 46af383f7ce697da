// The producer's outbox, for programs that publish: rows are numbered, kept until the daemon says that they are settled,
// that is trained or refused, and durable, and sent again until then. Each is trained once, whatever breaks.

import { randomBytes } from "node:crypto";
import { RivuletError } from "../error.ts";
import { NAME } from "../sample/topic.ts";
import { type BrokerAccess, unreachable } from "./connect.ts";
import { Delivery, type Restored } from "./delivery.ts";
import { OutboxFile } from "./outbox-file.ts";
import { OutboxMemory, type OutboxStore } from "./outbox-store.ts";

export type { BrokerAccess, TlsAccess } from "./connect.ts";
export type { Restored } from "./delivery.ts";

/** Is a sample: features and label by name, and maybe `weight`, `ts`, `id`. What is no finite number is missing. */
export type Row = Readonly<Record<string, number | string | boolean | null>>;

export interface OutboxOptions extends BrokerAccess {
  /** First levels of every topic; `rivulet` where it is left out. */
  readonly prefix?: string;
  readonly model: string;
  /** Name of the producer: no other one may number rows under it. */
  readonly source: string;
  /** Holds the rows durably, and the numbering; null keeps them in memory: they die with the process. */
  readonly file: string | null;
  /** Name of the numbering; where it is left out, that of the file, or a new one. */
  readonly epoch?: string;
  /** Bytes of rows that are held at most; `send` waits beyond it. */
  readonly bytesMax?: number;
  /**
   * `durable` where `url` is the daemon's own broker, with no other one between: what it acknowledges is settled, which
   * is known sooner than by the mark. Through any other broker that would lose rows.
   */
  readonly acknowledges?: "durable" | "received";
  /** Fails where the first attempt to connect fails. */
  readonly mustConnect?: boolean;
  /** Fails with `not-committed` where nothing is settled for so long; without, it waits for ever. */
  readonly patienceMs?: number;
  /** Time without news after which what the broker has acknowledged is sent again. */
  readonly resendMs?: number;
  /** What to hear on the same connection, where the broker lets one. */
  readonly listen?: { readonly topic: string; readonly onMessage: (text: string) => void };
  /** Called when more is settled. */
  readonly onSettled?: (outbox: NumberedOutbox) => void;
  /** Called when the daemon's store went back, or is another one. What is held still reaches it. */
  readonly onRestored?: (told: Restored) => void;
  /** Called when the outbox fails: `send` and `settled` reject from then on. */
  readonly onFailure?: (error: RivuletError) => void;
}

const BYTES_MAX = 67_108_864;
/** Bytes of a row's JSON. */
const ROW_BYTES_MAX = 65_536;
/** Bytes of what one `send` brings, and of what one flush writes. */
const BATCH_BYTES_MAX = 1_048_576;
/** Bytes that wait to be flushed, or for room. */
const WAITING_BYTES_MAX = 4_194_304;
const RESEND_MS = 30_000;
const NUMBER_FIELDS: readonly string[] = ["source", "epoch", "seq"];

interface Waiting {
  readonly texts: readonly string[];
  readonly bytes: number;
  readonly resolve: () => void;
  readonly reject: (error: RivuletError) => void;
}

/**
 * Opens an outbox; what its file holds is sent from then on. Throws `usage`, `outbox-locked`, `outbox-damaged`,
 * `file-unreadable`, and `broker-failed` where it must connect and cannot.
 */
export async function openOutbox(options: OutboxOptions): Promise<NumberedOutbox> {
  const { source, model, file, epoch } = options;
  for (const [what, name] of Object.entries({ source, epoch })) {
    if (name === undefined || NAME.test(name)) continue;
    const allowed = "1 to 64 letters, digits, dots, underscores and hyphens are needed";
    throw new RivuletError("usage", `the ${what} is ${JSON.stringify(name)}; ${allowed}`);
  }
  const fresh = randomBytes(8).toString("hex");
  const store =
    file === null
      ? new OutboxMemory({ source, model, epoch: epoch ?? fresh, named: epoch !== undefined })
      : await OutboxFile.open(file, { source, model, epoch: epoch ?? null, fresh });
  const outbox = new NumberedOutbox(store, options);
  try {
    await outbox.start();
  } catch (error) {
    await outbox.close();
    throw error;
  }
  return outbox;
}

export class NumberedOutbox {
  readonly source: string;
  readonly epoch: string;
  readonly #options: OutboxOptions;
  readonly #store: OutboxStore;
  readonly #delivery: Delivery;
  #waiting: Waiting[] = [];
  #waitingBytes = 0;
  #flushing: Promise<void> | null = null;
  #failure: RivuletError | null = null;
  #closing: Promise<void> | null = null;
  #watchers: (() => void)[] = [];

  /** Puts the parts together; use `openOutbox`. */
  constructor(store: OutboxStore, options: OutboxOptions) {
    this.source = store.numbering.source;
    this.epoch = store.numbering.epoch;
    this.#options = options;
    this.#store = store;
    this.#delivery = new Delivery(store, {
      access: options,
      prefix: options.prefix ?? "rivulet",
      acknowledges: options.acknowledges ?? "received",
      patienceMs: options.patienceMs ?? null,
      resendMs: options.resendMs ?? RESEND_MS,
      listen: options.listen ?? null,
      onProgress: () => this.#progress(),
      onRestored: (told) => options.onRestored?.(told),
      onFailure: (error) => this.#fail(error),
    });
  }

  /** The last number handed out; 0 before the first. */
  get last(): number {
    return this.#store.last;
  }

  /** Every number up to this one is settled. */
  get settledTo(): number {
    return Math.min(this.#delivery.settled, this.#store.last);
  }

  /** Digest of all rows up to `last`, in their order: `digestOf` makes it. */
  get digest(): string {
    return this.#store.digest;
  }

  /** Says why nothing is sent; null where everything is as it should be. */
  get reason(): string | null {
    return this.#failure?.message ?? this.#delivery.reason;
  }

  /** Begins to connect, and with it to send. Throws `broker-failed`. */
  async start(): Promise<void> {
    this.#delivery.pump();
    if (this.#options.mustConnect !== true) return this.#delivery.start();
    await this.#delivery.open().catch((cause) => {
      throw unreachable(this.#options.url, cause);
    });
  }

  /**
   * Numbers rows, in order, and resolves when they are in the file: from then on they will be trained once. Each is a
   * message of its own, so one that is refused takes no other along. Waits while the outbox is full. Throws `usage`,
   * `too-large`, `outbox-full` where too much waits already, and what the outbox failed with.
   */
  async send(rows: Row | readonly Row[]): Promise<void> {
    const texts = (isList(rows) ? rows : [rows]).map(textOf);
    const bytes = texts.reduce((sum, text) => sum + text.length, 0);
    if (bytes > BATCH_BYTES_MAX) {
      throw new RivuletError("too-large", `${bytes} bytes of rows at once; at most ${BATCH_BYTES_MAX} are taken`);
    }
    this.#checkUse();
    if (this.#waitingBytes + bytes > WAITING_BYTES_MAX) throw full(this.reason);
    await new Promise<void>((resolve, reject) => {
      this.#waiting.push({ texts, bytes, resolve, reject });
      this.#waitingBytes += bytes;
      this.#flush();
    });
  }

  /** Resolves when all rows are settled whose `send` was called before. Throws what the outbox failed with. */
  async settled(): Promise<void> {
    while (this.#failure === null && (this.#waiting.length > 0 || this.settledTo < this.#store.last)) {
      this.#checkUse();
      await new Promise<void>((resolve) => this.#watchers.push(resolve));
    }
    if (this.#failure !== null) throw this.#failure;
  }

  /** Resolves when everything is heard that the daemon told up to now on the topic to listen to; nothing is after it. */
  heard(): Promise<void> {
    return this.#delivery.hear();
  }

  /** Writes what waits, and leaves; what is not settled stays in the file, for the next who opens it. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.#flushing;
    await this.#delivery.close();
    const error = new RivuletError("usage", "the outbox was closed");
    for (const { reject } of this.#waiting.splice(0)) reject(error);
    this.#wake();
    await this.#store.close();
  }

  #checkUse(): void {
    if (this.#failure !== null) throw this.#failure;
    if (this.#closing !== null) throw new RivuletError("usage", "the outbox is closed");
  }

  #progress(): void {
    this.#options.onSettled?.(this);
    this.#flush();
    this.#wake();
  }

  #wake(): void {
    for (const wake of this.#watchers.splice(0)) wake();
  }

  #flush(): void {
    if (this.#flushing !== null || this.#waiting.length === 0) return;
    this.#flushing = this.#flushAll()
      .catch((cause) => this.#fail(cause))
      .finally(() => {
        this.#flushing = null;
      });
  }

  async #flushAll(): Promise<void> {
    // What comes in one turn is flushed together; while that is under way the next gathers.
    await new Promise((resolve) => setImmediate(resolve));
    const bytesMax = this.#options.bytesMax ?? BYTES_MAX;
    while (this.#waiting.length > 0 && this.#failure === null && this.#store.heldBytes < bytesMax) {
      const group = this.#nextGroup();
      try {
        await this.#store.append(group.flatMap(({ texts }) => texts));
      } catch (cause) {
        const error = failed(cause);
        for (const { reject } of group) reject(error);
        throw error;
      }
      for (const { resolve } of group) resolve();
      this.#delivery.pump();
    }
  }

  #nextGroup(): readonly Waiting[] {
    let bytes = 0;
    let count = 0;
    for (const one of this.#waiting) {
      if (count > 0 && bytes + one.bytes > BATCH_BYTES_MAX) break;
      bytes += one.bytes;
      count++;
    }
    this.#waitingBytes -= bytes;
    return this.#waiting.splice(0, count);
  }

  #fail(cause: unknown): void {
    if (this.#failure !== null || this.#closing !== null) return;
    const error = failed(cause);
    this.#failure = error;
    for (const { reject } of this.#waiting.splice(0)) reject(error);
    this.#wake();
    void this.#delivery.close();
    this.#options.onFailure?.(error);
  }
}

/** Writes a row as it is kept and sent, without its number. Throws `usage`, `too-large`. */
export function textOf(row: Row): string {
  for (const [name, value] of Object.entries(row)) {
    if (NUMBER_FIELDS.includes(name)) {
      throw new RivuletError("usage", `a row has the field ${name}: the outbox numbers rows itself`);
    }
    // A list would be a column, and have more numbers than one.
    if (value === null || ["number", "string", "boolean", "undefined"].includes(typeof value)) continue;
    throw new RivuletError("usage", `the field ${name} is no number, text, true, false or null`);
  }
  const text = JSON.stringify(row);
  if (text === "{}") throw new RivuletError("usage", "a row has no fields");
  if (text.length > ROW_BYTES_MAX / 4 && Buffer.byteLength(text) > ROW_BYTES_MAX) {
    throw new RivuletError("too-large", `a row is longer than ${ROW_BYTES_MAX} bytes`);
  }
  return text;
}

function isList(rows: Row | readonly Row[]): rows is readonly Row[] {
  return Array.isArray(rows);
}

function full(reason: string | null): RivuletError {
  return new RivuletError("outbox-full", `the outbox is full${reason === null ? "" : `: ${reason}`}`, {
    hint: "Wait for each `send` before the next one: it resolves when there is room.",
  });
}

function failed(cause: unknown): RivuletError {
  if (cause instanceof RivuletError) return cause;
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new RivuletError("outbox-failed", `the outbox cannot be written: ${reason}`, {
    hint: "What `send` resolved for is in the file: open it again when the disk takes it.",
    cause,
  });
}
