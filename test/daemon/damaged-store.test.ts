import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import type { MqttClient } from "mqtt";
import { describe, expect, it } from "vitest";
import type { Daemon } from "../../src/daemon/daemon.ts";
import { openStore } from "../../src/store/open-store.ts";
import { checksumOf } from "../../src/store/records.ts";
import { rivulet, startDaemon, stopped } from "../cli/run.ts";
import { openMosquitto } from "../mqtt/mosquitto.ts";
import { programs } from "../programs.ts";
import { connectTo, eventually, open, openOn, temporaryFolder } from "./open.ts";
import { publishRows } from "./request.ts";

const PAGE_BYTES = 4096;
const BACKUP = "2026-01-01T00-00-00Z.db";

const storeOf = (data: string) => join(data, "rivulet.db");

/** Makes a store with `rows` rows as a crash leaves it: its clean stop is not in it. */
async function crashed(rows: number, commits = 1): Promise<{ data: string; learner: Uint8Array }> {
  const daemon = await open(temporaryFolder(), null, ["commit.profile=eager"]);
  const client = await connectTo(daemon);
  for (let i = 0; i < commits; i++) await publishRows(client, rows / commits, 1000 * i);
  await daemon.request("snapshots-take", {});
  await publishRows(client, 40, 123_456);
  const data = temporaryFolder();
  for (const end of ["", "-wal"]) cpSync(`${storeOf(daemon.rooms.config.data)}${end}`, `${storeOf(data)}${end}`);
  return { data, learner: learnerOf(daemon) };
}

/** Brings the log into the file, where its bytes can be found; the stop stays one that was not clean. */
function settle(data: string): Database.Database {
  const db = new Database(storeOf(data));
  db.pragma("wal_checkpoint(TRUNCATE)");
  return db;
}

function learnerOf(daemon: Daemon): Uint8Array {
  return daemon.rooms.models.get("default")?.state.learner.save() ?? new Uint8Array();
}

/** Overwrites a piece of a file. */
function spoil(path: string, at: number, bytes: number): void {
  const content = readFileSync(path);
  content.fill(0xee, at, at + bytes);
  writeFileSync(path, content);
}

function spoilHeader(data: string): void {
  settle(data).close();
  spoil(storeOf(data), 0, 16);
}

function cutOff(data: string): void {
  settle(data).close();
  truncateSync(storeOf(data), 5 * PAGE_BYTES);
}

/** Overwrites pages of a table in the middle of it. */
function spoilPages(data: string, table: string): void {
  const db = settle(data);
  const pages = db
    .prepare<[string], number>("SELECT pageno FROM dbstat WHERE name = ? AND pagetype = 'leaf' ORDER BY pageno")
    .pluck()
    .all(table);
  db.close();
  const middle = pages[pages.length >> 1] ?? Number.NaN;
  spoil(storeOf(data), (middle - 1) * PAGE_BYTES, PAGE_BYTES);
}

/** Flips bytes of a blob that no structure of SQLite knows. */
function spoilBlob(data: string, sql: string): void {
  const db = settle(data);
  const blob = db.prepare<[], Buffer>(sql).pluck().get() ?? Buffer.alloc(0);
  db.close();
  const piece = blob.subarray(blob.length >> 1, (blob.length >> 1) + 24);
  const content = readFileSync(storeOf(data));
  // Pages that are free may hold it as well.
  for (let at = content.indexOf(piece); at >= 0; at = content.indexOf(piece, at + 8)) content.fill(0xee, at, at + 8);
  writeFileSync(storeOf(data), content);
}

/** What the newest commit holds: the journal that recovery needs. */
const NEWEST_COMMIT = "SELECT entries FROM journal_commits ORDER BY id DESC LIMIT 1";
const NEWEST_STATE = "SELECT learner FROM states ORDER BY id DESC LIMIT 1";
const OLDEST_COMMITS = "SELECT entries FROM journal_commits ORDER BY id LIMIT 1 OFFSET 3";

function spoilCommit(data: string): void {
  spoilBlob(data, NEWEST_COMMIT);
}

function setAside(data: string): readonly string[] {
  return readdirSync(data).filter((name) => /\.corrupt-.*Z$/.test(name));
}

async function retainedInfo(daemon: Daemon): Promise<unknown> {
  const client = await connectTo(daemon);
  const heard = new Promise((resolve) => {
    client.once("message", (_, payload) => resolve(JSON.parse(payload.toString())));
  });
  await client.subscribeAsync("rivulet/bridge/info");
  return heard;
}

/** Lets the damage on the disk be found, then publishes; tells whether that is acknowledged while commits fail. */
async function damageFound(daemon: Daemon, client: MqttClient): Promise<boolean> {
  await expect(daemon.request("verify", {})).rejects.toMatchObject({ code: "store-damaged" });
  let acked = false;
  void publishRows(client, 1).then(() => {
    acked = true;
  });
  await eventually(() => daemon.rooms.failure()?.code).toBe("store-damaged");
  return acked;
}

describe("a store that is damaged", () => {
  it.each([
    ["in its header", spoilHeader],
    ["in a page of the journal", (data: string) => spoilPages(data, "journal_commits")],
    ["in a commit that recovery needs", spoilCommit],
    ["by being emptied beside its log", (data: string) => truncateSync(storeOf(data))],
    ["by being cut off", cutOff],
  ] as const)("%s is set aside as it is, and the newest good backup takes its place", async (_, damage) => {
    const { data } = await crashed(4000, 50);
    const older = await crashed(80);
    settle(older.data).close();
    mkdirSync(join(data, "backups"));
    cpSync(storeOf(older.data), join(data, "backups", BACKUP));
    // A newer one that is no good is passed over.
    writeFileSync(join(data, "backups", "2026-01-02T00-00-00Z.db"), "x".repeat(10_000));
    damage(data);
    const before = readFileSync(storeOf(data));
    const daemon = await open(data);
    const [name] = setAside(data);
    expect(name).toMatch(/^rivulet\.db\.corrupt-\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ$/);
    // Where SQLite itself sees nothing wrong, it was opened before.
    if (damage !== spoilCommit) expect(readFileSync(join(data, name ?? "")).equals(before)).toBe(true);
    expect(learnerOf(daemon)).toEqual(older.learner);
    expect(await retainedInfo(daemon)).toMatchObject({
      store: {
        restored: expect.any(String),
        setAside: { file: join(data, name ?? ""), from: join(data, "backups", BACKUP), passedOver: [{}] },
      },
    });
    expect(await daemon.request("verify", {})).toMatchObject({ outcome: "same" });
    await publishRows(await connectTo(daemon), 8);
    await daemon.close();
    // It happens once.
    const again = await open(data);
    expect(again.rooms.replaced).toBeNull();
    expect(setAside(data)).toHaveLength(1);
  });

  it("begins anew where there is no good backup, and says so", async () => {
    const { data } = await crashed(400, 10);
    spoilPages(data, "journal_commits");
    const { process: child } = await startDaemon(data);
    expect(await stopped(child, "SIGTERM")).toBe(0);
    expect(setAside(data)).toHaveLength(1);
    const { stdout } = await rivulet(["status", "--json", "--data", data]);
    expect(JSON.parse(stdout)).toMatchObject({ models: { default: { sequence: 0 } } });
    spoilPages(data, "states");
    const again = await rivulet(["status", "--json", "--data", data]);
    expect([again.code, again.stderr]).toEqual([1, expect.stringContaining("is damaged")]);
    // A command only looks: what becomes of the store is the daemon's to decide.
    expect(setAside(data)).toHaveLength(1);
  });

  it("in its newest checkpoint alone is recovered to the same bits from an older one and the journal", async () => {
    const { data, learner } = await crashed(400, 10);
    spoilBlob(data, NEWEST_STATE);
    const daemon = await open(data);
    expect(learnerOf(daemon)).toEqual(learner);
    expect(setAside(data)).toEqual([]);
    expect(daemon.rooms.replaced).toBeNull();
  });

  it("in a commit that recovery does not need goes on, and verify tells", async () => {
    const { data, learner } = await crashed(400, 10);
    spoilBlob(data, OLDEST_COMMITS);
    const daemon = await open(data);
    expect(learnerOf(daemon)).toEqual(learner);
    await expect(daemon.request("verify", { from: "1" })).rejects.toMatchObject({ code: "journal-damaged" });
    await publishRows(await connectTo(daemon), 8);
    expect(setAside(data)).toEqual([]);
  });

  it("while it is in use: nothing more is acknowledged, and the next start sets it aside", async () => {
    const data = temporaryFolder();
    const daemon = await open(data, null, ["commit.profile=eager"]);
    const client = await connectTo(daemon);
    for (let i = 0; i < 40; i++) await publishRows(client, 4000, i);
    spoilPages(data, "journal_commits");
    // A connection of its own sees what lies on the disk, as one whose memory was needed for something else.
    const acked = await damageFound(daemon, client);
    expect(acked).toBe(false);
    expect(daemon.rooms.failure()).toMatchObject({ code: "store-damaged" });
    expect(await daemon.request("predict", { values: [1, 1] })).toMatchObject({ model: "default" });
    // A stop does not wait for a store that cannot be used.
    await daemon.close();
    const again = await open(data);
    expect(again.rooms.replaced).toMatchObject({ from: null });
    expect(setAside(data).length).toBeGreaterThan(0);
  });
});

describe("a store whose file is good, and whose journal gives another state than it says", () => {
  it("refuses the start: that is no damage of the disk, and nothing is set aside", async () => {
    const { data } = await crashed(400, 10);
    const store = openStore({ folder: data });
    const forged = store.state(2);
    store.close();
    // A parameter of another value, with a checksum that belongs to it.
    const middle = forged.learner.length >> 1;
    for (let i = middle; i < middle + 64; i += 8) forged.learner[i] = (forged.learner[i] ?? 0) ^ 0x10;
    const db = new Database(storeOf(data));
    db.prepare(
      "UPDATE states SET learner = ?, checksum = ? WHERE id = (SELECT state_id FROM snapshots WHERE id = 2)",
    ).run(forged.learner, checksumOf(forged));
    db.close();
    await expect(open(data)).rejects.toMatchObject({ code: "journal-damaged" });
    expect(setAside(data)).toEqual([]);
    expect(existsSync(storeOf(data))).toBe(true);
  });
});

describe.skipIf(!programs.mosquitto)("what became of a damaged store", () => {
  it("is told by events at the start", async () => {
    const mosquitto = await openMosquitto();
    const client = await mosquitto.connect();
    const heard: Record<string, unknown>[] = [];
    client.on("message", (_, payload) => heard.push(JSON.parse(payload.toString())));
    await client.subscribeAsync(["rivulet/bridge/event", "rivulet/default/event"]);
    const { data } = await crashed(400, 10);
    const older = await crashed(80);
    settle(older.data).close();
    mkdirSync(join(data, "backups"));
    cpSync(storeOf(older.data), join(data, "backups", BACKUP));
    spoilPages(data, "journal_commits");
    await openOn(mosquitto.url, [], data);
    await eventually(() => heard.map(({ event }) => event)).toEqual(["set-aside", "restored"]);
    expect(heard[0]).toMatchObject({ file: expect.stringContaining(".corrupt-"), from: join(data, "backups", BACKUP) });
    expect(heard[1]).toMatchObject({ restored: expect.any(String), marks: [] });
  });
});

describe("a log that was cut off", () => {
  it("gives what was committed before, whole and verified", async () => {
    const { data } = await crashed(400, 10);
    const log = `${storeOf(data)}-wal`;
    truncateSync(log, Math.floor(statSync(log).size * 0.6));
    const daemon = await open(data);
    const { sequence } = daemon.rooms.models.get("default")?.state ?? { sequence: 0 };
    expect(sequence).toBeGreaterThan(0);
    expect(sequence).toBeLessThan(440);
    expect(await daemon.request("verify", {})).toMatchObject({ outcome: "same" });
    await publishRows(await connectTo(daemon), 8);
  });
});

describe("a start is refused, and nothing is touched", () => {
  it.each([
    ["another program's database", "PRAGMA application_id = 7", "is a database of another program"],
    ["a later release's", "PRAGMA user_version = 99", "was written by a later release"],
  ])("by %s", async (_, sql, message) => {
    const { data } = await crashed(40);
    settle(data).exec(sql).close();
    const before = readFileSync(storeOf(data));
    const { code, stderr } = await rivulet(["start", "--data", data, "--set", "mqtt.port=0"]);
    expect([code, stderr]).toEqual([1, expect.stringContaining(message)]);
    expect(stderr).toContain("--data");
    expect(readFileSync(storeOf(data)).equals(before)).toBe(true);
    expect(readdirSync(data).sort()).toEqual(["lock.db", "rivulet.db"]);
  });

  it("by another daemon on the same data", async () => {
    const data = temporaryFolder();
    await startDaemon(data);
    const { code, stderr } = await rivulet(["start", "--data", data, "--set", "mqtt.port=0"]);
    expect([code, stderr]).toEqual([1, expect.stringContaining("another process works on")]);
    expect(stderr).toContain("Stop that daemon");
    expect(existsSync(storeOf(data))).toBe(true);
  });
});
