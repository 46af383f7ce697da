import type Database from "better-sqlite3";
import { RivuletError } from "../error.ts";
import { damaged } from "./failures.ts";
import { APPLICATION_ID, MIGRATIONS } from "./migrations.ts";

/** How long a statement waits for another connection. */
export const BUSY_MS = 5000;
const CACHE_KILOBYTES = 2000;
const JOURNAL_SIZE_LIMIT_BYTES = 16_000_000;
/** What SQLite reads back for FULL. */
const SYNCHRONOUS_FULL = 2;

/** Refuses a file that is not ours, or too new, before anything is written to it. Throws `store-foreign`, `store-newer`. */
export function identify(db: Database.Database, path: string): { readonly version: number; readonly isEmpty: boolean } {
  const number = (name: string) => Number(db.pragma(name, { simple: true }));
  const isEmpty = number("page_count") === 0;
  if (!isEmpty && number("application_id") !== APPLICATION_ID) {
    throw new RivuletError("store-foreign", `${path} is a database of another program`, {
      hint: "Choose another data folder with --data; this file is left as it is.",
    });
  }
  const version = number("user_version");
  if (version > MIGRATIONS.length) {
    throw new RivuletError(
      "store-newer",
      `${path} was written by a later release (schema ${version}, this one knows ${MIGRATIONS.length})`,
      {
        hint: "Install that release again, or choose another data folder with --data.",
      },
    );
  }
  return { version, isEmpty };
}

/** Sets what a connection needs before it is used, and refuses files that are not ours, too new, or damaged. */
export function prepareDatabase(db: Database.Database, path: string): void {
  const number = (name: string) => Number(db.pragma(name, { simple: true }));
  const { version } = identify(db, path);
  db.pragma("journal_mode = WAL");
  // After WAL, and explicitly: the build's default for WAL is NORMAL, which loses commits that were acknowledged.
  db.pragma("synchronous = FULL");
  if (number("synchronous") !== SYNCHRONOUS_FULL)
    throw new RivuletError("store-failed", "synchronous=FULL was not accepted");
  db.pragma(`busy_timeout = ${BUSY_MS}`);
  // A schema from elsewhere must not run functions.
  db.pragma("trusted_schema = OFF");
  db.pragma("cell_size_check = ON");
  db.pragma("foreign_keys = ON");
  // What is pruned need not be overwritten: that would write floods twice. A model that is deleted is (delete-model.ts).
  db.pragma("secure_delete = FAST");
  // Commits append, and queries read a few pages: the build's 16 MB would fill up with the journal.
  db.pragma(`cache_size = -${CACHE_KILOBYTES}`);
  // A long write leaves a long log behind; it is cut to this when it is reset.
  db.pragma(`journal_size_limit = ${JOURNAL_SIZE_LIMIT_BYTES}`);
  migrate(db, version);
}

function migrate(db: Database.Database, version: number): void {
  for (const [step, sql] of MIGRATIONS.entries()) {
    if (step < version) continue;
    db.transaction(() => {
      db.exec(sql);
      db.pragma(`application_id = ${APPLICATION_ID}`);
      db.pragma(`user_version = ${step + 1}`);
    })();
  }
}

/** Looks for damage: worth its time only after a stop that was not clean. Throws `store-damaged`. */
export function checkDatabase(db: Database.Database, path: string): void {
  const found = String(db.pragma("quick_check(1)", { simple: true }));
  if (found === "ok") return;
  throw damaged(path, found);
}
