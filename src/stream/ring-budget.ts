/** Is what shares a budget: it takes bytes, and can give back those that it does not need at present. */
export interface Shares {
  readonly bytes: number;
  /** Gives back what it holds in vain. */
  shrink(): void;
}

/** Bounds what the rings of all models take together. A ring takes more when a burst comes, and keeps it until another wants it. */
export class RingBudget {
  readonly #bytesMax: number;
  readonly #rings = new Set<Shares>();

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Counts a ring from now on, whatever it takes. */
  join(ring: Shares): void {
    this.#rings.add(ring);
  }

  /** Tells whether a ring may take so many bytes more; where they are not there, the others give back what they can. */
  grants(ring: Shares, bytes: number): boolean {
    if (this.#bytes + bytes <= this.#bytesMax) return true;
    for (const other of this.#rings) if (other !== ring) other.shrink();
    return this.#bytes + bytes <= this.#bytesMax;
  }

  get #bytes(): number {
    let sum = 0;
    for (const ring of this.#rings) sum += ring.bytes;
    return sum;
  }
}
