import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import type { MqttClient } from "mqtt";
import { describe, expect, it } from "vitest";
import type { Daemon } from "../../src/daemon/daemon.ts";
import type { BackupMade } from "../../src/daemon/verb-backup.ts";
import { rivulet, rivuletJson } from "../cli/run.ts";
import { openMosquitto } from "../mqtt/mosquitto.ts";
import { programs } from "../programs.ts";
import { ask, connectTo, eventually, open, openOn, temporaryFolder } from "./open.ts";
import { publishRows, request } from "./request.ts";

function backups(data: string): readonly string[] {
  return readdirSync(join(data, "backups")).sort();
}

function learnerOf(daemon: Daemon): Uint8Array {
  return daemon.rooms.models.get("default")?.state.learner.save() ?? new Uint8Array();
}

async function publishNumbered(client: MqttClient, from: number, count: number): Promise<void> {
  for (let seq = from; seq < from + count; seq++) {
    const sample = JSON.stringify({ x1: Math.sin(seq), x2: 1, y: seq % 2, epoch: "e1", seq });
    await client.publishAsync("rivulet/default/sample/a", sample, { qos: 1 });
  }
}

describe("a backup", () => {
  it("is made while samples are committed, is checked, and stands for a moment in between", async () => {
    const data = temporaryFolder();
    const daemon = await open(data, null, ["commit.profile=eager"]);
    const client = await connectTo(daemon);
    await publishRows(client, 4000);
    let made: BackupMade | null = null;
    const making = ask(daemon, "backup", {}).then((result) => {
      made = result;
    });
    let during = 0;
    for (; made === null && during < 10_000; during++) await publishRows(client, 4, 10 * during);
    await making;
    const [name] = backups(data);
    expect(name).toMatch(/^\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ\.db$/);
    expect(made).toMatchObject({ file: join(data, "backups", name ?? ""), damagedCommits: 0, damagedStates: 0 });
    expect(backups(data)).toHaveLength(1);
    // A single file, good by SQLite's own judgement, and a moment of this store.
    const copy = join(data, "backups", name ?? "");
    const db = new Database(copy, { readonly: true });
    expect(db.pragma("integrity_check", { simple: true })).toBe("ok");
    expect(db.pragma("journal_mode", { simple: true })).toBe("delete");
    const rows = db.prepare<[], number>("SELECT sum(rows) FROM journal_commits").pluck().get() ?? 0;
    db.close();
    expect(rows).toBeGreaterThanOrEqual(4000);
    expect(rows).toBeLessThanOrEqual(4000 + 4 * during);
    const other = temporaryFolder();
    const { code } = await rivulet(["restore", copy, "--data", other]);
    expect(code).toBe(0);
    const again = await open(other);
    expect(again.rooms.models.get("default")?.state.accepted).toBe(rows);
    expect(await ask(again, "verify", {})).toMatchObject({ outcome: "same" });
  });

  it("of which no file was named is one of the newest seven, in the order in which they were made", async () => {
    const daemon = await open(temporaryFolder());
    const { data } = daemon.rooms.config;
    const files: string[] = [];
    // More than one a second, and one of a clock that was ahead.
    mkdirSync(join(data, "backups"));
    writeFileSync(join(data, "backups", "2090-01-01T00-00-00Z.db"), "");
    writeFileSync(join(data, "backups", "2089-01-01T00-00-00Z.db.part"), "");
    writeFileSync(join(data, "backups", "mine.db"), "");
    for (let i = 0; i < 9; i++) files.push((await ask(daemon, "backup", {})).file);
    expect(files).toEqual(files.toSorted());
    expect(backups(data).map((name) => join(data, "backups", name))).toEqual([
      ...files.slice(2),
      join(data, "backups", "mine.db"),
    ]);
  });

  it("is refused where its file is there already, or cannot be made, and leaves nothing behind", async () => {
    const data = temporaryFolder();
    const daemon = await open(data);
    const taken = join(data, "taken.db");
    writeFileSync(taken, "precious");
    await expect(ask(daemon, "backup", { file: taken })).rejects.toMatchObject({ code: "usage" });
    expect(readFileSync(taken, "utf8")).toBe("precious");
    const nowhere = join(data, "nowhere", "a.db");
    await expect(ask(daemon, "backup", { file: nowhere })).rejects.toMatchObject({ code: "backup-failed" });
    const late = ask(daemon, "backup", { file: join(data, "late.db") });
    const refused = expect(late).rejects.toMatchObject({ code: "busy" });
    await daemon.close();
    await refused;
    expect(readdirSync(data).sort()).toEqual(["lock.db", "rivulet.db", "taken.db"]);
  });

  it("is made over MQTT, once for a transaction, among the backups of the folder", async () => {
    const data = temporaryFolder();
    const daemon = await open(data);
    const client = await connectTo(daemon);
    const first = await request(client, "backup", { transaction: "b" }, "bridge");
    expect(first).toMatchObject({ status: "ok", data: { file: join(data, "backups", backups(data)[0] ?? "") } });
    expect(await request(client, "backup", { transaction: "b" }, "bridge")).toEqual(first);
    const elsewhere = join(data, "mine.db");
    expect(await request(client, "backup", { file: elsewhere }, "bridge")).toMatchObject({ error: { code: "usage" } });
    expect(existsSync(elsewhere)).toBe(false);
    expect(backups(data)).toHaveLength(1);
    const closed = await open(temporaryFolder(), null, ["mqtt.commands=off"]);
    const asker = await connectTo(closed);
    expect(await request(asker, "backup", {}, "bridge")).toMatchObject({ error: { code: "forbidden" } });
  });
});

describe("restoring", () => {
  it("needs a daemon that is stopped, a good backup, and sets the store aside", async () => {
    const data = temporaryFolder();
    const daemon = await open(data);
    const client = await connectTo(daemon);
    await publishRows(client, 400);
    await ask(daemon, "snapshots-take", {});
    const saved = learnerOf(daemon);
    const { file } = await ask(daemon, "backup", {});
    await publishRows(client, 400, 77);
    const running = await rivulet(["restore", "latest", "--data", data]);
    expect([running.code, running.stderr]).toEqual([1, expect.stringContaining("Stop that daemon")]);
    await daemon.close();
    const before = readdirSync(data).sort();
    const bad = join(data, "bad.db");
    for (const [content, says] of [
      [Buffer.alloc(9000, 1), "damaged"],
      [foreign(), "another program"],
    ] as const) {
      writeFileSync(bad, content);
      const { code, stderr } = await rivulet(["restore", bad, "--data", data]);
      expect([code, stderr]).toEqual([1, expect.stringContaining(says)]);
    }
    const missing = await rivulet(["restore", join(data, "no.db"), "--data", data]);
    expect([missing.code, missing.stderr]).toEqual([1, expect.stringContaining("there is no file")]);
    expect(
      readdirSync(data)
        .filter((name) => name !== "bad.db")
        .sort(),
    ).toEqual(before);
    const restored = await rivuletJson<{ setAside: string }>(["restore", "latest", "--data", data]);
    expect(restored).toMatchObject({ from: file, restoredAt: expect.any(String), damagedCommits: 0 });
    expect(restored.setAside).toMatch(/rivulet\.db\.before-restore-\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ$/);
    const former = new Database(restored.setAside, { readonly: true });
    expect(former.prepare("SELECT sum(rows) FROM journal_commits").pluck().get()).toBe(800);
    former.close();
    const again = await open(data);
    expect(learnerOf(again)).toEqual(saved);
    expect(again.rooms.models.get("default")?.state.accepted).toBe(400);
    expect(await ask(again, "verify", {})).toMatchObject({ outcome: "same" });
  });

  it("says where nothing is to be restored", async () => {
    const { code, stderr } = await rivulet(["restore", "latest", "--data", temporaryFolder()]);
    expect([code, stderr]).toEqual([1, expect.stringContaining("`rivulet backup` makes one")]);
  });
});

function foreign(): Buffer {
  const path = join(temporaryFolder(), "foreign.db");
  new Database(path).exec("CREATE TABLE t (x)").close();
  return readFileSync(path);
}

describe.skipIf(!programs.mosquitto)("a store that was restored", () => {
  it("tells its producers with the marks, and each model's event once", async () => {
    const mosquitto = await openMosquitto();
    const client = await mosquitto.connect();
    const heard: { topic: string; body: Record<string, unknown> }[] = [];
    client.on("message", (topic, payload) => {
      if (payload.length > 0) heard.push({ topic, body: JSON.parse(payload.toString()) });
    });
    await client.subscribeAsync(["rivulet/default/event", "rivulet/default/committed/a"]);
    const marks = () => heard.filter(({ topic }) => topic.endsWith("/a")).map(({ body }) => body);
    const restorations = () => heard.filter(({ body }) => body["event"] === "restored").map(({ body }) => body);
    const data = temporaryFolder();
    const first = await openOn(mosquitto.url, [], data);
    await publishNumbered(client, 1, 20);
    await eventually(() => marks().at(-1)).toEqual({ epoch: "e1", seq: 20, gaps: 0 });
    await ask(first, "backup", {});
    await publishNumbered(client, 21, 20);
    await eventually(() => marks().at(-1)).toEqual({ epoch: "e1", seq: 40, gaps: 0 });
    await first.close();
    const { restoredAt: restored } = await rivuletJson<{ restoredAt: string }>(["restore", "latest", "--data", data]);
    const second = await openOn(mosquitto.url, [], data);
    await eventually(() => marks().at(-1)).toEqual({ epoch: "e1", seq: 20, gaps: 0, restored });
    await eventually(restorations).toEqual([
      {
        event: "restored",
        restored,
        marks: [{ source: "a", epoch: "e1", seq: 20, gaps: 0 }],
        at: expect.any(String),
      },
    ]);
    await second.close();
    const third = await openOn(mosquitto.url, [], data);
    // Marks go on bearing it: a producer may have been away.
    await publishNumbered(client, 21, 1);
    await eventually(() => marks().at(-1)).toEqual({ epoch: "e1", seq: 21, gaps: 0, restored });
    expect(restorations()).toHaveLength(1);
    await third.close();
  });
});
