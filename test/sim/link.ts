import { connect, type MqttClient } from "mqtt";

const RECONNECT_MS = 40;
const BRIDGE = "rivulet/bridge/state";

export interface LinkOptions {
  readonly url: string;
  /** Topics to hear. */
  readonly topics: readonly string[];
  /** Called with each of the daemon's "online": at every connection of its own, and of this link. */
  readonly onOnline: () => void;
  readonly onMessage: (topic: string, payload: string) => void;
}

/**
 * Keeps a connection for as long as it is wanted. One client object of mqtt.js a connection: whoever sends does its own
 * repeating.
 */
export class Link {
  /** Whether the daemon has said on this connection that it is there. */
  online = false;
  /** What its owner threw at something that it heard. */
  fault: unknown = null;
  /** Messages that the broker acknowledged. */
  acknowledged = 0;
  readonly #options: LinkOptions;
  #client: MqttClient | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #ended = false;

  constructor(options: LinkOptions) {
    this.#options = options;
    this.#connect();
  }

  /** Publishes; `onAcknowledged` is called when the broker has acknowledged it on this very connection. */
  publish(topic: string, payload: string | Buffer, qos: 0 | 1 | 2, onAcknowledged: () => void = () => {}): void {
    this.#client?.publish(topic, payload, { qos }, (error) => {
      if (error) return;
      if (qos > 0) this.acknowledged++;
      onAcknowledged();
    });
  }

  /** Resolves when what the broker had sent until now is here, or the connection is lost. */
  async hear(): Promise<void> {
    const client = this.#client;
    if (client === null) return;
    await new Promise<void>((resolve) => {
      client.once("close", () => resolve());
      client.unsubscribe("rivulet/nothing", () => resolve());
    });
  }

  end(): void {
    this.#ended = true;
    clearTimeout(this.#timer);
    this.#client?.end(true);
  }

  #connect(): void {
    const client = connect(this.#options.url, {
      reconnectPeriod: 0,
      connectTimeout: 1000,
      keepalive: 2,
      manualConnect: true,
      protocolVersion: 4,
    });
    client.on("error", () => {});
    client.on("close", () => {
      if (this.#client !== client && this.#client !== null) return;
      this.#client = null;
      this.online = false;
      clearTimeout(this.#timer);
      if (!this.#ended) this.#timer = setTimeout(() => this.#connect(), RECONNECT_MS);
    });
    client.on("message", (topic, payload) => {
      if (this.#client !== client) return;
      try {
        this.#hear(topic, payload.toString());
      } catch (error) {
        this.fault ??= error;
      }
    });
    client.on("connect", () => {
      this.#client = client;
      // In this order: what is settled is known before anything is sent again.
      client.subscribe([...this.#options.topics, BRIDGE], { qos: 1 }, () => {});
    });
    client.connect();
  }

  #hear(topic: string, payload: string): void {
    if (topic !== BRIDGE) return this.#options.onMessage(topic, payload);
    this.online = payload === "online";
    if (this.online) this.#options.onOnline();
  }
}
