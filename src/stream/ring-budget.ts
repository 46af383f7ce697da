/** Is what shares a budget: it takes bytes, and can give back those that it does not need at present. */
export interface Shares {
  readonly bytes: number;
  /** Whether slots of it will be free though no more rows come: a mini-batch is full, or a commit is missing. */
  readonly willFree: boolean;
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

  /** Tells whether waiting may help: some ring will have free slots without more rows. */
  get willFree(): boolean {
    for (const ring of this.#rings) if (ring.willFree) return true;
    return false;
  }

  get #bytes(): number {
    let sum = 0;
    for (const ring of this.#rings) sum += ring.bytes;
    return sum;
  }
}
