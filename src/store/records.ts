// What the store tells, as values of the domain, and how rows become them.

import { createHash } from "node:crypto";
import { RivuletError } from "../error.ts";
import type { SavedState, Section, SnapshotReason } from "../learner/transaction.ts";
import { unpacked } from "./packed.ts";
import type { QuarantineRow, SnapshotRow, StateRow } from "./statements.ts";

export interface ModelRecord {
  readonly name: string;
  /** Whether the configuration has it. */
  readonly active: boolean;
  readonly createdAtMs: number;
}

export interface SnapshotRecord {
  readonly id: number;
  readonly model: string;
  readonly parent: number | null;
  readonly reason: SnapshotReason;
  readonly step: number;
  readonly sequence: number;
  /** Where the journal that follows it begins. */
  readonly commitFrom: number;
  readonly createdAtMs: number;
  readonly cost: number | null;
  readonly metrics: Readonly<Record<string, number | null>> | null;
  readonly tags: readonly string[];
  /** Of both states. */
  readonly bytes: number;
  readonly checksum: string;
  /** Whether its states were given up to save room. */
  readonly thinned: boolean;
}

/** Is a saved state whose checksum was good. The blocks are owned by the caller. */
export type StateRecord = Omit<SavedState, "snapshot"> & { readonly checksum: string };

/** Is one commit, with the sections that were asked for. */
export interface CommitRecord {
  readonly id: number;
  readonly atMs: number;
  readonly sections: readonly Section[];
}

export interface QuarantineRecord {
  readonly id: number;
  readonly atMs: number;
  readonly model: string | null;
  readonly topic: string;
  readonly code: string;
  readonly detail: string;
  /** Length of the whole payload. */
  readonly bytes: number;
  readonly sha256: string;
  /** At most the first 4 kB. */
  readonly head: Uint8Array;
}

export interface QuarantineCount {
  readonly model: string | null;
  readonly code: string;
  readonly count: number;
}

export interface StoreStatus {
  readonly fileBytes: number;
  readonly walBytes: number;
  /** The commits and rows that the journal holds; null where it cannot be read. */
  readonly commitsHeld: number | null;
  readonly rowsHeld: number | null;
  /** The oldest commit that is held; null before the first. */
  readonly firstCommit: number | null;
  /** When the newest commit was made; null before the first. */
  readonly newestAtMs: number | null;
  /** Why it cannot be read; null where it can. */
  readonly unreadable: string | null;
}

/** Reads a snapshot's metadata. */
export function snapshotOf(row: SnapshotRow): SnapshotRecord {
  return {
    id: row.id,
    model: row.model,
    parent: row.parent_id,
    reason: row.reason as SnapshotReason,
    step: row.step,
    sequence: row.sequence,
    commitFrom: row.commit_from,
    createdAtMs: row.created_at_ms,
    cost: row.cost,
    metrics: row.metrics === null ? null : JSON.parse(row.metrics),
    tags: row.tags === null ? [] : row.tags.split("\n").sort(),
    bytes: row.bytes,
    checksum: row.checksum,
    thinned: row.state_id === null,
  };
}

/** Reads a saved state. Throws `state-damaged` where its checksum is wrong. */
export function stateOf(row: StateRow): StateRecord {
  const state = {
    model: row.model,
    step: row.step,
    sequence: row.sequence,
    ordinal: row.ordinal,
    commitFrom: row.commit_from,
    numerics: row.numerics,
    config: row.config,
    configHash: row.config_hash,
    cost: row.cost,
    learner: blockOf(row, row.learner),
    monitor: blockOf(row, row.monitor),
  };
  if (checksumOf(state) !== row.checksum) throw stateDamaged(row, "its checksum is wrong");
  return { ...state, checksum: row.checksum };
}

/** Unpacks a block of a saved state into memory that is the caller's. */
function blockOf(row: StateRow, stored: Buffer): Uint8Array {
  try {
    return new Uint8Array(unpacked(stored));
  } catch (error) {
    throw error instanceof RangeError ? stateDamaged(row, "it cannot be unpacked") : error;
  }
}

function stateDamaged({ model, step }: StateRow, why: string): RivuletError {
  return new RivuletError("state-damaged", `a saved state of model ${model} at step ${step} is damaged: ${why}`, {
    hint: "An older snapshot and the journal after it give the same state.",
  });
}

export function quarantineOf({ at_ms, head, ...row }: QuarantineRow): QuarantineRecord {
  return { ...row, atMs: at_ms, head: new Uint8Array(head) };
}

/** Computes what a state is known by: SHA-256 over its position, its configuration and both blocks. */
export function checksumOf(state: Omit<SavedState, "snapshot" | "commitFrom">): string {
  const { model, step, sequence, ordinal, numerics, configHash, config, learner, monitor } = state;
  return createHash("sha256")
    .update(
      JSON.stringify([model, step, sequence, ordinal, numerics, configHash, config, learner.length, monitor.length]),
    )
    .update(learner)
    .update(monitor)
    .digest("hex");
}
