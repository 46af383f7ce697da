// The broker that comes along (MQTT 3.1.1): what clients publish goes into the pipeline, and is acknowledged when the
// pipeline says so. It refuses to listen beyond this machine without protection, to let clients publish where only the
// daemon speaks, and packets over the limit. What it relies on in aedes stands in DESIGN.md, each with a test.

import { timingSafeEqual } from "node:crypto";
import { createServer, type Server, type Socket } from "node:net";
import { Aedes, type AedesPublishPacket, type AuthenticateError, type Client, type PublishPacket } from "aedes";
import { Observable, type Subscriber } from "rxjs";
import { RivuletError } from "../error.ts";
import { clientsOf, pause, readOn, resume } from "./aedes-client.ts";
import type { Message } from "./message.ts";
import { type Oversized, PacketFilter } from "./packet-filter.ts";

export interface EmbeddedBrokerOptions {
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  readonly prefix: string;
  readonly username: string | null;
  readonly password: string | null;
  /** Listens beyond this machine without protection. */
  readonly insecure: boolean;
  readonly payloadBytesMax: number;
  /** Bytes of unacknowledged messages at which producers are made to wait. */
  readonly bytesMax: number;
  /** Told of a packet over the limit that is no message that could be quarantined, before its connection is closed. */
  readonly onRefusedConnection: (refused: { readonly connection: number; readonly bytes: number }) => void;
}

export interface BrokerCounters {
  readonly connections: number;
  readonly messages: number;
  /** Of messages that are not acknowledged yet. */
  readonly heldBytes: number;
  readonly oversized: number;
  /** Times that producers were made to wait. */
  readonly pauses: number;
}

export interface EmbeddedBroker {
  readonly address: { readonly host: string; readonly port: number };
  /** Emits what one turn of the event loop brought. Connections are served while it is subscribed to; one subscriber. */
  readonly chunks$: Observable<readonly Message[]>;
  publish(topic: string, payload: string, options: { readonly retain: boolean; readonly qos: 0 | 1 }): void;
  counters(): BrokerCounters;
  /** Takes no more connections and messages; what was handed over can still be acknowledged. */
  stopIntake(): Promise<void>;
  /** Ends all connections and the broker. */
  close(): Promise<void>;
}

/** What a message weighs besides its payload: its objects. */
const MESSAGE_BYTES = 256;
/** Room for topic and header of a packet whose payload is as long as allowed. */
const PACKET_OVERHEAD_BYTES = 1024;
/** Where messages go that clients may not publish: nobody can subscribe to it. */
const REFUSED_TOPIC = "$SYS/refused";
const FORMS: readonly (string | undefined)[] = ["sample", "f32", "f64"];
const LOOPBACK = /^(127\.|::1$|localhost$)/;
const BAD_USERNAME_OR_PASSWORD = 4;
/** First bytes of the two acknowledgements (MQTT 3.1.1, 3.4 and 3.5). */
const PUBACK = 0x40;
const PUBREC = 0x50;

/** Opens the broker. Throws `port-in-use`, or `broker-failed` where it cannot, or must not, listen. */
export async function openEmbeddedBroker(options: EmbeddedBrokerOptions): Promise<EmbeddedBroker> {
  const { host, insecure } = options;
  if (!LOOPBACK.test(host) && !insecure) {
    throw new RivuletError(
      "broker-failed",
      `the embedded broker must not listen on ${host}: anyone there could publish`,
      {
        hint: "Use a loopback address, or set mqtt.insecure to true if the network is yours alone.",
      },
    );
  }
  const broker = new Broker(options);
  await broker.open();
  return broker;
}

class Broker implements EmbeddedBroker {
  readonly chunks$: Observable<readonly Message[]>;
  readonly #options: EmbeddedBrokerOptions;
  readonly #aedes: Aedes;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #connections = new WeakMap<Client, number>();
  /** Sockets that came before anyone listened to `chunks$`. */
  #early: Socket[] = [];
  #subscriber: Subscriber<readonly Message[]> | null = null;
  #chunk: Message[] = [];
  #scheduled = false;
  #paused = false;
  #stopped = false;
  #nextConnection = 1;
  #messages = 0;
  #heldBytes = 0;
  #oversized = 0;
  #pauses = 0;

  constructor(options: EmbeddedBrokerOptions) {
    this.#options = options;
    this.#aedes = new Aedes({
      authenticate: (_client, username, password, done) => this.#authenticate(username, password, done),
      authorizePublish: (client, packet, done) => this.#receive(client, packet, done),
      authorizeSubscribe: (_client, subscription, done) => {
        done(null, subscription.topic.startsWith("$") ? null : subscription);
      },
    });
    this.#aedes.on("client", (client) => {
      if (this.#paused || this.#stopped) pause(client);
    });
    // An error of a client ends its connection; there is nothing else to do about it.
    this.#aedes.on("clientError", () => {});
    this.#aedes.on("connectionError", () => {});
    this.#server = createServer({ noDelay: true }, (socket) => this.#accept(socket));
    this.chunks$ = new Observable((subscriber) => {
      this.#subscriber = subscriber;
      for (const socket of this.#early) this.#serve(socket);
      this.#early = [];
      return () => {
        this.#subscriber = null;
        this.#stop();
      };
    });
  }

  get address(): { readonly host: string; readonly port: number } {
    const bound = this.#server.address();
    return {
      host: this.#options.host,
      port: typeof bound === "object" && bound !== null ? bound.port : this.#options.port,
    };
  }

  async open(): Promise<void> {
    const { host, port } = this.#options;
    await this.#aedes.listen();
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(port, host, () => {
        this.#server.off("error", reject);
        resolve();
      });
    }).catch(async (cause) => {
      await this.#closeAedes();
      throw listenFailed(host, port, cause);
    });
  }

  publish(topic: string, payload: string, { retain, qos }: { readonly retain: boolean; readonly qos: 0 | 1 }): void {
    if (this.#aedes.closed) return;
    const packet: AedesPublishPacket = {
      cmd: "publish",
      brokerId: "",
      brokerCounter: 0,
      topic,
      payload,
      retain,
      qos,
      dup: false,
    };
    this.#aedes.publish(packet, () => {});
  }

  counters(): BrokerCounters {
    return {
      connections: this.#aedes.connectedClients,
      messages: this.#messages,
      heldBytes: this.#heldBytes,
      oversized: this.#oversized,
      pauses: this.#pauses,
    };
  }

  async stopIntake(): Promise<void> {
    this.#stop();
  }

  async close(): Promise<void> {
    this.#stop();
    // Acknowledgements that were let go just now are written in the next turn.
    await new Promise((resolve) => setImmediate(resolve));
    await this.#closeAedes();
    // A connection that is half open would keep the server open for ever.
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #closeAedes(): Promise<void> {
    return new Promise((resolve) => this.#aedes.close(resolve));
  }

  #stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#server.close();
    for (const client of this.#clients()) pause(client);
  }

  #accept(socket: Socket): void {
    this.#sockets.add(socket);
    socket.once("close", () => this.#sockets.delete(socket));
    // aedes listens for errors once it has the socket; until then, and after it let go, they end the connection.
    socket.on("error", () => socket.destroy());
    if (this.#stopped) socket.destroy();
    else if (this.#subscriber === null) this.#early.push(socket);
    else this.#serve(socket);
  }

  #serve(socket: Socket): void {
    const connection = this.#nextConnection++;
    const filter = new PacketFilter({
      bytesMax: this.#options.payloadBytesMax + PACKET_OVERHEAD_BYTES,
      onOversized: (oversized) => {
        if (client.connected) this.#receiveOversized(socket, connection, oversized);
        else this.#refuseConnection(socket, connection, oversized.payloadBytes);
      },
      onHopeless: (bytes) => this.#refuseConnection(socket, connection, bytes),
    });
    // aedes reads its sockets by `read()` alone.
    const read = socket.read.bind(socket);
    socket.read = (size?: number) => {
      const bytes: Buffer | null = read(size);
      return bytes === null ? null : filter.filter(bytes);
    };
    const client = this.#aedes.handle(socket);
    this.#connections.set(client, connection);
  }

  #refuseConnection(socket: Socket, connection: number, bytes: number): void {
    this.#oversized++;
    this.#options.onRefusedConnection({ connection, bytes });
    socket.destroy();
  }

  /** Hands over what is left of a message over the limit; aedes has not seen it, so it is acknowledged here. */
  #receiveOversized(socket: Socket, connection: number, oversized: Oversized): void {
    const { topic, qos, identifier, payloadBytes, sha256, head } = oversized;
    this.#oversized++;
    this.#messages++;
    let held = true;
    this.#hold(head.length + MESSAGE_BYTES);
    this.#emit({
      topic,
      payload: head,
      cut: { payloadBytes, sha256 },
      retain: false,
      qos,
      connection,
      ack: () => {
        if (!held) return;
        held = false;
        this.#hold(-head.length - MESSAGE_BYTES);
        if (qos > 0 && socket.writable) {
          socket.write(Buffer.from([qos === 1 ? PUBACK : PUBREC, 2, identifier >> 8, identifier & 0xff]));
        }
      },
    });
  }

  #authenticate(
    username: string | undefined,
    password: Buffer | undefined,
    done: (error: AuthenticateError | null, success: boolean | null) => void,
  ): void {
    const { username: wantedName, password: wantedPassword } = this.#options;
    const isKnown =
      (wantedName === null || equal(username ?? "", wantedName)) &&
      (wantedPassword === null || equal(password?.toString("utf8") ?? "", wantedPassword));
    if (isKnown) done(null, true);
    else done(Object.assign(new Error("bad user name or password"), { returnCode: BAD_USERNAME_OR_PASSWORD }), null);
  }

  /** Takes a message that a client publishes; aedes acknowledges and relays it when `done` is called. */
  #receive(client: Client | null, packet: PublishPacket, done: (error?: Error | null) => void): void {
    const { topic } = packet;
    const payload = typeof packet.payload === "string" ? Buffer.from(packet.payload) : packet.payload;
    // What clients publish is not kept for later subscribers, and what they may not publish reaches nobody.
    packet.retain = false;
    if (!this.#isIntake(topic)) packet.topic = REFUSED_TOPIC;
    const bytes = payload.length + MESSAGE_BYTES;
    let held = true;
    this.#messages++;
    this.#hold(bytes);
    this.#emit({
      topic,
      payload,
      retain: false,
      qos: packet.qos,
      connection: (client === null ? undefined : this.#connections.get(client)) ?? 0,
      ack: () => {
        if (!held) return;
        held = false;
        this.#hold(-bytes);
        done(null);
      },
    });
  }

  #isIntake(topic: string): boolean {
    const { prefix } = this.#options;
    return topic.startsWith(`${prefix}/`) && FORMS.includes(topic.slice(prefix.length + 1).split("/")[1]);
  }

  #emit(message: Message): void {
    this.#chunk.push(message);
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      const chunk = this.#chunk;
      this.#chunk = [];
      this.#subscriber?.next(chunk);
      if (!this.#paused && !this.#stopped) for (const client of this.#clients()) readOn(client);
    });
  }

  #hold(bytes: number): void {
    this.#heldBytes += bytes;
    if (this.#stopped) return;
    if (!this.#paused && this.#heldBytes > this.#options.bytesMax) {
      this.#paused = true;
      this.#pauses++;
      for (const client of this.#clients()) pause(client);
    } else if (this.#paused && this.#heldBytes < this.#options.bytesMax / 2) {
      this.#paused = false;
      for (const client of this.#clients()) resume(client);
    }
  }

  #clients(): readonly Client[] {
    return clientsOf(this.#aedes);
  }
}

/** Compares in a time that does not depend on where two texts of one length differ. */
function equal(given: string, wanted: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(wanted)];
  return a.length === b.length && timingSafeEqual(a, b);
}

function listenFailed(host: string, port: number, cause: NodeJS.ErrnoException): RivuletError {
  if (cause.code === "EADDRINUSE") {
    return new RivuletError("port-in-use", `port ${port} on ${host} is in use`, {
      hint: `If a broker runs there, use it: --set mqtt.broker=mqtt://${host}:${port}\n  or take another port: --set mqtt.port=${port + 1}`,
      cause,
    });
  }
  return new RivuletError("broker-failed", `the embedded broker cannot listen on ${host}:${port}: ${cause.message}`, {
    hint: "Look at mqtt.host and mqtt.port; ports below 1024 need privileges.",
    cause,
  });
}
