// The words of the journal: what happened to a model, in order. State is a fold of these entries over a snapshot
// (DESIGN.md), so nothing that changes a model may be missing here. They live in this room because the pipeline writes
// them and the store keeps them, and neither knows the other.

/**
 * Names what a row is: a labelled sample, a question (features, answered later) or an answer (an id and its label, with
 * the features and the prediction of its question: a replay needs no question older than itself).
 */
export type RowKind = "sample" | "question" | "answer";

/** Tells the producer's numbers of consecutive rows: row `offset + i` of the block has number `seq + i`. */
export interface Numbering {
  readonly offset: number;
  readonly rows: number;
  readonly source: string;
  readonly epoch: string;
  readonly seq: number;
}

/** Holds consecutive rows of one kind, by column. The columns are on loan until the transaction is committed. */
export interface RowsEntry {
  readonly type: "rows";
  readonly rowKind: RowKind;
  /** Sequence of the first row; row i has `firstSequence + i`. */
  readonly firstSequence: number;
  readonly rows: number;
  /** (rows, I) row-major; NaN is a missing feature. */
  readonly features: Float64Array;
  /** (rows), or null for questions. */
  readonly labels: Float64Array | null;
  /** (rows) factors of the loss, or null when all are 1. */
  readonly weights: Float64Array | null;
  /** (rows, K) what was predicted when the question came, as stored bits; null for samples. */
  readonly predictions: Float64Array | null;
  /** (rows) event time in ms since 1970, NaN where none came; null when no row has one. */
  readonly times: Float64Array | null;
  /** (rows) the rows' ids; null when no row has one. */
  readonly ids: readonly (string | null)[] | null;
  /** Ascending by offset, disjoint; rows outside of every run are unnumbered. */
  readonly numbering: readonly Numbering[];
}

/**
 * Holds consecutive training steps. Cut i trained the oldest `rows[i]` pending rows; the questions among them are passed
 * over. Columns on loan as in RowsEntry.
 */
export interface CutsEntry {
  readonly type: "cuts";
  /** The step that the first cut brought the model to; cut i brought it to `firstStep + i`. */
  readonly firstStep: number;
  /** Sequence of the first row that the first cut trained. */
  readonly firstSequence: number;
  readonly count: number;
  /** (count) rows taken by each cut, ≥ 1. */
  readonly rows: Uint32Array;
  /** (count) mean loss over the mini-batch before its update. */
  readonly costs: Float64Array;
  /** (count) 1 where the step made the state non-finite and was undone. */
  readonly undone: Uint8Array;
}

/** Orders the model about; applied between two steps, after the pending rows were trained. */
export type Command =
  | { readonly kind: "rollback"; readonly snapshot: number; readonly checksum: string }
  | { readonly kind: "reset"; readonly config: string; readonly hash: string; readonly numerics: number }
  /** `learner` is what was imported, as a state block in base64: it is in no snapshot from which it could be read. */
  | { readonly kind: "import"; readonly learner: string };

export interface CommandEntry {
  readonly type: "command";
  readonly command: Command;
}

/** Puts a learner-relevant configuration in force from here on: canonical JSON, its SHA-256, and the numerics of the program. */
export interface ConfigEntry {
  readonly type: "config";
  readonly config: string;
  readonly hash: string;
  readonly numerics: number;
}

/**
 * Records an outcome that is no pure function of former entries. `settled`: numbered rows were refused into quarantine.
 * `passed`: the oldest `rows` pending rows are questions, which no step will train.
 */
export type Decision =
  | {
      readonly kind: "settled";
      readonly source: string;
      readonly epoch: string;
      readonly seq: number;
      readonly rows: number;
    }
  | { readonly kind: "passed"; readonly rows: number };

export interface DecisionEntry {
  readonly type: "decision";
  readonly decision: Decision;
}

export type Entry = RowsEntry | CutsEntry | CommandEntry | ConfigEntry | DecisionEntry;

/** Counts the ordinals that an entry takes: one a cut, command, config or decision; rows have sequences instead. */
export function ordinalsOf(entry: Entry): number {
  switch (entry.type) {
    case "rows":
      return 0;
    case "cuts":
      return entry.count;
    case "command":
    case "config":
    case "decision":
      return 1;
  }
}
