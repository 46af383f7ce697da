/** Is what shares a budget: it takes bytes, and can give back those that it does not need at present. */
export interface Shares {
  readonly bytes: number;
  /** Whether slots of it will be free though no more rows come: a mini-batch is full, or a commit is missing. */
  readonly willFree: boolean;
  /** Gives back what it holds in vain. */
  shrink(): void;
}

/** Slots that a ring has at first: of few models as many as are asked for as the newest ones, of many what they can have. */
const SLOTS_MIN = 16;
const SLOTS_MAX = 1024;
/** Share of the bytes that all have before any burst. */
const SHARE_AT_FIRST = 1 / 16;

/** Tells how many slots a ring begins with, of so many that share the bytes: most are left for bursts. */
export function slotsAtFirst(bytesMax: number, rings: number, rowBytes: number): number {
  return Math.max(SLOTS_MIN, Math.min(SLOTS_MAX, Math.floor((SHARE_AT_FIRST * bytesMax) / (rings * rowBytes))));
}

/** Bounds what the rings of all models take together. A ring takes more when a burst comes, and keeps it until another wants it. */
export class RingBudget {
  readonly #bytesMax: number;
  readonly #rings = new Set<Shares>();

  readonly #ringCount: number;

  /** Of so many rings, together. */
  constructor(bytesMax: number, rings: number) {
    this.#bytesMax = bytesMax;
    this.#ringCount = rings;
  }

  /** Tells how many slots a ring begins with, and shrinks to. */
  slotsAtFirst(rowBytes: number): number {
    return slotsAtFirst(this.#bytesMax, this.#ringCount, rowBytes);
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
