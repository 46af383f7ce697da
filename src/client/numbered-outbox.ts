// The producer's outbox, for programs that publish: rows are numbered, kept until the daemon says that they are settled,
// that is trained or refused, and durable, and sent again until then. Each is trained once, whatever breaks.

import { randomBytes } from "node:crypto";
import { RivuletError } from "../error.ts";
import { NAME } from "../sample/topic.ts";
import type { Restored } from "./bridge.ts";
import { type BrokerAccess, unreachable } from "./connect.ts";
import { Delivery } from "./delivery.ts";
import { OutboxFile } from "./outbox-file.ts";
import { FLUSH_BYTES_MAX, failed, OutboxIntake } from "./outbox-intake.ts";
import { OutboxMemory, type OutboxStore } from "./outbox-store.ts";
import { type Row, textOf } from "./row-text.ts";

export type { Restored } from "./bridge.ts";
export type { BrokerAccess, TlsAccess } from "./connect.ts";
export type { Row } from "./row-text.ts";

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
const RESEND_MS = 30_000;

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
  readonly #intake: OutboxIntake;
  readonly #delivery: Delivery;
  #failure: RivuletError | null = null;
  #closing: Promise<void> | null = null;
  #watchers: (() => void)[] = [];

  /** Puts the parts together; use `openOutbox`. */
  constructor(store: OutboxStore, options: OutboxOptions) {
    this.source = store.numbering.source;
    this.epoch = store.numbering.epoch;
    this.#options = options;
    this.#store = store;
    this.#intake = new OutboxIntake(
      store,
      options.bytesMax ?? BYTES_MAX,
      () => this.#delivery.pump(),
      (cause) => this.#fail(cause),
    );
    this.#delivery = new Delivery(store, {
      access: options,
      prefix: options.prefix ?? "rivulet",
      acknowledges: options.acknowledges ?? "received",
      patienceMs: options.patienceMs ?? null,
      resendMs: options.resendMs ?? RESEND_MS,
      listen: options.listen ?? null,
      onProgress: () => this.#progress(),
      onRoom: () => this.#intake.flush(),
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
    if (bytes > FLUSH_BYTES_MAX) {
      throw new RivuletError("too-large", `${bytes} bytes of rows at once; at most ${FLUSH_BYTES_MAX} are taken`);
    }
    this.#checkUse();
    if (texts.length === 0) return;
    await this.#intake.add(texts, bytes, this.reason);
  }

  /** Resolves when all rows are settled whose `send` was called before. Throws what the outbox failed with. */
  async settled(): Promise<void> {
    while (this.#failure === null && (!this.#intake.isEmpty || this.settledTo < this.#store.last)) {
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
    await this.#intake.idle();
    await this.#delivery.close();
    this.#intake.fail(new RivuletError("usage", "the outbox was closed"));
    this.#wake();
    await this.#store.close();
  }

  #checkUse(): void {
    if (this.#failure !== null) throw this.#failure;
    if (this.#closing !== null) throw new RivuletError("usage", "the outbox is closed");
  }

  #progress(): void {
    this.#options.onSettled?.(this);
    this.#intake.flush();
    this.#wake();
  }

  #wake(): void {
    for (const wake of this.#watchers.splice(0)) wake();
  }

  #fail(cause: unknown): void {
    if (this.#failure !== null || this.#closing !== null) return;
    const error = failed(cause);
    this.#failure = error;
    this.#intake.fail(error);
    this.#wake();
    void this.#delivery.close();
    this.#options.onFailure?.(error);
  }
}

function isList(rows: Row | readonly Row[]): rows is readonly Row[] {
  return Array.isArray(rows);
}
