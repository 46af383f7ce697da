import { crc32 } from "node:zlib";
import type Database from "better-sqlite3";
import type { RequestRecord } from "../learner/transaction.ts";
import type { ByteWriter } from "./byte-writer.ts";
import { encodeSome, packCommit, readDirectory, unpackCommit } from "./journal-codec.ts";
import type { Statements } from "./statements.ts";
import { writeRequest } from "./write-transaction.ts";

/** Commits rewritten in one transaction. */
const COMMITS_PER_BITE = 64;

/** Free pages that are overwritten in one transaction. */
const PAGES_PER_BITE = 256;

/**
 * Removes every trace of a model, also from pages that were pruned before. Its sections are taken out of the shared commits
 * bite by bite; if the process dies in between, the model is still listed and can be deleted again.
 */
export function deleteModel(
  db: Database.Database,
  statements: Statements,
  writer: ByteWriter,
  model: { readonly id: number; readonly name: string },
  request: RequestRecord | null,
): void {
  db.pragma("secure_delete = ON");
  const rewrite = db.transaction((from: number): number | null => {
    const page = statements.journalPage.all(from, COMMITS_PER_BITE);
    for (const { id, entries } of page) {
      const what = `commit ${id} of the journal`;
      const blob = unpackCommit(entries, what);
      const directory = readDirectory(blob, what);
      if (!directory.some((entry) => entry.model === model.id)) continue;
      const sections = encodeSome(writer, blob, (other) => other !== model.id, what);
      const rows = directory.reduce((sum, entry) => sum + (entry.model === model.id ? 0 : entry.rows), 0);
      const stored = packCommit(writer.bytes, sections);
      statements.journalReplace.run(rows, crc32(stored), stored, id);
    }
    const last = page.at(-1);
    return last === undefined ? null : last.id + 1;
  });
  for (let from: number | null = 0; from !== null; ) from = rewrite(from);
  db.transaction(() => {
    statements.deleteTags.run(model.id);
    statements.deleteSnapshots.run(model.id);
    statements.deleteStates.run(model.id);
    statements.deleteCosts.run(model.id);
    statements.deleteQuarantine.run(model.name);
    statements.deleteQuarantineCounts.run(model.name);
    statements.modelDelete.run(model.id);
    statements.deleteConfigs.run();
    if (request !== null) writeRequest(statements, request);
  })();
  overwriteFreePages(db);
  db.pragma("secure_delete = FAST");
  // The log still has the old pages: they are overwritten by moving them into the file, where they are zeroed.
  db.pragma("wal_checkpoint(TRUNCATE)");
}

/** Fills the pages that are free with zeros, by giving them to a table for a moment: what was pruned from them is still there. */
function overwriteFreePages(db: Database.Database): void {
  const number = (name: string) => Number(db.pragma(name, { simple: true }));
  const pageBytes = number("page_size");
  db.exec("CREATE TABLE overwritten (zeros BLOB NOT NULL) STRICT");
  const fill = db.prepare("INSERT INTO overwritten (zeros) VALUES (zeroblob(?))");
  for (let free = number("freelist_count"); free > 0; free = number("freelist_count")) {
    fill.run(Math.min(free, PAGES_PER_BITE) * pageBytes);
  }
  db.exec("DROP TABLE overwritten");
}
