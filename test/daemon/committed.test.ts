import { connectAsync, type MqttClient } from "mqtt";
import { describe, expect, it } from "vitest";
import type { Daemon } from "../../src/daemon/daemon.ts";
import { openMosquitto } from "../mqtt/mosquitto.ts";
import { programs } from "../programs.ts";
import { connectTo, onEnd, open, openOn, temporaryFolder } from "./open.ts";

interface Told {
  readonly topic: string;
  readonly mark: { readonly epoch: string; readonly seq: number; readonly gaps: number } | null;
  readonly durable: number;
  readonly retained: boolean;
}

/** Collects what is told on the topics of marks, with how many rows were durable when it was. */
async function marksOf(client: MqttClient, daemon: Daemon | null): Promise<Told[]> {
  const told: Told[] = [];
  client.on("message", (topic, payload, { retain }) => {
    const text = payload.toString();
    const durable = daemon?.rooms.models.get("default")?.durableSequence ?? 0;
    told.push({ topic, mark: text === "" ? null : JSON.parse(text), durable, retained: retain });
  });
  await client.subscribeAsync("rivulet/+/committed/+");
  return told;
}

function numbered(seq: number, epoch = "e1", rows = 1): string {
  const ones = new Array<number>(rows).fill(1);
  return JSON.stringify({ x1: ones, x2: 0.5, y: 1, epoch, seq });
}

async function send(client: MqttClient, source: string, payload: string, model = "default"): Promise<void> {
  await client.publishAsync(`rivulet/${model}/sample/${source}`, payload, { qos: 1 });
}

describe("the marks of numbered rows", () => {
  it("are retained for each producer, once they are durable, with the numbers that never came", async () => {
    const data = temporaryFolder();
    const daemon = await open(data);
    const client = await connectTo(daemon);
    const told = await marksOf(client, daemon);
    await send(client, "a", numbered(1, "e1", 3));
    await send(client, "b", numbered(7));
    await send(client, "a", numbered(5));
    await send(client, "a", '{"x1":"one","epoch":"e1","seq":4}');
    await send(client, "b", numbered(7 + 2000));
    await send(client, "b", numbered(1, "e2"));
    const last = (source: string) =>
      told.findLast(({ topic }) => topic === `rivulet/default/committed/${source}`)?.mark;
    await expect.poll(() => last("a")).toEqual({ epoch: "e1", seq: 5, gaps: 0 });
    await expect.poll(() => last("b")).toEqual({ epoch: "e2", seq: 1, gaps: 0 });
    await daemon.close();

    const again = await open(data);
    const later = await marksOf(await connectTo(again), null);
    await expect
      .poll(() => later.map(({ topic, mark, retained }) => [topic, mark, retained]).sort())
      .toEqual([
        ["rivulet/default/committed/a", { epoch: "e1", seq: 5, gaps: 0 }, true],
        ["rivulet/default/committed/b", { epoch: "e2", seq: 1, gaps: 0 }, true],
      ]);
  });

  it("tell which numbers above are settled too, while one below is missing", async () => {
    const data = temporaryFolder();
    const daemon = await open(data);
    const client = await connectTo(daemon);
    const told = await marksOf(client, daemon);
    await send(client, "a", numbered(1));
    await send(client, "a", numbered(3, "e1", 4));
    await send(client, "a", numbered(9));
    const above = [
      [3, 6],
      [9, 9],
    ];
    await expect.poll(() => told.at(-1)?.mark).toEqual({ epoch: "e1", seq: 1, gaps: 0, above });
    await daemon.close();
    const again = await open(data);
    const next = await connectTo(again);
    const later = await marksOf(next, null);
    await expect.poll(() => later.at(-1)?.mark).toEqual({ epoch: "e1", seq: 1, gaps: 0, above });
    await send(next, "a", numbered(2));
    await expect.poll(() => later.at(-1)?.mark).toEqual({ epoch: "e1", seq: 6, gaps: 0, above: [[9, 9]] });
    await send(next, "a", numbered(7, "e1", 2));
    await expect.poll(() => later.at(-1)?.mark).toEqual({ epoch: "e1", seq: 9, gaps: 0 });
  });

  it("count the numbers that were given up as missing", async () => {
    const daemon = await open(temporaryFolder());
    const client = await connectTo(daemon);
    const told = await marksOf(client, daemon);
    await send(client, "a", numbered(1));
    // 1024 numbers above the mark may come before it moves: 11 more are too many, so 11 are waited for no longer.
    await send(client, "a", numbered(1 + 1024 + 11));
    await expect.poll(() => told.at(-1)?.mark).toEqual({ epoch: "e1", seq: 12, gaps: 11, above: [[1036, 1036]] });
  });

  it("are never ahead of what is durable, and come at most ten times a second", async () => {
    const rows = 4000;
    const daemon = await open(temporaryFolder());
    const client = await connectTo(daemon);
    const told = await marksOf(client, daemon);
    const startedAt = performance.now();
    const sent: Promise<void>[] = [];
    for (let seq = 1; seq <= rows; seq++) sent.push(send(client, "a", numbered(seq)));
    await Promise.all(sent);
    await expect.poll(() => told.at(-1)?.mark?.seq, { timeout: 5000 }).toBe(rows);
    const elapsed = performance.now() - startedAt;
    for (const { mark, durable } of told) expect(mark?.seq).toBeLessThanOrEqual(durable);
    expect(told.length).toBeLessThanOrEqual(2 + elapsed / 100);
  });

  it.skipIf(!programs.mosquitto)("of a model that is no more are taken off the broker, which outlives it", async () => {
    const mosquitto = await openMosquitto();
    const data = temporaryFolder();
    const model = "features: [x1, x2], learner: network";
    const yaml = `models: { default: { ${model} }, other: { ${model} } }`;
    const set = [`mqtt.broker=${mosquitto.url}`];
    const first = await open(data, yaml, set);
    const client = await connectAsync(mosquitto.url);
    onEnd(() => client.endAsync(true));
    const told = await marksOf(client, null);
    await expect.poll(() => first.rooms.broker?.status().online, { timeout: 20_000 }).toBe(true);
    await send(client, "a", numbered(1), "default");
    await send(client, "a", numbered(1), "other");
    await expect
      .poll(() => told.map(({ topic }) => topic).sort())
      .toEqual(["rivulet/default/committed/a", "rivulet/other/committed/a"]);
    await first.close();
    await openOn(mosquitto.url, [], data);
    await expect
      .poll(() => told.findLast(({ topic }) => topic === "rivulet/other/committed/a")?.mark, { timeout: 5000 })
      .toBeNull();
  });
});
