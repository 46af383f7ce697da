// Asks for predictions at a steady pace, one at a time, and measures how long each takes: what a user sees of a daemon
// whose event loop is held up.

import { connectAsync, type MqttClient } from "mqtt";

const PAUSE_MS = 20;
const ANSWER = "rivulet/default/prediction";
const STATUS = "rivulet/bridge/response/status";

export interface Delays {
  readonly count: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/** Measures until it is ended. */
export class RoundTrips {
  readonly #client: MqttClient;
  #waits: number[] = [];
  #ended = false;
  #heard: (() => void) | null = null;
  #status: ((text: string) => void) | null = null;

  private constructor(client: MqttClient) {
    this.#client = client;
    client.on("error", () => {});
    client.on("message", (topic, payload) => {
      if (topic === ANSWER) this.#heard?.();
      else this.#status?.(payload.toString());
    });
  }

  static async open(url: string): Promise<RoundTrips> {
    const client = await connectAsync(url, { reconnectPeriod: 0 });
    const trips = new RoundTrips(client);
    await client.subscribeAsync([ANSWER, STATUS]);
    void trips.#measure();
    return trips;
  }

  /** Gives the delays since the last time it was asked. */
  take(): Delays {
    const waits = this.#waits.splice(0).sort((a, b) => a - b);
    const at = (share: number) => waits[Math.min(waits.length - 1, Math.floor(waits.length * share))] ?? Number.NaN;
    return { count: waits.length, p50Ms: at(0.5), p99Ms: at(0.99), maxMs: at(1) };
  }

  /** Asks for the status of the bridge. */
  async status(): Promise<unknown> {
    const text = await new Promise<string>((resolve) => {
      this.#status = resolve;
      this.#client.publish("rivulet/bridge/request/status", "{}");
    });
    return (JSON.parse(text) as { readonly data: unknown }).data;
  }

  end(): void {
    this.#ended = true;
    this.#client.end(true);
  }

  async #measure(): Promise<void> {
    while (!this.#ended) {
      const startedAt = performance.now();
      const heard = new Promise<void>((resolve) => {
        this.#heard = resolve;
      });
      this.#client.publish("rivulet/default/predict", '{"x1":0.5,"x2":0.25}');
      await heard;
      this.#waits.push(performance.now() - startedAt);
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  }
}
