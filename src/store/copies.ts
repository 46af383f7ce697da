// Copies of the store that are being made.

import { closeSync, fsyncSync, openSync, rmSync } from "node:fs";

/** What a backup is called while it is made. */
export const PART = ".part";

/** Makes a file durable, or what a folder names. Not for the store while it is open: closing a file ends SQLite's locks on it. */
export function flush(path: string): void {
  const file = openSync(path, "r");
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

/** Removes what is left of a copy. */
export function removeCopy(path: string): void {
  for (const end of ["", "-journal", "-wal", "-shm"]) rmSync(`${path}${end}`, { force: true });
}
