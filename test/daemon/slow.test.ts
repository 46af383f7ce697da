import type { MqttClient } from "mqtt";
import { describe, expect, it } from "vitest";
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

function flood(client: MqttClient, qos: 0 | 1): Promise<unknown> {
  const publish = (x1: number) =>
    client.publishAsync("rivulet/default/sample", JSON.stringify({ x1, x2: -x1, y: x1 % 2 }), { qos });
  return Promise.all(Array.from({ length: ROWS }, (_, i) => publish(i)));
}

describe.skipIf(!programs.mosquitto)("a slow learner under a flood through Mosquitto", () => {
  it("loses nothing of QoS 1, holds no more than it may, and keeps its connection", async () => {
    const mosquitto = await openMosquitto();
    const daemon = await openOn(mosquitto.url, SLOW);
    let held = 0;
    const watching = setInterval(() => {
      held = Math.max(held, daemon.rooms.broker?.status().heldBytes ?? 0);
    }, 5);
    await flood(await mosquitto.connect(), 1);
    await expect
      .poll(async () => (await ask(daemon, "status", {})).models["default"]?.durableSequence, { timeout: 50_000 })
      .toBe(ROWS);
    clearInterval(watching);
    expect((await journalOf(daemon)).map(({ x1 }) => x1)).toEqual(Array.from({ length: ROWS }, (_, i) => i));
    expect(daemon.rooms.broker?.status()).toMatchObject({ connections: 1, online: true, dropped: 0 });
    // Mosquitto 2.0.11 sends more than its window; the connection would be cut at this.
    expect(held).toBeLessThan(8_388_608);
  });

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
