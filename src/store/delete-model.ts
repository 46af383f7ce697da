import { crc32 } from "node:zlib";
import type Database from "better-sqlite3";
import type { RequestRecord } from "../learner/transaction.ts";
import type { ByteWriter } from "./byte-writer.ts";
import { encodeWithout, readDirectory } from "./journal-codec.ts";
import type { Statements } from "./statements.ts";
import { writeRequest } from "./write-transaction.ts";

/** Commits rewritten in one transaction. */
const COMMITS_PER_BITE = 64;

/**
 * Removes every trace of a model. Its sections are taken out of the shared commits bite by bite; if the process dies in
 * between, the model is still listed and can be deleted again.
 */
export function deleteModel(
  db: Database.Database,
  statements: Statements,
  writer: ByteWriter,
  model: { readonly id: number; readonly name: string },
  request: RequestRecord | null,
): void {
  const rewrite = db.transaction((from: number): number | null => {
    const page = statements.journalPage.all(from, COMMITS_PER_BITE);
    for (const { id, entries } of page) {
      const what = `commit ${id} of the journal`;
      const directory = readDirectory(entries, what);
      if (!directory.some((entry) => entry.model === model.id)) continue;
      encodeWithout(writer, entries, model.id, what);
      const rows = directory.reduce((sum, entry) => sum + (entry.model === model.id ? 0 : entry.rows), 0);
      statements.journalReplace.run(rows, crc32(writer.bytes), writer.bytes, id);
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
  // The log still has the old pages: they are overwritten by moving them into the file, where they are zeroed.
  db.pragma("wal_checkpoint(TRUNCATE)");
}
