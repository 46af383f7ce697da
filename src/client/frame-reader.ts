import type { FileHandle } from "node:fs/promises";
import { RivuletError } from "../error.ts";
import {
  decodeFrame,
  decodeHeader,
  type Frame,
  frameBytes,
  HEAD_BYTES_MAX,
  HEADER_BYTES_MAX,
  type Header,
  isFrameHead,
  isOutbox,
} from "./outbox-frames.ts";

const BLOCK_BYTES = 262_144;
const LINE_END = 0x0a;

/** Reads an outbox file from front to back, block by block. */
export class FrameReader {
  readonly #file: FileHandle;
  #block: Buffer = Buffer.alloc(0);
  #from = 0;

  constructor(file: FileHandle) {
    this.#file = file;
  }

  /** Reads the header. Throws `outbox-damaged`. */
  async header(path: string): Promise<{ readonly header: Header; readonly end: number }> {
    const bytes = await this.#bytes(0, HEADER_BYTES_MAX);
    const read = decodeHeader(bytes);
    if (read !== null) return read;
    const what = isOutbox(bytes) ? "is damaged at its begin" : "is no outbox";
    throw new RivuletError("outbox-damaged", `${path} ${what}`, {
      hint: "Nothing was changed. Name another file, or keep a copy and remove this one.",
    });
  }

  /** Reads the frame at an offset; null where it is torn, damaged, or not there. */
  async frame(offset: number, before: string): Promise<Frame | null> {
    const length = frameBytes(await this.#bytes(offset, HEAD_BYTES_MAX));
    if (length === null) return null;
    return decodeFrame(await this.#bytes(offset, length), offset, before);
  }

  /** Tells whether another frame begins after the one at an offset, which is damaged: where it ends, or after a line. */
  async hasFrameAfter(offset: number): Promise<boolean> {
    const length = frameBytes(await this.#bytes(offset, HEAD_BYTES_MAX));
    if (length !== null && frameBytes(await this.#bytes(offset + length, HEAD_BYTES_MAX)) !== null) return true;
    for (let at = offset; ; ) {
      const bytes = await this.#bytes(at, BLOCK_BYTES);
      let from = 0;
      for (let to = bytes.indexOf(LINE_END); to >= 0; to = bytes.indexOf(LINE_END, from)) {
        const isLater = at + from > offset;
        if (isLater && to - from < HEAD_BYTES_MAX && isFrameHead(bytes.toString("latin1", from, to))) return true;
        from = to + 1;
      }
      if (bytes.length < BLOCK_BYTES) return false;
      // A line that goes on after the block is looked at again, unless it is too long to be a head.
      at += Math.max(from, bytes.length - HEAD_BYTES_MAX);
    }
  }

  /** Gives up to `length` bytes from an offset on, fewer where the file ends. */
  async #bytes(offset: number, length: number): Promise<Buffer> {
    const isThere = offset >= this.#from && offset + length <= this.#from + this.#block.length;
    if (!isThere) {
      const block = Buffer.allocUnsafe(Math.max(BLOCK_BYTES, length));
      let bytes = 0;
      for (;;) {
        const { bytesRead } = await this.#file.read(block, bytes, block.length - bytes, offset + bytes);
        if (bytesRead === 0) break;
        bytes += bytesRead;
        if (bytes === block.length) break;
      }
      this.#block = block.subarray(0, bytes);
      this.#from = offset;
    }
    return this.#block.subarray(offset - this.#from, Math.min(this.#block.length, offset - this.#from + length));
  }
}
