// The cost history: records of single steps, and roll-ups of 16, 256, … steps, packed into chunks. What is not in a chunk
// that is written is in memory, and comes back from the journal after a crash: chunks are written when a state is saved.

import type { CutsEntry } from "../learner/entry.ts";
import { CostChunk, type CostSum, RECORDS_PER_CHUNK, strideOf, TIERS } from "./cost-chunk.ts";
import type { Statements } from "./statements.ts";

/** Sums up the steps since the point before it, up to `step`. Undone steps have no cost; a point of them alone is NaN. */
export interface CostPoint {
  readonly step: number;
  readonly sequence: number;
  readonly atMs: number;
  readonly cost: number;
  readonly min: number;
  readonly max: number;
}

/** Keeps the cost history of one model. */
export class CostHistory {
  readonly #model: number;
  readonly #statements: Statements;
  /** The chunk of each tier that is being filled. */
  readonly #tails: (CostChunk | null)[];
  /** Chunks that are full and not written yet, as they will be: a third of what they took while they were being filled. */
  #full: FullChunk[] = [];
  #lastStep = 0;

  /** Loads the tails as they were written last. */
  constructor(model: number, statements: Statements) {
    this.#model = model;
    this.#statements = statements;
    this.#tails = Array.from({ length: TIERS }, (_, tier) => {
      const row = statements.costLast.get(model, tier);
      return row === undefined ? null : CostChunk.decode(tier, row.first_step, row.records);
    });
    const newest = this.#tails[0];
    if (newest != null) this.#lastStep = newest.firstStep + newest.records - 1;
  }

  /** The last step that has a record. */
  get lastStep(): number {
    return this.#lastStep;
  }

  /** Adds the steps of an entry; those that are there already are passed over. */
  feed(entry: CutsEntry, atMs: number): void {
    let sequence = entry.firstSequence - 1;
    for (let i = 0; i < entry.count; i++) {
      sequence += entry.rows[i]!;
      const step = entry.firstStep + i;
      if (step <= this.#lastStep) continue;
      this.#lastStep = step;
      const cost = entry.undone[i] === 1 ? Number.NaN : entry.costs[i]!;
      for (let tier = 0; tier < TIERS; tier++) this.#tail(tier, step).add(step, sequence, atMs, cost);
    }
  }

  /** Writes everything that is in memory only, within the transaction that is open. */
  write(): void {
    const tails = this.#tails.filter((chunk) => chunk !== null).map(encoded);
    for (const { tier, firstStep, blob } of [...this.#full, ...tails]) {
      this.#statements.costPut.run(this.#model, tier, firstStep, blob);
    }
  }

  /** Lets go of full chunks, after the transaction that wrote them was committed. */
  written(): void {
    this.#full = [];
  }

  /** Sums up steps `from` to `to` in at most `points` points. Where single steps are no longer kept, roll-ups answer. */
  query(from: number, to: number, points: number): readonly CostPoint[] {
    const start = Math.max(1, from) - 1;
    const end = Math.min(to, this.#lastStep);
    if (end <= start) return [];
    let tier = 0;
    while (tier + 1 < TIERS && strideOf(tier + 1) <= (end - start) / points) tier++;
    const stride = strideOf(tier);
    const origin = Math.floor(start / stride) * stride;
    let width = Math.ceil((end - start) / points / stride) * stride;
    if (Math.ceil((end - origin) / width) > points) width += stride;
    const sums = new Map<number, CostSum & { end: number }>();
    const add = (chunk: CostChunk, r: number, recordStart: number, recordEnd: number) => {
      const bin = Math.max(0, Math.floor((recordStart - origin) / width));
      let sum = sums.get(bin);
      if (sum === undefined) {
        sum = {
          sequence: 0,
          atMs: 0,
          sum: 0,
          count: 0,
          min: Number.POSITIVE_INFINITY,
          max: Number.NEGATIVE_INFINITY,
          end: 0,
        };
        sums.set(bin, sum);
      }
      chunk.addTo(sum, r);
      sum.end = Math.min(recordEnd, this.#lastStep);
    };
    this.#cover(start, end, tier, this.#firstSingle() - 1, add);
    return [...sums.values()].map(({ end: step, sequence, atMs, sum, count, min, max }) => ({
      step,
      sequence,
      atMs,
      cost: count === 0 ? Number.NaN : sum / count,
      min: count === 0 ? Number.NaN : min,
      max: count === 0 ? Number.NaN : max,
    }));
  }

  /**
   * Visits records that together cover steps [start, end), counted from 0, in order: whole records of the tier inside,
   * finer ones at both ends. Before `single`, a multiple of every stride that matters, single steps are summed up already.
   */
  #cover(start: number, end: number, tier: number, single: number, add: Visit): void {
    if (start >= end) return;
    const stride = strideOf(Math.max(1, tier));
    if (tier === 0) {
      if (start < single) this.#visit(1, Math.floor(start / stride) * stride, Math.min(end, single), add);
      return this.#visit(0, Math.max(start, single), end, add);
    }
    const from = Math.ceil(start / stride) * stride;
    const to = Math.floor(end / stride) * stride;
    if (from >= to) return this.#cover(start, end, tier - 1, single, add);
    this.#cover(start, from, tier - 1, single, add);
    this.#visit(tier, from, to, add);
    this.#cover(to, end, tier - 1, single, add);
  }

  #visit(tier: number, start: number, end: number, add: Visit): void {
    const stride = strideOf(tier);
    for (const chunk of this.#chunks(tier, start + 1, end)) {
      for (let r = 0; r < chunk.records; r++) {
        const recordStart = chunk.firstStep - 1 + r * stride;
        if (recordStart >= start && recordStart < end) add(chunk, r, recordStart, recordStart + stride);
      }
    }
  }

  *#chunks(tier: number, fromStep: number, toStep: number): Generator<CostChunk> {
    const first = CostChunk.firstStepFor(tier, fromStep);
    const held = [...this.#full, this.#tails[tier] ?? null].filter(
      (chunk): chunk is FullChunk | CostChunk =>
        chunk !== null && chunk.tier === tier && chunk.firstStep >= first && chunk.firstStep <= toStep,
    );
    const before = held[0]?.firstStep ?? Number.POSITIVE_INFINITY;
    for (const row of this.#statements.costRange.iterate(this.#model, tier, first, Math.min(toStep, before - 1))) {
      yield CostChunk.decode(tier, row.first_step, row.records);
    }
    for (const chunk of held)
      yield chunk instanceof CostChunk ? chunk : CostChunk.decode(tier, chunk.firstStep, chunk.blob);
  }

  /** Tells the first step that has a record of its own. */
  #firstSingle(): number {
    const written = this.#statements.costFirst.get(this.#model, 0)?.first_step;
    return written ?? this.#full.find((chunk) => chunk.tier === 0)?.firstStep ?? this.#tails[0]?.firstStep ?? 1;
  }

  #tail(tier: number, step: number): CostChunk {
    let tail = this.#tails[tier] ?? null;
    if (tail === null || step >= tail.endStep) {
      if (tail !== null) this.#full.push(encoded(tail));
      tail = new CostChunk(tier, CostChunk.firstStepFor(tier, step));
      this.#tails[tier] = tail;
    }
    return tail;
  }
}

/** Is a chunk as it is written. */
interface FullChunk {
  readonly tier: number;
  readonly firstStep: number;
  readonly blob: Uint8Array;
}

function encoded(chunk: CostChunk): FullChunk {
  return { tier: chunk.tier, firstStep: chunk.firstStep, blob: chunk.encode() };
}

type Visit = (chunk: CostChunk, r: number, recordStart: number, recordEnd: number) => void;

/** Steps that a chunk of single steps covers: what one bite of retention takes at least. */
export const CHUNK_STEPS = RECORDS_PER_CHUNK;
