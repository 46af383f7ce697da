// Judges a file of a store as a whole, by everything that can be checked: SQLite's structure, the checksum of each commit
// and of each saved state. What is good enough to go on with is decided here, for backups and for what was found damaged.

import { statSync } from "node:fs";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import Database from "better-sqlite3";
import { RivuletError } from "../error.ts";
import { damaged, storeError } from "./failures.ts";
import { MIGRATIONS } from "./migrations.ts";
import { FILE } from "./names.ts";
import { checkDatabase, identify } from "./pragmas.ts";
import { stateOf } from "./records.ts";
import { prepareStatements, type Statements } from "./statements.ts";

/** Tells what a good file holds. */
export interface FileCheck {
  readonly commits: number;
  readonly states: number;
  /** Commits and states whose checksum is wrong, and that going on does not need. */
  readonly damagedCommits: number;
  readonly damagedStates: number;
  readonly newestAtMs: number | null;
}

/**
 * Checks a file that no process writes to; it is not changed. Throws `store-foreign`, `store-newer`, `store-failed` where
 * it cannot be read, and `store-damaged` where a model could not go on from it: no state of it is good, or a commit
 * after its newest good one is not. `name` is what the file is called in messages.
 */
export function checkFile(path: string, name = path): FileCheck {
  if (isEmptied(path)) throw damaged(name, "it is empty, and its log is not");
  let db: Database.Database | null = null;
  try {
    db = new Database(path, { readonly: true, fileMustExist: true });
    const { version, isEmpty } = identify(db, name);
    if (isEmpty) throw damaged(name, "it is empty");
    const found = String(db.pragma("integrity_check(1)", { simple: true }));
    if (found !== "ok") throw damaged(name, found);
    // Of a schema before this one, what it holds is checked once it was brought up to date.
    if (version < MIGRATIONS.length)
      return { commits: 0, states: 0, damagedCommits: 0, damagedStates: 0, newestAtMs: null };
    return checkContent(prepareStatements(db), name);
  } catch (cause) {
    throw storeError(cause, name);
  } finally {
    db?.close();
  }
}

/**
 * Looks at the structure of a store that may be in use. Throws `store-foreign`, `store-newer`, `store-damaged`, `store-failed`.
 */
export function quickCheck(folder: string): {
  readonly version: number;
  readonly commits: number;
  readonly newestAtMs: number | null;
} {
  const path = join(folder, FILE);
  if (isEmptied(path)) throw damaged(path, "it is empty, and its log is not");
  let db: Database.Database | null = null;
  try {
    db = new Database(path, { readonly: true, fileMustExist: true });
    const { version, isEmpty } = identify(db, path);
    if (isEmpty || version < MIGRATIONS.length) return { version, commits: 0, newestAtMs: null };
    checkDatabase(db, path);
    const { journalTotals, commitNewest } = prepareStatements(db);
    return { version, commits: journalTotals.get()?.commits ?? 0, newestAtMs: commitNewest.get()?.at_ms ?? null };
  } catch (cause) {
    throw storeError(cause, path);
  } finally {
    db?.close();
  }
}

/** Tells whether a file is empty beside a log that is not: SQLite would take the log for a leftover, and delete it. */
export function isEmptied(path: string): boolean {
  const bytesOf = (file: string) => statSync(file, { throwIfNoEntry: false })?.size;
  return bytesOf(path) === 0 && (bytesOf(`${path}-wal`) ?? 0) > 0;
}

function checkContent(statements: Statements, path: string): FileCheck {
  const badCommits: number[] = [];
  let commits = 0;
  let newestAtMs: number | null = null;
  for (const { id, at_ms, crc32: expected, entries } of statements.journalPage.iterate(0, Number.MAX_SAFE_INTEGER)) {
    commits++;
    newestAtMs = at_ms;
    if (crc32(entries) !== expected) badCommits.push(id);
  }
  let states = 0;
  let damagedStates = 0;
  for (const { id: model, name } of statements.models.all()) {
    let from: number | null = null;
    for (const { id } of statements.stateIdsNewestFirst.iterate(model, Number.MAX_SAFE_INTEGER)) {
      states++;
      const commitFrom = goodStateFrom(statements, id);
      if (commitFrom === null) damagedStates++;
      else from ??= commitFrom;
    }
    if (from === null) throw damaged(path, `no saved state of model ${name} is good`);
    const bad = badCommits.find((id) => id >= (from ?? 0));
    if (bad !== undefined) throw damaged(path, `the checksum of commit ${bad} of the journal is wrong`);
  }
  return { commits, states, damagedCommits: badCommits.length, damagedStates, newestAtMs };
}

/** Tells from which commit on a saved state needs the journal; null where the state is damaged. */
function goodStateFrom(statements: Statements, id: number): number | null {
  const row = statements.stateById.get(id);
  if (row === undefined) return null;
  try {
    return stateOf(row).commitFrom;
  } catch (error) {
    if (error instanceof RivuletError) return null;
    throw error;
  }
}
