// A producer as one is told to write it: it numbers its rows, keeps each message until the retained mark says that it is
// settled, and sends again what is not whenever the bridge says that it is online, which it says on each of its connections. Some are unruly: they repeat themselves, send neighbours
// in the wrong order, and garbage in between. What it does is drawn from the seed; when, is up to the network.

import { connect, type MqttClient } from "mqtt";
import type { Random } from "../../src/learner/random.ts";

/** Rows that may be unsettled: fewer than the numbers that are taken out of order. */
const UNSETTLED_MAX = 400;
const RECONNECT_MS = 20;
const PAUSE_MS = 2;
const BRIDGE = "rivulet/bridge/state";

interface Sent {
  readonly seq: number;
  readonly rows: number;
  readonly payload: string;
}

export interface ProducerOptions {
  readonly url: string;
  /** Stands in x1 of each row; its name is `source-<index>`. */
  readonly index: number;
  readonly random: Random;
  /** Repeats, swaps, and sends garbage. */
  readonly unruly: boolean;
}

/** Sends numbered rows for as long as it is wanted: x1 is its index, x2 the number, y the number's parity. */
export class Producer {
  readonly source: string;
  /** The last number handed out. */
  last = 0;
  /** The highest number known to be settled. */
  settled = 0;
  /** Messages of no meaning that were acknowledged. */
  garbage = 0;
  readonly #options: ProducerOptions;
  #unsettled: Sent[] = [];
  #client: MqttClient | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #online = false;
  #stopped = false;
  #ended = false;

  constructor(options: ProducerOptions) {
    this.#options = options;
    this.source = `source-${options.index}`;
    this.#connect();
  }

  /** Begins nothing new. */
  stop(): void {
    this.#stopped = true;
  }

  /** Tells whether everything that was begun is settled. */
  get drained(): boolean {
    return this.#stopped && this.settled === this.last;
  }

  end(): void {
    this.#ended = true;
    clearTimeout(this.#timer);
    this.#client?.end(true);
  }

  #connect(): void {
    const { url } = this.#options;
    const client = connect(url, { reconnectPeriod: 0, connectTimeout: 1000, keepalive: 2, manualConnect: true });
    client.on("error", () => {});
    client.on("close", () => {
      if (this.#client !== client && this.#client !== null) return;
      this.#client = null;
      clearTimeout(this.#timer);
      if (!this.#ended) this.#timer = setTimeout(() => this.#connect(), RECONNECT_MS);
    });
    client.on("message", (topic, payload) => {
      if (topic !== BRIDGE) return this.#mark(payload.toString());
      // What is new must not get ahead of what has to be sent again.
      this.#online = payload.toString() === "online";
      if (this.#online) for (const message of this.#unsettled) this.#transmit(message);
    });
    client.on("connect", () => {
      this.#client = client;
      this.#online = false;
      // In this order: what is settled is known before anything is sent again.
      client.subscribe([`rivulet/default/committed/${this.source}`, BRIDGE], { qos: 1 }, (error) => {
        if (!error && this.#client === client) this.#pump();
      });
    });
    client.connect();
  }

  #mark(text: string): void {
    const { epoch, seq } = JSON.parse(text) as { readonly epoch: string; readonly seq: number };
    if (epoch !== "e") throw new Error(`a mark of epoch ${epoch}, which nobody began`);
    if (seq < this.settled) throw new Error(`${this.source}: the mark went back from ${this.settled} to ${seq}`);
    if (seq > this.last) throw new Error(`${this.source}: the mark is ${seq}, and only ${this.last} were sent`);
    this.settled = seq;
    this.#unsettled = this.#unsettled.filter((message) => message.seq + message.rows - 1 > seq);
  }

  #pump(): void {
    this.#timer = setTimeout(() => {
      if (this.#client === null) return;
      if (this.#online && !this.#stopped && this.last - this.settled < UNSETTLED_MAX) this.#produce();
      this.#pump();
    }, PAUSE_MS);
  }

  #produce(): void {
    const { random, unruly } = this.#options;
    const messages = Array.from({ length: 1 + (random.uint32() % 4) }, () => this.#next());
    this.#unsettled.push(...messages);
    if (unruly && random.uint32() % 4 === 0) messages.reverse();
    for (const message of messages) this.#transmit(message);
    if (!unruly) return;
    const old = this.#unsettled[random.uint32() % this.#unsettled.length];
    if (old !== undefined && random.uint32() % 4 === 0) this.#transmit(old);
    if (random.uint32() % 16 === 0) this.#sendGarbage();
  }

  #next(): Sent {
    const { index, random } = this.#options;
    const rows = 1 + (random.uint32() % 5);
    const seq = this.last + 1;
    this.last += rows;
    const numbers = Array.from({ length: rows }, (_, r) => seq + r);
    const columns = { x1: index, x2: numbers, y: numbers.map((number) => number % 2) };
    return { seq, rows, payload: JSON.stringify({ ...columns, source: this.source, epoch: "e", seq }) };
  }

  #transmit({ payload }: Sent): void {
    this.#client?.publish("rivulet/default/sample", payload, { qos: 1 });
  }

  #sendGarbage(): void {
    const { random } = this.#options;
    const bytes = Buffer.from(Array.from({ length: random.uint32() % 40 }, () => random.uint32() & 0xff));
    const texts = [
      "{",
      "[[[[",
      '{"x1":1e999}',
      '{"x1":1,"x2":2}',
      '{"__proto__":1}',
      "\u0000",
      '{"x1":"1","x2":1,"y":1}',
    ];
    const payload = random.uint32() % 2 === 0 ? bytes : Buffer.from(texts[random.uint32() % texts.length] ?? "");
    if (payload.length === 0) return;
    this.#client?.publish("rivulet/default/sample", payload, { qos: 1 }, (error) => {
      if (!error) this.garbage++;
    });
  }
}
