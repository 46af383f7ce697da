// What SQLite reports, as an error of ours. Damage of the file is told apart from a disk that does not work: the one is
// set aside, the other is waited for.

import Database from "better-sqlite3";
import { RivuletError } from "../error.ts";

const KEEP_A_COPY =
  "Keep a copy of the data folder before anything else; then restore a backup, or start in another folder.";

/**
 * Makes `store-damaged` or `store-failed` of what SQLite throws; anything else is returned as it is. SQLite takes a read
 * that the disk refuses for damage as well: who acts upon damage must read the file once more.
 */
export function storeError(cause: unknown, path: string): unknown {
  if (!(cause instanceof Database.SqliteError)) return cause;
  if (isDamage(cause)) return damaged(path, `${cause.code}: ${cause.message}`, cause);
  return new RivuletError("store-failed", `the store could not be used (${cause.code}: ${cause.message})`, {
    hint: "Nothing was acknowledged, and the same is tried again. Is there room on the disk, and is it writable?",
    cause,
  });
}

/** Tells whether SQLite found the file itself to be wrong. */
export function isDamage(cause: unknown): boolean {
  if (!(cause instanceof Database.SqliteError)) return false;
  return cause.code.startsWith("SQLITE_CORRUPT") || cause.code === "SQLITE_NOTADB";
}

/** Is what is told of a damaged file. */
export function damaged(path: string, found: string, cause?: unknown): RivuletError {
  return new RivuletError("store-damaged", `${path} is damaged (${found})`, { hint: KEEP_A_COPY, cause });
}
