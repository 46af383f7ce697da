// A run of cost records of one tier: a record sums up `strideOf(tier)` steps. Tier 0 keeps each step by itself.

export const RECORDS_PER_CHUNK = 512;
/** Records that a chunk has room for at first: of hundreds of models most tails are nearly empty. */
const RECORDS_INITIAL = 8;
const TIER_FACTOR = 16;
export const TIERS = 6;

/** Numbers of a record in memory: sequence, at, sum, count of costs, min, max. */
const FIELDS = 6;
/** A single step needs no more than its sequence, time and cost. */
const FIELDS_STORED = 3;

/** Counts the steps that a record of a tier sums up. */
export function strideOf(tier: number): number {
  return TIER_FACTOR ** tier;
}

/** Sums up costs: steps that were undone have none. */
export interface CostSum {
  sequence: number;
  atMs: number;
  sum: number;
  count: number;
  min: number;
  max: number;
}

/** Holds up to RECORDS_PER_CHUNK records from `firstStep` on; the last one may be open. */
export class CostChunk {
  readonly tier: number;
  /** A multiple of the chunk's steps, plus 1. */
  readonly firstStep: number;
  records = 0;
  #data: Float64Array;

  constructor(tier: number, firstStep: number, records = RECORDS_INITIAL) {
    this.tier = tier;
    this.firstStep = firstStep;
    this.#data = new Float64Array(records * FIELDS);
  }

  /** Tells the first step of the chunk that a step belongs to. */
  static firstStepFor(tier: number, step: number): number {
    const steps = RECORDS_PER_CHUNK * strideOf(tier);
    return Math.floor((step - 1) / steps) * steps + 1;
  }

  /** Reads what `encode` wrote. */
  static decode(tier: number, firstStep: number, blob: Uint8Array): CostChunk {
    const view = new DataView(blob.buffer, blob.byteOffset, blob.byteLength);
    const fields = tier === 0 ? FIELDS_STORED : FIELDS;
    const records = Math.min(RECORDS_PER_CHUNK, Math.floor(blob.length / (8 * fields)));
    const chunk = new CostChunk(tier, firstStep, records);
    chunk.records = records;
    for (let r = 0; r < chunk.records; r++) {
      for (let f = 0; f < fields; f++) chunk.#data[r * FIELDS + f] = view.getFloat64(8 * (r * fields + f), true);
      if (tier > 0) continue;
      const cost = chunk.#data[r * FIELDS + 2]!;
      const hasCost = !Number.isNaN(cost);
      chunk.#data[r * FIELDS + 2] = hasCost ? cost : 0;
      chunk.#data.set(
        hasCost ? [1, cost, cost] : [0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
        r * FIELDS + 3,
      );
    }
    return chunk;
  }

  encode(): Uint8Array {
    const fields = this.tier === 0 ? FIELDS_STORED : FIELDS;
    const blob = new Uint8Array(this.records * 8 * fields);
    const view = new DataView(blob.buffer);
    for (let r = 0; r < this.records; r++) {
      for (let f = 0; f < fields; f++) view.setFloat64(8 * (r * fields + f), this.#data[r * FIELDS + f]!, true);
      if (this.tier === 0 && this.#data[r * FIELDS + 3] === 0) view.setFloat64(8 * (r * fields + 2), Number.NaN, true);
    }
    return blob;
  }

  /** The first step after the chunk. */
  get endStep(): number {
    return this.firstStep + RECORDS_PER_CHUNK * strideOf(this.tier);
  }

  /** Adds a step of this chunk; steps come in order. */
  add(step: number, sequence: number, atMs: number, cost: number): void {
    const r = Math.floor((step - this.firstStep) / strideOf(this.tier));
    this.#reserve(r + 1);
    const data = this.#data;
    for (; this.records <= r; this.records++) {
      data.set([0, 0, 0, 0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY], this.records * FIELDS);
    }
    const at = r * FIELDS;
    data[at] = sequence;
    data[at + 1] = atMs;
    if (Number.isNaN(cost)) return;
    data[at + 2] = data[at + 2]! + cost;
    data[at + 3] = data[at + 3]! + 1;
    if (cost < data[at + 4]!) data[at + 4] = cost;
    if (cost > data[at + 5]!) data[at + 5] = cost;
  }

  /** Adds record `r` to a sum. */
  addTo(sum: CostSum, r: number): void {
    const data = this.#data;
    const at = r * FIELDS;
    sum.sequence = data[at]!;
    sum.atMs = data[at + 1]!;
    sum.sum += data[at + 2]!;
    sum.count += data[at + 3]!;
    if (data[at + 4]! < sum.min) sum.min = data[at + 4]!;
    if (data[at + 5]! > sum.max) sum.max = data[at + 5]!;
  }

  /** Gives room for so many records. */
  #reserve(records: number): void {
    if (records * FIELDS <= this.#data.length) return;
    const former = this.#data;
    const room = Math.min(RECORDS_PER_CHUNK, Math.max(records, (2 * former.length) / FIELDS));
    this.#data = new Float64Array(room * FIELDS);
    this.#data.set(former);
  }
}
