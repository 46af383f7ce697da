// What the daemon knows of a broker, whichever it is: messages come in chunks, publications go out.

import type { Observable } from "rxjs";
import type { Message } from "./message.ts";

/** Is something to be published. */
export interface Publication {
  readonly topic: string;
  readonly payload: string;
  readonly retain: boolean;
  readonly qos: 0 | 1;
  /** What the asker wants back with an answer (MQTT 5). */
  readonly correlation?: Uint8Array | null;
}

/** Holds certificates and keys (PEM): of authorities to trust, and the own ones to show. */
export interface TlsFiles {
  readonly ca: Buffer | null;
  readonly cert: Buffer | null;
  readonly key: Buffer | null;
}

/** Holds what a connection is secured with; null where there is none. */
export interface Credentials {
  readonly username: string | null;
  readonly password: string | null;
  readonly tls: TlsFiles | null;
}

interface AnyStatus {
  /** Such as `mqtt://127.0.0.1:1883`; it never holds credentials. */
  readonly url: string;
  readonly online: boolean;
  /** Why it is not online, or null. */
  readonly reason: string | null;
  /** Protocol spoken; null before the first connection to an external broker. */
  readonly protocol: "3.1.1" | "5" | null;
  readonly messages: number;
  /** Of messages that are not acknowledged yet. */
  readonly heldBytes: number;
  /** Messages of QoS 0 that were dropped because `intake.bytesMax` was held. */
  readonly dropped: number;
  /** Publications that could not leave, because there was no connection. */
  readonly unpublished: number;
}

/** Tells how the embedded broker is. */
export interface EmbeddedStatus extends AnyStatus {
  readonly kind: "embedded";
  readonly host: string;
  readonly port: number;
  /** Clients that are connected. */
  readonly connections: number;
  /** Packets over the limit. */
  readonly oversized: number;
  /** Times that producers were made to wait. */
  readonly pauses: number;
  /** Clients that did not read what they had asked for, and were disconnected. */
  readonly stalled: number;
}

/** Tells how the connection to an external broker is. */
export interface ExternalStatus extends AnyStatus {
  readonly kind: "external";
  /** Connections made so far. */
  readonly connections: number;
  /** Attempts to connect that failed since the last connection. */
  readonly attempts: number;
  /** Times that the broker had forgotten what it was to keep for the daemon. */
  readonly sessionsLost: number;
  /** Times that the broker sent more than may be held, and had to be asked for the rest by a new connection. */
  readonly passes: number;
  /** Messages of QoS 1 that were passed over then, neither held nor acknowledged. */
  readonly passedOver: number;
}

/** Tells how a broker is. */
export type BrokerStatus = EmbeddedStatus | ExternalStatus;

export interface Broker {
  /** Emits what one turn of the event loop brought. Messages are taken while it is subscribed to; one subscriber. */
  readonly chunks$: Observable<readonly Message[]>;
  publish(publication: Publication): void;
  status(): BrokerStatus;
  /** Takes over other credentials: for the connections that are made from now on. Throws `broker-failed`; then the former stay. */
  renew(credentials: Credentials): void;
  /** Takes no more messages; what was handed over can still be acknowledged. */
  stopIntake(): Promise<void>;
  /** Lets what was published leave, then ends all connections. */
  close(): Promise<void>;
}

/** Lists what a daemon takes, below `<prefix>/<model>/`. */
export const IN_FORMS: readonly string[] = ["sample", "f32", "f64", "predict", "request"];
