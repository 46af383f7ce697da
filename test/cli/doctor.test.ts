import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import Database from "better-sqlite3";
import { connectAsync } from "mqtt";
import { describe, expect, it } from "vitest";
import type { Diagnosis, Finding } from "../../src/daemon/doctor.ts";
import { programs } from "../programs.ts";
import { openFaults } from "../sim/faults.ts";
import { rivulet, startDaemon, stopped, temporaryFolder } from "./run.ts";

const YEAR_MS = 31_557_600_000;

interface Told {
  readonly code: number | null;
  readonly diagnosis: Diagnosis;
  /** The worst finding of each thing. */
  readonly by: Readonly<Record<string, Finding | undefined>>;
}

async function doctor(
  data: string,
  args: readonly string[] = ["--set", "mqtt.port=0"],
  env: Readonly<Record<string, string>> = {},
): Promise<Told> {
  const { code, stdout, stderr } = await rivulet(["doctor", "--json", "--data", data, ...args], env);
  if (stdout === "") throw new Error(stderr);
  const diagnosis = JSON.parse(stdout) as Diagnosis;
  const by = Object.fromEntries(diagnosis.findings.map((finding) => [finding.what, finding]));
  return { code, diagnosis, by };
}

/** Makes a folder in which a daemon has run, and was stopped. */
async function used(): Promise<string> {
  const data = temporaryFolder();
  const { process: child } = await startDaemon(data);
  expect(await stopped(child, "SIGTERM")).toBe(0);
  return data;
}

describe("doctor", () => {
  it("finds a running daemon and a stopped one well, and says that a backup is missing", async () => {
    const data = temporaryFolder();
    const { process: child } = await startDaemon(data);
    const running = await doctor(data);
    expect([running.code, running.diagnosis.outcome, running.diagnosis.running]).toEqual([0, "warn", true]);
    for (const what of ["folder", "lock", "store", "log", "set aside", "clock", "broker", "commits"]) {
      expect(running.by[what], what).toMatchObject({ outcome: "ok", todo: null });
    }
    expect(running.by["backups"]).toMatchObject({ outcome: "warn", todo: "rivulet backup" });
    expect((await rivulet(["backup", "--data", data])).code).toBe(0);
    await stopped(child, "SIGTERM");
    const after = await doctor(data);
    expect([after.code, after.diagnosis.running]).toEqual([0, false]);
    for (const what of ["folder", "lock", "store", "log", "backups", "clock", "broker"]) {
      expect(after.by[what], what).toMatchObject({ outcome: "ok", todo: null });
    }
    const { stdout } = await rivulet(["doctor", "--data", data, "--set", "mqtt.port=0"]);
    expect(stdout).toMatch(/^ok +store +.*rivulet\.db is sound/m);
  });

  it("cannot tell where nothing is stored, and makes nothing", async () => {
    const data = join(temporaryFolder(), "new");
    const { code, by } = await doctor(data);
    expect(code).toBe(2);
    expect([by["folder"], by["store"]]).toMatchObject([{ outcome: "unknown" }, { outcome: "unknown" }]);
    const empty = temporaryFolder();
    expect((await doctor(empty)).code).toBe(2);
    expect(readdirSync(empty)).toEqual([]);
  });

  it("finds a damaged, a foreign and a locked store, and leaves each as it is", async () => {
    const data = await used();
    const path = join(data, "rivulet.db");
    const lock = new Database(join(data, "lock.db"));
    lock.exec("BEGIN EXCLUSIVE");
    const locked = await doctor(data);
    expect([locked.code, locked.by["lock"]]).toMatchObject([
      1,
      { outcome: "fail", todo: expect.stringMatching(/^fuser /) },
    ]);
    expect(locked.by["store"]).toMatchObject({ outcome: "ok" });
    lock.close();
    const good = readFileSync(path);
    const bad = Buffer.from(good).fill(0xee, 4096, 20_000);
    writeFileSync(path, bad);
    const damaged = await doctor(data);
    expect([damaged.code, damaged.by["store"]]).toMatchObject([
      1,
      { outcome: "fail", todo: expect.stringContaining("restore") },
    ]);
    expect(readFileSync(path).equals(bad)).toBe(true);
    writeFileSync(path, good);
    new Database(path).exec("PRAGMA application_id = 7").close();
    const foreign = await doctor(data);
    expect([foreign.code, foreign.by["store"]]).toMatchObject([
      1,
      { outcome: "fail", says: expect.stringContaining("another program") },
    ]);
  });

  it("finds what others may read or write, and what was set aside", async () => {
    const data = await used();
    const secret = join(temporaryFolder(), "password");
    writeFileSync(secret, "x", { mode: 0o644 });
    chmodSync(data, 0o777);
    writeFileSync(join(data, "rivulet.db.corrupt-2026-01-01T00-00-00Z"), "x");
    const open = await doctor(data, ["--set", "mqtt.port=0", "--set", `mqtt.passwordFile=${secret}`]);
    expect(open.code).toBe(0);
    expect(open.by["folder"]).toMatchObject({ outcome: "warn", todo: `chmod go-w ${data}` });
    expect(open.by["secrets"]).toMatchObject({ outcome: "warn", todo: `chmod 600 ${secret}` });
    expect(open.by["set aside"]).toMatchObject({ outcome: "warn", says: expect.stringContaining("damaged") });
    chmodSync(secret, 0o600);
    const closed = await doctor(data, ["--set", "mqtt.port=0", "--set", `mqtt.passwordFile=${secret}`]);
    expect(closed.by["secrets"]).toMatchObject({ outcome: "ok" });
    const handed = await doctor(data, ["--set", "mqtt.passwordFile=$CREDENTIALS_DIRECTORY/word"]);
    expect(handed.by["secrets"]).toMatchObject({ outcome: "unknown", says: expect.stringContaining("word") });
    const missing = await doctor(data, ["--set", `mqtt.passwordFile=${secret}.not`]);
    expect([missing.code, missing.by["secrets"]]).toMatchObject([1, { outcome: "fail" }]);
  });

  it("finds a broker that is not there, a port that is taken, a disk too small and a configuration with faults", async () => {
    const data = temporaryFolder();
    mkdirSync(join(data, "backups"));
    const server = createServer((socket) => socket.destroy());
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    const taken = await doctor(data, ["--set", `mqtt.port=${port}`]);
    expect([taken.code, taken.by["broker"]]).toMatchObject([
      1,
      { outcome: "fail", says: expect.stringContaining("another") },
    ]);
    const there = await doctor(data, [
      "--set",
      `mqtt.broker=mqtt://127.0.0.1:${port}`,
      "--set",
      "store.bytesMax=1000TB",
    ]);
    expect(there.by["broker"]).toMatchObject({ outcome: "ok" });
    expect(there.by["disk"]).toMatchObject({ outcome: "warn", todo: expect.stringContaining("store.bytesMax") });
    await new Promise((resolve) => server.close(resolve));
    const gone = await doctor(data, ["--set", `mqtt.broker=mqtt://127.0.0.1:${port}`]);
    expect([gone.code, gone.by["broker"]]).toMatchObject([1, { outcome: "fail", todo: `nc -vz 127.0.0.1 ${port}` }]);
    const faulty = await doctor(data, ["--set", "mqtt.port=-1"]);
    expect([faulty.code, faulty.by["config"]]).toMatchObject([1, { outcome: "fail", todo: "rivulet config check" }]);
  });

  it.skipIf(!programs.cc)("finds a clock that cannot be right, and a daemon that cannot commit", async () => {
    const data = temporaryFolder();
    const faults = await openFaults(data);
    const { process: child, port } = await startDaemon(data, [], faults.env);
    const client = await connectAsync(`mqtt://127.0.0.1:${port}`);
    faults.clockMs = -50 * YEAR_MS;
    expect((await doctor(data)).by["clock"]).toMatchObject({
      outcome: "warn",
      says: expect.stringContaining("before this"),
    });
    faults.clockMs = 0;
    faults.mode = "full";
    client.publish("rivulet/default/sample", '{"x1":1,"x2":1,"y":1}');
    await expect
      .poll(async () => (await doctor(data)).by["commits"], { timeout: 20_000 })
      .toMatchObject({
        outcome: "fail",
        says: expect.stringContaining("SQLITE_FULL"),
        todo: expect.stringContaining("room"),
      });
    faults.mode = "none";
    await client.endAsync(true);
    await stopped(child, "SIGTERM");
    faults.clockMs = -100 * 3_600_000;
    const back = await doctor(data, ["--set", "mqtt.port=0"], faults.env);
    expect(back.by["clock"]).toMatchObject({ outcome: "warn", says: expect.stringContaining("newest commit") });
    faults.close();
  });
});
