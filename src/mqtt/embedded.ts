// The broker that comes along (MQTT 3.1.1): what clients publish goes into the pipeline, and is acknowledged when the
// pipeline says so. It refuses to listen beyond this machine without protection, to let clients publish where only the
// daemon speaks, and packets over the limit. What it relies on in aedes stands in DESIGN.md, each with a test.

import { timingSafeEqual } from "node:crypto";
import { createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer, type Server as TlsServer } from "node:tls";
import { Aedes, type AedesPublishPacket, type AuthenticateError, type Client, type PublishPacket } from "aedes";
import type { Observable } from "rxjs";
import { RivuletError } from "../error.ts";
import { Acknowledgements } from "./acknowledgements.ts";
import { clientsOf, notSilent, pause, readOn } from "./aedes-client.ts";
import { Audience } from "./audience.ts";
import { type Broker, type Credentials, type EmbeddedStatus, IN_FORMS, type Publication } from "./broker.ts";
import { guardSocket } from "./embedded-socket.ts";
import { type Holder, Holders } from "./holders.ts";
import { type Incoming, Intake } from "./intake.ts";
import type { Message } from "./message.ts";
import type { Oversized } from "./packet-filter.ts";
import { writeNumbersAsTheyCome } from "./packet-numbers.ts";
import { secureContextOptions } from "./tls-files.ts";

export interface EmbeddedBrokerOptions {
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  readonly prefix: string;
  readonly credentials: Credentials;
  /** Listens beyond this machine without protection. */
  readonly insecure: boolean;
  readonly payloadBytesMax: number;
  /** Bytes of unacknowledged messages at which producers are made to wait. */
  readonly bytesMax: number;
  /** Told why a client was disconnected: for the log. */
  readonly onDisconnected: (told: {
    readonly connection: number;
    readonly why: string;
    readonly bytes: number;
  }) => void;
}

export interface EmbeddedBroker extends Broker {
  readonly address: { readonly host: string; readonly port: number };
  status(): EmbeddedStatus;
}

/** Where messages go that clients may not publish: nobody can subscribe to it. */
const REFUSED_TOPIC = "$SYS/refused";
const LOOPBACK = /^(127\.|::1$|localhost$)/;
const BAD_USERNAME_OR_PASSWORD = 4;
/** Time that a connection has to say who it is. */
const CONNECT_MS_MAX = 10_000;

/** Opens the broker. Throws `port-in-use`, or `broker-failed` where it cannot, or must not, listen. */
export async function openEmbeddedBroker(options: EmbeddedBrokerOptions): Promise<EmbeddedBroker> {
  const { host, insecure, credentials } = options;
  const isProtected = credentials.password !== null && credentials.tls !== null;
  if (!LOOPBACK.test(host) && !insecure && !isProtected) {
    throw new RivuletError(
      "broker-failed",
      `the embedded broker must not listen on ${host} without password and TLS: anyone there could publish`,
      { hint: "Use a loopback address, give it both, or set mqtt.insecure to true if the network is yours alone." },
    );
  }
  writeNumbersAsTheyCome();
  const broker = new AedesBroker(options);
  await broker.open();
  return broker;
}

class AedesBroker implements EmbeddedBroker {
  readonly #options: EmbeddedBrokerOptions;
  readonly #aedes: Aedes;
  readonly #server: Server;
  /** Secures what `#server` takes in; it listens nowhere itself, so that another one can take its place. */
  #tlsServer: TlsServer | null;
  readonly #intake: Intake;
  readonly #holders = new Holders();
  readonly #sockets = new Set<Socket>();
  readonly #connections = new WeakMap<Client, { readonly connection: number; readonly holder: Holder }>();
  readonly #audience: Audience;
  #credentials: Credentials;
  /** Sockets that came before anyone listened to `chunks$`. */
  #early: Socket[] = [];
  #paused = false;
  #stopped = false;
  #nextConnection = 1;
  #oversized = 0;
  #pauses = 0;
  #stalled = 0;

  constructor(options: EmbeddedBrokerOptions) {
    this.#options = options;
    this.#credentials = options.credentials;
    this.#audience = new Audience(options.prefix);
    this.#intake = new Intake({
      onOpen: () => {
        for (const socket of this.#early) this.#serve(socket);
        this.#early = [];
      },
      onClose: () => this.#stop(),
      onHeld: (bytes) => this.#held(bytes),
      onChunk: () => {
        if (this.#stopped) return;
        if (this.#paused) this.#holders.review();
        else for (const client of this.#clients()) readOn(client);
      },
    });
    this.#aedes = new Aedes({
      connectTimeout: CONNECT_MS_MAX,
      authenticate: (_client, username, password, done) => this.#authenticate(username, password, done),
      authorizePublish: (client, packet, done) => this.#receive(client, packet, done),
      authorizeSubscribe: (client, subscription, done) => {
        const isGranted = !subscription.topic.startsWith("$");
        if (isGranted && client !== null) this.#audience.subscribed(client, subscription.topic);
        done(null, isGranted ? subscription : null);
      },
    });
    this.#aedes.on("client", (client) => {
      this.#audience.connected(client);
      if (this.#stopped) pause(client);
    });
    // An error of a client ends its connection; there is nothing else to do about it.
    this.#aedes.on("clientError", () => {});
    this.#aedes.on("connectionError", () => {});
    this.#tlsServer = this.#openTls(options.credentials);
    this.#server = createServer({ noDelay: true }, (socket) => this.#accept(socket));
  }

  get chunks$(): Observable<readonly Message[]> {
    return this.#intake.chunks$;
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

  publish(publication: Publication): void {
    this.#relay(publication);
  }

  #relay({ topic, payload, retain, qos }: Omit<Publication, "payload"> & { readonly payload: string | Buffer }): void {
    if (this.#aedes.closed) return;
    const origin = { brokerId: "", brokerCounter: 0 };
    const packet: AedesPublishPacket = { cmd: "publish", ...origin, topic, payload, retain, qos, dup: false };
    this.#aedes.publish(packet, () => {});
  }

  status(): EmbeddedStatus {
    const { host, port } = this.address;
    const scheme = this.#credentials.tls === null ? "mqtt" : "mqtts";
    return {
      kind: "embedded",
      host,
      port,
      url: `${scheme}://${host.includes(":") ? `[${host}]` : host}:${port}`,
      online: !this.#stopped,
      reason: this.#stopped ? "it is stopped" : null,
      protocol: "3.1.1",
      connections: this.#aedes.connectedClients,
      messages: this.#intake.messages,
      heldBytes: this.#intake.heldBytes,
      dropped: 0,
      unpublished: 0,
      oversized: this.#oversized,
      pauses: this.#pauses,
      stalled: this.#stalled,
    };
  }

  renew(credentials: Credentials): void {
    if ((credentials.tls === null) !== (this.#credentials.tls === null)) {
      throw new RivuletError("broker-failed", "TLS cannot be turned on or off while the broker runs");
    }
    this.#tlsServer = this.#openTls(credentials);
    const former = this.#credentials;
    this.#credentials = credentials;
    if (!isAskedMore(former, credentials)) return;
    // Who was let in by what holds no longer must show what holds now.
    for (const socket of this.#sockets) socket.destroy();
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

  /** Makes what secures new connections; sessions of a former one cannot be resumed with it. */
  #openTls({ tls }: Credentials): TlsServer | null {
    if (tls === null) return null;
    const options = { requestCert: tls.ca !== null, ...secureContextOptions(tls) };
    return createTlsServer(options, (socket) => this.#welcome(socket));
  }

  #accept(socket: Socket): void {
    this.#sockets.add(socket);
    socket.once("close", () => this.#sockets.delete(socket));
    if (this.#stopped) socket.destroy();
    else if (this.#tlsServer === null) this.#welcome(socket);
    else this.#tlsServer.emit("connection", socket);
  }

  #welcome(socket: Socket): void {
    // aedes listens for errors once it has the socket; until then, and after it let go, they end the connection.
    socket.on("error", () => socket.destroy());
    if (this.#stopped) socket.destroy();
    else if (this.#intake.open) this.#serve(socket);
    else this.#early.push(socket);
  }

  #serve(socket: Socket): void {
    const connection = this.#nextConnection++;
    const disconnect = (why: string, bytes: number) => {
      this.#options.onDisconnected({ connection, why, bytes });
      socket.destroy();
    };
    const refuse = (bytes: number) => {
      this.#oversized++;
      disconnect("a packet over the limit that is no message", bytes);
    };
    const acknowledgements = new Acknowledgements(socket);
    // One for all messages of the connection: they are many.
    const acknowledge = (message: Incoming) => {
      holder.held--;
      this.#acknowledge(message, acknowledgements);
    };
    guardSocket(socket, {
      payloadBytesMax: this.#options.payloadBytesMax,
      isConnected: () => client.connected,
      onPublish: ({ topic, qos, identifier, payload }) => {
        holder.held++;
        this.#intake.take({ topic, payload, retain: false, qos, identifier, connection }, acknowledge);
      },
      onPublished: () => notSilent(client),
      onOversized: (oversized) => {
        if (client.connected) this.#receiveOversized(connection, holder, oversized, acknowledgements);
        else refuse(oversized.payloadBytes);
      },
      onHopeless: refuse,
      onStalled: (unsent) => {
        this.#stalled++;
        disconnect("it does not read what it has asked for", unsent);
      },
    });
    const client = this.#aedes.handle(socket);
    const holder = this.#holders.add(client);
    socket.once("close", () => this.#holders.remove(holder));
    this.#connections.set(client, { connection, holder });
  }

  /** Hands over what is left of a message over the limit; aedes has not seen it, so it is acknowledged here. */
  #receiveOversized(connection: number, holder: Holder, oversized: Oversized, to: Acknowledgements): void {
    const { topic, qos, identifier, payloadBytes, sha256, head } = oversized;
    this.#oversized++;
    holder.held++;
    const cut = { payloadBytes, sha256 };
    this.#intake.take({ topic, payload: head, cut, retain: false, qos, identifier, connection }, () => {
      holder.held--;
      to.add(qos, identifier);
    });
  }

  /** Acknowledges a message that aedes has not seen; it is given it to relay where somebody may listen. */
  #acknowledge({ topic, payload, qos, identifier }: Incoming, to: Acknowledgements): void {
    // What clients publish is not kept for later subscribers, and what they may not publish reaches nobody.
    const isRelayed = to.add(qos, identifier) && this.#audience.present && this.#isIntake(topic);
    if (isRelayed)
      this.#relay({
        topic,
        payload: Buffer.from(payload.buffer, payload.byteOffset, payload.length),
        retain: false,
        qos: qos === 0 ? 0 : 1,
      });
  }

  #authenticate(
    username: string | undefined,
    password: Buffer | undefined,
    done: (error: AuthenticateError | null, success: boolean | null) => void,
  ): void {
    const wanted = this.#credentials;
    const isKnown =
      (wanted.username === null || equal(username ?? "", wanted.username)) &&
      (wanted.password === null || equal(password?.toString("utf8") ?? "", wanted.password));
    if (isKnown) done(null, true);
    else done(Object.assign(new Error("bad user name or password"), { returnCode: BAD_USERNAME_OR_PASSWORD }), null);
  }

  /** Takes a message that a client publishes; aedes acknowledges and relays it when `done` is called. */
  #receive(client: Client | null, packet: PublishPacket, done: (error?: Error | null) => void): void {
    const { topic, qos } = packet;
    const payload = typeof packet.payload === "string" ? Buffer.from(packet.payload) : packet.payload;
    // What clients publish is not kept for later subscribers, and what they may not publish reaches nobody.
    packet.retain = false;
    if (!this.#isIntake(topic)) packet.topic = REFUSED_TOPIC;
    const { connection = 0, holder = null } = (client === null ? undefined : this.#connections.get(client)) ?? {};
    if (holder !== null) holder.held++;
    this.#intake.take({ topic, payload, retain: false, qos, identifier: 0, connection }, () => {
      if (holder !== null) holder.held--;
      done(null);
    });
  }

  #isIntake(topic: string): boolean {
    const { prefix } = this.#options;
    return topic.startsWith(`${prefix}/`) && IN_FORMS.includes(topic.slice(prefix.length + 1).split("/")[1] ?? "");
  }

  #held(bytes: number): void {
    if (this.#stopped) return;
    if (!this.#paused && bytes > this.#options.bytesMax) {
      this.#paused = true;
      this.#pauses++;
      this.#holders.review();
    } else if (this.#paused && bytes < this.#options.bytesMax / 2) {
      this.#paused = false;
      this.#holders.release();
    }
  }

  #clients(): readonly Client[] {
    return clientsOf(this.#aedes);
  }
}

/** Tells whether a client that was let in by the former credentials may not be let in by the others. */
function isAskedMore(former: Credentials, next: Credentials): boolean {
  const isOtherPassword = next.password !== null && next.password !== former.password;
  const isOtherName = next.username !== null && next.username !== former.username;
  const [ca, formerCa] = [next.tls?.ca ?? null, former.tls?.ca ?? null];
  return isOtherPassword || isOtherName || (ca !== null && (formerCa === null || !ca.equals(formerCa)));
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
