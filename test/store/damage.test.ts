import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Section } from "../../src/learner/transaction.ts";
import { ByteWriter } from "../../src/store/byte-writer.ts";
import { decodeSection, encodeCommit, readDirectory } from "../../src/store/journal-codec.ts";
import { openStore } from "../../src/store/open-store.ts";
import { commit, commits, open, recoveryStates, rows, temporaryFolder, Writer } from "./bench.ts";

const DAMAGED = expect.objectContaining({ code: "journal-damaged" });

function decode(blob: Uint8Array): Section[] {
  return readDirectory(blob, "it").map((entry) => decodeSection(blob, entry, "m", "it"));
}

describe("damage", () => {
  it("that claims more rows than there can be is told before room is made for them", () => {
    const writer = new ByteWriter();
    const block = { ...rows(1, 1), features: new Float64Array(0), labels: null, ids: [null] };
    encodeCommit(writer, [{ model: "m", firstSequence: 1, rows: 1, firstOrdinal: 1, ordinals: 0, entries: [block] }]);
    const blob = writer.bytes.slice();
    // Of the section: one entry, its type, its kind, what it has; then the rows, the features, an id.
    const at = 8 + 36 + 4;
    expect([...blob.subarray(at)]).toEqual([1, 0, 0]);
    for (const claimed of [2, 2 ** 27, 2 ** 33, 2 ** 50]) {
      writer.reset();
      writer.raw(blob.subarray(0, at));
      writer.varint(claimed);
      writer.raw(blob.subarray(at + 1));
      writer.putU32(8 + 32, writer.length - 44);
      expect(() => decode(writer.bytes), `${claimed} rows`).toThrow(DAMAGED);
    }
  });

  it("of any byte of the journal is told by its checksum, and the commits around it are still read", () => {
    const folder = temporaryFolder();
    const store = open(folder);
    const writer = new Writer(store);
    for (let i = 0; i < 3; i++) writer.commit(2);
    const db = new Database(join(folder, "rivulet.db"));
    const entries = db.prepare<[], Buffer>("SELECT entries FROM journal_commits WHERE id = 2").pluck().get();
    const put = db.prepare<[Uint8Array]>("UPDATE journal_commits SET entries = ? WHERE id = 2");
    const blob = entries ?? Buffer.alloc(0);
    const read = (from: number) => commits(store, { from, limit: 1, model: "default" });
    fc.assert(
      fc.property(fc.nat(blob.length - 1), fc.integer({ min: 1, max: 255 }), fc.boolean(), (at, flip, cut) => {
        const damaged = Buffer.from(cut ? blob.subarray(0, at) : blob);
        if (!cut) damaged[at] = (damaged[at] ?? 0) ^ flip;
        put.run(damaged);
        expect(() => read(2)).toThrow(DAMAGED);
      }),
      { numRuns: 200 },
    );
    expect([read(1)[0]?.id, read(3)[0]?.id]).toEqual([1, 3]);
    put.run(blob);
    expect(read(2)[0]?.sections[0]?.entries[0]).toEqual(rows(9, 8));
    db.close();
  });

  it("of either block of a state is told, and recovery goes back to the one before", () => {
    const folder = temporaryFolder();
    const store = open(folder);
    const writer = new Writer(store);
    for (let i = 0; i < 4; i++) writer.commit(1, { snapshot: writer.mark() });
    const db = new Database(join(folder, "rivulet.db"));
    db.exec("UPDATE states SET learner = zeroblob(length(learner)) WHERE id = 4");
    db.exec("UPDATE states SET monitor = zeroblob(length(monitor)) WHERE id = 2");
    db.close();
    expect(recoveryStates(store, "default").map(({ id, good }) => [id, good])).toEqual([
      [4, false],
      [3, true],
      [2, false],
      [1, true],
    ]);
    expect(() => store.state(4)).toThrow(expect.objectContaining({ code: "state-damaged" }));
    expect(store.state(3).step).toBe(3);
  });

  it("of a state leaves retention to count on the good ones alone", () => {
    const folder = temporaryFolder();
    const first = open(folder);
    const writer = new Writer(first);
    for (let i = 0; i < 10; i++) writer.commit(10, {});
    first.close();
    const db = new Database(join(folder, "rivulet.db"));
    db.exec("UPDATE states SET checksum = 'x' WHERE id IN (7, 9)");
    db.close();
    const store = open(folder);
    const policy = { keep: { last: 1, hourly: 0, daily: 0 }, keepRows: 1, keepSteps: 1 };
    while (store.maintain(new Map([["default", policy]]), 1)) {}
    expect(
      recoveryStates(store, "default")
        .filter(({ good }) => good)
        .map(({ id }) => id),
    ).toEqual([10, 8, 6]);
    expect(store.journalFrom("default")).toBe(6);
  });

  it("of the lock file is told by a code", () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, "lock.db"), "x".repeat(10_000));
    expect(() => openStore({ folder })).toThrow(expect.objectContaining({ code: "store-failed" }));
  });

  it.each([
    ["that is whole", false],
    ["part of which was pruned", true],
  ])(
    "is not made by deleting a model %s: what is left is sound, and nothing of it can be read in the file",
    (_, prune) => {
      const folder = temporaryFolder();
      const store = open(folder);
      const [keep, gone] = [new Writer(store, "keep"), new Writer(store, "gone-for-good")];
      const secret = Buffer.from("never to be read again ");
      const learner = new Uint8Array(Buffer.alloc(300_000, secret));
      for (let i = 0; i < 150; i++) {
        const a = keep.transaction(50, i % 50 === 49 ? {} : null);
        const b = gone.transaction(40, i % 10 === 9 ? { learner, config: "{2}", configHash: "h2" } : null);
        const features = new Float64Array(2 * 160).fill(i);
        features.set(new Float64Array(secret.buffer.slice(secret.byteOffset, secret.byteOffset + 16)), 100);
        const sections = b.sections.map((section) => ({
          ...section,
          entries: section.entries.map((entry) => (entry.type === "rows" ? { ...entry, features } : entry)),
        }));
        const refusal = { topic: "t", code: "not-json", detail: "d", payloadBytes: 9, payload: secret, sha256: null };
        const refusals = [{ ...refusal, model: "gone-for-good" }];
        commit(store, { ...a, sections: [...sections, ...a.sections], states: [...a.states, ...b.states], refusals });
      }
      const policy = { keep: { last: 1, hourly: 0, daily: 0 }, keepRows: 4000, keepSteps: 10 };
      const policies = new Map(["keep", "gone-for-good"].map((name) => [name, policy]));
      if (prune) while (store.maintain(policies, 4e9)) {}
      const sectionsOf = () =>
        commits(store, { from: 1, limit: 1000, model: "keep" }).map(({ id, sections }) => ({ id, sections }));
      const before = sectionsOf();
      if (prune) expect(before.length).toBeLessThan(150);
      else expect(before.length).toBe(150);
      store.deleteModel("gone-for-good");
      expect(sectionsOf()).toEqual(before);
      store.close();
      const db = new Database(join(folder, "rivulet.db"));
      expect(db.pragma("integrity_check", { simple: true })).toBe("ok");
      db.close();
      for (const name of ["rivulet.db", "lock.db"]) {
        const bytes = readFileSync(join(folder, name));
        for (const trace of [secret.subarray(0, 12), Buffer.from("gone-for-good"), Buffer.from("{2}")]) {
          expect(bytes.includes(trace), `${trace} in ${name}`).toBe(false);
        }
      }
    },
  );
});
