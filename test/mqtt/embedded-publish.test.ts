// Messages that the embedded broker takes in front of aedes: what aedes would have done with them is still done.

import { once } from "node:events";
import type { Socket } from "node:net";
import { describe, expect, it } from "vitest";
import type { EmbeddedBroker } from "../../src/mqtt/embedded.ts";
import type { Message } from "../../src/mqtt/message.ts";
import { connect, listen, open, rawConnection } from "./open.ts";

const SAMPLE = "rivulet/default/sample";
const PUBACK = 0x40;

/** Makes a packet of up to 16 kB. */
function packet(type: number, ...parts: readonly (Buffer | readonly number[])[]): Buffer {
  const body = Buffer.concat(parts.map((part) => Buffer.from(part)));
  return Buffer.concat([Buffer.from([type, (body.length & 0x7f) | 0x80, body.length >> 7]), body]);
}

function connectPacket(keepaliveSeconds: number): Buffer {
  return packet(0x10, [0, 4], Buffer.from("MQTT"), [4, 2, 0, keepaliveSeconds, 0, 1, 0x61]);
}

function publishPacket(identifier: number, payload: string, topic = SAMPLE): Buffer {
  const name = Buffer.from(topic);
  return packet(0x32, [0, name.length], name, [0, identifier], Buffer.from(payload));
}

/** Gathers the identifiers that are acknowledged. */
function acknowledged(socket: Socket): number[] {
  const identifiers: number[] = [];
  socket.on("data", (bytes) => {
    for (let at = 0; at < bytes.length; at += 4) if (bytes[at] === PUBACK) identifiers.push(bytes[at + 3] ?? 0);
  });
  return identifiers;
}

async function rawClient(broker: EmbeddedBroker, keepaliveSeconds = 0): Promise<Socket> {
  const socket = await rawConnection(broker);
  socket.write(connectPacket(keepaliveSeconds));
  await once(socket, "data");
  return socket;
}

const textOf = ({ payload }: Message) => Buffer.from(payload).toString();

describe("a message that the embedded broker takes before aedes", () => {
  it("is relayed once it is acknowledged to who listens by then, awake or asleep", async () => {
    const broker = await open();
    const intake = listen(broker);
    const client = await connect(broker);
    const sleeper = { clean: false, clientId: "sleeper" };
    const asleep = await connect(broker, sleeper);
    await asleep.subscribeAsync("rivulet/+/sample/#", { qos: 1 });
    await asleep.endAsync();
    for (const qos of [0, 1] as const) client.publish(SAMPLE, `asleep ${qos}`, { qos });
    await intake.until(2);
    const awake = await connect(broker);
    const seen: string[] = [];
    awake.on("message", (topic, payload) => seen.push(`${topic} ${payload}`));
    await awake.subscribeAsync("rivulet/default/#");
    expect(seen).toEqual([]);
    for (const message of intake.messages) message.ack();
    await expect.poll(() => seen.toSorted()).toEqual([`${SAMPLE} asleep 0`, `${SAMPLE} asleep 1`]);
    const heard: string[] = [];
    await connect(broker, sleeper, (payload) => heard.push(payload));
    await expect.poll(() => heard).toEqual(["asleep 1"]);
  });

  it("is relayed at QoS 0 although its sender is gone", async () => {
    const broker = await open();
    const intake = listen(broker);
    const watcher = await connect(broker);
    const seen: string[] = [];
    watcher.on("message", (_topic, payload) => seen.push(String(payload)));
    await watcher.subscribeAsync("rivulet/#");
    const client = await connect(broker);
    await client.publishAsync(SAMPLE, "farewell", { qos: 0 });
    await client.endAsync();
    await expect.poll(() => broker.status().connections).toBe(1);
    for (const message of intake.messages) message.ack();
    await expect.poll(() => seen).toEqual(["farewell"]);
  });

  it("keeps its place behind those that came with the CONNECT, however they are cut", async () => {
    for (const cut of [1, 20, 45, 50]) {
      const broker = await open();
      const intake = listen(broker, (message) => message.ack());
      const socket = await rawConnection(broker);
      const acks = acknowledged(socket);
      const stream = Buffer.concat([1, 2, 3, 4, 5].map((i) => publishPacket(i, `payload ${i}`)));
      socket.write(Buffer.concat([connectPacket(0), stream.subarray(0, cut)]));
      await once(socket, "data");
      socket.write(stream.subarray(cut));
      await expect.poll(() => acks).toEqual([1, 2, 3, 4, 5]);
      expect(intake.messages.map(textOf)).toEqual([1, 2, 3, 4, 5].map((i) => `payload ${i}`));
    }
  });

  it("is acknowledged in the order of receipt, with those over the limit", async () => {
    const broker = await open({ payloadBytesMax: 1000 });
    const intake = listen(broker);
    const socket = await rawClient(broker);
    const acks = acknowledged(socket);
    socket.write(
      Buffer.concat([
        publishPacket(1, "a"),
        publishPacket(2, "b".repeat(3000)),
        publishPacket(3, "c"),
        publishPacket(4, "d", "x/y"),
      ]),
    );
    await intake.until(4);
    expect(intake.messages.map(({ topic, cut }) => [topic, cut?.payloadBytes])).toEqual([
      [SAMPLE, undefined],
      [SAMPLE, 3000],
      [SAMPLE, undefined],
      ["x/y", undefined],
    ]);
    for (const message of intake.messages) message.ack();
    await expect.poll(() => acks).toEqual([1, 2, 3, 4]);
  });

  it("ends the connection where it has no topic, or one with a wildcard", async () => {
    for (const topic of ["", "rivulet/+/sample", "rivulet/default/sample/#", "/".repeat(100)]) {
      const broker = await open();
      const intake = listen(broker);
      const socket = await rawClient(broker);
      socket.write(Buffer.concat([publishPacket(1, "good"), publishPacket(2, "bad", topic), publishPacket(3, "late")]));
      await once(socket, "close");
      expect(intake.messages.map(textOf)[0]).toBe("good");
      expect(intake.messages.map(textOf)).not.toContain("bad");
    }
  });

  it("shows that its client is alive", async () => {
    const broker = await open();
    let count = 0;
    listen(broker, (message) => message.ack());
    const socket = await rawClient(broker, 1);
    const { promise: end, resolve } = Promise.withResolvers<string>();
    const begunAt = performance.now();
    // One after the other, for longer than one and a half times the second that the client was given.
    const next = () => {
      if (performance.now() - begunAt > 2500) resolve("alive");
      else socket.write(publishPacket(1 + (count++ % 200), "x"));
    };
    socket.on("data", next);
    socket.on("close", () => resolve("closed"));
    next();
    expect(await end).toBe("alive");
  });
});
