// Publishes samples to a broker and waits until the broker has acknowledged each of them.

import { connect, type MqttClient } from "mqtt";
import { RivuletError } from "../error.ts";

/** Holds certificates (PEM): of authorities to trust, none being those of the system, and the own one to show. */
export interface TlsAccess {
  readonly ca: readonly Buffer[];
  readonly cert: Buffer | null;
  readonly key: Buffer | null;
}

export interface PublishOptions {
  /** mqtt://host:port or mqtts://host:port. */
  readonly url: string;
  readonly username: string | null;
  readonly password: string | null;
  /** Of use with mqtts:// only. */
  readonly tls?: TlsAccess;
  readonly topic: string;
  readonly qos: 0 | 1 | 2;
  /** Messages a second; 0 is as fast as the broker takes them. */
  readonly rate: number;
  readonly payloads: Iterable<string | Uint8Array>;
  /** Ends sending; what was sent is still waited for, for STOP_MS_MAX. */
  readonly signal: AbortSignal;
  /** Called after each message that was sent or acknowledged. */
  readonly onProgress: (counts: PublishCounts) => void;
}

export interface PublishCounts {
  readonly sent: number;
  readonly acknowledged: number;
}

export interface Published extends PublishCounts {
  readonly seconds: number;
}

/** Messages that may be without acknowledgement at a time. */
const WINDOW = 1000;
const CONNECT_MS_MAX = 10_000;
const RECONNECT_MS = 500;
/** Attempts to get a lost connection back. */
const RECONNECTS_MAX = 60;
/** Time after which a slow pace looks for the signal. */
const LOOK_MS = 100;
const STOP_MS_MAX = 10_000;
/** Messages between two looks at the event loop. */
const BURST = 64;

/** Publishes all payloads and resolves when each is acknowledged (QoS 1, 2) or written (QoS 0). Throws `broker-failed`. */
export async function publish(options: PublishOptions): Promise<Published> {
  const { signal, payloads, topic, qos, rate, onProgress } = options;
  const client = await open(options);
  const startedAt = performance.now();
  const outbox = new Outbox(client, onProgress);
  try {
    let sent = 0;
    for (const payload of payloads) {
      if (signal.aborted) break;
      await outbox.room();
      if (rate > 0) await pace(startedAt, sent, rate, signal);
      else if (sent % BURST === 0) await outbox.turn();
      if (signal.aborted) break;
      outbox.send(topic, payload, qos);
      sent++;
    }
    await outbox.drained(signal);
    const seconds = (performance.now() - startedAt) / 1000;
    // Not by force: what QoS 0 wrote may still be on its way out.
    await client.endAsync();
    return { sent: outbox.sent, acknowledged: outbox.acknowledged, seconds };
  } catch (error) {
    await client.endAsync(true);
    throw error;
  }
}

/** Counts what is under way, and fails when the connection cannot be got back. */
class Outbox {
  sent = 0;
  acknowledged = 0;
  readonly #client: MqttClient;
  readonly #onProgress: (counts: PublishCounts) => void;
  #failure: RivuletError | null = null;
  #reconnects = 0;
  #wake: () => void = () => {};

  constructor(client: MqttClient, onProgress: (counts: PublishCounts) => void) {
    this.#client = client;
    this.#onProgress = onProgress;
    client.on("connect", () => {
      this.#reconnects = 0;
    });
    client.on("reconnect", () => {
      if (++this.#reconnects > RECONNECTS_MAX) this.#fail(lost(this));
    });
    // The reason is told by the attempts to reconnect that follow.
    client.on("error", () => {});
  }

  send(topic: string, payload: string | Uint8Array, qos: 0 | 1 | 2): void {
    this.sent++;
    const bytes = typeof payload === "string" ? payload : Buffer.from(payload);
    this.#client.publish(topic, bytes, { qos }, (error) => {
      if (error) return this.#fail(lost(this, error));
      this.acknowledged++;
      this.#onProgress(this);
      this.#wake();
    });
  }

  /** Resolves when one more message may be under way. */
  async room(): Promise<void> {
    while (this.sent - this.acknowledged >= WINDOW && this.#failure === null) await this.#change();
    if (this.#failure !== null) throw this.#failure;
  }

  async turn(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
  }

  /** Resolves when everything is acknowledged, or soon after the signal. */
  async drained(signal: AbortSignal): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const expire = () => {
      timer = setTimeout(() => this.#fail(lost(this)), STOP_MS_MAX);
    };
    if (signal.aborted) expire();
    else signal.addEventListener("abort", expire, { once: true });
    while (this.acknowledged < this.sent && this.#failure === null) await this.#change();
    clearTimeout(timer);
    signal.removeEventListener("abort", expire);
    if (this.#failure !== null) throw this.#failure;
  }

  #change(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  #fail(error: RivuletError): void {
    this.#failure ??= error;
    this.#wake();
  }
}

async function open({ url, username, password, tls }: PublishOptions): Promise<MqttClient> {
  const client = connect(url, {
    ...(tls === undefined || tls.ca.length === 0 ? {} : { ca: [...tls.ca] }),
    ...(tls === undefined || tls.cert === null ? {} : { cert: tls.cert }),
    ...(tls === undefined || tls.key === null ? {} : { key: tls.key }),
    ...(username === null ? {} : { username }),
    ...(password === null ? {} : { password }),
    manualConnect: true,
    // Connected by 3.1.1, which every broker speaks, the one that Rivulet brings along among them.
    protocolVersion: 4,
    connectTimeout: CONNECT_MS_MAX,
    reconnectPeriod: RECONNECT_MS,
  });
  await new Promise<void>((resolve, reject) => {
    const settle = (outcome: () => void) => {
      // Only the own ones: the client listens to itself to reconnect.
      client.off("connect", connected).off("error", failed).off("close", failed);
      outcome();
    };
    const connected = () => settle(resolve);
    const failed = (cause?: unknown) =>
      settle(() => {
        client.on("error", () => {});
        client.end(true);
        reject(unreachable(url, cause));
      });
    client.on("connect", connected).on("error", failed).on("close", failed);
    client.connect();
  });
  return client;
}

function unreachable(url: string, cause: unknown): RivuletError {
  const reason = cause instanceof Error ? cause.message || String(cause) : "it closed the connection";
  return new RivuletError("broker-failed", `the broker ${url} cannot be reached: ${reason}`, {
    hint: "Is the daemon running (`npm start`), and are mqtt.host and mqtt.port the same here as there?",
    cause,
  });
}

/** Waits until message `index` is due, or the signal. */
async function pace(startedAt: number, index: number, rate: number, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const wait = startedAt + (index * 1000) / rate - performance.now();
    if (wait <= 1) return;
    await new Promise((resolve) => setTimeout(resolve, Math.min(wait, LOOK_MS)));
  }
}

function lost({ sent, acknowledged }: PublishCounts, cause?: unknown): RivuletError {
  return new RivuletError(
    "broker-failed",
    `the connection to the broker was lost: ${acknowledged} of ${sent} messages were acknowledged`,
    {
      hint: "Number the rows (--source) and publish again: what was taken already is passed over.",
      cause,
    },
  );
}
