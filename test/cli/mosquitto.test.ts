import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { publish } from "../../src/client/publisher.ts";
import type { Status } from "../../src/daemon/verb-queries.ts";
import type { SnapshotLine } from "../../src/daemon/verb-snapshots.ts";
import type { Verified } from "../../src/daemon/verify.ts";
import { Random } from "../../src/learner/random.ts";
import { NETWORK } from "../daemon/open.ts";
import { openMosquitto } from "../mqtt/mosquitto.ts";
import type { Mosquitto } from "../mqtt/mosquitto-process.ts";
import { programs } from "../programs.ts";
import { bananas, rowsOf } from "./bananas.ts";
import { rivulet, rivuletJson, type Started, startDaemon, stopped, temporaryFolder } from "./run.ts";

async function journal(data: string): Promise<readonly (readonly number[])[]> {
  const { code, stdout } = await rivulet(["journal", "export", "--data", data]);
  expect(code).toBe(0);
  return rowsOf(stdout);
}

async function isOnline(data: string): Promise<void> {
  await expect
    .poll(async () => (await rivuletJson<Status>(["status", "--data", data])).broker?.online, { timeout: 10_000 })
    .toBe(true);
}

async function sequenceIs(data: string, count: number): Promise<void> {
  await expect
    .poll(async () => (await rivuletJson<Status>(["status", "--data", data])).models["default"]?.durableSequence, {
      timeout: 30_000,
    })
    .toBe(count);
}

describe.skipIf(!programs.mosquitto || !programs.openssl)("the walk through Mosquitto", () => {
  it.each([
    ["5", false],
    ["5", true],
    ["3.1.1", false],
    ["3.1.1", true],
  ] as const)("MQTT %s, TLS %s: publish, roll back, go on, verify", async (protocol, tls) => {
    const mosquitto = await openMosquitto({ tls });
    const data = temporaryFolder();
    const csv = bananas();
    const rows = rowsOf(csv);
    const file = join(data, "stream.csv");
    writeFileSync(file, csv);
    const ca = tls ? ["--set", `mqtt.caFile=${mosquitto.file("ca.pem")}`] : [];
    const at = ["--data", data, "--set", `mqtt.broker=${mosquitto.url}`, ...ca];
    const steps = ["--set", "models.default.snapshot.every=300 steps", "--set", "models.default.snapshot.minGap=0s"];
    const daemon = await startDaemon(data, [...at.slice(2), "--set", `mqtt.protocol=${protocol}`, ...steps]);
    const first = await rivulet(["publish", file, "--source", "pump", "--epoch", "one", ...at]);
    expect([first.code, first.stderr]).toEqual([0, ""]);
    await sequenceIs(data, rows.length);
    expect(await journal(data)).toEqual(rows.map((row, i) => [i + 1, ...row]));
    const status = await rivuletJson<Status>(["status", "--data", data]);
    expect(status.broker).toMatchObject({ kind: "external", online: true, protocol, connections: 1, dropped: 0 });

    const [newest] = await rivuletJson<SnapshotLine[]>(["snapshots", "list", "--data", data]);
    const rolled = await rivuletJson<SnapshotLine>(["rollback", String(newest?.id), "--data", data]);
    expect(rolled.parent).toBe(newest?.id);
    // The same numbers again are passed over; those of another epoch are new.
    expect((await rivulet(["publish", file, "--source", "pump", "--epoch", "one", ...at])).code).toBe(0);
    expect((await rivulet(["publish", file, "--source", "pump", "--epoch", "two", ...at])).code).toBe(0);
    await sequenceIs(data, 2 * rows.length);
    expect((await journal(data)).slice(rows.length).map((row) => row.slice(1))).toEqual(rows);
    expect(await stopped(daemon.process, "SIGTERM")).toBe(0);
    expect(await rivuletJson<Verified>(["verify", "--data", data])).toMatchObject({ outcome: "same" });
  });
});

describe.skipIf(!programs.mosquitto)("in mid-stream", () => {
  const ROWS = 12_000;

  /**
   * Publishes numbered rows while `disturb` does its worst. Every row must be in the journal once, in order; where the
   * broker forgets what it has acknowledged, rows may be missing, and those that are there must be as they were.
   */
  async function survives(
    mosquitto: Mosquitto,
    protocol: string,
    disturb: (restartDaemon: () => Promise<Started>, data: string) => Promise<void>,
    brokerForgets = false,
  ): Promise<void> {
    const data = temporaryFolder();
    const start = () =>
      startDaemon(data, [
        "--set",
        `mqtt.broker=${mosquitto.url}`,
        "--set",
        "mqtt.keepalive=1s",
        "--set",
        `mqtt.protocol=${protocol}`,
        "--set",
        "models.default.snapshot.every=500 steps",
        "--set",
        NETWORK,
      ]);
    let last = await start();
    // What is published before the daemon has subscribed is for nobody.
    await isOnline(data);
    const random = new Random(Number(process.env["SEED"] ?? 3));
    const payloads = Array.from({ length: ROWS }, (_, seq) =>
      JSON.stringify({ x1: seq, x2: random.normal(), y: seq % 2, source: "s", epoch: "e", seq }),
    );
    const publishing = publish({
      url: mosquitto.url,
      username: null,
      password: null,
      topic: "rivulet/default/sample",
      qos: 1,
      rate: 3000,
      payloads,
      signal: new AbortController().signal,
      onProgress: () => {},
    });
    const restart = async () => {
      await stopped(last.process, "SIGKILL");
      last = await start();
      return last;
    };
    await Promise.all([publishing, disturb(restart, data)]);
    if (brokerForgets) {
      await isOnline(data);
      const client = await mosquitto.connect();
      await client.publishAsync("rivulet/default/sample", JSON.stringify({ x1: ROWS, x2: 0, y: 0 }), { qos: 1 });
      await expect.poll(async () => (await journal(data)).at(-1)?.[1], { timeout: 30_000 }).toBe(ROWS);
    } else await sequenceIs(data, ROWS);
    const journaled = (await journal(data)).map(([, x1]) => x1 ?? -1);
    if (brokerForgets) expect(journaled).toEqual([...new Set(journaled)].toSorted((a, b) => a - b));
    else expect(journaled).toEqual(payloads.map((_, i) => i));
    expect(await stopped(last.process, "SIGTERM")).toBe(0);
    expect(await rivuletJson<Verified>(["verify", "--data", data])).toMatchObject({
      outcome: "same",
      rows: journaled.length,
    });
  }

  const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

  it.each(["5", "3.1.1"])("kill -9 of the daemon loses nothing, MQTT %s", async (protocol) => {
    const mosquitto = await openMosquitto();
    await survives(mosquitto, protocol, async (restart) => {
      for (let round = 0; round < 3; round++) {
        await pause(500);
        await restart();
      }
    });
  });

  it("restarts of Mosquitto lose nothing", async () => {
    const mosquitto = await openMosquitto();
    await survives(mosquitto, "auto", async () => {
      for (let round = 0; round < 3; round++) {
        await pause(500);
        await mosquitto.stop();
        await mosquitto.start();
      }
    });
  });

  it("kill -9 of Mosquitto, which forgets what it had not saved, undoes and repeats nothing that was acknowledged", async () => {
    const mosquitto = await openMosquitto();
    await survives(
      mosquitto,
      "auto",
      async (_, data) => {
        for (let round = 0; round < 3; round++) {
          await pause(500);
          await mosquitto.stop("SIGKILL");
          // What the daemon has taken so far; it acknowledges only what is in there.
          const before = await journal(data);
          await mosquitto.start();
          await isOnline(data);
          expect((await journal(data)).slice(0, before.length)).toEqual(before);
        }
      },
      true,
    );
  });

  it("a frozen Mosquitto loses nothing", async () => {
    const mosquitto = await openMosquitto();
    await survives(mosquitto, "auto", async () => {
      await pause(500);
      mosquitto.signal("SIGSTOP");
      await pause(4000);
      mosquitto.signal("SIGCONT");
    });
  });
});
