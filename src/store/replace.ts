// Puts another file in the place of a store: a backup where the store is damaged, or what is to be restored. The former
// one is set aside under a name of its own, never deleted; and nothing is touched before what takes its place was found good.

import { closeSync, copyFileSync, existsSync, linkSync, openSync, readSync, renameSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { RivuletError } from "../error.ts";
import { listBackups, stamp } from "./backup-names.ts";
import { checkFile, type FileCheck } from "./check-file.ts";
import { flush, removeCopy } from "./copies.ts";
import { storeError } from "./failures.ts";
import { takeLock } from "./lock.ts";
import { CLEAN, FILE, NO, RESTORED, RESTORED_TOLD, YES } from "./names.ts";
import { prepareDatabase } from "./pragmas.ts";
import { prepareStatements } from "./statements.ts";

const READ_BYTES = 1_048_576;
/** What makes a file no good, and not only out of reach. */
const FAULTS: readonly string[] = ["store-damaged", "store-foreign", "store-newer"];

/** Tells what became of a damaged store. */
export interface Replaced {
  /** Where it is now. */
  readonly file: string;
  /** What was found. */
  readonly reason: string;
  /** The backup that took its place; null where the store begins anew. */
  readonly from: string | null;
  /** Backups that were no good, newest first, each with what was found. */
  readonly passedOver: readonly { readonly file: string; readonly reason: string }[];
}

/**
 * Looks at a store that could not be opened. Where it is damaged, it is set aside, and the newest good backup takes its
 * place; null where nothing is wrong with the file, so that something else is. Throws `store-locked`, and `store-failed` where
 * the disk cannot be read, or not written: then nothing was touched.
 */
export function replaceDamaged(folder: string, nowMs: number): Replaced | null {
  const path = join(folder, FILE);
  const lock = takeLock(folder);
  try {
    // SQLite takes a disk that cannot be read for damage; what is read to its end was read.
    for (const file of [path, `${path}-wal`]) readThrough(file);
    const reason = faultOf(() => checkFile(path));
    if (reason === null) return null;
    const passedOver: { file: string; reason: string }[] = [];
    let from: string | null = null;
    for (const file of listBackups(folder)) {
      const found = faultOf(() => prepare(folder, file, nowMs));
      if (found === null) {
        from = file;
        break;
      }
      passedOver.push({ file, reason: found });
    }
    return { file: swap(folder, "corrupt", nowMs, from !== null), reason, from, passedOver };
  } finally {
    lock.release();
  }
}

/** Tells what a restored store holds, and where the former one is; null where there was none. */
export interface Restored extends FileCheck {
  readonly from: string;
  readonly setAside: string | null;
  readonly restoredMs: number;
}

/**
 * Puts a backup in the place of a store. Throws `store-locked`, `store-foreign`, `store-newer`, `store-damaged` of the
 * backup, `store-failed`: then nothing was touched.
 */
export function restoreFrom(folder: string, file: string, nowMs: number): Restored {
  const path = join(folder, FILE);
  const lock = takeLock(folder);
  try {
    const found = prepare(folder, file, nowMs);
    const hadOne = existsSync(path);
    if (hadOne) settle(path);
    const setAside = hadOne ? swap(folder, "before-restore", nowMs, true) : null;
    if (!hadOne) renameSync(prepared(folder), path);
    flush(folder);
    return { ...found, from: file, setAside, restoredMs: nowMs };
  } finally {
    lock.release();
  }
}

function prepared(folder: string): string {
  return join(folder, `${FILE}.restoring`);
}

/** Copies a backup beside the store, notes in it that it was restored, and checks it. Throws as `restoreFrom`. */
function prepare(folder: string, file: string, nowMs: number): FileCheck {
  const copy = prepared(folder);
  removeCopy(copy);
  try {
    copyFileSync(file, copy);
    // Somebody may have copied a store with its log.
    if (existsSync(`${file}-wal`)) copyFileSync(`${file}-wal`, `${copy}-wal`);
    noteRestored(copy, file, nowMs);
    const check = checkFile(copy, file);
    flush(copy);
    return check;
  } catch (cause) {
    removeCopy(copy);
    const error = storeError(cause, file);
    if (error instanceof RivuletError) throw error;
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new RivuletError("store-failed", `${file} cannot be copied: ${message}`, {
      hint: "Is it there, may it be read, and is there room on the disk of the data folder? Nothing was changed.",
      cause,
    });
  }
}

function noteRestored(copy: string, file: string, nowMs: number): void {
  const db = new Database(copy);
  try {
    // One of an earlier release is brought up to date.
    prepareDatabase(db, file);
    // A file of its own, without a log beside it.
    db.pragma("journal_mode = DELETE");
    const { metaGet, metaSet } = prepareStatements(db);
    // Producers tell one restoration from another by its time, whatever the clock said.
    const before = Number(metaGet.get(RESTORED)?.value ?? 0);
    metaSet.run(RESTORED, String(Math.max(nowMs, before + 1)));
    metaSet.run(RESTORED_TOLD, NO);
    metaSet.run(CLEAN, YES);
  } finally {
    db.close();
  }
}

/** Brings what a sound store has in its log into its file, so that moving the one file moves all of it. */
function settle(path: string): void {
  try {
    const db = new Database(path);
    try {
      db.pragma("wal_checkpoint(TRUNCATE)");
    } finally {
      db.close();
    }
  } catch (cause) {
    // A damaged one is moved as it is, with its log.
    if (!(storeError(cause, path) instanceof RivuletError)) throw cause;
  }
}

/**
 * Gives the store another name, and its own to what was prepared. The log goes first: what takes the place must never
 * meet the log of another file. Returns the new name.
 */
function swap(folder: string, why: string, nowMs: number, takesPlace: boolean): string {
  const path = join(folder, FILE);
  const aside = freeName(`${path}.${why}-${stamp(nowMs)}`);
  for (const end of ["-shm", "-wal"]) if (existsSync(`${path}${end}`)) renameSync(`${path}${end}`, `${aside}${end}`);
  if (takesPlace && linked(path, aside)) renameSync(prepared(folder), path);
  else {
    renameSync(path, aside);
    if (takesPlace) renameSync(prepared(folder), path);
  }
  flush(folder);
  return aside;
}

/** Adds a name to a file, so that its own is never without one; false where the file system has no links. */
function linked(path: string, name: string): boolean {
  try {
    linkSync(path, name);
    return true;
  } catch {
    return false;
  }
}

function freeName(name: string): string {
  let free = name;
  for (let n = 2; existsSync(free); n++) free = `${name}-${n}`;
  return free;
}

/** Tells what is wrong with a file; null where it is good. Throws where that cannot be told. */
function faultOf(check: () => unknown): string | null {
  try {
    check();
    return null;
  } catch (error) {
    if (error instanceof RivuletError && FAULTS.includes(error.code)) return error.message;
    throw error;
  }
}

/** Throws `store-failed` where the disk refuses to read some of it. */
function readThrough(path: string): void {
  if (!existsSync(path)) return;
  const file = openSync(path, "r");
  try {
    const piece = Buffer.allocUnsafe(READ_BYTES);
    while (readSync(file, piece) > 0) {}
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new RivuletError("store-failed", `${path} cannot be read: ${message}`, {
      hint: "The disk may be failing: copy the data folder to another one while that can be done. Nothing was changed.",
      cause,
    });
  } finally {
    closeSync(file);
  }
}
