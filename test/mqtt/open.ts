import { once } from "node:events";
import { connect as connectSocket, type Socket } from "node:net";
import { connect as connectClient, type IClientOptions, type MqttClient } from "mqtt";
import { afterEach } from "vitest";
import { type EmbeddedBroker, type EmbeddedBrokerOptions, openEmbeddedBroker } from "../../src/mqtt/embedded.ts";
import type { Message } from "../../src/mqtt/message.ts";

const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const defaults: EmbeddedBrokerOptions = {
  host: "127.0.0.1",
  port: 0,
  prefix: "rivulet",
  credentials: { username: null, password: null, tls: null },
  insecure: false,
  payloadBytesMax: 1_048_576,
  bytesMax: 16_000_000,
  onDisconnected: () => {},
};

/** Opens a broker on a free port; it is closed after the test. */
export async function open(options: Partial<EmbeddedBrokerOptions> = {}): Promise<EmbeddedBroker> {
  const broker = await openEmbeddedBroker({ ...defaults, ...options });
  cleanups.push(() => broker.close());
  return broker;
}

export interface Intake {
  readonly messages: Message[];
  readonly chunks: number[];
  /** Resolves when that many messages have come in all. */
  until(count: number): Promise<void>;
}

/** Listens to a broker; each message is handed to `onMessage`, which may acknowledge it. */
export function listen(broker: EmbeddedBroker, onMessage: (message: Message) => void = () => {}): Intake {
  const messages: Message[] = [];
  const chunks: number[] = [];
  let wake = () => {};
  const subscription = broker.chunks$.subscribe((chunk) => {
    chunks.push(chunk.length);
    for (const message of chunk) {
      messages.push(message);
      onMessage(message);
    }
    wake();
  });
  cleanups.push(() => subscription.unsubscribe());
  return {
    messages,
    chunks,
    until: async (count) => {
      while (messages.length < count) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
  };
}

/** Connects a real client; it is ended after the test. `onPayload` is told what comes from the beginning on. */
export async function connect(
  broker: EmbeddedBroker,
  options: IClientOptions = {},
  onPayload: (payload: string) => void = () => {},
): Promise<MqttClient> {
  const url = `mqtt://127.0.0.1:${broker.address.port}`;
  const client = connectClient(url, { reconnectPeriod: 0, ...options });
  client.on("message", (_topic, payload) => onPayload(payload.toString()));
  client.on("error", () => {});
  await new Promise<void>((resolve, reject) => {
    client.once("connect", () => resolve());
    client.once("error", reject);
    client.once("close", () => reject(new Error("the connection was closed")));
  });
  cleanups.push(() => client.endAsync(true));
  return client;
}

/** Opens a plain connection for bytes of the test's own. */
export async function rawConnection(broker: EmbeddedBroker): Promise<Socket> {
  const socket = connectSocket(broker.address.port, "127.0.0.1");
  socket.on("error", () => {});
  cleanups.push(() => socket.destroy());
  await once(socket, "connect");
  return socket;
}
