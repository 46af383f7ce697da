// A broker that somebody else runs: the loop that keeps a connection to it, and messages that are acknowledged when the
// pipeline says so. MQTT 5 where it is spoken, else 3.1.1. It never gives up, and never acknowledges across connections.

import type { IPublishPacket } from "mqtt";
import type { Observable } from "rxjs";
import { BackOff } from "./back-off.ts";
import { type Broker, type Credentials, type ExternalStatus, IN_FORMS, type Publication } from "./broker.ts";
import { Connection, type ConnectionEnd } from "./connection.ts";
import { Intake, MESSAGE_BYTES } from "./intake.ts";
import type { Message } from "./message.ts";
import type { Oversized } from "./packet-filter.ts";

export interface ExternalBrokerOptions {
  /** mqtt://host:port or mqtts://host:port. */
  readonly url: string;
  readonly prefix: string;
  /** The same one every time, or what the broker has kept for it is lost. */
  readonly clientId: string;
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
  | { readonly kind: "session-lost" };

/** Room for topic and properties of a packet whose payload is as long as allowed. */
const PACKET_OVERHEAD_BYTES = 4096;
const RECEIVE_MAXIMUM = 65_535;
/** What may be held before the connection is cut: a broker may send more than its window (mosquitto 2.0.11 does). */
const OVERSHOOT = 4;
const OVERSHOOT_BYTES_MIN = 8_388_608;
/** A broker that closes this often without an answer may be one that does not speak MQTT 5. */
const SILENT_MAX = 2;

/** Begins to connect to a broker; whether that succeeds is told by `status`. */
export function openExternalBroker(options: ExternalBrokerOptions): Broker {
  return new ExternalBroker(options);
}

class ExternalBroker implements Broker {
  readonly #options: ExternalBrokerOptions;
  readonly #intake: Intake;
  readonly #backOff = new BackOff();
  #credentials: Credentials;
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
  #hadSession = false;

  constructor(options: ExternalBrokerOptions) {
    this.#options = options;
    this.#credentials = options.credentials;
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
    };
  }

  renew(credentials: Credentials): void {
    this.#credentials = credentials;
    // What was refused may be let in now.
    if (this.#timer === null) return;
    this.#backOff.succeeded();
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
    const { url, prefix, clientId, payloadBytesMax, bytesMax, keepaliveSeconds, connectMsMax, will } = this.#options;
    const version = this.#version;
    let onlineAt: number | null = null;
    const number = this.#connections + 1;
    const connection = new Connection(
      {
        url: new URL(url),
        protocolVersion: version,
        clientId,
        credentials: this.#credentials,
        keepaliveSeconds,
        connectMsMax,
        receiveMaximum: Math.max(1, Math.min(RECEIVE_MAXIMUM, Math.floor(bytesMax / payloadBytesMax))),
        packetBytesMax: payloadBytesMax + PACKET_OVERHEAD_BYTES,
        filters: IN_FORMS.map((form) => `${prefix}/+/${form}/#`),
        will,
      },
      {
        onMessage: (packet) => this.#receive(connection, number, packet),
        onOversized: (oversized) => this.#receiveOversized(connection, number, oversized),
        onOnline: ({ sessionPresent }) => {
          onlineAt = performance.now();
          this.#online(version, sessionPresent);
        },
        onClosed: (end) => this.#offline(end, version, onlineAt),
      },
    );
    this.#connection = connection;
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
    this.#options.onOnline();
  }

  #offline({ reason, unspoken }: ConnectionEnd, version: 4 | 5, onlineAt: number | null): void {
    this.#connection = null;
    this.#reason = reason;
    this.#attempts++;
    if (onlineAt === null) this.#chooseProtocol(reason, unspoken, version);
    else if (this.#options.protocol === "auto") this.#version = 5;
    if (this.#closed) return;
    const retryMs = onlineAt === null ? this.#backOff.failed() : this.#backOff.lost(performance.now() - onlineAt);
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
    if (!this.#hasRoom(connection, qos, payload.length)) return;
    const replyTopic = properties?.responseTopic;
    const reply =
      replyTopic === undefined
        ? {}
        : { reply: { topic: replyTopic, correlation: properties?.correlationData ?? null } };
    this.#intake.take({ topic, payload, retain, qos, connection: number, ...reply }, () => {
      if (qos === 1) connection.acknowledge(packet.messageId ?? 0);
    });
  }

  #receiveOversized(connection: Connection, number: number, oversized: Oversized): void {
    const { topic, identifier, payloadBytes, sha256, head } = oversized;
    const qos = oversized.qos === 0 ? 0 : 1;
    if (!this.#hasRoom(connection, qos, head.length)) return;
    const cut = { payloadBytes, sha256 };
    this.#intake.take({ topic, payload: head, cut, retain: false, qos, connection: number }, () => {
      if (qos === 1) connection.acknowledge(identifier);
    });
  }

  /** Tells whether a message is taken: reading never stops, so at the bound QoS 0 is dropped, and QoS 1 sent again later. */
  #hasRoom(connection: Connection, qos: 0 | 1, payloadBytes: number): boolean {
    const { bytesMax } = this.#options;
    const held = this.#intake.heldBytes + payloadBytes + MESSAGE_BYTES;
    if (this.#stopped || (qos === 0 && held > bytesMax)) {
      if (qos === 0) this.#dropped++;
      return false;
    }
    if (held <= Math.max(OVERSHOOT * bytesMax, OVERSHOOT_BYTES_MIN)) return true;
    connection.abort(`the broker sent ${held} bytes without waiting for acknowledgements`);
    return false;
  }
}
