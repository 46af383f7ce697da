// One connection to a broker after another: made anew for ever, each with a client object of its own.

import type { MqttClient } from "mqtt";
import { type BrokerAccess, connectOnce, reasonOf } from "./connect.ts";

const KEEPALIVE_SECONDS = 15;
const WAIT_MS_FIRST = 100;
const WAIT_MS_MAX = 10_000;
/** A connection that lived as long was a good one: the next attempt is made at once. */
const GOOD_MS = 1000;

export interface LinkEvents {
  /** Topics to hear, those of a group before those of the next one. */
  readonly groups: readonly (readonly string[])[];
  /** A topic to hear where the broker lets one. */
  readonly extra: string | null;
  readonly onUp: (client: MqttClient) => void;
  readonly onDown: () => void;
  /** Told what comes; `live` where it was published just now, and not kept by the broker from before. */
  readonly onMessage: (topic: string, text: string, live: boolean) => void;
}

export class Link {
  /** Why there is no connection; null where there is one. */
  reason: string | null = "no connection was made yet";
  readonly #access: BrokerAccess;
  readonly #events: LinkEvents;
  #client: MqttClient | null = null;
  #failures = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  constructor(access: BrokerAccess, events: LinkEvents) {
    this.#access = access;
    this.#events = events;
  }

  /** Connects; rejects where this first attempt fails, and then there is none after it. */
  async open(): Promise<void> {
    this.#use(await connectOnce(this.#access, KEEPALIVE_SECONDS));
  }

  /** Connects as soon as it can be. */
  start(): void {
    this.open().catch((cause) => this.#retry(reasonOf(cause)));
  }

  /** Resolves when what the broker had on the extra topic is here: it stands before the answer to a last request. */
  async hear(): Promise<void> {
    const client = this.#client;
    const { extra } = this.#events;
    if (extra === null || client === null) return;
    await new Promise<void>((resolve) => {
      // Where the connection is lost just now, no answer comes.
      client.once("close", () => resolve());
      client.unsubscribe(extra, () => resolve());
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#client?.endAsync(true);
  }

  #use(client: MqttClient): void {
    if (this.#closed) {
      client.end(true);
      return;
    }
    const { groups, extra, onUp, onMessage } = this.#events;
    const since = performance.now();
    this.#client = client;
    this.reason = null;
    client.on("message", (topic, payload, { retain }) => {
      if (client === this.#client) onMessage(topic, payload.toString("utf8"), !retain);
    });
    client.on("close", () => {
      this.#client = null;
      this.#events.onDown();
      if (performance.now() - since >= GOOD_MS) this.#failures = 0;
      this.#retry(this.reason ?? "the broker closed the connection");
    });
    onUp(client);
    this.#subscribe(client, groups).catch((error) => {
      if (client !== this.#client) return;
      this.reason = `the broker refuses the subscription: ${reasonOf(error)}`;
      client.end(true);
    });
    // It fails with the connection, or where the broker lets nobody hear it: then it is done without.
    if (extra !== null) client.subscribeAsync(extra).catch(() => {});
  }

  async #subscribe(client: MqttClient, groups: readonly (readonly string[])[]): Promise<void> {
    for (const topics of groups) await client.subscribeAsync([...topics], { qos: 1 });
  }

  #retry(reason: string): void {
    if (this.#closed) return;
    this.reason = reason;
    const wait = Math.min(WAIT_MS_MAX, WAIT_MS_FIRST * 2 ** this.#failures++);
    this.#timer = setTimeout(() => this.start(), wait * (0.5 + 0.5 * Math.random()));
  }
}
