import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import type { Broker, Credentials } from "../../src/mqtt/broker.ts";
import { type ExternalBrokerOptions, type ExternalChange, openExternalBroker } from "../../src/mqtt/external.ts";
import type { Message } from "../../src/mqtt/message.ts";
import { programs } from "../programs.ts";
import { openMosquitto } from "./mosquitto.ts";
import { freePort, type Mosquitto } from "./mosquitto-process.ts";

const FREEZES = 2;
const SAMPLE = "rivulet/default/sample";
const OPEN: Credentials = { username: null, password: null, tls: null };
const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

interface Listening {
  readonly broker: Broker;
  readonly messages: Message[];
  readonly changes: ExternalChange[];
  online: number;
  /** What is done with each message. */
  onMessage: (message: Message) => void;
}

/** Joins a broker and listens; it is left after the test. */
function join(url: string, options: Partial<ExternalBrokerOptions> = {}): Listening {
  const listening: Listening = {
    messages: [],
    changes: [],
    online: 0,
    onMessage: () => {},
    broker: openExternalBroker({
      url,
      prefix: "rivulet",
      clientId: "rivulet-test",
      hadSession: false,
      onSession: () => {},
      credentials: OPEN,
      protocol: "auto",
      keepaliveSeconds: 1,
      connectMsMax: 1000,
      payloadBytesMax: 65_536,
      bytesMax: 1_000_000,
      will: { topic: "rivulet/bridge/state", payload: "offline" },
      onOnline: () => {
        listening.online++;
      },
      onChange: (change) => listening.changes.push(change),
      ...options,
    }),
  };
  const subscription = listening.broker.chunks$.subscribe((chunk) => {
    for (const message of chunk) {
      listening.messages.push(message);
      listening.onMessage(message);
    }
  });
  cleanups.push(async () => {
    subscription.unsubscribe();
    await listening.broker.close();
  });
  return listening;
}

async function isOnline({ broker }: Listening): Promise<void> {
  await expect.poll(() => broker.status(), { timeout: 20_000 }).toMatchObject({ online: true });
}

function textOf({ payload }: Message): string {
  return Buffer.from(payload).toString();
}

async function publishAll(mosquitto: Mosquitto, texts: readonly string[], qos: 0 | 1 = 1): Promise<void> {
  const client = await mosquitto.connect();
  await Promise.all(texts.map((text) => client.publishAsync(SAMPLE, text, { qos })));
  await client.endAsync();
}

const numbers = (count: number, from = 0) => Array.from({ length: count }, (_, i) => String(from + i));

describe.skipIf(!programs.mosquitto)("a connection to Mosquitto", () => {
  it.each(["5", "3.1.1"] as const)("hands over what comes and acknowledges it when told, MQTT %s", async (protocol) => {
    const mosquitto = await openMosquitto();
    const listening = join(mosquitto.url, { protocol });
    listening.onMessage = (message) => message.ack();
    await isOnline(listening);
    expect(listening.broker.status()).toMatchObject({ protocol, reason: null, connections: 1 });
    await publishAll(mosquitto, numbers(3000));
    await expect.poll(() => listening.messages.length).toBe(3000);
    expect(listening.messages.map(textOf)).toEqual(numbers(3000));
    expect(listening.broker.status()).toMatchObject({ heldBytes: 0, dropped: 0 });
    // Nothing is sent again to the next connection: all of it was acknowledged.
    await listening.broker.close();
    const next = join(mosquitto.url, { protocol });
    next.onMessage = (message) => message.ack();
    await isOnline(next);
    await publishAll(mosquitto, ["last"]);
    await expect.poll(() => next.messages.map(textOf)).toEqual(["last"]);
  });

  it("acknowledges nothing by itself, and delivery stops at the receive maximum", async () => {
    const mosquitto = await openMosquitto();
    const listening = join(mosquitto.url, { payloadBytesMax: 98_976 });
    await isOnline(listening);
    await publishAll(mosquitto, numbers(100));
    await expect.poll(() => listening.messages.length).toBe(10);
    // Longer than the keepalive: the connection lives on although nothing is acknowledged.
    const { connections } = listening.broker.status();
    await mosquitto.said("PINGREQ from rivulet-test", 2);
    expect(listening.messages).toHaveLength(10);
    expect(listening.broker.status()).toMatchObject({ online: true, connections });
    listening.onMessage = (message) => message.ack();
    for (const message of listening.messages) message.ack();
    await expect.poll(() => listening.messages.length).toBe(100);
  });

  it("gets again, in order, what was not acknowledged, and acknowledges nothing of another connection", async () => {
    const mosquitto = await openMosquitto();
    const first = join(mosquitto.url);
    await isOnline(first);
    await publishAll(mosquitto, numbers(10));
    await expect.poll(() => first.messages.length).toBe(10);
    mosquitto.signal("SIGTERM");
    await expect.poll(() => first.broker.status().online).toBe(false);
    await mosquitto.stop();
    await mosquitto.start();
    await expect.poll(() => first.messages.length, { timeout: 10_000 }).toBe(20);
    expect(first.messages.slice(10).map(textOf)).toEqual(numbers(10));
    expect(first.messages[10]?.connection).not.toBe(first.messages[0]?.connection);
    // The old ones come to nothing: the same identifiers mean the new ones.
    for (const message of first.messages.slice(0, 10)) message.ack();
    await first.broker.close();
    const second = join(mosquitto.url);
    second.onMessage = (message) => message.ack();
    await expect.poll(() => second.messages.map(textOf)).toEqual(numbers(10));
  });

  it("finds what came while it was away", async () => {
    const mosquitto = await openMosquitto();
    const first = join(mosquitto.url);
    await isOnline(first);
    await first.broker.close();
    await publishAll(mosquitto, numbers(2000));
    const second = join(mosquitto.url);
    second.onMessage = (message) => message.ack();
    await expect.poll(() => second.messages.length).toBe(2000);
    expect(second.messages.map(textOf)).toEqual(numbers(2000));
  });

  it("tells a retained message from a new one, and MQTT 5 sends it not at all", async () => {
    const mosquitto = await openMosquitto();
    const client = await mosquitto.connect();
    await client.publishAsync(SAMPLE, "kept", { qos: 1, retain: true });
    const old = join(mosquitto.url, { protocol: "3.1.1", clientId: "old" });
    await expect.poll(() => old.messages.map(({ retain }) => retain)).toEqual([true]);
    const young = join(mosquitto.url, { protocol: "5", clientId: "young" });
    await isOnline(young);
    await client.publishAsync(SAMPLE, "new", { qos: 1, retain: true });
    await expect.poll(() => old.messages.length).toBe(2);
    await expect.poll(() => young.messages.length).toBe(1);
    expect([old.messages[1], young.messages[0]].map((message) => message?.retain)).toEqual([false, false]);
  });

  it.each(["5", "3.1.1"] as const)("reads a message over the limit without keeping it, MQTT %s", async (protocol) => {
    const mosquitto = await openMosquitto();
    const listening = join(mosquitto.url, { protocol, payloadBytesMax: 1000 });
    listening.onMessage = (message) => message.ack();
    await isOnline(listening);
    const client = await mosquitto.connect({ protocolVersion: 5 });
    const properties = { userProperties: { a: "b".repeat(300) }, contentType: "text/plain" };
    await client.publishAsync(SAMPLE, "x".repeat(3_000_000), { qos: 1, properties });
    await client.publishAsync(SAMPLE, "x".repeat(999), { qos: 1, properties });
    await expect.poll(() => listening.messages.length).toBe(2);
    expect(listening.messages[0]).toMatchObject({ topic: SAMPLE, cut: { payloadBytes: 3_000_000 }, qos: 1 });
    expect(listening.messages[0]?.payload).toEqual(new Uint8Array(4096).fill(120));
    expect(listening.messages[1]?.cut).toBeUndefined();
    expect(listening.broker.status()).toMatchObject({ connections: 1 });
  });

  it("drops messages of QoS 0 at the bound, newest first, and counts each", async () => {
    const mosquitto = await openMosquitto();
    const listening = join(mosquitto.url, { bytesMax: 100_000 });
    await isOnline(listening);
    await publishAll(mosquitto, numbers(5000), 0);
    await publishAll(mosquitto, ["last"]);
    await expect.poll(() => listening.messages.at(-1)?.qos).toBe(1);
    const { dropped, messages, heldBytes } = listening.broker.status();
    expect(heldBytes).toBeLessThan(102_000);
    expect(dropped + messages).toBe(5001);
    expect(listening.messages.slice(0, -1).map(textOf)).toEqual(numbers(messages - 1));
  });

  it("says where an answer is wanted, and what belongs to it", async () => {
    const mosquitto = await openMosquitto();
    const listening = join(mosquitto.url);
    await isOnline(listening);
    const client = await mosquitto.connect({ protocolVersion: 5 });
    const properties = { responseTopic: "answers/here", correlationData: Buffer.from([1, 2, 3]) };
    await client.publishAsync("rivulet/default/request/status", "{}", { qos: 1, properties });
    await expect.poll(() => listening.messages.length).toBe(1);
    expect(listening.messages[0]?.reply?.topic).toBe("answers/here");
    expect([...(listening.messages[0]?.reply?.correlation ?? [])]).toEqual([1, 2, 3]);
    const answers: unknown[] = [];
    await client.subscribeAsync("answers/here");
    client.on("message", (_, payload, packet) =>
      answers.push([payload.toString(), [...(packet.properties?.correlationData ?? [])]]),
    );
    const correlation = listening.messages[0]?.reply?.correlation ?? null;
    listening.broker.publish({ topic: "answers/here", payload: "yes", retain: false, qos: 1, correlation });
    await expect.poll(() => answers).toEqual([["yes", [1, 2, 3]]]);
  });

  it("tells anew what is retained on each connection, and leaves a will", async () => {
    const mosquitto = await openMosquitto();
    const listening = join(mosquitto.url);
    await isOnline(listening);
    expect(listening.online).toBe(1);
    await mosquitto.stop();
    await mosquitto.start();
    await expect.poll(() => listening.online, { timeout: 10_000 }).toBe(2);
    const states: string[] = [];
    const client = await mosquitto.connect();
    client.on("message", (_, payload) => states.push(payload.toString()));
    await client.subscribeAsync("rivulet/bridge/state");
    // Cut off without a farewell by another one of the same name.
    await mosquitto.connect({ clientId: "rivulet-test", clean: false });
    await expect.poll(() => states).toEqual(["offline"]);
  });

  it("comes back by itself after each freeze", async () => {
    const mosquitto = await openMosquitto();
    const listening = join(mosquitto.url);
    for (let round = 0; round < FREEZES; round++) {
      await isOnline(listening);
      const { connections } = listening.broker.status();
      mosquitto.signal("SIGSTOP");
      await expect.poll(() => listening.broker.status().online, { timeout: 10_000 }).toBe(false);
      mosquitto.signal("SIGCONT");
      await expect.poll(() => listening.broker.status().connections, { timeout: 20_000 }).toBeGreaterThan(connections);
    }
    await isOnline(listening);
  });

  it.each(["5", "3.1.1"] as const)(
    "passes over what it cannot hold, and gets it once, in order, when the rest is done, MQTT %s",
    async (protocol) => {
      const mosquitto = await openMosquitto({ lines: ["max_inflight_messages 4000"] });
      // Of messages over the limit 4 kB are held, more than the window of MQTT 5 reckons with: both protocols overrun.
      const listening = join(mosquitto.url, { protocol, payloadBytesMax: 256, bytesMax: 4_000_000 });
      let heldBytesMax = 0;
      const held: Message[] = [];
      listening.onMessage = (message) => {
        held.push(message);
        heldBytesMax = Math.max(heldBytesMax, listening.broker.status().heldBytes);
      };
      await isOnline(listening);
      const watcher = await mosquitto.connect();
      const states: string[] = [];
      watcher.on("message", (_, payload) => states.push(payload.toString()));
      await watcher.subscribeAsync("rivulet/bridge/state");
      const texts = numbers(4000);
      const publishing = publishAll(
        mosquitto,
        texts.map((text) => text.padEnd(6000)),
      );
      await expect.poll(() => listening.broker.status(), { timeout: 10_000 }).toMatchObject({ passes: 1 });
      await publishing;
      // Longer than the keepalive: the connection lives on while it is passing.
      await mosquitto.said("PINGREQ from rivulet-test", 2);
      expect(listening.broker.status()).toMatchObject({ online: true, connections: 1 });
      await expect
        .poll(
          () => {
            for (const message of held.splice(0, 500)) message.ack();
            return listening.messages.length;
          },
          { timeout: 20_000, interval: 20 },
        )
        .toBe(texts.length);
      for (const message of held.splice(0)) message.ack();
      expect(listening.messages.map((message) => textOf(message).trim())).toEqual(texts);
      const status = listening.broker.status();
      expect(status).toMatchObject({ online: true, heldBytes: 0, attempts: 0 });
      expect(status).toSatisfy(({ passes, connections }) => connections === passes + 1);
      expect(heldBytesMax).toBeLessThanOrEqual(8_388_608);
      expect(listening.changes.map(({ kind }) => kind)).not.toContain("offline");
      // It says farewell each time: nobody is told that it was gone.
      expect(states).toEqual([]);
      // And all of it was acknowledged: the next connection brings nothing.
      await listening.broker.close();
      const next = join(mosquitto.url, { protocol });
      next.onMessage = (message) => message.ack();
      await isOnline(next);
      await publishAll(mosquitto, ["last"]);
      await expect.poll(() => next.messages.map(textOf)).toEqual(["last"]);
    },
  );

  it("says that the broker forgot what it was to keep", async () => {
    const mosquitto = await openMosquitto({ lines: ["persistence false"] });
    const listening = join(mosquitto.url);
    await isOnline(listening);
    await mosquitto.stop();
    await mosquitto.start();
    await expect.poll(() => listening.broker.status(), { timeout: 10_000 }).toMatchObject({ sessionsLost: 1 });
    expect(listening.changes.map(({ kind }) => kind)).toContain("session-lost");
  });

  it("says so too where it was away meanwhile, and not where there was no session before", async () => {
    const mosquitto = await openMosquitto();
    let sessions = 0;
    const first = join(mosquitto.url, { onSession: () => sessions++ });
    await isOnline(first);
    expect(sessions).toBe(1);
    expect(first.broker.status()).toMatchObject({ sessionsLost: 0 });
    const second = join(mosquitto.url, { hadSession: true, clientId: "forgotten" });
    await isOnline(second);
    expect(second.broker.status()).toMatchObject({ sessionsLost: 1 });
    expect(second.changes.map(({ kind }) => kind)).toContain("session-lost");
  });

  it("names a wrong password, keeps trying, and gets in with the right one", async () => {
    const mosquitto = await openMosquitto({ users: { rivulet: "right" } });
    const listening = join(mosquitto.url, { credentials: { ...OPEN, username: "rivulet", password: "wrong" } });
    await expect.poll(() => listening.broker.status().reason).toMatch(/not authori[sz]ed|bad user/i);
    expect(listening.broker.status()).toMatchObject({ online: false, connections: 0 });
    listening.broker.renew({ ...OPEN, username: "rivulet", password: "right" });
    await isOnline(listening);
  });

  describe.skipIf(!programs.openssl)("with TLS", () => {
    const files = (mosquitto: Mosquitto, own: boolean): Credentials => ({
      ...OPEN,
      tls: {
        ca: readFileSync(mosquitto.file("ca.pem")),
        cert: own ? readFileSync(mosquitto.file("client.pem")) : null,
        key: own ? readFileSync(mosquitto.file("client-key.pem")) : null,
      },
    });

    it("trusts the authority that it is told to trust, and no other", async () => {
      const mosquitto = await openMosquitto({ tls: true });
      const stranger = join(mosquitto.url, { credentials: { ...OPEN, tls: { ca: null, cert: null, key: null } } });
      await expect.poll(() => stranger.broker.status().reason).toMatch(/certificate/);
      const listening = join(mosquitto.url, { credentials: files(mosquitto, false), clientId: "other" });
      await isOnline(listening);
    });

    it("takes no certificate that cannot be used: not at the start, and a former one stays in force", async () => {
      const mosquitto = await openMosquitto({ tls: true });
      const garbage = Buffer.from("garbage\n");
      const tls = { ca: garbage, cert: garbage, key: garbage };
      expect(() => join(mosquitto.url, { credentials: { ...OPEN, tls } })).toThrow(/certificates cannot be used/);
      const listening = join(mosquitto.url, { credentials: files(mosquitto, false) });
      await isOnline(listening);
      expect(() => listening.broker.renew({ ...OPEN, tls })).toThrow(/certificates cannot be used/);
      await mosquitto.stop();
      await mosquitto.start();
      await expect.poll(() => listening.broker.status(), { timeout: 10_000 }).toMatchObject({ connections: 2 });
    });

    it("shows its own certificate where the broker asks for one", async () => {
      const mosquitto = await openMosquitto({ tls: true, mutual: true });
      const listening = join(mosquitto.url, { credentials: files(mosquitto, false) });
      await expect.poll(() => listening.broker.status().reason).not.toBe("it was not reached yet");
      expect(listening.broker.status().online).toBe(false);
      listening.broker.renew(files(mosquitto, true));
      await isOnline(listening);
    });
  });
});

describe("a broker that is not as it should be", () => {
  it("is spoken to by MQTT 3.1.1 where it refuses 5", async () => {
    const refusing = await listen((socket, version) => {
      if (version === 5) socket.end(Buffer.from([0x20, 2, 0, 1]));
      else socket.write(Buffer.from([0x20, 2, 0, 0]));
    });
    const listening = join(refusing.url);
    await expect.poll(() => refusing.versions, { timeout: 5000 }).toEqual([5, 4]);
    expect(listening.changes.map(({ kind }) => kind)).toContain("downgrade");
  });

  it("is spoken to by MQTT 3.1.1 where it closes without a word", async () => {
    const silent = await listen((socket, version) => {
      if (version === 5) socket.end();
      else socket.write(Buffer.from([0x20, 2, 0, 0]));
    });
    join(silent.url);
    await expect.poll(() => silent.versions.slice(0, 3), { timeout: 5000 }).toEqual([5, 5, 4]);
  });

  it("is tried again and again where nobody listens, its name is unknown, or it never answers", async () => {
    const mute = await listen(() => {});
    const cases = [`mqtt://127.0.0.1:${await freePort()}`, "mqtt://no-such-host.invalid:1883", mute.url];
    for (const url of cases) {
      const listening = join(url, { connectMsMax: 200 });
      await expect
        .poll(() => listening.broker.status(), { timeout: 20_000 })
        .toSatisfy(({ attempts }) => attempts >= 2);
      expect(listening.broker.status().online).toBe(false);
      expect(listening.broker.status().reason).not.toBe("");
      await listening.broker.close();
    }
  });

  it("is tried again where an attempt cannot even begin", async () => {
    // No URL has such a port: Node throws before there is a socket.
    const listening = join("mqtt://127.0.0.1:70000");
    await expect.poll(() => listening.broker.status(), { timeout: 5000 }).toSatisfy(({ attempts }) => attempts >= 2);
    expect(listening.broker.status()).toMatchObject({ online: false, reason: expect.stringContaining("URL") });
  });

  it("is tried again at once with other credentials, whatever the former attempt still waits for", async () => {
    const mute = await listen(() => {});
    const listening = join(mute.url, { connectMsMax: 60_000 });
    await expect.poll(() => mute.versions.length).toBe(1);
    listening.broker.renew({ ...OPEN, username: "rivulet", password: "right" });
    await expect.poll(() => mute.versions.length, { timeout: 5000 }).toBe(2);
  });

  it("costs nothing but a count where something is to be published", async () => {
    const listening = join(`mqtt://127.0.0.1:${await freePort()}`);
    listening.broker.publish({ topic: "rivulet/default/event", payload: "{}", retain: false, qos: 0 });
    expect(listening.broker.status()).toMatchObject({ unpublished: 1 });
  });
});

/** Listens on a port and answers a CONNECT by its protocol version. */
async function listen(answer: (socket: Socket, version: number) => void): Promise<{ url: string; versions: number[] }> {
  const versions: number[] = [];
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", (bytes) => {
      const version = bytes[bytes.indexOf("MQTT") + 4] ?? 0;
      versions.push(version);
      answer(socket, version);
    });
    cleanups.push(() => socket.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  cleanups.push(() => server.close());
  const address = server.address();
  return { url: `mqtt://127.0.0.1:${typeof address === "object" ? address?.port : 0}`, versions };
}
