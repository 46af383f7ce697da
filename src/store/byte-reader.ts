import { RivuletError } from "../error.ts";

/** Reads what a ByteWriter wrote, at any byte offset. Reading past the end throws `journal-damaged`. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #what: string;
  at = 0;

  /** Reads `bytes`; `what` names them in errors. */
  constructor(bytes: Uint8Array, what: string) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#what = what;
  }

  get rest(): number {
    return this.#bytes.length - this.at;
  }

  u8(): number {
    return this.#view.getUint8(this.#advance(1));
  }

  u16(): number {
    return this.#view.getUint16(this.#advance(2), true);
  }

  u32(): number {
    return this.#view.getUint32(this.#advance(4), true);
  }

  f32(): number {
    return this.#view.getFloat32(this.#advance(4), true);
  }

  f64(): number {
    return this.#view.getFloat64(this.#advance(8), true);
  }

  varint(): number {
    let value = 0;
    for (let factor = 1; ; factor *= 0x80) {
      const byte = this.u8();
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) break;
    }
    if (!Number.isSafeInteger(value)) throw this.damaged("a number is too large");
    return value;
  }

  /** Reads a count of things that take at least `bytesEach` bytes, so that damage cannot make anyone allocate the world. */
  count(bytesEach: number): number {
    const count = this.varint();
    if (count * bytesEach > this.rest) throw this.damaged(`${count} items do not fit into ${this.rest} bytes`);
    return count;
  }

  raw(length: number): Uint8Array {
    const from = this.#advance(length);
    return this.#bytes.subarray(from, from + length);
  }

  text(): string {
    return Buffer.from(this.raw(this.count(1))).toString("utf8");
  }

  damaged(how: string): RivuletError {
    return new RivuletError("journal-damaged", `${this.#what} is damaged: ${how}`, {
      hint: "Keep a copy of the data folder. Snapshots taken after it are not concerned.",
    });
  }

  #advance(count: number): number {
    const from = this.at;
    if (count > this.rest) throw this.damaged("it ends too early");
    this.at += count;
    return from;
  }
}
