// The fold: state = fold(snapshot, entries after it). Recovery and verification both go through here, one commit at a
// time, so the memory that it needs is bounded by a commit and the rows pending before it.

import { RivuletError } from "../error.ts";
import type { CommandEntry, CutsEntry, Entry, RowsEntry } from "../learner/entry.ts";
import { NUMERICS } from "../learner/numerics.ts";
import type { Section } from "../learner/transaction.ts";
import { configInForce, type ModelState } from "./model-state.ts";

/** Tells where a replay first differed from what the journal recorded. */
export interface Difference {
  readonly step: number;
  readonly sequence: number;
  readonly what: string;
}

export interface ReplayOptions {
  /** Reads the learner state that a rollback made current. */
  readonly learnerStateOf: (snapshot: number) => Uint8Array;
  /** Called before each ordinal is applied: verification compares the state with a snapshot taken there. */
  readonly beforeOrdinal?: (replay: Replay) => Difference | null;
}

/** Replays sections of one model's journal onto a state, in order. */
export class Replay {
  readonly state: ModelState;
  /** Set once the replay and the journal disagree; nothing is applied after it. */
  difference: Difference | null = null;
  readonly #options: ReplayOptions;
  /** (B, K) what was predicted of answered questions in the learner's buffers, NaN for other rows; null where there are none. */
  #made: Float64Array | null = null;
  /** Blocks with rows that are not trained, or not yet settled, oldest first. */
  #blocks: RowsEntry[] = [];

  constructor(state: ModelState, options: ReplayOptions) {
    this.state = state;
    this.#options = options;
  }

  /** The blocks that hold the rows after the last one trained, oldest first. */
  get pending(): readonly RowsEntry[] {
    return this.#blocks.filter((block) => lastOf(block) > this.state.sequence);
  }

  /** Counts the rows after the last one trained. */
  get pendingRows(): number {
    const last = this.#blocks.at(-1);
    return last === undefined ? 0 : Math.max(0, lastOf(last) - this.state.sequence);
  }

  /**
   * Applies what comes after the state's position; entries before it are passed over. Rows that are not trained yet are
   * kept, and noted as accepted only where what follows depends on it: call `settleTo` after the last section.
   */
  apply(section: Section): void {
    let ordinal = section.firstOrdinal;
    for (const entry of section.entries) {
      if (this.difference !== null) return;
      const first = ordinal;
      ordinal += entry.type === "rows" ? 0 : entry.type === "cuts" ? entry.count : 1;
      if (entry.type !== "rows" && ordinal - 1 <= this.state.ordinal) continue;
      this.#entry(entry, first);
    }
  }

  /** Notes the rows up to `sequence` as accepted: the monitor state of a snapshot covers just those. */
  settleTo(sequence: number): void {
    const { state } = this;
    for (const block of this.#blocks) {
      const last = Math.min(block.firstSequence + block.rows - 1, sequence);
      if (last <= state.accepted) continue;
      const from = Math.max(block.firstSequence, state.accepted + 1);
      for (const run of block.numbering) {
        const first = Math.max(block.firstSequence + run.offset, from);
        const end = Math.min(block.firstSequence + run.offset + run.rows - 1, last);
        if (first > end) continue;
        const seq = run.seq + first - block.firstSequence - run.offset;
        state.accept(end, [{ ...run, seq, rows: end - first + 1 }]);
      }
      if (block.rowKind !== "sample") this.#settleLate(block, from - block.firstSequence, last - block.firstSequence);
      state.accept(last, []);
    }
  }

  /** Notes the questions, or the answers, of a block's rows `from` to `to`. */
  #settleLate(block: RowsEntry, from: number, to: number): void {
    const { questions, config } = this.state;
    const width = config.learner.features.length;
    const { features, predictions, ids, rows } = block;
    const outputs = (predictions?.length ?? 0) / rows;
    for (let r = from; r <= to; r++) {
      const id = ids?.[r];
      if (id == null || predictions === null)
        throw damaged(`row ${block.firstSequence + r} asks or answers without an id`);
      if (block.rowKind === "answer") questions.answer(id);
      else {
        questions.ask(id, {
          features: features.slice(r * width, (r + 1) * width),
          prediction: predictions.slice(r * outputs, (r + 1) * outputs),
        });
      }
    }
  }

  #entry(entry: Entry, firstOrdinal: number): void {
    const { state } = this;
    switch (entry.type) {
      case "rows":
        if (entry.firstSequence + entry.rows - 1 > state.sequence) this.#blocks.push(entry);
        return;
      case "cuts":
        return this.#cuts(entry, firstOrdinal);
      case "command":
        if (this.#barrier()) this.#command(entry);
        return;
      case "config":
        if (entry.numerics !== NUMERICS) throw numericsDiffer(entry.numerics);
        if (this.#barrier()) state.configure(configInForce(entry.config, entry.hash));
        return;
      case "decision":
        if (this.#barrier()) state.decide(entry.decision);
        return;
    }
  }

  /** Every row before a command, config or decision was accepted before it. Tells whether to go on. */
  #barrier(): boolean {
    this.difference = this.#options.beforeOrdinal?.(this) ?? null;
    if (this.difference === null) this.settleTo(Number.POSITIVE_INFINITY);
    return this.difference === null;
  }

  #command({ command }: CommandEntry): void {
    switch (command.kind) {
      case "rollback":
        return this.state.rollback(this.#options.learnerStateOf(command.snapshot));
      case "import":
        return this.state.import(command.learner);
      case "reset":
        if (command.numerics !== NUMERICS) throw numericsDiffer(command.numerics);
        return this.state.reset(configInForce(command.config, command.hash));
    }
  }

  #cuts(entry: CutsEntry, firstOrdinal: number): void {
    const { state } = this;
    for (let i = 0; i < entry.count && this.difference === null; i++) {
      if (firstOrdinal + i <= state.ordinal) continue;
      this.difference = this.#options.beforeOrdinal?.(this) ?? null;
      if (this.difference !== null) return;
      const taken = entry.rows[i]!;
      const trained = this.#fill(taken);
      state.train(trained, taken, this.#made);
      const { cost, undone } = state.learner.engine;
      if (undone !== (entry.undone[i] === 1)) {
        this.difference = this.#differs(
          undone ? "a step that was applied is undone now" : "an undone step is applied now",
        );
      } else if (!undone && !Object.is(cost, entry.costs[i])) {
        this.difference = this.#differs(`cost ${cost} where the journal has ${entry.costs[i]}`);
      }
    }
  }

  /** Copies the `taken` oldest pending rows, but for questions, into the learner's buffers; returns how many these are. */
  #fill(taken: number): number {
    const { state } = this;
    const { raw } = state.learner;
    const { labels, sampleWeights } = state.learner.engine;
    const features = state.config.learner.features.length;
    let filled = 0;
    this.#made = null;
    this.#drop(state.sequence);
    for (let seen = 0, b = 0; seen < taken; b++) {
      const block = this.#blocks[b];
      if (block === undefined) throw damaged(`the rows after ${state.sequence + seen} are missing`);
      const from = state.sequence + 1 + seen - block.firstSequence;
      if (from < 0 || from >= block.rows) throw damaged(`row ${state.sequence + 1 + seen} is missing`);
      const to = Math.min(block.rows, from + taken - seen);
      seen += to - from;
      if (block.rowKind === "question") continue;
      if (block.labels === null) throw damaged(`row ${block.firstSequence + from} has no label`);
      const end = filled + to - from;
      if (end > labels.length) throw damaged(`a cut of ${end} rows where a mini-batch has at most ${labels.length}`);
      raw.set(block.features.subarray(from * features, to * features), filled * features);
      labels.set(block.labels.subarray(from, to), filled);
      if (block.weights === null) sampleWeights.fill(1, filled, end);
      else sampleWeights.set(block.weights.subarray(from, to), filled);
      if (block.predictions !== null) this.#fillMade(block.predictions, from, to, filled);
      filled = end;
    }
    if (filled === 0) throw damaged(`a cut of ${taken} rows none of which has a label`);
    return filled;
  }

  #fillMade(predictions: Float64Array, from: number, to: number, at: number): void {
    const { engine } = this.state.learner;
    const outputs = engine.outputCount;
    this.#made ??= new Float64Array(engine.labels.length * outputs).fill(Number.NaN);
    this.#made.set(predictions.subarray(from * outputs, to * outputs), at * outputs);
  }

  /** Lets go of blocks that are both trained and settled. */
  #drop(trained: number): void {
    const done = Math.min(trained, this.state.accepted);
    let keep = 0;
    while (keep < this.#blocks.length && lastOf(this.#blocks[keep]!) <= done) keep++;
    if (keep > 0) this.#blocks = this.#blocks.slice(keep);
    // A trained block that is not settled yet must not be taken for pending: settle it now, in the order of the rows.
    const head = this.#blocks[0];
    if (head !== undefined && lastOf(head) <= trained) {
      this.settleTo(trained);
      this.#drop(trained);
    }
  }

  #differs(what: string): Difference {
    return { step: this.state.step, sequence: this.state.sequence, what };
  }
}

function lastOf(block: RowsEntry): number {
  return block.firstSequence + block.rows - 1;
}

function damaged(what: string): RivuletError {
  return new RivuletError("journal-damaged", `the journal cannot be replayed: ${what}`, {
    hint: "Keep a copy of the data folder; an older snapshot may still be rolled back to.",
  });
}

function numericsDiffer(numerics: number): RivuletError {
  return new RivuletError(
    "numerics-differ",
    `the journal was written with numerics ${numerics}, this program has ${NUMERICS}`,
    {
      hint: "Start the release that wrote it once and stop it cleanly, then start this one: after a clean stop nothing is replayed.",
    },
  );
}
