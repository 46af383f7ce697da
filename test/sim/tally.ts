/** Counts, number by number, for numbers from 1 on: a byte each, however many there are. */
export class Tally {
  /** The highest number counted. */
  last = 0;
  #counts = new Uint8Array(1024);

  /** Counts a number, up to 255 times; returns how often it was counted before. */
  add(number: number): number {
    if (number >= this.#counts.length) {
      const longer = new Uint8Array(2 * number);
      longer.set(this.#counts);
      this.#counts = longer;
    }
    const before = this.#counts[number] ?? 0;
    if (before < 255) this.#counts[number] = before + 1;
    this.last = Math.max(this.last, number);
    return before;
  }

  at(number: number): number {
    return this.#counts[number] ?? 0;
  }
}
