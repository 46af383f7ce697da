import type { Decision, Entry, Numbering, RowsEntry } from "../learner/entry.ts";
import { ordinalsOf, type RowKind } from "../learner/entry.ts";
import type { SavedState, Section } from "../learner/transaction.ts";
import { QUESTION, SAMPLE } from "../sample/rows.ts";
import type { Ring } from "./ring.ts";

/** Cuts for which a column buffer has room at first; it doubles as needed. */
const CUTS_INITIAL = 16;

/** In the order of the kinds in sample/rows.ts. */
const ROW_KINDS: readonly RowKind[] = ["sample", "question", "answer"];

/** Numbers the commits: `filling` is the one that the next seal closes. Shared by all models. */
export interface CommitNumber {
  filling: number;
}

/** Tells which columns the rows of a message have beside features and labels. */
interface RowColumns {
  readonly hasWeights: boolean;
  readonly hasTimes: boolean;
  readonly hasIds: boolean;
  readonly hasLate: boolean;
}

interface CutColumns {
  rows: Uint32Array;
  costs: Float64Array;
  undone: Uint8Array;
}

/**
 * Gathers what one model adds to the transaction that is being filled. Rows stay in the ring and cuts in two sets of
 * columns that take turns, so a sealed section stays as it is until the next seal.
 */
export class Draft {
  readonly #ring: Ring;
  readonly #commit: CommitNumber;
  #entries: Entry[] = [];
  #states: SavedState[] = [];
  #numbering: { sequence: number; rows: number; source: string; epoch: string; seq: number }[] = [];
  /** First row that is in no entry yet. */
  #rowsFrom: number;
  #anyWeight = false;
  #anyTime = false;
  #anyId = false;
  #anyLate = false;
  #columns = cutColumns();
  #spare = cutColumns();
  /** Cuts in the columns, and how many of them are in an entry already. */
  #cuts = 0;
  #cutsTaken = 0;
  #firstStep = 0;
  #firstSequence = 0;
  #nextOrdinal: number;
  /** Commits that hold untrained rows, oldest first, with the first row of each. */
  #spans: { readonly commit: number; readonly firstSequence: number }[] = [];

  constructor(ring: Ring, commit: CommitNumber, nextOrdinal: number) {
    this.#ring = ring;
    this.#commit = commit;
    this.#rowsFrom = ring.head + 1;
    this.#nextOrdinal = nextOrdinal;
  }

  get empty(): boolean {
    return (
      this.#entries.length === 0 &&
      this.#states.length === 0 &&
      this.#rowsFrom > this.#ring.head &&
      this.#cuts === this.#cutsTaken
    );
  }

  /** Notes rows that an earlier run committed and never trained, by the commit that holds the first of them. */
  recovered(commit: number, firstSequence: number): void {
    this.#spans.push({ commit, firstSequence });
    this.#rowsFrom = this.#ring.head + 1;
  }

  /** Notes that the ring's rows from `firstSequence` on were appended. */
  appended(firstSequence: number, { hasWeights, hasTimes, hasIds, hasLate }: RowColumns): void {
    this.#forget(this.#ring.released);
    if (this.#spans.at(-1)?.commit !== this.#commit.filling) {
      this.#spans.push({ commit: this.#commit.filling, firstSequence });
    }
    this.#anyWeight ||= hasWeights;
    this.#anyTime ||= hasTimes;
    this.#anyId ||= hasIds;
    this.#anyLate ||= hasLate;
  }

  /** Notes the producer's numbers of `rows` rows from `sequence` on. */
  numbered(sequence: number, rows: number, source: string, epoch: string, seq: number): void {
    const last = this.#numbering.at(-1);
    const continues =
      last !== undefined &&
      last.source === source &&
      last.epoch === epoch &&
      last.sequence + last.rows === sequence &&
      last.seq + last.rows === seq;
    if (continues) last.rows += rows;
    else this.#numbering.push({ sequence, rows, source, epoch, seq });
  }

  /** Notes a step that took `rows` rows from `firstSequence` on, and brought the model to `step`. */
  cut(step: number, firstSequence: number, rows: number, cost: number, undone: boolean): void {
    if (this.#cuts === this.#columns.rows.length) this.#columns = grown(this.#columns);
    if (this.#cuts === this.#cutsTaken) {
      this.#firstStep = step;
      this.#firstSequence = firstSequence;
    }
    this.#columns.rows[this.#cuts] = rows;
    this.#columns.costs[this.#cuts] = cost;
    this.#columns.undone[this.#cuts] = undone ? 1 : 0;
    this.#cuts++;
  }

  /** Adds a command, config or decision: it keeps its place among the rows and cuts. */
  add(entry: Exclude<Entry, { type: "rows" | "cuts" }>): void {
    this.#close();
    this.#entries.push(entry);
  }

  decided(decision: Decision): void {
    this.add({ type: "decision", decision });
  }

  /** Adds a state of the model, taken after everything noted so far. `trained` is the last row trained. */
  save(state: Omit<SavedState, "commitFrom">, trained: number): void {
    this.#states.push({ ...state, commitFrom: this.#commitFrom(trained) });
  }

  /** Takes what was gathered, or null when nothing was. The columns are on loan until the next seal. */
  seal(model: string): { readonly section: Section | null; readonly states: readonly SavedState[] } {
    const firstSequence = this.#sealedRowsFrom();
    this.#close();
    const entries = this.#entries;
    const states = this.#states;
    this.#entries = [];
    this.#states = [];
    [this.#columns, this.#spare] = [this.#spare, this.#columns];
    this.#cuts = 0;
    this.#cutsTaken = 0;
    if (entries.length === 0) return { section: null, states };
    const ordinals = entries.reduce((sum, entry) => sum + ordinalsOf(entry), 0);
    const rows = this.#rowsFrom - firstSequence;
    const section = { model, firstSequence, rows, firstOrdinal: this.#nextOrdinal, ordinals, entries };
    this.#nextOrdinal += ordinals;
    return { section, states };
  }

  #sealedRowsFrom(): number {
    for (const entry of this.#entries) if (entry.type === "rows") return entry.firstSequence;
    return this.#rowsFrom;
  }

  /** Turns the open rows and cuts into entries. */
  #close(): void {
    while (this.#rowsFrom <= this.#ring.head) {
      const slot = this.#ring.slotOf(this.#rowsFrom);
      const rows = this.#sameKind(slot, Math.min(this.#ring.head + 1 - this.#rowsFrom, this.#ring.capacity - slot));
      this.#entries.push(this.#block(slot, rows));
      this.#rowsFrom += rows;
    }
    this.#numbering = [];
    this.#anyWeight = false;
    this.#anyTime = false;
    this.#anyId = false;
    this.#anyLate = false;
    if (this.#cuts === this.#cutsTaken) return;
    const { rows, costs, undone } = this.#columns;
    this.#entries.push({
      type: "cuts",
      firstStep: this.#firstStep,
      firstSequence: this.#firstSequence,
      count: this.#cuts - this.#cutsTaken,
      rows: rows.subarray(this.#cutsTaken, this.#cuts),
      costs: costs.subarray(this.#cutsTaken, this.#cuts),
      undone: undone.subarray(this.#cutsTaken, this.#cuts),
    });
    this.#cutsTaken = this.#cuts;
  }

  /** Counts the rows from a slot on, up to `rows`, that are of one kind: a block is. */
  #sameKind(slot: number, rows: number): number {
    if (!this.#anyLate) return rows;
    const { kinds } = this.#ring;
    let same = 1;
    while (same < rows && kinds[slot + same] === kinds[slot]) same++;
    return same;
  }

  #block(slot: number, rows: number): RowsEntry {
    const ring = this.#ring;
    const kind = this.#anyLate ? ring.kinds[slot]! : SAMPLE;
    const from = this.#rowsFrom;
    const numbering: Numbering[] = [];
    for (const run of this.#numbering) {
      const first = Math.max(run.sequence, from);
      const end = Math.min(run.sequence + run.rows, from + rows);
      if (first >= end) continue;
      const seq = run.seq + first - run.sequence;
      numbering.push({ offset: first - from, rows: end - first, source: run.source, epoch: run.epoch, seq });
    }
    return {
      type: "rows",
      rowKind: ROW_KINDS[kind]!,
      firstSequence: from,
      rows,
      features: ring.features.subarray(slot * ring.featureCount, (slot + rows) * ring.featureCount),
      labels: kind === QUESTION ? null : ring.labels.subarray(slot, slot + rows),
      weights: this.#anyWeight ? ring.weights.subarray(slot, slot + rows) : null,
      predictions: kind === SAMPLE ? null : this.#predictions(slot, rows),
      times: this.#anyTime ? ring.times.subarray(slot, slot + rows) : null,
      ids: this.#anyId ? ring.ids.slice(slot, slot + rows) : null,
      numbering,
    };
  }

  #predictions(slot: number, rows: number): Float64Array | null {
    const { predictions, capacity } = this.#ring;
    if (predictions === null) return null;
    const outputs = predictions.length / capacity;
    return predictions.subarray(slot * outputs, (slot + rows) * outputs);
  }

  #commitFrom(trained: number): number {
    this.#forget(trained);
    const oldest = this.#spans[0];
    return oldest !== undefined && trained < this.#ring.head ? oldest.commit : this.#commit.filling;
  }

  /** Lets go of commits all of whose rows are trained. */
  #forget(trained: number): void {
    while (this.#spans.length > 1 && (this.#spans[1]?.firstSequence ?? 0) <= trained + 1) this.#spans.shift();
  }
}

function cutColumns(): CutColumns {
  return {
    rows: new Uint32Array(CUTS_INITIAL),
    costs: new Float64Array(CUTS_INITIAL),
    undone: new Uint8Array(CUTS_INITIAL),
  };
}

function grown(columns: CutColumns): CutColumns {
  const length = 2 * columns.rows.length;
  const wider = { rows: new Uint32Array(length), costs: new Float64Array(length), undone: new Uint8Array(length) };
  wider.rows.set(columns.rows);
  wider.costs.set(columns.costs);
  wider.undone.set(columns.undone);
  return wider;
}
