// What was sent and is not acknowledged yet. One client object of mqtt.js a connection: its own resending fails messages
// where a connection is lost again before it has caught up.

import type { MqttClient } from "mqtt";
import { RivuletError } from "../error.ts";
import { connectOnce, unreachable } from "./connect.ts";
import type { PublishCounts, PublishOptions } from "./publisher.ts";

/** Messages that may be without acknowledgement at a time. */
const WINDOW = 1000;
const RECONNECT_MS = 500;
/** Attempts to get a lost connection back. */
const RECONNECTS_MAX = 60;

type Payload = string | Buffer;

interface Entry {
  readonly payload: Payload;
}

type OutboxOptions = Omit<PublishOptions, "payloads" | "signal" | "rate">;

/** Sends messages, in order, until each is acknowledged. */
export class Outbox {
  sent = 0;
  acknowledged = 0;
  readonly #options: OutboxOptions;
  /** In the order of sending. */
  readonly #pending = new Set<Entry>();
  #client: MqttClient | null = null;
  #attempts = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #failure: RivuletError | null = null;
  #closed = false;
  #wake: () => void = () => {};

  constructor(options: OutboxOptions) {
    this.#options = options;
  }

  /** Connects for the first time. Throws `broker-failed` where that does not succeed. */
  async open(): Promise<void> {
    const { url } = this.#options;
    try {
      this.#use(await connectOnce(this.#options));
    } catch (cause) {
      throw unreachable(url, cause);
    }
  }

  send(payload: string | Uint8Array): void {
    this.sent++;
    const entry = { payload: typeof payload === "string" ? payload : Buffer.from(payload) };
    this.#pending.add(entry);
    if (this.#client !== null) this.#transmit(this.#client, entry);
  }

  /** Resolves when one more message may be under way. Throws `broker-failed`. */
  async room(): Promise<void> {
    await this.#until(() => this.#pending.size < WINDOW);
  }

  /** Resolves when everything is acknowledged. Throws `broker-failed`. */
  async empty(): Promise<void> {
    await this.#until(() => this.#pending.size === 0);
  }

  /** Resolves when what the broker had for the one who listens is here: it stands before the answer to a last request. */
  async hear(): Promise<void> {
    const client = this.#client;
    const { listen } = this.#options;
    if (listen === undefined || client === null) return;
    await new Promise<void>((resolve) => {
      // Where the connection is lost just now, no answer comes.
      client.once("close", () => resolve());
      client.unsubscribe(listen.topic, () => resolve());
    });
  }

  /** Gives up: whoever waits is told. */
  fail(cause: unknown): void {
    this.#failure ??= lost(this, cause);
    this.#wake();
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    // Not by force where all is well: what QoS 0 wrote may still be on its way out.
    await this.#client?.endAsync(this.#failure !== null);
  }

  async #until(condition: () => boolean): Promise<void> {
    while (!condition() && this.#failure === null) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    if (this.#failure !== null) throw this.#failure;
  }

  #transmit(client: MqttClient, entry: Entry): void {
    const { topic, qos, onProgress } = this.#options;
    client.publish(topic, entry.payload, { qos }, (error) => {
      if (error || client !== this.#client || !this.#pending.delete(entry)) return;
      this.acknowledged++;
      onProgress(this);
      this.#wake();
    });
  }

  /** Goes on over a connection: what was not acknowledged goes first, in its order. */
  #use(client: MqttClient): void {
    this.#client = client;
    this.#attempts = 0;
    client.on("close", () => {
      this.#client = null;
      if (!this.#closed) this.#reconnect(new Error("the broker closed the connection"));
    });
    const { listen } = this.#options;
    if (listen !== undefined) {
      client.on("message", (topic, payload) => {
        if (topic === listen.topic) listen.onMessage(payload.toString("utf8"));
      });
      // It fails with the connection only, and the next one asks anew.
      client.subscribeAsync(listen.topic).catch(() => {});
    }
    for (const entry of this.#pending) this.#transmit(client, entry);
  }

  #reconnect(cause: unknown): void {
    if (++this.#attempts > RECONNECTS_MAX) return this.fail(cause);
    this.#timer = setTimeout(() => {
      connectOnce(this.#options).then(
        (client) => {
          if (this.#closed) client.end(true);
          else this.#use(client);
        },
        (error) => {
          if (!this.#closed) this.#reconnect(error);
        },
      );
    }, RECONNECT_MS);
  }
}

function lost({ sent, acknowledged }: PublishCounts, cause: unknown): RivuletError {
  return new RivuletError(
    "broker-failed",
    `the connection to the broker was lost: ${acknowledged} of ${sent} messages were acknowledged`,
    {
      hint: "Number the rows (--source) and publish again: what was taken already is passed over.",
      cause,
    },
  );
}
