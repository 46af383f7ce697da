const INITIAL_BYTES = 65_536;

/** Writes little-endian numbers into one growing buffer that is used again and again. */
export class ByteWriter {
  #bytes = new Uint8Array(INITIAL_BYTES);
  #view = new DataView(this.#bytes.buffer);
  length = 0;

  /** Starts anew; what was written before is overwritten. */
  reset(): void {
    this.length = 0;
  }

  /** What was written: a view, valid until the next write. */
  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.length);
  }

  u8(value: number): void {
    this.#reserve(1);
    this.#view.setUint8(this.length, value);
    this.length += 1;
  }

  u16(value: number): void {
    this.#reserve(2);
    this.#view.setUint16(this.length, value, true);
    this.length += 2;
  }

  u32(value: number): void {
    this.#reserve(4);
    this.#view.setUint32(this.length, value, true);
    this.length += 4;
  }

  f32(value: number): void {
    this.#reserve(4);
    this.#view.setFloat32(this.length, value, true);
    this.length += 4;
  }

  f64(value: number): void {
    this.#reserve(8);
    this.#view.setFloat64(this.length, value, true);
    this.length += 8;
  }

  /** Writes column `i` of a row-major (rows, width) array of whole numbers up to 255. */
  u8s(values: Float64Array, i: number, width: number, rows: number): void {
    this.#reserve(rows);
    const bytes = this.#bytes;
    for (let r = 0; r < rows; r++) bytes[this.length + r] = values[r * width + i]!;
    this.length += rows;
  }

  /** Writes such a column in single precision. */
  f32s(values: Float64Array, i: number, width: number, rows: number): void {
    this.#reserve(4 * rows);
    const view = this.#view;
    for (let r = 0; r < rows; r++) view.setFloat32(this.length + 4 * r, values[r * width + i]!, true);
    this.length += 4 * rows;
  }

  /** Writes such a column as it is. */
  f64s(values: Float64Array, i: number, width: number, rows: number): void {
    this.#reserve(8 * rows);
    const view = this.#view;
    for (let r = 0; r < rows; r++) view.setFloat64(this.length + 8 * r, values[r * width + i]!, true);
    this.length += 8 * rows;
  }

  /** Writes a whole number ≥ 0 up to 2⁵³ in groups of seven bits, lowest first. */
  varint(value: number): void {
    let rest = value;
    while (rest >= 0x80) {
      this.u8((rest % 0x80) + 0x80);
      rest = Math.floor(rest / 0x80);
    }
    this.u8(rest);
  }

  /** Writes a whole number ≥ 0 in so many bytes, lowest first. */
  whole(value: number, bytes: number): void {
    this.#reserve(bytes);
    let rest = value;
    for (let b = 0; b < bytes; b++) {
      this.#bytes[this.length++] = rest % 256;
      rest = Math.floor(rest / 256);
    }
  }

  raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.length);
    this.length += bytes.length;
  }

  /** Writes a text as UTF-8 behind its length in bytes. */
  text(value: string): void {
    const bytes = Buffer.from(value, "utf8");
    this.varint(bytes.length);
    this.raw(bytes);
  }

  /** Overwrites a number written earlier. */
  putU32(at: number, value: number): void {
    this.#view.setUint32(at, value, true);
  }

  #reserve(count: number): void {
    const needed = this.length + count;
    if (needed <= this.#bytes.length) return;
    const wider = new Uint8Array(Math.max(needed, 2 * this.#bytes.length));
    wider.set(this.#bytes);
    this.#bytes = wider;
    this.#view = new DataView(wider.buffer);
  }
}
