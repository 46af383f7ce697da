import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { describe, expect, it } from "vitest";
import type { Transaction } from "../../src/learner/transaction.ts";
import { openStore } from "../../src/store/open-store.ts";
import { commit, commits, open, recoveryStates, rows, temporaryFolder, Writer } from "./bench.ts";

function code(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return (error as { code?: string }).code ?? error;
  }
  return "nothing thrown";
}

describe("opening", () => {
  it("sets FULL on every connection, whatever the build's default is", () => {
    const folder = temporaryFolder();
    open(folder).close();
    const db = new Database(join(folder, "rivulet.db"));
    expect(db.pragma("journal_mode", { simple: true })).toBe("wal");
    expect(db.pragma("application_id", { simple: true })).toBe(0x52495655);
    db.close();
    // `openStore` asserts that FULL reads back as 2; a store that opened has it.
    open(folder);
  });

  it.each([
    [
      "another program's database",
      (path: string) => new Database(path).exec("CREATE TABLE t (x)").close(),
      "store-foreign",
    ],
    ["no database", (path: string) => writeFileSync(path, "x".repeat(10_000)), "store-damaged"],
    [
      "a later release's",
      (path: string) => {
        openStore({ folder: join(path, "..") }).close();
        new Database(path).exec("PRAGMA user_version = 99").close();
      },
      "store-newer",
    ],
    [
      "a damaged one after a stop that was not clean",
      (path: string) => {
        const store = openStore({ folder: join(path, "..") });
        const writer = new Writer(store);
        for (let i = 0; i < 200; i++) writer.commit(10, {});
        store.close();
        const db = new Database(path);
        db.exec("UPDATE meta SET value = 'no' WHERE key = 'clean'");
        db.pragma("wal_checkpoint(TRUNCATE)");
        db.close();
        const bytes = readFileSync(path);
        bytes.fill(0xee, bytes.length >> 1, (bytes.length >> 1) + 20_000);
        writeFileSync(path, bytes);
      },
      "store-damaged",
    ],
  ])("refuses %s, and leaves it as it is", (_, prepare, expected) => {
    const folder = temporaryFolder();
    const path = join(folder, "rivulet.db");
    prepare(path);
    const before = readFileSync(path);
    expect(code(() => openStore({ folder }))).toBe(expected);
    expect(readFileSync(path).equals(before)).toBe(true);
    // Nothing is left locked.
    expect(code(() => openStore({ folder }))).toBe(expected);
  });

  it("refuses a folder that it cannot write", () => {
    expect(code(() => openStore({ folder: "/proc" }))).not.toBe("nothing thrown");
  });

  it("is for one process, until that one dies", async () => {
    const folder = temporaryFolder();
    const script = `import { openStore } from ${JSON.stringify(new URL("../../src/store/open-store.ts", import.meta.url).href)};
      // What nobody refers to may be collected, and is closed with it.
      globalThis.store = openStore({ folder: ${JSON.stringify(folder)} }); console.log("open"); setInterval(() => {}, 1000);`;
    const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    await once(child.stdout, "data");
    expect(code(() => openStore({ folder }))).toBe("store-locked");
    child.kill("SIGKILL");
    await once(child, "exit");
    open(folder);
  });
});

describe("a commit", () => {
  it("must follow the one before it", () => {
    const store = open();
    const writer = new Writer(store);
    writer.commit(1);
    expect(() => commit(store, { ...writer.transaction(1), id: 7 })).toThrow("does not follow");
  });

  it("leaves nothing half done when it fails, and succeeds when it is tried again unchanged", () => {
    const folder = temporaryFolder();
    const store = open(folder);
    const writer = new Writer(store);
    writer.commit(3, { snapshot: writer.mark() });
    // The second model's snapshot has an id that is taken: everything before it must be taken back.
    const other = new Writer(store, "other");
    const good = writer.transaction(5, {});
    const failing: Transaction = {
      ...good,
      states: [...good.states, other.state({ snapshot: { id: 1, parent: null, reason: "time", metrics: null } }, 2)],
    };
    expect(code(() => commit(store, failing))).toBe("store-failed");
    expect(store.lastCommitId()).toBe(1);
    expect(store.models().map(({ name }) => name)).toEqual(["default"]);
    expect(store.history({ model: "default", from: 1, to: 99, points: 99 })).toHaveLength(3);
    commit(store, good);
    expect(store.history({ model: "default", from: 1, to: 99, points: 99 })).toHaveLength(8);
    store.close();
    expect(open(folder).lastCommitId()).toBe(2);
  });

  it("fails with the code of SQLite, and succeeds when the reason is gone", () => {
    const folder = temporaryFolder();
    const store = open(folder);
    const writer = new Writer(store);
    writer.commit(1);
    const other = new Database(join(folder, "rivulet.db"));
    other.exec("CREATE TRIGGER full BEFORE INSERT ON journal_commits BEGIN SELECT RAISE(ABORT, 'no room'); END");
    const transaction = writer.transaction(2, { snapshot: writer.mark() });
    expect(() => commit(store, transaction)).toThrow(
      expect.objectContaining({
        code: "store-failed",
        message: expect.stringContaining("SQLITE_CONSTRAINT_TRIGGER: no room"),
      }),
    );
    expect(store.snapshots({ model: "default", limit: 9 })).toEqual([]);
    other.exec("DROP TRIGGER full");
    other.close();
    commit(store, transaction);
    expect(store.snapshots({ model: "default", limit: 9 })).toHaveLength(1);
  });

  it("is read back in pages, and found by the sequence of a row", () => {
    const store = open();
    const writer = new Writer(store);
    for (let i = 0; i < 30; i++) writer.commit(2, i % 10 === 9 ? {} : null);
    const first = commits(store, { from: 1, limit: 7, model: "default" });
    expect(first.map(({ id }) => id)).toEqual([1, 2, 3, 4, 5, 6, 7]);
    expect(first[2]?.sections[0]?.entries[0]).toEqual(rows(17, 8));
    for (const sequence of [1, 80, 81, 160, 161, 240]) {
      const from = store.commitForSequence("default", sequence);
      expect(commits(store, { from, limit: 100, model: "default" })[0]?.sections[0]?.firstSequence).toBeLessThanOrEqual(
        sequence,
      );
      expect(store.stateBefore("default", sequence)).toEqual(
        sequence > 80 ? { commitFrom: from, config: expect.stringMatching(/^{/) } : null,
      );
    }
  });

  it("is refused when its bytes are not those that were written", () => {
    const folder = temporaryFolder();
    const store = open(folder);
    new Writer(store).commit(20);
    store.close();
    const db = new Database(join(folder, "rivulet.db"));
    const { entries } = db.prepare<[], { entries: Buffer }>("SELECT entries FROM journal_commits").get() ?? {
      entries: Buffer.alloc(0),
    };
    entries[entries.length - 3] = (entries[entries.length - 3] ?? 0) ^ 1;
    db.prepare("UPDATE journal_commits SET entries = ?").run(entries);
    db.close();
    expect(code(() => commits(open(folder), { from: 1, limit: 1, model: "default" }))).toBe("journal-damaged");
  });
});

describe("snapshots", () => {
  it("are listed newest first, with their lineage, and found by id and tag", () => {
    const store = open();
    const writer = new Writer(store);
    for (let i = 0; i < 5; i++) writer.commit(1, { snapshot: writer.mark() });
    const listed = store.snapshots({ model: "default", limit: 3 });
    expect(listed.map(({ id, parent }) => [id, parent])).toEqual([
      [5, 4],
      [4, 3],
      [3, 2],
    ]);
    expect(store.snapshots({ model: "default", limit: 9, before: 3 }).map(({ id }) => id)).toEqual([2, 1]);
    store.tag(2, "good");
    store.tag(2, "v1.0");
    expect(store.findSnapshot("default", "good")).toMatchObject({
      id: 2,
      tags: ["good", "v1.0"],
      step: 2,
      bytes: 65,
      thinned: false,
    });
    store.tag(4, "good");
    expect([store.snapshot(2)?.tags, store.snapshot(4)?.tags]).toEqual([["v1.0"], ["good"]]);
    expect(store.findSnapshot("default", "4")?.id).toBe(4);
    expect([store.findSnapshot("default", "44"), store.findSnapshot("default", "bad")]).toEqual([null, null]);
  });

  it.each(["best", "12", "", "a b", "ä", "x".repeat(65), "a/b"])("refuse the tag %j", (tag) => {
    const store = open();
    const writer = new Writer(store);
    writer.commit(1, { snapshot: writer.mark() });
    expect(code(() => store.tag(1, tag))).toBe("usage");
    expect(code(() => store.tag(9, "good"))).toBe("unknown-snapshot");
  });

  it("give their states back bit for bit, and tell damage", () => {
    const folder = temporaryFolder();
    const store = open(folder);
    const writer = new Writer(store);
    writer.commit(3, { snapshot: writer.mark() });
    const expected = writer.state({}, 1);
    expect(store.state(1)).toMatchObject({
      learner: expected.learner,
      monitor: expected.monitor,
      step: 3,
      sequence: 12,
      ordinal: 3,
      commitFrom: 1,
    });
    expect(code(() => store.state(2))).toBe("unknown-snapshot");
    writer.commit(1, { snapshot: writer.mark() });
    store.close();
    const db = new Database(join(folder, "rivulet.db"));
    db.exec("UPDATE states SET sequence = sequence + 1 WHERE id = 2");
    db.close();
    const again = open(folder);
    expect(code(() => again.state(2))).toBe("state-damaged");
    expect(recoveryStates(again, "default").map(({ id, good }) => [id, good])).toEqual([
      [2, false],
      [1, true],
    ]);
  });
});

describe("the quarantine", () => {
  it("keeps the beginning of what was refused, its length and hash, and counts exactly", () => {
    const store = open();
    const payload = new Uint8Array(10_000).fill(7);
    const refusal = {
      model: "default",
      topic: "t",
      code: "not-json",
      detail: "d",
      payloadBytes: 10_000,
      payload,
      sha256: null,
    };
    const base = { at: 5, sections: [], states: [], refusalsUnkept: [], requests: [] };
    commit(store, { ...base, id: 1, refusals: [refusal, { ...refusal, model: null, code: "unknown-topic" }] });
    commit(store, {
      ...base,
      id: 2,
      refusals: [{ ...refusal, sha256: "given" }],
      refusalsUnkept: [{ model: "default", code: "not-json", count: 40 }],
      requests: [],
    });
    expect(store.quarantineCounts()).toEqual([
      { model: null, code: "unknown-topic", count: 1 },
      { model: "default", code: "not-json", count: 42 },
    ]);
    const [newest, , oldest] = store.quarantine({ limit: 10 });
    expect(newest).toMatchObject({ sha256: "given", bytes: 10_000 });
    expect(oldest?.head.length).toBe(4096);
    expect(oldest?.sha256).toHaveLength(64);
    expect(store.quarantine({ limit: 10, before: newest?.id ?? 0 })).toHaveLength(2);
  });
});

describe("deleting a model", () => {
  it("leaves no trace of it, and the others as they were", () => {
    const folder = temporaryFolder();
    const store = open(folder);
    const [keep, gone] = [new Writer(store, "keep"), new Writer(store, "gone")];
    const secret = Buffer.from("a very private learner state");
    for (let i = 0; i < 10; i++) {
      const a = keep.transaction(2);
      const b = gone.transaction(3, {
        learner: new Uint8Array(secret),
        snapshot: gone.mark(),
        config: '{"private":1}',
        configHash: "p",
      });
      commit(store, { ...a, sections: [...a.sections, ...b.sections], states: b.states });
    }
    const before = commits(store, { from: 1, limit: 100, model: "keep" }).map(({ sections }) => sections);
    const last = store.lastSnapshotId();
    store.deleteModel("gone");
    expect(store.models().map(({ name }) => name)).toEqual(["keep"]);
    expect(commits(store, { from: 1, limit: 100, model: "keep" }).map(({ sections }) => sections)).toEqual(before);
    expect(store.lastSnapshotId()).toBe(last);
    expect(code(() => store.deleteModel("gone"))).toBe("unknown-model");
    store.close();
    const bytes = readFileSync(join(folder, "rivulet.db"));
    expect(bytes.includes(secret)).toBe(false);
    expect(bytes.includes('"private"')).toBe(false);
  });
});
