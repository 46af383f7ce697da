import { readdirSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { connectAsync, type MqttClient } from "mqtt";
import { beforeEach, describe, expect, it } from "vitest";
import { requestControl } from "../../src/daemon/control-socket.ts";
import type { Quarantine, Status } from "../../src/daemon/verb-queries.ts";
import { rivulet, rivuletJson, type Started, startDaemon, stopped } from "../cli/run.ts";
import { openMosquitto } from "../mqtt/mosquitto.ts";
import { programs } from "../programs.ts";
import { type Faults, openFaults } from "../sim/faults.ts";
import { eventually, NETWORK, onEnd, temporaryFolder } from "./open.ts";
import { SAMPLE } from "./request.ts";

const YEAR_MS = 31_557_600_000;
/** What Node reads from a socket at once. */
const READ_BYTES_MAX = 65_536;
/** Bytes that count as held for each byte on the wire, of the samples of the flood: 1 kB is counted for a message's objects. */
const HELD_PER_BYTE = (1024 + 21) / 47;

let data: string;
let faults: Faults;

beforeEach(async () => {
  data = temporaryFolder();
  faults = await openFaults(data);
  onEnd(() => faults.close());
});

interface Running {
  readonly daemon: Started;
  readonly client: MqttClient;
  /** What came on each topic. */
  readonly heard: { readonly topic: string; readonly body: Record<string, unknown> }[];
}

async function started(set: readonly string[] = [], url?: string): Promise<Running> {
  const sets = [...(url === undefined ? [] : [`mqtt.broker=${url}`]), ...set].flatMap((key) => ["--set", key]);
  const daemon = await startDaemon(data, sets, faults.env);
  const client = await connectAsync(url ?? `mqtt://127.0.0.1:${daemon.port}`);
  const heard: Running["heard"] = [];
  client.on("message", (topic, payload) => heard.push({ topic, body: JSON.parse(payload.toString()) }));
  await client.subscribeAsync(["rivulet/bridge/event", "rivulet/bridge/info", "rivulet/default/prediction"]);
  onEnd(async () => {
    await client.endAsync(true);
    await stopped(daemon.process, "SIGKILL");
  });
  return { daemon, client, heard };
}

function ask<T>(verb: string, params: unknown = {}): Promise<T> {
  return requestControl(join(data, "control.sock"), verb, params) as Promise<T>;
}

async function failure(): Promise<string | null> {
  return (await ask<Status>("status")).store.failure;
}

/** Publishes a sample with the number `x1`, and tells whether the acknowledgement has come. */
function published(client: MqttClient, x1: number) {
  const payload = JSON.stringify({ x1, x2: Math.sin(x1), y: x1 % 2 });
  const state = { acked: client.publishAsync(SAMPLE, payload, { qos: 1 }), came: false };
  void state.acked.then(() => {
    state.came = true;
  });
  return state;
}

async function journal(): Promise<readonly number[]> {
  const { stdout } = await rivulet(["journal", "export", "--format", "ndjson", "--data", data]);
  return stdout
    .trim()
    .split("\n")
    .map((line) => Number(JSON.parse(line).x1));
}

function last({ heard }: Running, topic: string): Record<string, unknown> | undefined {
  return heard.findLast((message) => message.topic === topic)?.body;
}

describe.skipIf(!programs.cc)("a disk that is full, broken or read-only", () => {
  it("is told over HTTP: the daemon is healthy, and not ready", async () => {
    const { daemon, client } = await started(["commit.profile=eager", "http.port=0"]);
    const url = /http:\/\/127\.0\.0\.1:\d+/.exec(daemon.greeting)?.[0];
    const ready = async () => {
      const response = await fetch(`${url}/ready`);
      return { status: response.status, body: await response.json() };
    };
    expect(await ready()).toMatchObject({ status: 200 });
    faults.mode = "full";
    const held = published(client, 1);
    await eventually(ready).toMatchObject({ status: 503, body: { reason: expect.stringContaining("SQLITE_FULL") } });
    expect((await fetch(`${url}/health`)).status).toBe(200);
    expect(await (await fetch(`${url}/metrics`)).text()).toContain("\nrivulet_store_failing 1\n");
    faults.mode = "none";
    await held.acked;
    await eventually(ready).toMatchObject({ status: 200 });
  });

  it.each([
    ["full", "SQLITE_FULL"],
    ["write-error", "SQLITE_IOERR_WRITE"],
    ["flush-error", "SQLITE_IOERR_FSYNC"],
    ["read-only", "SQLITE_IOERR_WRITE"],
  ] as const)(
    "stops acknowledgements (%s), and nothing else, until it works again; then nothing is missing",
    async (mode, code) => {
      const running = await started(["commit.profile=eager", "models.default.batch.size=1"]);
      const { client } = running;
      await published(client, 0).acked;
      faults.mode = mode;
      const held = Array.from({ length: 50 }, (_, i) => published(client, i + 1));
      await eventually(failure).toContain(code);
      await eventually(() => last(running, "rivulet/bridge/event")).toMatchObject({
        event: "store-failing",
        code: "store-failed",
      });
      await eventually(() => last(running, "rivulet/bridge/info")?.["store"]).toMatchObject({
        failure: { code: "store-failed" },
      });
      // It goes on with what it has: it reads, trains, and predicts.
      await eventually(async () => (await ask<Status>("status")).models["default"]?.sequence).toBe(51);
      client.publish("rivulet/default/predict", '{"x1":1,"x2":1}');
      await eventually(() => last(running, "rivulet/default/prediction")?.["step"]).toBe(51);
      expect(await ask("predict", { values: [1, 1] })).toMatchObject({ step: 51, durableSequence: 1 });
      expect(held.filter(({ came }) => came)).toEqual([]);
      const { bytesWritten } = faults.counts();
      faults.mode = "none";
      await Promise.all(held.map(({ acked }) => acked));
      // What a flush failed on is written anew, never only flushed anew: the kernel takes those pages for clean.
      expect(faults.counts().bytesWritten - bytesWritten).toBeGreaterThan(4096);
      await eventually(() => last(running, "rivulet/bridge/event")?.["event"]).toBe("store-working");
      await eventually(() => last(running, "rivulet/bridge/info")?.["store"]).toMatchObject({ failure: null });
      expect(await failure()).toBeNull();
      expect(await ask("verify")).toMatchObject({ outcome: "same", rows: 51 });
      expect(await journal()).toEqual(Array.from({ length: 51 }, (_, i) => i));
    },
  );

  it.each([
    ["embedded", false],
    ["external", true],
  ] as const)("full, answers questions when it holds all that it may of samples, broker %s", async (_, external) => {
    if (external && !programs.mosquitto) return;
    const url = external ? (await openMosquitto()).url : undefined;
    const set = ["intake.bytesMax=64KiB", "intake.payloadBytesMax=1kB", "intake.rowsMax=8", "intake.ringRows=16"];
    const running = await started(set, url);
    const { client, daemon } = running;
    await eventually(async () => (await ask<Status>("status")).broker?.online).toBe(true);
    faults.mode = "full";
    const flooder = await connectAsync(url ?? `mqtt://127.0.0.1:${daemon.port}`);
    onEnd(() => flooder.endAsync(true));
    const flood = Array.from({ length: 3000 }, (_, x1) =>
      flooder.publishAsync(SAMPLE, JSON.stringify({ x1, x2: 1, y: x1 % 2 }), { qos: 0 }),
    );
    const held = async () => (await ask<Status>("status")).broker;
    await eventually(async () => (await held())?.heldBytes).toBeGreaterThan(60_000);
    await eventually(failure).toContain("SQLITE_FULL");
    // More questions than could be held.
    const answers = () => running.heard.filter(({ topic }) => topic.endsWith("/prediction")).length;
    for (let i = 1; i <= 300; i++) {
      client.publish("rivulet/default/predict", '{"x1":1,"x2":1}');
      await eventually(answers).toBe(i);
    }
    // What one read of a socket brings may come on top; it is less than half of what was sent.
    expect((await held())?.heldBytes).toBeLessThan(external ? 65_536 : 65_536 + READ_BYTES_MAX * HELD_PER_BYTE);
    faults.mode = "none";
    await Promise.all(flood);
    const dropped = (await held())?.dropped ?? 0;
    expect(external ? dropped : 1).toBeGreaterThan(0);
    await eventually(async () => (await ask<Status>("status")).models["default"]?.durableSequence).toBe(3000 - dropped);
  });

  it("does not keep a stop waiting: what was not committed was not acknowledged", async () => {
    const { daemon, client } = await started(["commit.profile=eager"]);
    await published(client, 0).acked;
    faults.mode = "full";
    const held = published(client, 1);
    await eventually(failure).toContain("SQLITE_FULL");
    // It could not be marked as clean.
    expect(await stopped(daemon.process, "SIGTERM")).toBe(1);
    expect(held.came).toBe(false);
    faults.mode = "none";
    expect(await rivuletJson(["verify", "--data", data])).toMatchObject({ outcome: "same" });
    expect(await journal()).toEqual([0]);
  });

  it("keeps the start from beginning, with a code and a hint, and changes nothing", async () => {
    const { daemon, client } = await started();
    await published(client, 1).acked;
    expect(await stopped(daemon.process, "SIGTERM")).toBe(0);
    for (const mode of ["full", "write-error", "read-error", "read-only"] as const) {
      faults.mode = mode;
      const { code, stderr } = await rivulet(["start", "--data", data, "--set", "mqtt.port=0"], faults.env);
      expect([code, stderr], mode).toEqual([1, expect.stringMatching(/cannot be (opened|locked|read)/)]);
      expect(stderr).toContain("disk");
    }
    faults.mode = "none";
    expect(await rivuletJson(["verify", "--data", data])).toMatchObject({ outcome: "same", rows: 1 });
  });

  it("that does not let all of the store be read refuses the start: SQLite takes that for damage, but it is none", async () => {
    const { daemon, client } = await started(["commit.profile=eager"]);
    const rows = Buffer.from(new Float64Array(3 * 8000).map((_, i) => (i % 3 === 2 ? 1 : Math.sin(i))).buffer);
    for (let i = 0; i < 5; i++) await client.publishAsync("rivulet/default/f64", rows, { qos: 1 });
    await stopped(daemon.process, "SIGKILL");
    const path = join(data, "rivulet.db");
    const db = new Database(path);
    db.pragma("wal_checkpoint(TRUNCATE)");
    db.close();
    faults.mode = "read-error";
    faults.readFrom = 200_000;
    // Of that file alone: the lock is another one.
    const env = { ...faults.env, FAULT_FOLDER: `${faults.env["FAULT_FOLDER"]}/rivulet.db` };
    const { code, stderr } = await rivulet(["start", "--data", data, "--set", "mqtt.port=0"], env);
    expect([code, stderr]).toEqual([1, expect.stringMatching(/rivulet\.db cannot be read: EIO/)]);
    expect(stderr).toContain("Nothing was changed");
    faults.mode = "none";
    expect(readdirSync(data).filter((name) => name.includes("corrupt"))).toEqual([]);
    expect(await journal()).toHaveLength(40_000);
    // Of what was trained, that is; the rest is trained by the next daemon.
    expect(await rivuletJson(["verify", "--data", data])).toMatchObject({ outcome: "same" });
  });

  it("that cannot be read stops acknowledgements until it can", async () => {
    const running = await started([
      "commit.profile=eager",
      // The many rows are trained, and replayed, in seconds.
      NETWORK,
      "models.default.batch.size=4096",
      "models.default.journal.keepRows=1e7",
    ]);
    const { client } = running;
    // More than SQLite keeps in memory.
    const rows = Buffer.from(new Float64Array(3 * 8000).map((_, i) => (i % 3 === 2 ? i % 2 : Math.sin(i))).buffer);
    for (let i = 0; i < 200; i++) await client.publishAsync("rivulet/default/f64", rows, { qos: 1 });
    faults.mode = "read-error";
    await expect(ask("verify")).rejects.toMatchObject({ code: "store-damaged" });
    const held = published(client, 1);
    await eventually(failure).toContain("damaged");
    expect(await ask("predict", { values: [1, 1] })).toMatchObject({ model: "default" });
    expect(held.came).toBe(false);
    faults.mode = "none";
    await held.acked;
    expect(await ask("verify")).toMatchObject({ outcome: "same", rows: 1_600_001 });
  });
});

describe.skipIf(!programs.cc || !programs.mosquitto)("refused messages during a long outage", () => {
  it("are bounded in memory by intake.bytesMax, and each is counted: recorded, or dropped before it was read", async () => {
    const mosquitto = await openMosquitto();
    const running = await started(["intake.bytesMax=64KiB", "intake.payloadBytesMax=1kB"], mosquitto.url);
    const { client } = running;
    await eventually(async () => (await ask<Status>("status")).broker?.online).toBe(true);
    faults.mode = "full";
    const held = published(client, 1);
    await eventually(failure).toContain("SQLITE_FULL");
    const sent = 2000;
    for (let i = 0; i < sent; i++) await client.publishAsync("rivulet/default/sample", `no JSON ${i}`, { qos: 0 });
    const broker = async () => (await ask<Status>("status")).broker;
    await eventually(async () => (await broker())?.dropped).toBeGreaterThan(sent / 2);
    expect((await broker())?.heldBytes).toBeLessThan(2 * 65_536);
    faults.mode = "none";
    await held.acked;
    const counted = async () => {
      const { counts } = await ask<Quarantine>("quarantine");
      return counts.reduce((sum, { count }) => sum + count, 0) + ((await broker())?.dropped ?? 0);
    };
    await eventually(counted).toBe(sent);
  });
});

describe.skipIf(!programs.cc)("a clock that is set", () => {
  it("years forwards and back stalls nothing, storms nothing, and is told", async () => {
    const running = await started(["models.default.snapshot.every=50ms", "models.default.snapshot.minGap=50ms"]);
    const { client, heard } = running;
    await published(client, 0).acked;
    const jumps = [30 * YEAR_MS, -50 * YEAR_MS, 0];
    for (const [i, clockMs] of jumps.entries()) {
      const before = (await ask<Status>("status")).models["default"]?.newestSnapshot ?? 0;
      faults.clockMs = clockMs;
      const clocks = () => heard.filter(({ body }) => body["event"] === "clock");
      // Samples are acknowledged and snapshots fall due as before.
      await eventually(async () => {
        await published(client, i + 1).acked;
        return (await ask<Status>("status")).models["default"]?.newestSnapshot;
      }).toBeGreaterThan(before + 2);
      expect(clocks()).toHaveLength(i + 1);
      const expected = clockMs - (jumps[i - 1] ?? 0);
      expect(Math.abs(Number(clocks().at(-1)?.body["jumpMs"]) - expected)).toBeLessThan(60_000);
    }
    const snapshots = await ask<readonly { createdAt: string }[]>("snapshots-list", { limit: 1000 });
    const years = new Set(snapshots.map(({ createdAt }) => Number(createdAt.slice(0, 4)) - new Date().getFullYear()));
    expect([...years].map((year) => Math.round(year / 10) * 10).sort()).toEqual([-50, 0, 30].sort());
    expect(await ask("verify")).toMatchObject({ outcome: "same" });
    expect(await failure()).toBeNull();
  });
});
