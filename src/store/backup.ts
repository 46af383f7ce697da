// Copies the store to another file while it is in use, in a thread and by a connection of its own: a commit waits for
// nothing but the disk. One read transaction holds what is copied; the log cannot be cut meanwhile, and grows by what is
// committed. Under its own name stands only a copy that was found good.

import { existsSync, renameSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import Database from "better-sqlite3";
import { RivuletError } from "../error.ts";
import { pruneBackups } from "./backup-names.ts";
import { checkFile, type FileCheck } from "./check-file.ts";
import { flush, PART, removeCopy } from "./copies.ts";
import { damaged, isDamage } from "./failures.ts";

import { FILE } from "./names.ts";

/** Pages of one turn: 1 MB. Between two turns the thread can be ended. */
const PAGES_PER_TURN = 256;
/** Pages after which the copy is flushed: a flush of a commit may have to take along what others have written. */
const PAGES_PER_FLUSH = 1024;
const CACHE_KB = 2000;

/** Tells what a backup holds. */
export interface Backup extends FileCheck {
  readonly file: string;
  readonly bytes: number;
}

/**
 * Copies the store of a data folder to a file that is not there yet. `prunes` deletes all but the newest backups of the
 * folder then. Throws `usage` where the file is there, `store-damaged` where the copy is no good, and `backup-failed`;
 * then nothing is left of it.
 */
export async function makeBackup(folder: string, file: string, prunes: boolean): Promise<Backup> {
  if (existsSync(file)) {
    throw new RivuletError("usage", `${file} is there already`, { hint: "Name a file that is not, or none." });
  }
  const part = `${file}${PART}`;
  const source = join(folder, FILE);
  try {
    removeCopy(part);
    await copy(source, part);
    const check = checkFile(part, source);
    flush(part);
    renameSync(part, file);
    flush(dirname(file));
    if (prunes) pruneBackups(folder);
    return { file, bytes: statSync(file).size, ...check };
  } catch (cause) {
    removeCopy(part);
    if (cause instanceof RivuletError) throw cause;
    const message = cause instanceof Error ? cause.message : String(cause);
    if (isDamage(cause)) throw damaged(source, message, cause);
    throw new RivuletError("backup-failed", `the backup ${file} could not be made: ${message}`, {
      hint: "Is its folder there and writable, and is there room for as much again as the store takes?",
      cause,
    });
  }
}

async function copy(source: string, to: string): Promise<void> {
  const db = new Database(source, { readonly: true, fileMustExist: true });
  let flushedAt = 0;
  try {
    db.pragma(`cache_size = -${CACHE_KB}`);
    db.exec("BEGIN");
    // The transaction begins to read with its first statement, and what it reads stays as it is then.
    db.pragma("schema_version");
    await db.backup(to, {
      progress: ({ totalPages, remainingPages }) => {
        const done = totalPages - remainingPages;
        if (done - flushedAt >= PAGES_PER_FLUSH) {
          flush(to);
          flushedAt = done;
        }
        return PAGES_PER_TURN;
      },
    });
  } finally {
    db.close();
  }
  const made = new Database(to);
  try {
    // A file of its own, without a log beside it.
    made.pragma("journal_mode = DELETE");
  } finally {
    made.close();
  }
}
