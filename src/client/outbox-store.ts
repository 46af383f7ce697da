import { NO_ROWS, type Numbering } from "./outbox-frames.ts";

/** Is a row with the number that it has for good. */
export interface NumberedRow {
  readonly seq: number;
  /** A JSON object without its number. */
  readonly text: string;
}

/** Holds rows from their numbering until they are settled: `OutboxFile` durably, `OutboxMemory` while the process lives. */
export interface OutboxStore {
  readonly numbering: Numbering;
  /** The last number handed out; 0 before the first. */
  readonly last: number;
  /** Digest of all rows up to that one, in their order. */
  readonly digest: string;
  /** Numbers up to this one are known to be settled. */
  readonly settled: number;
  /** Bytes that rows take which are not settled. */
  readonly heldBytes: number;
  /** Numbers rows, and resolves when they are as safe as they get here. */
  append(texts: readonly string[]): Promise<void>;
  /** Takes the next row, in order, that was not taken yet; undefined where none is at hand. */
  next(): NumberedRow | undefined;
  /** Whether `load` brings more rows to hand. */
  readonly more: boolean;
  load(): Promise<void>;
  /** Lets go of rows. */
  settle(seq: number): void;
  close(): Promise<void>;
}

/** Holds rows in memory. */
export class OutboxMemory implements OutboxStore {
  readonly numbering: Numbering;
  readonly digest = NO_ROWS;
  readonly more = false;
  last = 0;
  settled = 0;
  heldBytes = 0;
  readonly #rows: NumberedRow[] = [];
  /** Bytes of rows that are not settled, from the one after `settled` on. */
  readonly #bytes: number[] = [];

  constructor(numbering: Numbering) {
    this.numbering = numbering;
  }

  async append(texts: readonly string[]): Promise<void> {
    for (const text of texts) {
      this.#rows.push({ seq: ++this.last, text });
      this.#bytes.push(text.length);
      this.heldBytes += text.length;
    }
  }

  next(): NumberedRow | undefined {
    return this.#rows.shift();
  }

  async load(): Promise<void> {}

  settle(seq: number): void {
    for (const bytes of this.#bytes.splice(0, Math.max(0, seq - this.settled))) this.heldBytes -= bytes;
    this.settled = Math.max(this.settled, seq);
  }

  async close(): Promise<void> {}
}
