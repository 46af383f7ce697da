// An outbox in a file: rows are appended and flushed before anything is sent, read back when their turn comes, and cut
// off when they are settled, by writing what is left anew. Refuses what is damaged, but for a torn end.

import { constants, existsSync, realpathSync } from "node:fs";
import { type FileHandle, open, rm } from "node:fs/promises";
import { RivuletError } from "../error.ts";
import { copyBytes, replaced, writeAll } from "./durable-file.ts";
import { lockFile } from "./file-lock.ts";
import { FrameReader } from "./frame-reader.ts";
import { encodeFrame, encodeHeader, type Frame, type Header, NO_ROWS, type Numbering } from "./outbox-frames.ts";
import type { NumberedRow, OutboxStore } from "./outbox-store.ts";

/** Bytes of settled rows after which a file is written anew, once they are no fewer than the others. */
const COMPACT_BYTES_MIN = 262_144;
/** Rows at hand up to which new ones are kept there, and not read back. */
const READY_ROWS_MAX = 2048;

/** Is a place between two frames: the last number before it, and the digest of all rows before it. */
interface Place {
  readonly offset: number;
  readonly last: number;
  readonly digest: string;
}

/** Tells how an outbox is begun or must have been begun; `epoch` is null where any will do. */
export interface Wanted extends Omit<Numbering, "epoch" | "named"> {
  readonly epoch: string | null;
  /** Name of the epoch where one is begun and none is wanted. */
  readonly fresh: string;
}

export class OutboxFile implements OutboxStore {
  readonly numbering: Numbering;
  readonly #path: string;
  readonly #unlock: () => Promise<void>;
  #file: FileHandle;
  #reader: FrameReader;
  #settled: number;
  /** What the file says is settled. */
  #settledThere: number;
  /** The first frame that has rows which may not be settled. */
  #live: Place;
  /** The first frame that was not read, or kept at hand when it was written. */
  #unread: Place;
  #end: Place;
  /** Ends of frames from `#live` on that were read. */
  #passed: Place[] = [];
  #ready: NumberedRow[] = [];
  #nextReady = 0;
  /** What works on the file; one after another. */
  #work: Promise<void> = Promise.resolve();
  #compacting = false;
  #failure: unknown = null;
  #closed = false;

  private constructor(path: string, unlock: () => Promise<void>, file: FileHandle, header: Header, headerEnd: number) {
    const { source, model, epoch, named, first, settled, digest } = header;
    this.numbering = { source, model, epoch, named };
    this.#path = path;
    this.#unlock = unlock;
    this.#file = file;
    this.#reader = new FrameReader(file);
    this.#settled = settled;
    this.#settledThere = settled;
    const begin = { offset: headerEnd, last: first - 1, digest };
    this.#live = begin;
    this.#unread = begin;
    this.#end = begin;
  }

  /**
   * Opens an outbox or begins one. Throws `outbox-locked`, `outbox-damaged`, `file-unreadable`, and `usage` where it was
   * begun for something else.
   */
  static async open(named: string, wanted: Wanted): Promise<OutboxFile> {
    // What a link leads to is written anew, not the link.
    const path = existsSync(named) ? realpathSync(named) : named;
    let unlock: (() => Promise<void>) | null = null;
    let file: FileHandle | null = null;
    try {
      unlock = await lockFile(path);
      // Left behind where writing anew was interrupted.
      await rm(`${path}.new`, { force: true });
      file = await open(path, constants.O_RDWR | constants.O_CREAT, 0o600);
      if ((await file.stat()).size === 0) {
        const numbering = { source: wanted.source, model: wanted.model, epoch: wanted.epoch ?? wanted.fresh };
        const header = { ...numbering, named: wanted.epoch !== null, first: 1, settled: 0, digest: NO_ROWS };
        await file.close();
        file = await replaced(path, encodeHeader(header), async () => {});
      }
      const { header, end } = await new FrameReader(file).header(path);
      checkWanted(path, header, wanted);
      const outbox = new OutboxFile(path, unlock, file, header, end);
      await outbox.#recover();
      return outbox;
    } catch (error) {
      await file?.close();
      await unlock?.();
      throw error instanceof RivuletError ? error : unreadable(named, error);
    }
  }

  get last(): number {
    return this.#end.last;
  }

  get digest(): string {
    return this.#end.digest;
  }

  get settled(): number {
    return this.#settled;
  }

  get heldBytes(): number {
    return this.#end.offset - this.#live.offset;
  }

  get more(): boolean {
    return this.#unread.offset < this.#end.offset;
  }

  append(texts: readonly string[]): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#failure !== null) throw this.#failure;
      const settled = this.#settled;
      const { offset, last, digest: before } = this.#end;
      const { bytes, digest } = encodeFrame(before, texts, settled);
      await writeAll(this.#file, bytes, offset);
      await this.#file.datasync();
      this.#settledThere = settled;
      this.#end = { offset: offset + bytes.length, last: last + texts.length, digest };
      const isNext = this.#unread.offset === offset && this.#ready.length - this.#nextReady < READY_ROWS_MAX;
      if (isNext) this.#pass(texts, this.#end);
    });
  }

  next(): NumberedRow | undefined {
    const row = this.#ready[this.#nextReady];
    if (row === undefined) return undefined;
    if (++this.#nextReady === this.#ready.length) {
      this.#ready = [];
      this.#nextReady = 0;
    }
    return row;
  }

  load(): Promise<void> {
    return this.#inTurn(async () => {
      while (this.more && this.#ready.length === 0) {
        const frame = await this.#reader.frame(this.#unread.offset, this.#unread.digest);
        if (frame === null) throw damaged(this.#path, this.#unread.offset);
        this.#pass(frame.texts, placeAfter(this.#unread, frame));
      }
    });
  }

  settle(seq: number): void {
    if (seq <= this.#settled) return;
    this.#settled = seq;
    this.#forget();
    const dead = this.#live.offset;
    if (this.#compacting || this.#closed || dead < Math.max(COMPACT_BYTES_MIN, this.heldBytes)) return;
    this.#compacting = true;
    this.#inTurn(() => this.#compact()).then(
      () => {
        this.#compacting = false;
      },
      // Which of the two files has the name now is not certain: the next one who appends is told.
      (error) => {
        this.#failure = error;
      },
    );
  }

  /** Writes down what is settled, and lets go of the file. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    try {
      await this.#inTurn(async () => {
        if (this.#settledThere === this.#settled || this.#failure !== null) return;
        await writeAll(this.#file, encodeFrame(this.#end.digest, [], this.#settled).bytes, this.#end.offset);
        await this.#file.datasync();
      });
    } catch {
      // What is settled is settled again when the rows are sent again.
    } finally {
      await this.#file.close();
      await this.#unlock();
    }
  }

  /** Does one thing after another; what failed does not keep the next one from trying. */
  #inTurn<T>(task: () => Promise<T>): Promise<T> {
    const result = this.#work.then(task);
    this.#work = result.then(
      () => {},
      () => {},
    );
    return result;
  }

  /** Reads everything once: to its end, or to where a write was interrupted, which is cut off. */
  async #recover(): Promise<void> {
    const { size } = await this.#file.stat();
    while (this.#end.offset < size) {
      const frame = await this.#reader.frame(this.#end.offset, this.#end.digest);
      if (frame === null) break;
      this.#settled = Math.max(this.#settled, frame.settled);
      this.#end = placeAfter(this.#end, frame);
    }
    this.#settledThere = this.#settled;
    if (this.#end.offset === size) return;
    // The frame before was flushed before this one was written: only the last one can be torn.
    if (await this.#reader.hasFrameAfter(this.#end.offset)) throw damaged(this.#path, this.#end.offset);
    await this.#file.truncate(this.#end.offset);
    await this.#file.datasync();
  }

  /** Notes that a frame was read, and keeps at hand what is not settled of it. */
  #pass(texts: readonly string[], end: Place): void {
    const first = this.#unread.last + 1;
    for (const [i, text] of texts.entries()) {
      if (first + i > this.#settled) this.#ready.push({ seq: first + i, text });
    }
    this.#unread = end;
    this.#passed.push(end);
    this.#forget();
  }

  #forget(): void {
    let count = 0;
    while ((this.#passed[count]?.last ?? Number.POSITIVE_INFINITY) <= this.#settled) count++;
    if (count === 0) return;
    this.#live = this.#passed[count - 1] ?? this.#live;
    this.#passed.splice(0, count);
  }

  /** Puts a file in the place of this one that has only what is not settled. */
  async #compact(): Promise<void> {
    const { offset, last, digest } = this.#live;
    const settled = this.#settled;
    const head = encodeHeader({ ...this.numbering, first: last + 1, settled, digest });
    const former = this.#file;
    this.#file = await replaced(this.#path, head, (file) =>
      copyBytes(former, offset, this.#end.offset, file, head.length),
    );
    this.#reader = new FrameReader(this.#file);
    this.#settledThere = settled;
    const moved = (place: Place): Place => ({ ...place, offset: place.offset + head.length - offset });
    // More may have been settled meanwhile: it moves along.
    this.#live = moved(this.#live);
    this.#end = moved(this.#end);
    this.#unread = moved(this.#unread);
    this.#passed = this.#passed.map(moved);
    await former.close();
  }
}

function placeAfter({ last }: Place, { texts, end, digest }: Frame): Place {
  return { offset: end, last: last + texts.length, digest };
}

function checkWanted(path: string, header: Header, { source, model, epoch }: Wanted): void {
  const wanted = { source, model, ...(epoch === null ? {} : { epoch }) };
  for (const [what, name] of Object.entries(wanted)) {
    const there = header[what as keyof typeof wanted];
    if (there === name) continue;
    throw new RivuletError("usage", `the outbox ${path} is of ${what} ${there}, not of ${name}`, {
      hint: "Name another file: each numbering has an outbox of its own.",
    });
  }
}

function damaged(path: string, offset: number): RivuletError {
  return new RivuletError("outbox-damaged", `the outbox ${path} is damaged at byte ${offset}`, {
    hint: "The rows before and after are text, and can be read there. Keep a copy; then remove the file, and a new numbering begins.",
  });
}

function unreadable(path: string, cause: unknown): RivuletError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new RivuletError("file-unreadable", `the outbox ${path} cannot be opened: ${reason}`, {
    hint: "Its folder must be there, and this user must be allowed to write in it.",
    cause,
  });
}
