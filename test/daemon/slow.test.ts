import { readFileSync } from "node:fs";
import type { MqttClient } from "mqtt";
import { describe, expect, it } from "vitest";
import type { Status } from "../../src/daemon/verb-queries.ts";
import { rowsOf } from "../cli/bananas.ts";
import { rivulet, rivuletJson, startDaemon } from "../cli/run.ts";
import { openMosquitto } from "../mqtt/mosquitto.ts";
import { programs } from "../programs.ts";
import { ask, connectTo, journalOf, open, openOn, temporaryFolder } from "./open.ts";

/** A network that takes a few milliseconds a step, and little room before it. */
const SLOW = [
  "models.default.network.hidden=[512,512]",
  "models.default.batch.size=2",
  "intake.rowsMax=8",
  "intake.ringRows=16",
  "intake.payloadBytesMax=1kB",
  "intake.bytesMax=64KiB",
  "mqtt.keepalive=1s",
];
const ROWS = 800;

/** Memory that a flood may take: what is held (8 MiB), its objects, and what is not collected yet. */
const MEMORY_BYTES_MAX = 128_000_000;

/** Tells the most memory that a process ever had. */
function peakBytes(pid: number | undefined): number {
  const peak = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  return Number(peak) * 1024;
}

function flood(client: MqttClient, qos: 0 | 1): Promise<unknown> {
  const publish = (x1: number) =>
    client.publishAsync("rivulet/default/sample", JSON.stringify({ x1, x2: -x1, y: x1 % 2 }), { qos });
  return Promise.all(Array.from({ length: ROWS }, (_, i) => publish(i)));
}

describe.skipIf(!programs.mosquitto)("a slow learner under a flood through Mosquitto", () => {
  it.each([
    // Many small ones, beyond the window that the broker was given; and large ones, more than it may send by 3.1.1.
    ["5", "[192,192]", 15_000, 1, ""],
    ["3.1.1", "[384,384]", 60, 40, "p".repeat(6000)],
  ] as const)(
    "trains each row of QoS 1 once and in order, in bounded memory, and is never cut off, MQTT %s",
    async (protocol, hidden, messages, rowsEach, padding) => {
      const mosquitto = await openMosquitto();
      const data = temporaryFolder();
      const keys = [
        `mqtt.broker=${mosquitto.url}`,
        `mqtt.protocol=${protocol}`,
        "mqtt.keepalive=1s",
        `models.default.network.hidden=${hidden}`,
        "models.default.batch.size=2",
        "intake.rowsMax=64",
        "intake.ringRows=128",
        "intake.payloadBytesMax=512kB",
        "intake.bytesMax=2MB",
      ];
      const { process: child } = await startDaemon(
        data,
        keys.flatMap((key) => ["--set", key]),
      );
      const status = () => rivuletJson<Status>(["status", "--data", data]);
      await expect.poll(async () => (await status()).broker?.online, { timeout: 10_000 }).toBe(true);
      const atRest = peakBytes(child.pid);
      const client = await mosquitto.connect();
      const rows = messages * rowsEach;
      await Promise.all(
        Array.from({ length: messages }, (_, i) => {
          const payload = Array.from({ length: rowsEach }, (_, j) => ({
            x1: i * rowsEach + j,
            x2: 1,
            y: j % 2,
            padding,
          }));
          return client.publishAsync("rivulet/default/sample", JSON.stringify(payload), { qos: 1 });
        }),
      );
      await expect
        .poll(async () => (await status()).models["default"]?.durableSequence, { timeout: 50_000, interval: 500 })
        .toBeGreaterThanOrEqual(rows);
      const { broker, models } = await status();
      expect(models["default"]?.durableSequence).toBe(rows);
      const { stdout } = await rivulet(["journal", "export", "--data", data]);
      expect(rowsOf(stdout).map(([, x1]) => x1)).toEqual(Array.from({ length: rows }, (_, i) => i));
      expect(broker).toMatchObject({ online: true, dropped: 0, attempts: 0, messages });
      // Mosquitto sent more than may be held; what was left with it came by a connection more each time.
      expect(broker).toSatisfy(({ passes, connections }) => passes >= 1 && connections === passes + 1);
      expect(peakBytes(child.pid) - atRest).toBeLessThan(MEMORY_BYTES_MAX);
    },
  );

  it("drops of QoS 0 what it cannot hold, and counts each", async () => {
    const mosquitto = await openMosquitto();
    const daemon = await openOn(mosquitto.url, SLOW);
    const client = await mosquitto.connect();
    await flood(client, 0);
    await client.publishAsync("rivulet/default/sample", JSON.stringify({ x1: -1, x2: 1, y: 1 }), { qos: 1 });
    await expect
      .poll(async () => (await journalOf(daemon)).at(-1)?.["x1"], { timeout: 50_000, interval: 200 })
      .toBe(-1);
    const journal = await journalOf(daemon);
    const { dropped, connections } = daemon.rooms.broker?.status() ?? { dropped: 0, connections: 0 };
    expect(dropped).toBeGreaterThan(0);
    expect(dropped + journal.length).toBe(ROWS + 1);
    expect(connections).toBe(1);
    // What was taken is in its order.
    const taken = journal.map(({ x1 }) => Number(x1)).slice(0, -1);
    expect(taken).toEqual(taken.toSorted((a, b) => a - b));
  });
});

describe("a slow learner under a flood on the embedded broker", () => {
  it("loses nothing of either quality of service, and answers between its steps", async () => {
    const daemon = await open(temporaryFolder(), null, SLOW);
    const [producer, asker] = [await connectTo(daemon), await connectTo(daemon)];
    const flooding = Promise.all([flood(producer, 1), flood(producer, 0)]);
    await asker.subscribeAsync("rivulet/default/prediction");
    const answered = new Promise<void>((resolve) => asker.once("message", () => resolve()));
    await asker.publishAsync("rivulet/default/predict", '{"x1":1,"x2":1}');
    await answered;
    expect(daemon.rooms.models.get("default")?.state.sequence).toBeLessThan(2 * ROWS);
    await flooding;
    await expect
      .poll(async () => (await ask(daemon, "status", {})).models["default"]?.durableSequence, { timeout: 50_000 })
      .toBe(2 * ROWS);
  });

  it("stops soon although much is pending, and goes on with it afterwards", async () => {
    const data = temporaryFolder();
    const huge = ["models.default.network.hidden=[512,512]", "models.default.batch.size=2", "commit.profile=eager"];
    const first = await open(data, null, huge);
    const client = await connectTo(first);
    const rows = Array.from({ length: 1200 }, (_, i) => ({ x1: Math.sin(i), x2: Math.cos(i), y: i % 2 }));
    await client.publishAsync("rivulet/default/sample", JSON.stringify(rows), { qos: 1 });
    await first.close();
    const stoppedAt = first.rooms.models.get("default")?.state.sequence ?? 0;
    expect(stoppedAt).toBeLessThan(rows.length);
    const second = await open(data, null, huge);
    expect(second.rooms.models.get("default")?.state.accepted).toBe(rows.length);
    await ask(second, "snapshots-take", {});
    expect(second.rooms.models.get("default")?.state.sequence).toBe(rows.length);
    expect(await ask(second, "verify", {})).toMatchObject({ outcome: "same", rows: rows.length });
  });
});
