/** Collects bytes in a buffer that grows: tens of thousands of them as a list of numbers would keep the collector busy. */
export class ByteSink {
  #bytes = new Uint8Array(256);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(byte: number): void {
    if (this.#length === this.#bytes.length) this.#grow(1);
    this.#bytes[this.#length++] = byte;
  }

  append(bytes: ArrayLike<number>): void {
    if (this.#length + bytes.length > this.#bytes.length) this.#grow(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** Appends a whole number from 0 on in LEB128: 7 bits a byte, the lowest first. */
  unsigned(n: number): void {
    let rest = n;
    while (rest > 0x7f) {
      this.push((rest & 0x7f) | 0x80);
      rest = Math.floor(rest / 128);
    }
    this.push(rest);
  }

  /** Appends an i32 in LEB128. */
  signed(n: number): void {
    let rest = n;
    for (;;) {
      const low = rest & 0x7f;
      rest >>= 7;
      const isLast = (rest === 0 && (low & 0x40) === 0) || (rest === -1 && (low & 0x40) !== 0);
      this.push(isLast ? low : low | 0x80);
      if (isLast) return;
    }
  }

  /** Appends a name of ASCII letters, its length before it. */
  name(text: string): void {
    this.push(text.length);
    for (let i = 0; i < text.length; i++) this.push(text.charCodeAt(i));
  }

  /** Returns what was collected: on loan until the next byte. */
  view(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.#length);
  }

  #grow(by: number): void {
    const larger = new Uint8Array(2 * Math.max(this.#bytes.length, this.#length + by));
    larger.set(this.#bytes);
    this.#bytes = larger;
  }
}
