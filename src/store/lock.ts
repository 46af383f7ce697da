import { join } from "node:path";
import Database from "better-sqlite3";
import { RivuletError } from "../error.ts";

/** Holds a data folder for this process; the kernel lets go of it when the process dies, however it dies. */
export interface Lock {
  release(): void;
}

/** Takes the lock of a data folder: a transaction held open on `lock.db`. Throws `store-locked` where another has it. */
export function takeLock(folder: string): Lock {
  const db = new Database(join(folder, "lock.db"), { timeout: 0 });
  try {
    db.pragma("journal_mode = DELETE");
    db.exec("BEGIN EXCLUSIVE");
  } catch (cause) {
    db.close();
    if (!isBusy(cause)) throw cause;
    throw new RivuletError("store-locked", `another process works on ${folder}`, {
      hint: "Stop that daemon, or choose another data folder with --data.",
      cause,
    });
  }
  return { release: () => db.close() };
}

/** Tells whether nobody holds the lock of a data folder. */
export function isFree(folder: string): boolean {
  try {
    takeLock(folder).release();
    return true;
  } catch (error) {
    if (error instanceof RivuletError && error.code === "store-locked") return false;
    throw error;
  }
}

function isBusy(error: unknown): boolean {
  return error instanceof Database.SqliteError && error.code.startsWith("SQLITE_BUSY");
}
