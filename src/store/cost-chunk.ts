// A run of cost records of one tier: a record sums up `strideOf(tier)` steps. Tier 0 keeps each step by itself.

import { packed, unpacked } from "./packed.ts";

/** Begins what is written by columns; what begins otherwise is of an earlier release, by records. */
const MAGIC = Buffer.from("RvC2", "latin1");

export const RECORDS_PER_CHUNK = 512;
/** Records that a chunk has room for at first: of hundreds of models most tails are nearly empty. */
const RECORDS_INITIAL = 8;
const TIER_FACTOR = 16;
export const TIERS = 6;

/** The first fields, sequence and time, are whole numbers that rise: they are written as differences. */
const DIFFERENCES = 2;

/** Counts the numbers of a record: sequence, time, sum, count of costs, min, max; of a single step sequence, time, cost. */
function fieldsOf(tier: number): number {
  return tier === 0 ? 3 : 6;
}

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
  readonly #fields: number;
  #data: Float64Array;

  constructor(tier: number, firstStep: number, records = RECORDS_INITIAL) {
    this.tier = tier;
    this.firstStep = firstStep;
    this.#fields = fieldsOf(tier);
    this.#data = new Float64Array(records * this.#fields);
  }

  /** Tells the first step of the chunk that a step belongs to. */
  static firstStepFor(tier: number, step: number): number {
    const steps = RECORDS_PER_CHUNK * strideOf(tier);
    return Math.floor((step - 1) / steps) * steps + 1;
  }

  /** Reads what `encode` wrote, or what earlier releases did. */
  static decode(tier: number, firstStep: number, blob: Uint8Array): CostChunk {
    const fields = fieldsOf(tier);
    const read = MAGIC.equals(blob.subarray(0, MAGIC.length)) ? byColumns(blob, fields) : byRecords(blob, fields);
    const chunk = new CostChunk(tier, firstStep, read.records);
    chunk.records = read.records;
    for (let r = 0; r < chunk.records; r++) {
      for (let f = 0; f < fields; f++) chunk.#data[r * fields + f] = read.value(r, f);
    }
    return chunk;
  }

  /**
   * Writes it by columns, sequences and times as differences, and of a column first all lowest bytes, then the next ones:
   * most of that deflates to nothing.
   */
  encode(): Uint8Array {
    const { records } = this;
    const fields = this.#fields;
    const bytes = new Uint8Array(records * 8 * fields);
    const cell = new DataView(new ArrayBuffer(8));
    for (let f = 0; f < fields; f++) {
      let before = 0;
      for (let r = 0; r < records; r++) {
        const value = this.#data[r * fields + f]!;
        cell.setFloat64(0, f < DIFFERENCES ? value - before : value, true);
        before = value;
        for (let b = 0; b < 8; b++) bytes[(8 * f + b) * records + r] = cell.getUint8(b);
      }
    }
    return Buffer.concat([MAGIC, packed(bytes)]);
  }

  /** The first step after the chunk. */
  get endStep(): number {
    return this.firstStep + RECORDS_PER_CHUNK * strideOf(this.tier);
  }

  /** Adds a step of this chunk; steps come in order. A step that was undone has the cost NaN. */
  add(step: number, sequence: number, atMs: number, cost: number): void {
    const r = Math.floor((step - this.firstStep) / strideOf(this.tier));
    this.#reserve(r + 1);
    const data = this.#data;
    const at = r * this.#fields;
    if (this.tier === 0) {
      for (; this.records < r; this.records++) data.set([0, 0, Number.NaN], this.records * this.#fields);
      data.set([sequence, atMs, cost], at);
      this.records = r + 1;
      return;
    }
    for (; this.records <= r; this.records++) {
      data.set([0, 0, 0, 0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY], this.records * this.#fields);
    }
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
    const at = r * this.#fields;
    sum.sequence = data[at]!;
    sum.atMs = data[at + 1]!;
    const cost = data[at + 2]!;
    if (Number.isNaN(cost)) return;
    const isSingle = this.tier === 0;
    const [least, most] = isSingle ? [cost, cost] : [data[at + 4]!, data[at + 5]!];
    sum.sum += cost;
    sum.count += isSingle ? 1 : data[at + 3]!;
    if (least < sum.min) sum.min = least;
    if (most > sum.max) sum.max = most;
  }

  /** Gives room for so many records. */
  #reserve(records: number): void {
    if (records * this.#fields <= this.#data.length) return;
    const former = this.#data;
    const room = Math.min(RECORDS_PER_CHUNK, Math.max(records, (2 * former.length) / this.#fields));
    this.#data = new Float64Array(room * this.#fields);
    this.#data.set(former);
  }
}

interface Records {
  readonly records: number;
  value(record: number, field: number): number;
}

function byRecords(blob: Uint8Array, fields: number): Records {
  const view = new DataView(blob.buffer, blob.byteOffset, blob.byteLength);
  return {
    records: Math.min(RECORDS_PER_CHUNK, Math.floor(blob.length / (8 * fields))),
    value: (r, f) => view.getFloat64(8 * (r * fields + f), true),
  };
}

function byColumns(blob: Uint8Array, fields: number): Records {
  const bytes = unpacked(blob.subarray(MAGIC.length));
  const records = Math.min(RECORDS_PER_CHUNK, Math.floor(bytes.length / (8 * fields)));
  const cell = new DataView(new ArrayBuffer(8));
  const values = new Float64Array(records * fields);
  for (let f = 0; f < fields; f++) {
    let before = 0;
    for (let r = 0; r < records; r++) {
      for (let b = 0; b < 8; b++) cell.setUint8(b, bytes[(8 * f + b) * records + r]!);
      before = f < DIFFERENCES ? before + cell.getFloat64(0, true) : cell.getFloat64(0, true);
      values[r * fields + f] = before;
    }
  }
  return { records, value: (r, f) => values[r * fields + f]! };
}
