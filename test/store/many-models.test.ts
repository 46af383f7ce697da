import { join } from "node:path";
import { crc32 } from "node:zlib";
import Database from "better-sqlite3";
import { describe, expect, it } from "vitest";
import type { Transaction } from "../../src/learner/transaction.ts";
import { unpackPage } from "../../src/store/journal-page.ts";
import type { Store } from "../../src/store/store.ts";
import { commit, commits, open, temporaryFolder, Writer } from "./bench.ts";

const MODELS = 100;

/** Commits of hundreds of models, each with as many steps of every model. */
class Crowd {
  readonly writers: readonly Writer[];
  readonly store: Store;

  constructor(store: Store) {
    this.store = store;
    this.writers = Array.from({ length: MODELS }, (_, m) => new Writer(store, `m${m}`));
  }

  commit(steps: number, saved: boolean): void {
    const all = this.writers.map((writer) => writer.transaction(steps, saved ? {} : null));
    const [first] = all;
    if (first === undefined) throw new Error("there is nothing to commit");
    const transaction: Transaction = {
      ...first,
      sections: all.flatMap(({ sections }) => sections),
      states: all.flatMap(({ states }) => states),
    };
    commit(this.store, transaction);
  }
}

function storedBytes(folder: string): readonly number[] {
  const db = new Database(join(folder, "rivulet.db"), { readonly: true });
  const rows = db
    .prepare<[], { bytes: number }>("SELECT length(entries) AS bytes FROM journal_commits ORDER BY id")
    .all();
  db.close();
  return rows.map(({ bytes }) => bytes);
}

describe("a commit of a hundred models", () => {
  it("is one row of the journal, with few bytes a model, of which each model reads its own", () => {
    const folder = temporaryFolder();
    const store = open(folder);
    const crowd = new Crowd(store);
    crowd.commit(0, true);
    crowd.commit(2, false);
    const [, bytes = Number.NaN] = storedBytes(folder);
    expect(storedBytes(folder).length).toBe(2);
    expect(bytes / MODELS).toBeLessThan(40);
    for (const model of ["m0", "m57", "m99"]) {
      const [, second] = commits(store, { from: 1, limit: 10, model });
      expect(second?.sections[0]).toMatchObject({ model, rows: 8, firstSequence: 1 });
      expect(second?.sections[0]?.entries[0]).toMatchObject({ type: "rows", rows: 8 });
    }
  });

  it("is read for each model from its own commit on, and no further back for those beside an idle one", () => {
    const crowd = new Crowd(open(temporaryFolder()));
    crowd.commit(0, true);
    for (let c = 0; c < 3; c++) crowd.commit(1, false);
    const models = [
      { name: "m3", from: 1 },
      { name: "m57", from: 3 },
      { name: "m99", from: 5 },
    ];
    const page = unpackPage(crowd.store.journalPage({ from: 1, limit: 10, models }));
    expect(page.map(({ id, sections }) => [id, sections.map(({ model }) => model)])).toEqual([
      // Which only began the models.
      [1, []],
      [2, ["m3"]],
      [3, ["m3", "m57"]],
      [4, ["m3", "m57"]],
    ]);
  });

  it("loses a model that is deleted, and nothing of the others", () => {
    const folder = temporaryFolder();
    const store = open(folder);
    const crowd = new Crowd(store);
    crowd.commit(1, true);
    for (let i = 0; i < 5; i++) crowd.commit(3, false);
    const before = commits(store, { from: 1, limit: 10, model: "m7" });
    store.deleteModel("m8");
    expect(() => commits(store, { from: 1, limit: 10, model: "m8" })).toThrow(/m8/);
    expect(commits(store, { from: 1, limit: 10, model: "m7" })).toEqual(before);
  });

  it("is pruned as its models say, by what its first bytes tell", () => {
    const store = open();
    const crowd = new Crowd(store);
    for (let i = 0; i < 30; i++) crowd.commit(3, i % 5 === 0);
    const keep = { last: 100, hourly: 0, daily: 0 };
    const policies = new Map(crowd.writers.map(({ model }) => [model, { keep, keepRows: 24, keepSteps: 1000 }]));
    const bytesMax = 1e9;
    while (store.maintain(policies, bytesMax)) {
      // Bite by bite.
    }
    // The newest three states are of commits 26, 21 and 16.
    for (const { model } of crowd.writers) expect(store.journalFrom(model)).toBe(16);
    expect(commits(store, { from: 1, limit: 50, model: "m3" })[0]?.id).toBe(16);
  });

  it("tells damage of what is packed by its code", () => {
    const folder = temporaryFolder();
    const store = open(folder);
    new Crowd(store).commit(2, true);
    const db = new Database(join(folder, "rivulet.db"));
    const [stored] = db.prepare<[], { entries: Buffer }>("SELECT entries FROM journal_commits").all();
    const cut = stored?.entries.subarray(0, 100) ?? Buffer.alloc(0);
    // Its checksum is good: only that it is not whole tells.
    db.prepare("UPDATE journal_commits SET entries = ?, crc32 = ?").run(cut, crc32(cut));
    db.prepare("UPDATE states SET learner = ? WHERE id = 1").run(Buffer.from("RvZ1\xff\xff", "latin1"));
    db.close();
    expect(() => commits(store, { from: 1, limit: 1, model: "m0" })).toThrow(
      expect.objectContaining({ code: "journal-damaged" }),
    );
    expect(store.recoveryState(1)).toBeNull();
    expect(store.recoveryState(2)).not.toBeNull();
  });
});
