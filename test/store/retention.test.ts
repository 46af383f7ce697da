import { join } from "node:path";
import Database from "better-sqlite3";
import { describe, expect, it } from "vitest";
import { Random } from "../../src/learner/random.ts";
import type { RetentionPolicy, Store } from "../../src/store/store.ts";
import { commit, commits, open, recoveryStates, temporaryFolder, Writer } from "./bench.ts";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const BYTES = 4e9;

const everything: RetentionPolicy = { keep: { last: 1e6, hourly: 0, daily: 0 }, keepRows: 1e12, keepSteps: 1e12 };

/** Takes bites until there are none, and returns how many there were. */
function thin(
  store: Store,
  policy: Partial<RetentionPolicy>,
  models: readonly string[] = ["default"],
  bytesMax = BYTES,
): number {
  const policies = new Map(models.map((name) => [name, { ...everything, ...policy }]));
  let bites = 0;
  while (store.maintain(policies, bytesMax)) expect(++bites).toBeLessThan(10_000);
  return bites;
}

function held(store: Store): number[] {
  return store
    .snapshots({ model: "default", limit: 1000 })
    .filter(({ thinned }) => !thinned)
    .map(({ id }) => id);
}

describe("thinning snapshots", () => {
  it("keeps the newest, then one an hour, then one a day, and those with a tag", () => {
    const store = open();
    const writer = new Writer(store);
    // One snapshot each quarter of an hour, for four days; ids 1 to 384.
    for (let i = 0; i < 4 * 96; i++) {
      writer.at = 100 * DAY + i * (HOUR / 4);
      writer.commit(1, { snapshot: writer.mark() });
    }
    store.tag(6, "early");
    thin(store, { keep: { last: 10, hourly: 24, daily: 2 } });
    const ids = held(store);
    expect(ids.slice(0, 10)).toEqual(Array.from({ length: 10 }, (_, i) => 384 - i));
    expect(ids).toContain(6);
    const rest = ids.slice(10).filter((id) => id !== 6);
    expect(rest).toHaveLength(26);
    // The newest of each hour, then of each day that is left.
    expect(rest.slice(0, 24).every((id, i) => i === 0 || id % 4 === 0)).toBe(true);
    expect(rest.slice(24)).toHaveLength(2);
    // Metadata stay.
    expect(store.snapshots({ model: "default", limit: 1000 })).toHaveLength(384);
    expect(store.snapshot(7)?.thinned).toBe(true);
    expect(() => store.state(7)).toThrow(expect.objectContaining({ code: "journal-pruned" }));
    expect(store.state(6).step).toBe(6);
    expect(() => store.tag(7, "late")).toThrow(expect.objectContaining({ code: "journal-pruned" }));
  });

  it("keeps as much of a machine without a clock, which lives the same hours again after each start", () => {
    const store = open();
    const writer = new Writer(store);
    // Ten lives of three hours in 1970, each a little longer than the one before; one sample of an absurd time in one.
    for (let life = 0; life < 10; life++) {
      for (let i = 0; i < 12 + life; i++) {
        writer.at = life === 5 && i === 3 ? 1e14 : i * (HOUR / 4);
        writer.commit(1, { snapshot: writer.mark() });
      }
      // As retention runs all the time: what it keeps once it must keep later.
      thin(store, { keep: { last: 1, hourly: 4, daily: 100 } });
    }
    const lives = held(store).map((id) => {
      let life = 0;
      let rest = id;
      while (rest > 12 + life) rest -= 12 + life++;
      return life;
    });
    // The newest, four hours, and then one of each life: each is a day of its own.
    expect(lives.filter((life) => life === 9).length).toBeGreaterThanOrEqual(4);
    expect([...new Set(lives)]).toEqual([9, 8, 7, 6, 5, 4, 3, 2, 1, 0]);
  });

  it("works in bounded bites", () => {
    const store = open();
    const writer = new Writer(store);
    for (let i = 0; i < 200; i++) writer.commit(1, { snapshot: writer.mark() });
    expect(thin(store, { keep: { last: 10, hourly: 0, daily: 0 } })).toBeGreaterThan(20);
  });

  it("never gives up the newest three states, nor what a rollback in the journal went back to", () => {
    const store = open();
    const writer = new Writer(store);
    for (let i = 0; i < 20; i++) writer.commit(1, { snapshot: writer.mark() });
    writer.commit(0, { snapshot: writer.mark({ parent: 5, reason: "rollback" }) });
    for (let i = 0; i < 10; i++) writer.commit(1, { snapshot: writer.mark() });
    thin(store, { keep: { last: 1, hourly: 0, daily: 0 } });
    expect(held(store)).toEqual([31, 5]);
    expect(recoveryStates(store, "default").filter(({ good }) => good).length).toBeGreaterThanOrEqual(3);
  });
});

describe("pruning the journal", () => {
  it("keeps keepRows rows of each model, and says from where on it is complete", () => {
    const store = open();
    const writer = new Writer(store);
    for (let i = 0; i < 100; i++) writer.commit(10, i % 10 === 9 ? {} : null);
    thin(store, { keepRows: 1000 });
    const from = store.journalFrom("default");
    const [first] = commits(store, { from: 1, limit: 1, model: "default" });
    expect(first?.id).toBe(from);
    expect(first?.sections[0]?.firstSequence).toBe(3001);
    expect(store.status().rowsHeld).toBe(1000);
  });

  it("is not held up by a commit that is damaged", () => {
    const folder = temporaryFolder();
    const store = open(folder);
    const writer = new Writer(store);
    for (let i = 0; i < 40; i++) writer.commit(5, i % 10 === 9 ? {} : null);
    const db = new Database(join(folder, "rivulet.db"));
    db.exec("UPDATE journal_commits SET entries = zeroblob(100) WHERE id IN (3, 35)");
    db.close();
    thin(store, { keepRows: 1 });
    // It went with those before it; the one that recovery may need stays, and what is behind it.
    expect(store.journalFrom("default")).toBeGreaterThan(10);
    expect(store.status().firstCommit).toBe(store.journalFrom("default"));
    expect(store.status().commitsHeld).toBe(40 - store.journalFrom("default") + 1);
  });

  it("cuts a long log, and does not wait for one who reads", { timeout: 15_000 }, () => {
    const folder = temporaryFolder();
    const store = open(folder);
    const writer = new Writer(store);
    const reader = new Database(join(folder, "rivulet.db"), { readonly: true });
    reader.exec("BEGIN");
    reader.prepare("SELECT count(*) FROM models").get();
    const random = new Random(1);
    // Bytes that cannot be packed.
    const learner = Uint8Array.from({ length: 3_000_000 }, () => random.uint32());
    for (let i = 0; i < 6; i++) writer.commit(1, { learner, snapshot: writer.mark() });
    // Each would wait for five seconds.
    for (let i = 0; i < 5; i++) store.maintain(new Map(), BYTES);
    expect(store.status().walBytes).toBeGreaterThan(16_000_000);
    reader.close();
    store.maintain(new Map(), BYTES);
    expect(store.status().walBytes).toBe(0);
  });

  it("stops at what recovery needs, even where the file is too large", () => {
    const store = open();
    const writer = new Writer(store);
    for (let i = 0; i < 100; i++) writer.commit(10, [30, 40, 50, 60].includes(i) ? {} : null);
    thin(store, { keepRows: 1 }, ["default"], 1);
    expect(store.journalFrom("default")).toBe(41);
    const states = recoveryStates(store, "default");
    expect(states.map((state) => (state.good ? state.state.commitFrom : 0))).toEqual([61, 51, 41]);
    expect(commits(store, { from: 1, limit: 1, model: "default" })[0]?.id).toBe(41);
  });

  it("gives more up where the file is too large than the rows to keep would say", () => {
    const store = open();
    const writer = new Writer(store);
    for (let i = 0; i < 100; i++) writer.commit(10, i % 10 === 9 ? {} : null);
    thin(store, { keepRows: 1e12 });
    expect(store.journalFrom("default")).toBe(1);
    thin(store, { keepRows: 1e12 }, ["default"], 1);
    expect(store.journalFrom("default")).toBe(80);
  });

  it("is not held back by a model that is no longer live", () => {
    const store = open();
    const [live, idle] = [new Writer(store), new Writer(store, "idle")];
    for (let i = 0; i < 10; i++) idle.commit(10, i === 9 ? {} : null);
    for (let i = 0; i < 3; i++) idle.commit(0, {});
    store.setActive(["default"]);
    for (let i = 0; i < 100; i++) live.commit(10, i % 10 === 9 ? {} : null);
    thin(store, { keepRows: 100 });
    expect(store.journalFrom("default")).toBeGreaterThan(80);
    const last = recoveryStates(store, "idle")[0];
    expect(last?.good).toBe(true);
  });

  it("keeps the whole journal of a model that has fewer than three states", () => {
    const store = open();
    const writer = new Writer(store);
    for (let i = 0; i < 50; i++) writer.commit(10, i < 2 ? {} : null);
    thin(store, { keepRows: 1 }, ["default"], 1);
    expect(store.journalFrom("default")).toBe(1);
  });
});

describe("pruning the quarantine", () => {
  it("keeps the newest ten thousand messages and all counts", () => {
    const store = open();
    const refusal = {
      model: null,
      topic: "t",
      code: "not-json",
      detail: "",
      payloadBytes: 1,
      payload: new Uint8Array(1),
      sha256: "x",
    };
    commit(store, {
      id: 1,
      at: 1,
      sections: [],
      states: [],
      refusals: new Array(10_250).fill(refusal),
      refusalsUnkept: [],
      requests: [],
    });
    thin(store, {}, []);
    expect(store.quarantine({ limit: 20_000 })).toHaveLength(10_000);
    expect(store.quarantineCounts()[0]?.count).toBe(10_250);
  });
});
