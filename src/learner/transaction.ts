import type { Entry } from "./entry.ts";

/** Holds what one commit adds to one model's journal. */
export interface Section {
  readonly model: string;
  /** Sequence that the first row of this section has, or would have. */
  readonly firstSequence: number;
  readonly rows: number;
  /** Ordinal of the first cut, command, config or decision of this section, counted from 1 over the model's life. */
  readonly firstOrdinal: number;
  readonly ordinals: number;
  readonly entries: readonly Entry[];
}

export type SnapshotReason =
  | "created"
  | "time"
  | "steps"
  | "command"
  | "rollback"
  | "import"
  | "shutdown"
  | "config"
  | "policy"
  | "promotion";

/** Holds both states of a model at one position. `learner` and `monitor` are owned by the receiver. */
export interface SavedState {
  readonly model: string;
  readonly step: number;
  /** The last row trained. */
  readonly sequence: number;
  /** The last ordinal applied. */
  readonly ordinal: number;
  /** The first commit that holds anything after this position: replay starts there. */
  readonly commitFrom: number;
  readonly numerics: number;
  /** The learner-relevant configuration in force, canonical JSON. */
  readonly config: string;
  readonly configHash: string;
  /** Cost of the last step that was not undone; null before the first. */
  readonly cost: number | null;
  readonly learner: Uint8Array;
  readonly monitor: Uint8Array;
  /** The user-visible snapshot that this state belongs to; null for a mere recovery checkpoint. */
  readonly snapshot: SnapshotMark | null;
}

export interface SnapshotMark {
  readonly id: number;
  readonly parent: number | null;
  readonly reason: SnapshotReason;
  readonly metrics: Readonly<Record<string, number | null>> | null;
}

/** Holds a refused message: what came, on which topic, and why it was refused. */
export interface Refusal {
  readonly model: string | null;
  readonly topic: string;
  readonly code: string;
  readonly detail: string;
  /** Length of the whole payload. */
  readonly payloadBytes: number;
  /** The payload, or the beginning of one over the limit; the store keeps its first 4 kB. */
  readonly payload: Uint8Array;
  /** SHA-256 of the whole payload, in hex; null where `payload` is the whole, and the store computes it. */
  readonly sha256: string | null;
}

export interface RefusalCount {
  readonly model: string | null;
  readonly code: string;
  readonly count: number;
}

/** Remembers a request that was obeyed, so that the same one is answered and not obeyed again. */
export interface RequestRecord {
  /** The name that the asker gave it. */
  readonly transaction: string;
  /** SHA-256 of what was asked for. */
  readonly digest: string;
  /** JSON from which the answer can be given again. */
  readonly outcome: string;
}

/** Holds everything that becomes durable at once, for all models. A failed commit is retried with the same value. */
export interface Transaction {
  /** Commits are numbered from 1 without holes. */
  readonly id: number;
  /** When it was sealed, ms since 1970. The only clock of the journal; nothing depends on it. */
  readonly at: number;
  readonly sections: readonly Section[];
  readonly states: readonly SavedState[];
  readonly refusals: readonly Refusal[];
  /** Refusals that were counted but not kept, because more came than are kept in a second. */
  readonly refusalsUnkept: readonly RefusalCount[];
  /** Named requests that this transaction obeys. */
  readonly requests: readonly RequestRecord[];
}
