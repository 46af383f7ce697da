import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connectAsync } from "mqtt";
import { describe, expect, it } from "vitest";
import { RivuletError } from "../../src/error.ts";
import type { Message } from "../../src/mqtt/message.ts";
import { programs } from "../programs.ts";
import { makeCertificates } from "./mosquitto-process.ts";
import { connect, listen, open, rawConnection } from "./open.ts";

const SAMPLE = "rivulet/default/sample";
const CONNECT = Buffer.from([0x10, 13, 0, 4, 0x4d, 0x51, 0x54, 0x54, 4, 2, 0, 60, 0, 1, 0x61]);

/** Collects acknowledgements as a client sees them. */
function publishAll(
  client: Awaited<ReturnType<typeof connect>>,
  count: number,
  payload = "x",
): { acked: number[]; done: Promise<unknown> } {
  const acked: number[] = [];
  const done = Promise.all(
    Array.from({ length: count }, (_, i) =>
      client.publishAsync(SAMPLE, `${i}${payload}`, { qos: 1 }).then(() => acked.push(i)),
    ),
  );
  return { acked, done };
}

/** Opens a broker with TLS and certificates of its own, in a folder that the test removes. */
async function openSecured() {
  const folder = mkdtempSync(join(tmpdir(), "rivulet-tls-"));
  makeCertificates(folder);
  const file = (name: string) => readFileSync(join(folder, name));
  const tls = { ca: null, cert: file("server.pem"), key: file("server-key.pem") };
  const none = { username: null, password: null };
  const broker = await open({ credentials: { ...none, tls } });
  listen(broker, (message) => message.ack());
  return { broker, folder, file, none, tls };
}

describe("the embedded broker", () => {
  it("acknowledges nothing before it is told to, and then in order", async () => {
    const broker = await open();
    const intake = listen(broker);
    const client = await connect(broker);
    const { acked, done } = publishAll(client, 50);
    await intake.until(50);
    // An answer to something else: acknowledgements sent before it would be here.
    await client.subscribeAsync("rivulet/nothing");
    expect(acked).toEqual([]);
    expect(intake.messages.map(({ payload }) => Buffer.from(payload).toString())).toEqual(
      Array.from({ length: 50 }, (_, i) => `${i}x`),
    );
    for (const message of intake.messages) message.ack();
    await done;
    expect(acked).toEqual(Array.from({ length: 50 }, (_, i) => i));
    expect(broker.status()).toMatchObject({ messages: 50, heldBytes: 0 });
  });

  it("hands over what one turn of the event loop brought together", async () => {
    const broker = await open();
    const intake = listen(broker, (message) => message.ack());
    const client = await connect(broker);
    await publishAll(client, 500).done;
    expect(intake.chunks.reduce((sum, size) => sum + size, 0)).toBe(500);
    expect(intake.chunks.length).toBeLessThan(100);
  });

  it("hands each message over once whatever its quality of service", async () => {
    const broker = await open();
    const intake = listen(broker, (message) => message.ack());
    const client = await connect(broker);
    for (const qos of [0, 1, 2] as const) await client.publishAsync(SAMPLE, String(qos), { qos });
    await intake.until(3);
    expect(intake.messages.map(({ qos }) => qos)).toEqual([0, 1, 2]);
  });

  it("keeps what comes before anybody listens", async () => {
    const broker = await open();
    const connecting = connectAsync(`mqtt://127.0.0.1:${broker.address.port}`, { reconnectPeriod: 0 });
    const socket = await rawConnection(broker);
    expect(socket.readyState).toBe("open");
    const intake = listen(broker, (message) => message.ack());
    const client = await connecting;
    await client.publishAsync(SAMPLE, "x", { qos: 1 });
    expect(intake.messages).toHaveLength(1);
    await client.endAsync(true);
  });

  it("makes producers wait at its bound, and loses nothing", async () => {
    const bytesMax = 1_000_000;
    const broker = await open({ bytesMax });
    const held: Message[] = [];
    let largest = 0;
    const intake = listen(broker, (message) => {
      held.push(message);
      largest = Math.max(largest, broker.status().heldBytes);
    });
    const client = await connect(broker);
    const payload = "p".repeat(64_000);
    const { acked, done } = publishAll(client, 400, payload);
    await expect.poll(() => broker.status().pauses).toBeGreaterThan(0);
    const release = setInterval(() => {
      for (const message of held.splice(0)) message.ack();
    }, 1);
    await done;
    clearInterval(release);
    expect(acked).toHaveLength(400);
    expect(intake.messages).toHaveLength(400);
    // At most what one read of the socket brings comes on top.
    expect(largest).toBeLessThan(bytesMax + 500_000);
  });

  it("reads a client again although all that it sent was answered while it was paused", async () => {
    const broker = await open({ bytesMax: 65_536 });
    const held: Message[] = [];
    listen(broker, (message) => held.push(message));
    const client = await connect(broker);
    const { acked } = publishAll(client, 600, "p".repeat(1000));
    await expect
      .poll(
        () => {
          // A few in a turn: half of them go while the client is paused, the others after it.
          for (const message of held.splice(0, 8)) message.ack();
          return acked.length;
        },
        { interval: 1, timeout: 10_000 },
      )
      .toBe(600);
    expect(broker.status().pauses).toBeGreaterThan(1);
  });

  it("takes no harm from acknowledgements after the client is gone", async () => {
    const broker = await open();
    const intake = listen(broker);
    const client = await connect(broker);
    client.publish(SAMPLE, "x", { qos: 1 });
    await intake.until(1);
    await client.endAsync(true);
    await expect.poll(() => broker.status().connections).toBe(0);
    intake.messages[0]?.ack();
    intake.messages[0]?.ack();
    expect(broker.status().heldBytes).toBe(0);
    const next = await connect(broker);
    next.publish(SAMPLE, "y", { qos: 1 });
    await intake.until(2);
  });

  it.each([0, 1, 2] as const)(
    "reads a message over the limit without keeping it, and acknowledges it when told, QoS %i",
    async (qos) => {
      const broker = await open({ payloadBytesMax: 1000 });
      const intake = listen(broker, (message) => message.ack());
      const client = await connect(broker);
      const large = Buffer.alloc(3_000_000, "p");
      await client.publishAsync(SAMPLE, large, { qos });
      await client.publishAsync(SAMPLE, "p".repeat(1000), { qos });
      await intake.until(2);
      expect(intake.messages[0]).toMatchObject({
        topic: SAMPLE,
        qos,
        cut: { payloadBytes: large.length, sha256: createHash("sha256").update(large).digest("hex") },
      });
      expect(intake.messages[0]?.payload.length).toBe(4096);
      expect(intake.messages[1]?.cut).toBeUndefined();
      expect(broker.status()).toMatchObject({ oversized: 1, heldBytes: 0, messages: 2 });
    },
  );

  it("closes the connection of a packet over the limit that is no message, as soon as its length is known", async () => {
    const refused: number[] = [];
    const broker = await open({ payloadBytesMax: 1000, onDisconnected: ({ bytes }) => refused.push(bytes) });
    listen(broker, (message) => message.ack());
    const socket = await rawConnection(broker);
    socket.write(CONNECT);
    await once(socket, "data");
    // A SUBSCRIBE that announces 150 MB, of which it sends nothing.
    socket.write(Buffer.from([0x82, 0x80, 0xa3, 0xc3, 0x47]));
    await once(socket, "close");
    expect(refused).toEqual([0x23 * 0x80 + 0x43 * 0x80 ** 2 + 0x47 * 0x80 ** 3]);
    const unknown = await rawConnection(broker);
    unknown.write(Buffer.concat([Buffer.from([0x30, 0xb8, 0x17, 0, 1, 0x74]), Buffer.alloc(3000 - 3)]));
    await once(unknown, "close");
    expect(broker.status().oversized).toBe(2);
  });

  it("hands over what clients may not publish, acknowledges it, and relays it to nobody", async () => {
    const broker = await open();
    const intake = listen(broker, (message) => message.ack());
    const [client, watcher] = [await connect(broker), await connect(broker, { clean: false, clientId: "watcher" })];
    const seen: string[] = [];
    await watcher.subscribeAsync({ "#": { qos: 1 }, "rivulet/+/committed/#": { qos: 1 } });
    watcher.on("message", (topic) => seen.push(topic));
    await client.publishAsync("rivulet/default/committed/pump", "{}", { qos: 1, retain: true });
    await client.publishAsync(SAMPLE, "{}", { qos: 1 });
    await expect.poll(() => seen).toContain(SAMPLE);
    expect(new Set(seen)).toEqual(new Set([SAMPLE]));
    expect(intake.messages.map(({ topic }) => topic)).toEqual(["rivulet/default/committed/pump", SAMPLE]);
    // Nor is it kept for those who come later.
    const late = await connect(broker);
    late.on("message", (topic) => seen.push(`late ${topic}`));
    await late.subscribeAsync("rivulet/#");
    await client.publishAsync(SAMPLE, "{}", { qos: 1 });
    await expect.poll(() => seen).toContain(`late ${SAMPLE}`);
    expect(seen.filter((topic) => topic.includes("committed"))).toEqual([]);
  });

  it("relays a last will on a topic that clients may not publish to nobody, and keeps it for nobody", async () => {
    const broker = await open();
    const intake = listen(broker, (message) => message.ack());
    const watcher = await connect(broker, { clean: false, clientId: "watcher" });
    const seen: string[] = [];
    watcher.on("message", (topic) => seen.push(topic));
    await watcher.subscribeAsync({ "#": { qos: 2 }, "rivulet/#": { qos: 2 }, "+/+/+/#": { qos: 2 } });
    const forbidden = ["default/committed/pump", "default/state", "default/event", "default/prediction"]
      .concat("default/response/rollback", "bridge/state", "bridge/info", "bridge/reply/pump")
      .map((topic) => `rivulet/${topic}`)
      .concat("$SYS/refused", "$SYS/rivulet", "other");
    const told: string[] = [];
    const die = async (topic: string, qos: 0 | 1 | 2, retain: boolean) => {
      const client = await connect(broker, { will: { topic, payload: Buffer.from("{}"), qos, retain } });
      // Without a word of farewell, so that the will is carried out.
      client.stream.destroy();
      told.push(topic);
      await intake.until(told.length);
    };
    for (const topic of forbidden) {
      for (const qos of [0, 1, 2] as const) for (const retain of [true, false]) await die(topic, qos, retain);
    }
    // What comes last is allowed: whatever was relayed before it would have been seen.
    await die(SAMPLE, 1, true);
    await expect.poll(() => seen).toContain(SAMPLE);
    expect(new Set(seen)).toEqual(new Set([SAMPLE]));
    expect(intake.messages.map(({ topic, retain }) => [topic, retain])).toEqual(told.map((topic) => [topic, false]));
    const late = await connect(broker);
    late.on("message", (topic) => seen.push(`late ${topic}`));
    await late.subscribeAsync("#");
    const live = await connect(broker);
    await live.publishAsync("rivulet/default/f32", "x", { qos: 1 });
    await expect.poll(() => seen).toContain("late rivulet/default/f32");
    expect(seen.filter((topic) => topic.startsWith("late"))).toEqual(["late rivulet/default/f32"]);
  });

  it("lets nobody subscribe to $SYS", async () => {
    const broker = await open();
    listen(broker, (message) => message.ack());
    const client = await connect(broker);
    await expect(client.subscribeAsync("$SYS/#")).rejects.toThrow();
  });

  it("publishes what the daemon tells, retained where it says so", async () => {
    const broker = await open();
    listen(broker);
    broker.publish({ topic: "rivulet/default/state", payload: "now", retain: true, qos: 0 });
    const client = await connect(broker);
    const message = new Promise<[string, Buffer]>((resolve) =>
      client.once("message", (...args) => resolve([args[0], args[1]])),
    );
    await client.subscribeAsync("rivulet/default/state");
    const [topic, payload] = await message;
    expect([topic, payload.toString()]).toEqual(["rivulet/default/state", "now"]);
  });

  it("asks for name and password where it has them", async () => {
    const broker = await open({ credentials: { username: "pump", password: "secret", tls: null } });
    listen(broker);
    await connect(broker, { username: "pump", password: "secret" });
    await expect(connect(broker, { username: "pump", password: "guess!" })).rejects.toMatchObject({ code: 4 });
    await expect(connect(broker)).rejects.toMatchObject({ code: 4 });
  });

  it("disconnects a client that does not read what it asked for, and keeps nobody else waiting", async () => {
    const broker = await open();
    const intake = listen(broker, (message) => message.ack());
    const stalled = await rawConnection(broker);
    stalled.write(CONNECT);
    await once(stalled, "data");
    stalled.pause();
    // SUBSCRIBE to everything below the prefix, QoS 0.
    stalled.write(Buffer.concat([Buffer.from([0x82, 14, 0, 1, 0, 9]), Buffer.from("rivulet/#"), Buffer.from([0])]));
    const [producer, reader] = [await connect(broker), await connect(broker)];
    let read = 0;
    reader.on("message", () => read++);
    await reader.subscribeAsync(SAMPLE);
    const payload = "p".repeat(10_000);
    for (let i = 0; broker.status().stalled === 0 && i < 3000; i++)
      await producer.publishAsync(SAMPLE, payload, { qos: 1 });
    await expect.poll(() => broker.status()).toMatchObject({ stalled: 1, connections: 2 });
    await expect.poll(() => read).toBe(intake.messages.length);
  });

  it.skipIf(!programs.openssl)(
    "speaks TLS, asks for a certificate where it has an authority, and takes new ones",
    async () => {
      const { broker, folder, file, none, tls } = await openSecured();
      const { url } = broker.status();
      expect(url).toMatch(/^mqtts:/);
      const [ca, cert, key] = [file("ca.pem"), file("client.pem"), file("client-key.pem")];
      const client = await connectAsync(url, { ca, reconnectPeriod: 0 });
      await client.publishAsync(SAMPLE, "x".repeat(100_000), { qos: 1 });
      await client.endAsync(true);
      await expect(connectAsync(url, { reconnectPeriod: 0 }, false)).rejects.toThrow(/certificate/);

      // The same authority made anew: those who trust the old one are told so.
      makeCertificates(folder);
      broker.renew({ ...none, tls: { ca: null, cert: file("server.pem"), key: file("server-key.pem") } });
      await expect(connectAsync(url, { ca, reconnectPeriod: 0 }, false)).rejects.toThrow();
      await (await connectAsync(url, { ca: file("ca.pem"), reconnectPeriod: 0 })).endAsync(true);
      expect(() => broker.renew({ ...none, tls: null })).toThrow(/TLS/);
      expect(() => broker.renew({ ...none, tls: { ca: null, cert, key: file("client-key.pem") } })).toThrow(
        /certificates/,
      );

      const mutual = await open({ credentials: { ...none, tls: { ca, cert: tls.cert, key: tls.key } } });
      listen(mutual, (message) => message.ack());
      await expect(connectAsync(mutual.status().url, { ca, reconnectPeriod: 0 }, false)).rejects.toThrow();
      await (await connectAsync(mutual.status().url, { ca, cert, key, reconnectPeriod: 0 })).endAsync(true);
      rmSync(folder, { recursive: true });
    },
  );

  it.skipIf(!programs.openssl)(
    "asks for certificates from the moment on that it has an authority, also those who are there already",
    async () => {
      const { broker, folder, file, none, tls } = await openSecured();
      const { url } = broker.status();
      const [ca, cert, key] = [file("ca.pem"), file("client.pem"), file("client-key.pem")];
      const early = await connectAsync(url, { ca, reconnectPeriod: 0 });
      early.on("error", () => {});
      const closed = new Promise<void>((resolve) => early.once("close", () => resolve()));
      broker.renew({ ...none, tls: { ...tls, ca } });
      await closed;
      await expect(connectAsync(url, { ca, reconnectPeriod: 0 }, false)).rejects.toThrow();
      const known = await connectAsync(url, { ca, cert, key, reconnectPeriod: 0 });
      await known.publishAsync(SAMPLE, "x", { qos: 1 });
      // Nothing is asked of it that it has not shown: it stays.
      broker.renew({ ...none, tls: { ...tls, ca } });
      broker.renew({ ...none, tls });
      await known.publishAsync(SAMPLE, "y", { qos: 1 });
      await (await connectAsync(url, { ca, reconnectPeriod: 0 })).endAsync(true);
      await known.endAsync(true);
      expect(broker.status().messages).toBe(2);
      rmSync(folder, { recursive: true });
    },
  );

  it("lets nobody stay whom it would not let in any more", async () => {
    const credentials = { username: "pump", password: "secret", tls: null };
    const broker = await open({ credentials });
    listen(broker);
    const client = await connect(broker, { username: "pump", password: "secret" });
    broker.renew({ ...credentials });
    await client.subscribeAsync("rivulet/nothing");
    const closed = new Promise<void>((resolve) => client.once("close", () => resolve()));
    broker.renew({ ...credentials, password: "other" });
    await closed;
    await connect(broker, { username: "pump", password: "other" });
    await expect(connect(broker, { username: "pump", password: "secret" })).rejects.toMatchObject({ code: 4 });
  });

  it("listens beyond this machine with a password and TLS only", async () => {
    const tls = { ca: null, cert: null, key: null };
    for (const credentials of [
      { username: null, password: "p", tls: null },
      { username: null, password: null, tls },
    ]) {
      await expect(open({ host: "0.0.0.0", credentials })).rejects.toMatchObject({ code: "broker-failed" });
    }
  });

  it("refuses MQTT 5, which it does not speak", async () => {
    const broker = await open();
    listen(broker);
    await expect(connect(broker, { protocolVersion: 5 })).rejects.toThrow();
  });

  it("lets one client's flood not keep another one waiting", async () => {
    const broker = await open();
    listen(broker, (message) => message.ack());
    const [flood, calm] = [await connect(broker), await connect(broker)];
    const flooding = publishAll(flood, 5000);
    for (let i = 0; i < 20; i++) await calm.publishAsync(SAMPLE, "calm", { qos: 1 });
    expect(flooding.acked.length).toBeLessThanOrEqual(5000);
    await flooding.done;
  });

  it("takes no more after its intake has stopped, and acknowledges what it has", async () => {
    const broker = await open();
    const intake = listen(broker);
    const client = await connect(broker);
    const { done } = publishAll(client, 3);
    await intake.until(3);
    await broker.stopIntake();
    client.publish(SAMPLE, "too late", { qos: 0 });
    for (const message of intake.messages) message.ack();
    // Closing at once does not cut the acknowledgements off.
    await broker.close();
    await done;
    expect(intake.messages).toHaveLength(3);
  });

  it("closes although a connection hangs half open", async () => {
    const broker = await open();
    listen(broker);
    const socket = await rawConnection(broker);
    const closed = once(socket, "close");
    await broker.close();
    await closed;
  });

  it("names both remedies where its port is in use", async () => {
    const first = await open();
    const { port } = first.address;
    const error = await open({ port }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(RivuletError);
    expect(error).toMatchObject({
      code: "port-in-use",
      hint: expect.stringMatching(new RegExp(`mqtt.broker=mqtt://127.0.0.1:${port}[^]*mqtt.port=`)),
    });
  });

  it("refuses to listen beyond this machine unless it is told that this is meant", async () => {
    await expect(open({ host: "0.0.0.0" })).rejects.toMatchObject({ code: "broker-failed" });
  });
});
