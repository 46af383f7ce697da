// A broker that somebody else runs: the loop that keeps a connection to it, and messages that are acknowledged when the
// pipeline says so. MQTT 5 where it is spoken, else 3.1.1. It never gives up, and never acknowledges across connections.
// What a broker sends beyond all bounds is passed over, and asked for again by a new connection.

import type { SecureContextOptions } from "node:tls";
import type { IPublishPacket } from "mqtt";
import type { Observable } from "rxjs";
import { BackOff } from "./back-off.ts";
import { type Broker, type Credentials, type ExternalStatus, IN_FORMS, type Publication } from "./broker.ts";
import { Connection, type ConnectionEnd } from "./connection.ts";
import { type Incoming, Intake, MESSAGE_BYTES } from "./intake.ts";
import type { Message } from "./message.ts";
import type { Oversized } from "./packet-filter.ts";
import { writeNumbersAsTheyCome } from "./packet-numbers.ts";
import { secureContextOptions } from "./tls-files.ts";

export interface ExternalBrokerOptions {
  /** mqtt://host:port or mqtts://host:port. */
  readonly url: string;
  readonly prefix: string;
  /** The same one every time, or what the broker has kept for it is lost. */
  readonly clientId: string;
  /** Whether the broker was asked before to keep a session for this client: one that it has not is one that it lost. */
  readonly hadSession: boolean;
  /** Called when the broker keeps a session; it may be called again. */
  readonly onSession: () => void;
  readonly credentials: Credentials;
  /** Tried first to last; `auto` is 5, then 3.1.1. */
  readonly protocol: "auto" | "5" | "3.1.1";
  readonly keepaliveSeconds: number;
  readonly connectMsMax: number;
  readonly payloadBytesMax: number;
  /** Bytes of unacknowledged messages at which those of QoS 0 are dropped. */
  readonly bytesMax: number;
  readonly will: { readonly topic: string; readonly payload: string };
  /** Called on each connection: what is retained must be told anew. */
  readonly onOnline: () => void;
  readonly onChange: (change: ExternalChange) => void;
}

/** Says what happened to the connection: for the log. */
export type ExternalChange =
  | { readonly kind: "online"; readonly protocol: "3.1.1" | "5"; readonly attempts: number }
  | { readonly kind: "offline"; readonly reason: string; readonly retryMs: number }
  | { readonly kind: "downgrade"; readonly reason: string }
  | { readonly kind: "session-lost" }
  /** More came than may be held: what comes now is passed over until what is held is done. */
  | { readonly kind: "passing"; readonly heldBytes: number }
  /** What is held is done: the broker is asked for what was passed over. */
  | { readonly kind: "asking-again"; readonly passedOver: number };

/** Room for topic and properties of a packet whose payload is as long as allowed. */
const PACKET_OVERHEAD_BYTES = 4096;
const RECEIVE_MAXIMUM = 65_535;
/** What may be held before messages are passed over: a broker may send more than its window (mosquitto 2.0.11 does). */
const OVERSHOOT = 2;
const OVERSHOOT_BYTES_MIN = 8_388_608;
/** A broker that closes this often without an answer may be one that does not speak MQTT 5. */
const SILENT_MAX = 2;

/** Begins to connect to a broker; whether that succeeds is told by `status`. Throws `broker-failed` for bad certificates. */
export function openExternalBroker(options: ExternalBrokerOptions): Broker {
  writeNumbersAsTheyCome();
  return new ExternalBroker(options);
}

class ExternalBroker implements Broker {
  readonly #options: ExternalBrokerOptions;
  readonly #intake: Intake;
  readonly #backOff = new BackOff();
  #credentials: Credentials;
  #tls: SecureContextOptions | null;
  #connection: Connection | null = null;
  #timer: NodeJS.Timeout | null = null;
  #version: 4 | 5;
  #silent = 0;
  #reason: string | null = "it was not reached yet";
  #protocol: "3.1.1" | "5" | null = null;
  #stopped = false;
  #closed = false;
  #connections = 0;
  #attempts = 0;
  #sessionsLost = 0;
  #dropped = 0;
  #unpublished = 0;
  #hadSession: boolean;
  /** Messages of QoS 1 that are handed over and not acknowledged yet, of any connection. */
  #unacknowledged = 0;
  /** Messages of QoS 1 of this connection are passed over, from the first that found no room on: they stay in order. */
  #passing = false;
  #passes = 0;
  #passedOver = 0;

  constructor(options: ExternalBrokerOptions) {
    this.#options = options;
    this.#credentials = options.credentials;
    this.#tls = tlsOf(options.credentials);
    this.#hadSession = options.hadSession;
    this.#version = options.protocol === "3.1.1" ? 4 : 5;
    this.#intake = new Intake({
      onOpen: () => this.#connect(),
      onClose: () => this.#stop(),
      onHeld: () => {},
      onChunk: () => {},
    });
  }

  get chunks$(): Observable<readonly Message[]> {
    return this.#intake.chunks$;
  }

  publish(publication: Publication): void {
    if (this.#connection?.online === true) this.#connection.publish(publication);
    else this.#unpublished++;
  }

  status(): ExternalStatus {
    return {
      kind: "external",
      url: this.#options.url,
      online: this.#reason === null,
      reason: this.#reason,
      protocol: this.#protocol,
      connections: this.#connections,
      messages: this.#intake.messages,
      heldBytes: this.#intake.heldBytes,
      dropped: this.#dropped,
      unpublished: this.#unpublished,
      attempts: this.#attempts,
      sessionsLost: this.#sessionsLost,
      passes: this.#passes,
      passedOver: this.#passedOver,
    };
  }

  renew(credentials: Credentials): void {
    this.#tls = tlsOf(credentials);
    this.#credentials = credentials;
    if (this.#reason === null) return;
    // What was refused may be let in now; an attempt under way is one with the former credentials.
    this.#backOff.succeeded();
    this.#connection?.abort("the credentials were changed");
    if (this.#timer === null) return;
    clearTimeout(this.#timer);
    this.#connect();
  }

  async stopIntake(): Promise<void> {
    this.#stop();
  }

  async close(): Promise<void> {
    this.#stop();
    this.#closed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    await this.#connection?.end();
  }

  /** Takes no more messages: those of QoS 1 stay with the broker, for they are not acknowledged. */
  #stop(): void {
    this.#stopped = true;
  }

  #connect(): void {
    this.#timer = null;
    if (this.#closed) return;
    this.#passing = false;
    const version = this.#version;
    try {
      this.#connection = this.#openConnection(version);
    } catch (error) {
      // Whatever Node refuses before there is a socket: an attempt that failed, like any other.
      const reason = error instanceof Error ? error.message : String(error);
      this.#offline({ reason, left: false, unspoken: null }, version, false);
    }
  }

  #openConnection(version: 4 | 5): Connection {
    const { url, prefix, clientId, payloadBytesMax, bytesMax, keepaliveSeconds, connectMsMax, will } = this.#options;
    const { username, password } = this.#credentials;
    let isGranted = false;
    const number = this.#connections + 1;
    const connection = new Connection(
      {
        url: new URL(url),
        protocolVersion: version,
        clientId,
        username,
        password,
        tls: this.#tls,
        keepaliveSeconds,
        connectMsMax,
        receiveMaximum: receiveMaximumOf(bytesMax, payloadBytesMax),
        packetBytesMax: payloadBytesMax + PACKET_OVERHEAD_BYTES,
        filters: IN_FORMS.map((form) => `${prefix}/+/${form}/#`),
        will,
      },
      {
        onMessage: (packet) => this.#receive(connection, number, packet),
        onOversized: (oversized) => this.#receiveOversized(connection, number, oversized),
        onOnline: ({ sessionPresent }) => {
          isGranted = true;
          this.#online(version, sessionPresent);
        },
        onClosed: (end) => this.#offline(end, version, isGranted),
      },
    );
    return connection;
  }

  #online(version: 4 | 5, sessionPresent: boolean): void {
    this.#connections++;
    this.#silent = 0;
    this.#reason = null;
    this.#protocol = version === 5 ? "5" : "3.1.1";
    this.#options.onChange({ kind: "online", protocol: this.#protocol, attempts: this.#attempts });
    this.#attempts = 0;
    if (this.#hadSession && !sessionPresent) {
      this.#sessionsLost++;
      this.#options.onChange({ kind: "session-lost" });
    }
    this.#hadSession = true;
    this.#options.onSession();
    this.#options.onOnline();
  }

  #offline({ reason, left, unspoken }: ConnectionEnd, version: 4 | 5, isGranted: boolean): void {
    this.#connection = null;
    this.#reason = reason;
    if (this.#closed) return;
    if (left) {
      // It was left to be made anew: no failure, and nothing to wait for.
      this.#timer = setTimeout(() => this.#connect(), 0);
      return;
    }
    this.#attempts++;
    if (!isGranted) this.#chooseProtocol(reason, unspoken, version);
    else if (this.#options.protocol === "auto") this.#version = 5;
    const retryMs = isGranted ? this.#backOff.lost(performance.now()) : this.#backOff.failed();
    this.#options.onChange({ kind: "offline", reason, retryMs });
    this.#timer = setTimeout(() => this.#connect(), retryMs);
  }

  #chooseProtocol(reason: string, unspoken: ConnectionEnd["unspoken"], version: 4 | 5): void {
    if (this.#options.protocol !== "auto") return;
    this.#silent = unspoken === "silent" ? this.#silent + 1 : 0;
    if (version === 5 && (unspoken === "refused" || this.#silent >= SILENT_MAX)) {
      this.#version = 4;
      this.#options.onChange({ kind: "downgrade", reason });
    } else if (version === 4) this.#version = 5;
  }

  #receive(connection: Connection, number: number, packet: IPublishPacket): void {
    const { topic, retain, properties } = packet;
    const payload = typeof packet.payload === "string" ? Buffer.from(packet.payload) : packet.payload;
    const qos = packet.qos === 0 ? 0 : 1;
    const replyTopic = properties?.responseTopic;
    const reply =
      replyTopic === undefined
        ? {}
        : { reply: { topic: replyTopic, correlation: properties?.correlationData ?? null } };
    const identifier = packet.messageId ?? 0;
    this.#take(connection, { topic, payload, retain, qos, identifier, connection: number, ...reply });
  }

  #receiveOversized(connection: Connection, number: number, oversized: Oversized): void {
    const { topic, identifier, payloadBytes, sha256, head } = oversized;
    const qos = oversized.qos === 0 ? 0 : 1;
    const cut = { payloadBytes, sha256 };
    this.#take(connection, { topic, payload: head, cut, retain: false, qos, identifier, connection: number });
  }

  #take(connection: Connection, message: Incoming): void {
    const isReliable = message.qos !== 0;
    const bytes = message.payload.length + MESSAGE_BYTES;
    if (this.#stopped || !(isReliable ? this.#hasRoomReliably(bytes) : this.#hasRoom(message.topic, bytes))) return;
    if (isReliable) this.#unacknowledged++;
    this.#intake.take(message, () => {
      if (!isReliable) return;
      this.#unacknowledged--;
      connection.acknowledge(message.identifier);
      if (this.#passing && this.#unacknowledged === 0) this.#askAgain();
    });
  }

  /** What may be held of QoS 1 at most. */
  get #reliableBytesMax(): number {
    return Math.max(OVERSHOOT * this.#options.bytesMax, OVERSHOOT_BYTES_MIN);
  }

  /** Tells whether a message of QoS 0 is taken. A question is answered at once, also while a full disk holds all samples. */
  #hasRoom(topic: string, bytes: number): boolean {
    const { bytesMax } = this.#options;
    const bound = topic.endsWith("/predict") ? this.#reliableBytesMax + bytesMax : bytesMax;
    if (this.#intake.heldBytes + bytes <= bound) return true;
    this.#dropped++;
    return false;
  }

  /**
   * Tells whether a message of QoS 1 is taken. One that finds no room is passed over: it is neither kept nor acknowledged,
   * and the same goes for all after it, for rows of one source must stay in order. The connection lives on, so that what
   * is held can be acknowledged; then the broker is asked for the rest.
   */
  #hasRoomReliably(bytes: number): boolean {
    const { onChange } = this.#options;
    const { heldBytes } = this.#intake;
    const fits = heldBytes + bytes <= this.#reliableBytesMax;
    // Where none is held, none would come to an end, and the broker never be asked.
    if (!this.#passing && (fits || this.#unacknowledged === 0)) return true;
    this.#passedOver++;
    if (this.#passing) return false;
    this.#passing = true;
    this.#passes++;
    onChange({ kind: "passing", heldBytes });
    return false;
  }

  /** Makes a new connection: to it a broker sends what was not acknowledged, in order, and nothing else. */
  #askAgain(): void {
    if (this.#stopped || this.#connection === null) return;
    this.#options.onChange({ kind: "asking-again", passedOver: this.#passedOver });
    this.#connection.leave("the broker is asked again for what was passed over");
  }
}

/** Says how many of the longest messages a broker may leave unacknowledged, so that all of them can be held. */
function receiveMaximumOf(bytesMax: number, payloadBytesMax: number): number {
  return Math.max(1, Math.min(RECEIVE_MAXIMUM, Math.floor(bytesMax / (payloadBytesMax + MESSAGE_BYTES))));
}

function tlsOf({ tls }: Credentials): SecureContextOptions | null {
  return tls === null ? null : secureContextOptions(tls);
}
