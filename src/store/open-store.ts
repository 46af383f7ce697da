import { existsSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { RivuletError } from "../error.ts";
import { isEmptied } from "./check-file.ts";
import { damaged, isDamage } from "./failures.ts";
import { type Lock, takeLock } from "./lock.ts";
import { FILE } from "./names.ts";
import { prepareDatabase } from "./pragmas.ts";
import { Store } from "./store.ts";

/** Tells whether a data folder has a store. */
export function storeExists(folder: string): boolean {
  return existsSync(join(folder, FILE));
}

/**
 * Opens the store of a data folder, which must exist, and locks it. Throws `store-locked`, `store-foreign`, `store-newer`,
 * `store-damaged`, `store-failed`; then nothing is left open.
 */
export function openStore({ folder }: { readonly folder: string }): Store {
  const path = join(folder, FILE);
  let lock: Lock | null = null;
  let db: Database.Database | null = null;
  try {
    lock = takeLock(folder);
    if (isEmptied(path)) throw damaged(path, "it is empty, and its log is not");
    db = new Database(path);
    prepareDatabase(db, path);
    return new Store(db, lock, path);
  } catch (cause) {
    db?.close();
    lock?.release();
    if (cause instanceof RivuletError) throw cause;
    throw lock === null ? lockingFailed(folder, cause) : openingFailed(path, cause);
  }
}

function lockingFailed(folder: string, cause: unknown): RivuletError {
  const message = cause instanceof Error ? cause.message : String(cause);
  return new RivuletError("store-failed", `${folder} cannot be locked: ${message}`, {
    hint: "Is the folder there, and writable? Its lock.db holds nothing, and may be deleted while no daemon runs.",
    cause,
  });
}

function openingFailed(path: string, cause: unknown): RivuletError {
  if (isDamage(cause)) return damaged(path, cause instanceof Error ? cause.message : String(cause), cause);
  const message = cause instanceof Error ? cause.message : String(cause);
  return new RivuletError("store-failed", `${path} cannot be opened: ${message}`, {
    hint: "Is the folder writable, and is there room on the disk?",
    cause,
  });
}
