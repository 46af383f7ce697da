import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach } from "vitest";
import type { CutsEntry, Entry, RowsEntry } from "../../src/learner/entry.ts";
import type { SavedState, Section, SnapshotMark, Transaction } from "../../src/learner/transaction.ts";
import { ByteWriter } from "../../src/store/byte-writer.ts";
import { encodeTransaction } from "../../src/store/encode-transaction.ts";
import { unpackPage } from "../../src/store/journal-page.ts";
import { openStore } from "../../src/store/open-store.ts";
import type { CommitRecord, StateRecord, Store } from "../../src/store/store.ts";

const cleanups: (() => unknown)[] = [];

afterEach(() => {
  for (const cleanup of cleanups.splice(0).reverse()) cleanup();
});

/** Makes a folder that is removed after the test. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "rivulet-store-"));
  cleanups.push(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Opens a store; it is closed after the test. */
export function open(folder = temporaryFolder()): Store {
  const store = openStore({ folder });
  cleanups.push(() => store.close());
  return store;
}

/** Commits as the thread of the store does. */
export function commit(store: Store, transaction: Transaction): void {
  store.commit(encodeTransaction(new ByteWriter(), transaction));
}

/** Reads commits as the thread of the store does. */
export function commits(
  store: Store,
  { model, ...query }: { readonly from: number; readonly limit: number; readonly model: string },
): readonly CommitRecord[] {
  return unpackPage(store.journalPage({ ...query, models: [{ name: model, from: query.from }] }));
}

type RecoveryState =
  | { readonly id: number; readonly good: true; readonly state: StateRecord }
  | { readonly id: number; readonly good: false };

/** Reads all saved states of a model, newest first. */
export function recoveryStates(store: Store, model: string): readonly RecoveryState[] {
  return store.recoveryStateIds(model).map((id) => {
    const state = store.recoveryState(id);
    return state === null ? { id, good: false } : { id, good: true, state };
  });
}

/** Makes rows of two features and a label that count up with their sequence. */
export function rows(firstSequence: number, count: number): RowsEntry {
  return {
    type: "rows",
    rowKind: "sample",
    firstSequence,
    rows: count,
    features: Float64Array.from({ length: 2 * count }, (_, i) => firstSequence + (i >> 1) + (i & 1) / 4),
    labels: Float64Array.from({ length: count }, (_, r) => (firstSequence + r) % 2),
    weights: null,
    predictions: null,
    times: null,
    ids: null,
    numbering: [],
  };
}

/** Makes cuts of four rows each. */
export function cuts(firstStep: number, firstSequence: number, costs: readonly number[]): CutsEntry {
  return {
    type: "cuts",
    firstStep,
    firstSequence,
    count: costs.length,
    rows: new Uint32Array(costs.length).fill(4),
    costs: Float64Array.from(costs),
    undone: Uint8Array.from(costs, (cost) => (Number.isNaN(cost) ? 1 : 0)),
  };
}

/** Writes what a model does, one commit at a time. */
export class Writer {
  readonly store: Store;
  readonly model: string;
  sequence = 0;
  step = 0;
  ordinal = 0;
  snapshot = 0;
  at = 1_700_000_000_000;

  constructor(store: Store, model = "default") {
    this.store = store;
    this.model = model;
  }

  /** Builds a transaction of `steps` steps of four rows, and maybe a saved state after them. */
  transaction(steps: number, saved: Partial<SavedState> | null = null, costs?: readonly number[]): Transaction {
    const entries: Entry[] = [];
    const firstSequence = this.sequence + 1;
    const firstOrdinal = this.ordinal + 1;
    if (steps > 0) {
      entries.push(rows(firstSequence, 4 * steps));
      entries.push(
        cuts(this.step + 1, firstSequence, costs ?? Array.from({ length: steps }, (_, i) => 1 / (this.step + i + 1))),
      );
    }
    this.sequence += 4 * steps;
    this.step += steps;
    this.ordinal += steps;
    const id = this.store.lastCommitId() + 1;
    const section: Section = {
      model: this.model,
      firstSequence,
      rows: 4 * steps,
      firstOrdinal,
      ordinals: steps,
      entries,
    };
    return {
      id,
      at: this.at,
      sections: steps > 0 ? [section] : [],
      states: saved === null ? [] : [this.state(saved, id)],
      refusals: [],
      refusalsUnkept: [],
      requests: [],
    };
  }

  state(extra: Partial<SavedState>, commitFrom: number): SavedState {
    return {
      model: this.model,
      step: this.step,
      sequence: this.sequence,
      ordinal: this.ordinal,
      commitFrom,
      numerics: 1,
      config: '{"features":["x1","x2"],"label":"y"}',
      configHash: "h1",
      cost: 0.5,
      learner: Uint8Array.from({ length: 64 }, (_, i) => (i + this.step) % 256),
      monitor: Uint8Array.from([this.step % 256]),
      snapshot: null,
      ...extra,
    };
  }

  mark(extra: Partial<SnapshotMark> = {}): SnapshotMark {
    this.snapshot = this.store.lastSnapshotId() + 1;
    return {
      id: this.snapshot,
      parent: this.snapshot > 1 ? this.snapshot - 1 : null,
      reason: "time",
      metrics: null,
      ...extra,
    };
  }

  commit(steps: number, saved: Partial<SavedState> | null = null): void {
    commit(this.store, this.transaction(steps, saved));
  }
}
