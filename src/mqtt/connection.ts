// One connection to an external broker: one client object of mqtt.js, which is never used again after it. What is relied
// on in mqtt.js, and not documented there, stands in DESIGN.md, each with a test.

import { connect as connectPlain, type Socket } from "node:net";
import { connect as connectTls, type SecureContextOptions } from "node:tls";
import { type IConnackPacket, type IDisconnectPacket, type IPublishPacket, MqttClient } from "mqtt";
import type { Publication } from "./broker.ts";
import { type Oversized, PacketFilter } from "./packet-filter.ts";

export interface ConnectionOptions {
  /** mqtt: or mqtts:, with host and maybe port. */
  readonly url: URL;
  readonly protocolVersion: 4 | 5;
  readonly clientId: string;
  readonly username: string | null;
  readonly password: string | null;
  /** What the connection is secured with; null without TLS. */
  readonly tls: SecureContextOptions | null;
  readonly keepaliveSeconds: number;
  readonly connectMsMax: number;
  /** Messages that the broker may leave without acknowledgement (MQTT 5). */
  readonly receiveMaximum: number;
  /** Longest packet, without its fixed header. */
  readonly packetBytesMax: number;
  readonly filters: readonly string[];
  readonly will: { readonly topic: string; readonly payload: string };
}

export interface ConnectionEvents {
  /** Called when the broker has accepted the connection and all subscriptions. */
  readonly onOnline: (told: { readonly sessionPresent: boolean }) => void;
  readonly onMessage: (packet: IPublishPacket) => void;
  readonly onOversized: (oversized: Oversized) => void;
  /** Called once, when nothing more comes or goes. */
  readonly onClosed: (end: ConnectionEnd) => void;
}

/** Says how a connection ended. */
export interface ConnectionEnd {
  readonly reason: string;
  /** It was left in good order, and everything acknowledged on it has reached the broker. */
  readonly left: boolean;
  /** The broker does not speak this protocol, or closed before it answered, which old ones do instead of saying so. */
  readonly unspoken: "refused" | "silent" | null;
}

const PORTS: Readonly<Record<string, number>> = { "mqtt:": 1883, "mqtts:": 8883 };
/** How long a broker keeps what comes while the daemon is away. */
const SESSION_SECONDS = 604_800;
/** "Unacceptable protocol version" of MQTT 3.1.1, and of MQTT 5. */
const UNSPOKEN: readonly number[] = [0x01, 0x84];
const PUBACK = 0x40;
const PINGREQ = Buffer.from([0xc0, 0]);
/** How long a farewell may take. */
const FAREWELL_MS_MAX = 1000;

export class Connection {
  readonly #options: ConnectionOptions;
  readonly #events: ConnectionEvents;
  readonly #client: MqttClient;
  #acks: number[] = [];
  #closed = false;
  #answered = false;
  #reset = false;
  #reason: string | null = null;
  #unspoken: ConnectionEnd["unspoken"] = null;
  /** Pings without an answer. */
  #pings = 0;
  /** Answers to pings that must come before the connection is left; null while it is not to be left. */
  #leavesAfter: number | null = null;
  #left = false;

  /** Begins to connect. Throws what Node says of options that cannot be used; then nothing is left open. */
  constructor(options: ConnectionOptions, events: ConnectionEvents) {
    const { protocolVersion, clientId, username, password, keepaliveSeconds } = options;
    const { connectMsMax, receiveMaximum, will } = options;
    this.#options = options;
    this.#events = events;
    const socket = this.#openSocket();
    this.#client = new MqttClient(() => socket, {
      manualConnect: true,
      // The loop in external.ts connects anew: this one can latch off for ever, and has no back-off.
      reconnectPeriod: 0,
      protocolVersion,
      clientId,
      clean: false,
      keepalive: keepaliveSeconds,
      connectTimeout: connectMsMax,
      ...(username === null ? {} : { username }),
      ...(password === null ? {} : { password }),
      will: { topic: will.topic, payload: Buffer.from(will.payload), retain: true, qos: 1 },
      ...(protocolVersion === 5 ? { properties: { sessionExpiryInterval: SESSION_SECONDS, receiveMaximum } } : {}),
    });
    this.#listen();
    this.#client.connect();
  }

  get online(): boolean {
    return !this.#closed && this.#answered && this.#client.connected;
  }

  publish({ topic, payload, retain, qos, correlation }: Publication): void {
    const properties = this.#options.protocolVersion === 5 && correlation != null;
    this.#client.publish(topic, payload, {
      retain,
      qos,
      ...(properties ? { properties: { correlationData: Buffer.from(correlation) } } : {}),
    });
  }

  /** Acknowledges a message of this connection, and of no other: an identifier means another message there. */
  acknowledge(identifier: number): void {
    if (this.#closed) return;
    if (this.#acks.length === 0) queueMicrotask(() => this.#flush());
    this.#acks.push(PUBACK, 2, identifier >> 8, identifier & 0xff);
  }

  /** Ends the connection as if the line had been cut. */
  abort(reason: string): void {
    this.#reason ??= reason;
    this.#client.stream.destroy();
  }

  /**
   * Ends the connection in good order, once the broker has read all acknowledgements: it answers a ping that comes after
   * them. A socket closed while much is unread is reset, and what was written last may be lost with it.
   */
  leave(reason: string): void {
    if (this.#closed || this.#leavesAfter !== null) return;
    this.#reason ??= reason;
    this.#flush();
    this.#client.stream.write(PINGREQ);
    this.#leavesAfter = ++this.#pings;
  }

  /** Lets what was published leave, says farewell, and ends. */
  async end(): Promise<void> {
    if (this.#closed) return;
    this.#flush();
    const timer = setTimeout(() => this.#client.stream.destroy(), FAREWELL_MS_MAX);
    const ended = new Promise<void>((resolve) => this.#client.stream.once("close", () => resolve()));
    if (this.online) this.#client.end(false);
    else this.#client.stream.destroy();
    await ended;
    clearTimeout(timer);
  }

  #flush(): void {
    const acks = this.#acks;
    this.#acks = [];
    if (acks.length > 0 && !this.#closed && this.#client.stream.writable) this.#client.stream.write(Buffer.from(acks));
  }

  #listen(): void {
    const client = this.#client;
    // All handlers stand before the connection: the queue of a persistent session follows its CONNACK at once.
    client.handleMessage = (packet, done) => {
      this.#events.onMessage(packet);
      // An error is what keeps mqtt.js from acknowledging, and from waiting: PUBACK leaves after the commit.
      done(packet.qos === 0 ? undefined : new Error("deferred"));
    };
    client.on("connect", (connack) => this.#subscribe(connack));
    client.on("error", (error) => this.#failed(error));
    client.on("packetsend", ({ cmd }) => {
      if (cmd === "pingreq") this.#pings++;
    });
    client.on("packetreceive", ({ cmd }) => {
      if (cmd === "pingresp") this.#answeredPing();
    });
    client.on("disconnect", ({ reasonCode }: IDisconnectPacket) => {
      this.#reason ??= `the broker ended the connection (reason ${reasonCode ?? 0})`;
    });
    client.on("close", () => this.#close());
  }

  #subscribe({ sessionPresent }: IConnackPacket): void {
    const { filters, protocolVersion } = this.#options;
    this.#answered = true;
    const options = protocolVersion === 5 ? ({ qos: 1, rh: 2 } as const) : ({ qos: 1 } as const);
    this.#client.subscribeAsync(Object.fromEntries(filters.map((filter) => [filter, options]))).then(
      () => this.#events.onOnline({ sessionPresent }),
      (error: Error) => this.abort(`the broker refuses the subscription: ${error.message}`),
    );
  }

  #answeredPing(): void {
    this.#pings--;
    if (this.#leavesAfter === null || --this.#leavesAfter > 0) return;
    this.#left = true;
    void this.end();
  }

  #failed(error: Error & { readonly code?: unknown }): void {
    if (!this.#answered && typeof error.code === "number") {
      this.#answered = true;
      if (UNSPOKEN.includes(error.code)) this.#unspoken = "refused";
    }
    this.#reason ??= error.message || String(error.code ?? error);
    this.#client.stream.destroy();
  }

  #close(): void {
    if (this.#closed) return;
    this.#closed = true;
    if (!this.#answered && (this.#reason === null || this.#reset)) this.#unspoken = "silent";
    // Its timers end with it.
    this.#client.end(true);
    this.#events.onClosed({
      reason: this.#reason ?? "the connection was closed",
      left: this.#left,
      unspoken: this.#unspoken,
    });
  }

  #openSocket(): Socket {
    const { url, tls, packetBytesMax, protocolVersion } = this.#options;
    const host = url.hostname.replace(/^\[|\]$/g, "");
    const port = url.port === "" ? (PORTS[url.protocol] ?? 1883) : Number(url.port);
    const socket =
      tls === null
        ? connectPlain({ host, port, noDelay: true })
        : connectTls({ host, port, ...tls, ...serverName(host) });
    socket.setNoDelay(true);
    socket.on("error", (error: NodeJS.ErrnoException) => {
      this.#reason ??= error.message || String(error);
      if (error.code === "ECONNRESET" || error.code === "EPIPE") this.#reset = true;
    });
    const filter = new PacketFilter({
      protocolVersion,
      bytesMax: packetBytesMax,
      onOversized: (oversized) => this.#events.onOversized(oversized),
      onHopeless: (bytes) => this.abort(`the broker sent a packet of ${bytes} bytes that is no message`),
    });
    // Whatever is read goes through `push`; mqtt.js would gather a packet whole, however long.
    const push = socket.push.bind(socket);
    socket.push = (bytes: Buffer | null, ...rest: []) => push(bytes === null ? null : filter.filter(bytes), ...rest);
    return socket;
  }
}

/** Names the host for SNI, which takes no addresses (RFC 6066, 3). */
function serverName(host: string): { readonly servername?: string } {
  return /^[\d.]+$|:/.test(host) ? {} : { servername: host };
}
