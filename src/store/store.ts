// The store: one SQLite file in the data folder, and the only place that knows SQL. It is synchronous; who calls it
// decides when. DESIGN.md tells the formats and why they are as they are.

import type Database from "better-sqlite3";
import { RivuletError } from "../error.ts";
import type { CutsEntry } from "../learner/entry.ts";
import type { RequestRecord } from "../learner/transaction.ts";
import { ByteWriter } from "./byte-writer.ts";
import { CostHistory, type CostPoint } from "./costs.ts";
import { deleteModel } from "./delete-model.ts";
import { cutsOf, type EncodedTransaction } from "./encode-transaction.ts";
import { isDamage, storeError } from "./failures.ts";
import { type JournalPage, type JournalQuery, packPage } from "./journal-page.ts";
import type { Lock } from "./lock.ts";
import { CLEAN, LAST_SNAPSHOT, NO, RESTORED, RESTORED_TOLD, YES } from "./names.ts";
import { checkDatabase } from "./pragmas.ts";
import {
  type ModelRecord,
  type QuarantineCount,
  type QuarantineRecord,
  quarantineOf,
  type SnapshotRecord,
  type StateRecord,
  type StoreStatus,
  snapshotOf,
  stateOf,
} from "./records.ts";
import { Retention, type RetentionPolicy } from "./retention.ts";
import { Soundness } from "./soundness.ts";
import { type CommitRow, type ModelRow, prepareStatements, type Statements } from "./statements.ts";
import { readStatus } from "./status.ts";
import { writeRequest, writeTransaction } from "./write-transaction.ts";

export type { CostPoint } from "./costs.ts";
export type * from "./records.ts";
export type { RetentionPolicy } from "./retention.ts";

/** Bytes of journal read in one go. */
const PAGE_BYTES_MAX = 1_000_000;
const TAG = /^[A-Za-z0-9._-]{1,64}$/;
/** Names that mean something else where a snapshot is asked for. */
const RESERVED_TAGS: readonly string[] = ["best"];

/** Holds an open store. Everything that SQL answers goes through it. */
export class Store {
  readonly #db: Database.Database;
  readonly #lock: Lock;
  readonly #path: string;
  readonly #statements: Statements;
  readonly #writer = new ByteWriter();
  readonly #costs = new Map<number, CostHistory>();
  readonly #retention: Retention;
  readonly #soundness: Soundness;
  #models = new Map<string, ModelRow>();
  /** The last row that each model was committed since the start. */
  readonly #lastSequences = new Map<string, number>();
  #lastCommit: number;
  #closed = false;

  /** Takes over an open database and its lock; use `openStore`. */
  constructor(db: Database.Database, lock: Lock, path: string) {
    this.#db = db;
    this.#lock = lock;
    this.#path = path;
    this.#statements = prepareStatements(db);
    this.#soundness = new Soundness(db, path);
    if (this.#statements.metaGet.get(CLEAN)?.value === NO) checkDatabase(db, path);
    this.#statements.metaSet.run(CLEAN, NO);
    this.#lastCommit = this.#statements.journalSpan.get()?.last ?? 0;
    this.#retention = new Retention(db, this.#statements, path);
    this.#readModels();
  }

  /**
   * Makes a transaction durable, all of it or nothing. Throws `store-failed`; then the same transaction may be handed over
   * again.
   */
  commit(transaction: EncodedTransaction): void {
    if (transaction.id !== this.#lastCommit + 1) {
      throw new Error(`commit ${transaction.id} does not follow commit ${this.#lastCommit}`);
    }
    this.#soundness.assert();
    const models = this.#models;
    try {
      // Taking the last one back may have failed as well.
      if (this.#db.inTransaction) this.#statements.rollback.run();
      this.#statements.begin.run();
      for (const name of new Set([...transaction.sections, ...transaction.states].map(({ model }) => model))) {
        if (!this.#models.has(name)) this.#addModel(name, transaction.at);
      }
      writeTransaction(this.#statements, transaction, (name) => this.#idOf(name));
      // All reading is done by now: what failed after the commit would have the same transaction handed over again.
      for (const { model } of transaction.sections) this.#history(this.#idOf(model));
      for (const { model } of transaction.states) this.#history(this.#idOf(model)).write();
      this.#statements.commit.run();
    } catch (cause) {
      this.#models = models;
      this.#takeBack();
      throw storeError(cause, this.#path);
    }
    this.#lastCommit = transaction.id;
    for (const { model, firstSequence, rows } of transaction.sections)
      this.#lastSequences.set(model, firstSequence + rows - 1);
    for (const { model } of transaction.states) this.#history(this.#idOf(model)).written();
    for (const { model, cuts } of transaction.sections) {
      for (const entry of cuts) this.#history(this.#idOf(model)).feed(cutsOf(transaction, entry), transaction.at);
    }
  }

  /** Finds a request that was obeyed, among the newest 1000 that had a name. */
  request(transaction: string): RequestRecord | null {
    const row = this.#statements.requestByName.get(transaction);
    return row === undefined ? null : { transaction: row.name, digest: row.digest, outcome: row.outcome };
  }

  /** Remembers a request that changed nothing in the store. */
  remember(request: RequestRecord): void {
    this.#write(() => this.#db.transaction(() => writeRequest(this.#statements, request))());
  }

  /** Tells when the store was restored from a backup, ms since 1970, and whether that was told; null where it never was. */
  restored(): { readonly atMs: number; readonly told: boolean } | null {
    const at = this.#statements.metaGet.get(RESTORED)?.value;
    if (at === undefined) return null;
    return { atMs: Number(at), told: this.#statements.metaGet.get(RESTORED_TOLD)?.value === YES };
  }

  /** Remembers that the restoration was told. */
  restoredTold(): void {
    this.#write(() => this.#statements.metaSet.run(RESTORED_TOLD, YES));
  }

  models(): readonly ModelRecord[] {
    return [...this.#models.values()].map(({ name, active, created_at_ms }) => ({
      name,
      active: active === 1,
      createdAtMs: created_at_ms,
    }));
  }

  /** Marks the models of the configuration as active, and all others as not. */
  setActive(names: readonly string[]): void {
    this.#write(() => {
      for (const { id, name } of this.#models.values()) {
        this.#statements.modelActive.run(names.includes(name) ? 1 : 0, id);
      }
    });
    this.#readModels();
  }

  /**
   * Removes everything that is stored of a model; the others' journal stays as it is. `request` is remembered together
   * with it. Throws `unknown-model`.
   */
  deleteModel(name: string, request: RequestRecord | null = null): void {
    const id = this.#idOf(name);
    this.#write(() => {
      this.#statements.metaSet.run(LAST_SNAPSHOT, String(this.lastSnapshotId()));
      deleteModel(this.#db, this.#statements, this.#writer, { id, name }, request);
    });
    this.#costs.delete(id);
    this.#lastSequences.delete(name);
    this.#readModels();
  }

  /** Lists a model's snapshots, newest first, those older than `before`. */
  snapshots(query: {
    readonly model: string;
    readonly limit: number;
    readonly before?: number;
  }): readonly SnapshotRecord[] {
    const before = query.before ?? Number.MAX_SAFE_INTEGER;
    return this.#statements.snapshotPage.all(this.#idOf(query.model), before, query.limit).map(snapshotOf);
  }

  snapshot(id: number): SnapshotRecord | null {
    const row = this.#statements.snapshotById.get(id);
    return row === undefined ? null : snapshotOf(row);
  }

  /** Finds a model's snapshot by its id, in digits, or by its tag. */
  findSnapshot(model: string, idOrTag: string): SnapshotRecord | null {
    if (!/^\d+$/.test(idOrTag)) {
      const row = this.#statements.snapshotByTag.get(this.#idOf(model), idOrTag);
      return row === undefined ? null : snapshotOf(row);
    }
    const record = this.snapshot(Number(idOrTag));
    return record?.model === model ? record : null;
  }

  /**
   * Names a snapshot; the tag is taken off another snapshot of the model that has it. `request` is remembered together
   * with it. Throws `usage`, `unknown-snapshot`.
   */
  tag(id: number, tag: string, request: RequestRecord | null = null): void {
    if (!TAG.test(tag) || /^\d+$/.test(tag) || RESERVED_TAGS.includes(tag)) {
      throw new RivuletError("usage", `${JSON.stringify(tag)} is no tag`, {
        hint: "A tag has 1 to 64 letters, digits, dots, underscores and hyphens, is no number, and not best.",
      });
    }
    const record = this.snapshot(id);
    if (record === null) throw new RivuletError("unknown-snapshot", `there is no snapshot ${id}`);
    if (record.thinned) {
      throw new RivuletError("journal-pruned", `the state of snapshot ${id} was thinned out`, {
        hint: "Only snapshots that still hold their state can be tagged.",
      });
    }
    const write = this.#db.transaction(() => {
      this.#statements.tagSet.run({ snapshot: id, tag });
      if (request !== null) writeRequest(this.#statements, request);
    });
    this.#write(() => write());
    this.#retention.lookAgain();
  }

  /** Tells the highest snapshot id that was ever used, deleted ones included; 0 before the first. */
  lastSnapshotId(): number {
    const kept = Number(this.#statements.metaGet.get(LAST_SNAPSHOT)?.value ?? 0);
    return Math.max(kept, this.#statements.snapshotMax.get()?.id ?? 0);
  }

  /** Reads a snapshot's states. Throws `unknown-snapshot`, `journal-pruned` where it was thinned out, `state-damaged`. */
  state(snapshot: number): StateRecord {
    const row = this.#statements.snapshotById.get(snapshot);
    if (row === undefined) throw new RivuletError("unknown-snapshot", `there is no snapshot ${snapshot}`);
    const state = row.state_id === null ? undefined : this.#statements.stateById.get(row.state_id);
    if (state !== undefined) return stateOf(state);
    throw new RivuletError(
      "journal-pruned",
      `the state of snapshot ${snapshot} was thinned out; only its metadata is left`,
      {
        hint: "Tag the snapshots that you want to be able to go back to.",
      },
    );
  }

  /** Lists a model's saved states, newest first: where recovery may begin. */
  recoveryStateIds(model: string): readonly number[] {
    return this.#statements.stateIdsNewestFirst.all(this.#idOf(model), Number.MAX_SAFE_INTEGER).map(({ id }) => id);
  }

  /** Reads a saved state; null where it is damaged, or gone. */
  recoveryState(id: number): StateRecord | null {
    try {
      const row = this.#statements.stateById.get(id);
      return row === undefined ? null : stateOf(row);
    } catch (error) {
      if (!(error instanceof RivuletError) && !isDamage(error)) throw error;
      return null;
    }
  }

  /** Tells the commit from which the journal of a model is complete. */
  journalFrom(model: string): number {
    return this.#modelOf(model).journal_from;
  }

  /** Tells the newest commit; 0 before the first. */
  lastCommitId(): number {
    return this.#lastCommit;
  }

  /** Tells a commit at or before the one that holds a row, from which on the row can be found. */
  commitForSequence(model: string, sequence: number): number {
    return this.#statements.stateBefore.get(this.#idOf(model), sequence)?.commit_from ?? 1;
  }

  /** Tells the commit that follows the last state saved before a row, and the configuration of then; null where none is held. */
  stateBefore(model: string, sequence: number): { readonly commitFrom: number; readonly config: string } | null {
    const row = this.#statements.stateBefore.get(this.#idOf(model), sequence);
    return row === undefined ? null : { commitFrom: row.commit_from, config: row.config };
  }

  /** Reads commits from an id on, in order: at most `limit`, and fewer where they are large. Throws `journal-damaged`, `unknown-model`. */
  journalPage(query: JournalQuery): JournalPage {
    const commits: CommitRow[] = [];
    let bytes = 0;
    for (const row of this.#statements.journalPage.iterate(query.from, query.limit)) {
      commits.push(row);
      bytes += row.entries.length;
      if (bytes > PAGE_BYTES_MAX) break;
    }
    return packPage(
      query.models.map((model) => ({ ...model, id: this.#idOf(model.name) })),
      commits,
    );
  }

  /** Adds committed steps to the cost history again; those that it has are passed over. For recovery. */
  feedCosts(model: string, steps: readonly { readonly cuts: CutsEntry; readonly atMs: number }[]): void {
    const history = this.#history(this.#idOf(model));
    for (const { cuts, atMs } of steps) history.feed(cuts, atMs);
  }

  /** Sums up the costs of steps `from` to `to` in at most `points` points. */
  history(query: {
    readonly model: string;
    readonly from: number;
    readonly to: number;
    readonly points: number;
  }): readonly CostPoint[] {
    return this.#history(this.#idOf(query.model)).query(query.from, query.to, query.points);
  }

  /** Lists refused messages, newest first, those older than `before`. */
  quarantine(query: { readonly limit: number; readonly before?: number }): readonly QuarantineRecord[] {
    return this.#statements.quarantinePage.all(query.before ?? Number.MAX_SAFE_INTEGER, query.limit).map(quarantineOf);
  }

  /** Counts all messages that were ever refused. */
  quarantineCounts(): readonly QuarantineCount[] {
    return this.#statements.quarantineCounts
      .all()
      .map(({ model, code, count }) => ({ model: model === "" ? null : model, code, count }));
  }

  /** Thins out a bounded bite of what the policies no longer keep; returns whether there may be more. */
  maintain(policies: ReadonlyMap<string, RetentionPolicy>, bytesMax: number): boolean {
    this.#readModels();
    const models = [...this.#models.values()].map((row) => ({
      ...row,
      last_sequence: Math.max(row.last_sequence, this.#lastSequences.get(row.name) ?? 0),
    }));
    return this.#retention.bite(models, policies, bytesMax, (model) => this.#history(model).lastStep);
  }

  /** Tells how the store is, also where it cannot be read. */
  status(): StoreStatus {
    return readStatus(this.#statements, this.#path, (cause) => this.failed(cause));
  }

  /**
   * Makes an error of ours of what a method threw. Where it tells of damage, nothing is committed any more until the file
   * was looked at and found good.
   */
  failed(cause: unknown): unknown {
    const error = storeError(cause, this.#path);
    if (error instanceof RivuletError && error.code === "store-damaged") this.#soundness.suspect(error);
    return error;
  }

  /** Marks the stop as clean, closes the file and lets go of the lock. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    try {
      // One that was found damaged is looked at when it is opened again.
      if (!this.#soundness.suspected) this.#statements.metaSet.run(CLEAN, YES);
    } finally {
      this.#db.close();
      this.#lock.release();
    }
  }

  /** Runs a small write of its own. Throws `store-failed`. */
  #write(write: () => void): void {
    try {
      write();
    } catch (cause) {
      throw storeError(cause, this.#path);
    }
  }

  #takeBack(): void {
    try {
      if (this.#db.inTransaction) this.#statements.rollback.run();
    } catch (cause) {
      // A disk that cannot be read lets nothing be taken back either: the next commit begins with it.
      if (!(storeError(cause, this.#path) instanceof RivuletError)) throw cause;
    }
  }

  #addModel(name: string, at: number): void {
    this.#statements.modelInsert.run(name, at);
    this.#readModels();
  }

  #history(model: number): CostHistory {
    let history = this.#costs.get(model);
    if (history === undefined) {
      history = new CostHistory(model, this.#statements);
      this.#costs.set(model, history);
    }
    return history;
  }

  #idOf(name: string): number {
    return this.#modelOf(name).id;
  }

  #modelOf(name: string): ModelRow {
    const row = this.#models.get(name);
    if (row === undefined) throw new RivuletError("unknown-model", `nothing is stored of a model ${name}`);
    return row;
  }

  #readModels(): void {
    this.#models = new Map(this.#statements.models.all().map((row) => [row.name, row]));
  }
}
