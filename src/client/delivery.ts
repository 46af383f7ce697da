// Brings the rows of a store to the daemon: sends what is not settled, lowest number first, on each connection and
// whenever the bridge says that it is online, and lets go of what the daemon says is settled. What it relies on, and why
// it is so careful about marks that go back, stands in DESIGN.md.

import type { MqttClient } from "mqtt";
import { RivuletError } from "../error.ts";
import { Bridge, outdated, type Restored } from "./bridge.ts";
import type { BrokerAccess } from "./connect.ts";
import { Link } from "./link.ts";
import { type CommittedMark, parseMark } from "./mark.ts";
import type { OutboxStore } from "./outbox-store.ts";
import { payloadOf } from "./row-text.ts";
import { type UnderWay, Window } from "./window.ts";

export interface DeliveryOptions {
  readonly access: BrokerAccess;
  readonly prefix: string;
  /** An acknowledgement of the broker says that a row is settled. */
  readonly acknowledges: "durable" | "received";
  /** Longest time in which nothing is settled while something waits for it; null is for ever. */
  readonly patienceMs: number | null;
  /** Time without news after which what the broker has acknowledged is sent again. */
  readonly resendMs: number;
  readonly listen: { readonly topic: string; readonly onMessage: (text: string) => void } | null;
  /** Called when more is settled. */
  readonly onProgress: () => void;
  /** Called when the store may have room: rows that it read were settled. */
  readonly onRoom: () => void;
  readonly onRestored: (told: Restored) => void;
  readonly onFailure: (error: RivuletError) => void;
}

const RESEND_MS_MAX = 600_000;
const LOOK_MS = 250;
/** Time after `online` in which the daemon tells its marks. */
const MARK_MS_MAX = 500;

export class Delivery {
  readonly #store: OutboxStore;
  readonly #options: DeliveryOptions;
  readonly #window: Window;
  readonly #bridge: Bridge;
  readonly #link: Link;
  readonly #committedTopic: string;
  readonly #stateTopic: string;
  readonly #infoTopic: string;
  readonly #look: ReturnType<typeof setInterval>;
  /** The highest number that may have been sent, now or by an earlier process. */
  #sentMax: number;
  #client: MqttClient | null = null;
  /** While the daemon does not know the epoch: whether the first message of it may go, and whether it went. */
  #begun: "waits" | "may" | "went" = "may";
  #beginTimer: ReturnType<typeof setTimeout> | undefined;
  /** What is to be sent on this connection, from `#sent` on. */
  #queue: UnderWay[] = [];
  #sent = 0;
  #loading = false;
  #progressAt = performance.now();
  #resends = 0;
  #ended = false;

  constructor(store: OutboxStore, options: DeliveryOptions) {
    const { prefix, access, listen } = options;
    const { model, source } = store.numbering;
    this.#store = store;
    this.#options = options;
    this.#window = new Window(store.settled);
    this.#sentMax = store.last;
    this.#committedTopic = `${prefix}/${model}/committed/${source}`;
    this.#stateTopic = `${prefix}/bridge/state`;
    this.#infoTopic = `${prefix}/bridge/info`;
    this.#bridge = new Bridge(store.numbering, this.#stateTopic, store.settled);
    this.#link = new Link(access, {
      // What is settled should be known before it is known that something may be sent.
      groups: [[this.#committedTopic, this.#infoTopic], [this.#stateTopic]],
      extra: listen?.topic ?? null,
      onUp: (client) => this.#up(client),
      onDown: () => this.#down(),
      onMessage: (topic, text, live) => this.#hear(topic, text, live),
    });
    this.#look = setInterval(() => this.#lookAt(performance.now()), LOOK_MS);
  }

  /** Every number up to this one is settled. */
  get settled(): number {
    return this.#window.low - 1;
  }

  /** Connects; rejects where the first attempt fails. */
  open(): Promise<void> {
    return this.#link.open();
  }

  /** Connects as soon as it can be. */
  start(): void {
    this.#link.start();
  }

  /** Says why nothing is sent; null where everything is as it should be. */
  get reason(): string | null {
    return this.#link.reason ?? this.#bridge.reason;
  }

  /** Resolves when what there was to listen to is heard; nothing is after it. */
  hear(): Promise<void> {
    return this.#link.hear();
  }

  async close(): Promise<void> {
    this.#ended = true;
    clearInterval(this.#look);
    clearTimeout(this.#beginTimer);
    await this.#link.close();
  }

  /** Sends what may be sent. */
  pump(): void {
    if (this.#ended) return;
    this.#refill();
    const client = this.#client;
    if (client === null || !this.#bridge.listens) return;
    for (; this.#sent < this.#queue.length; this.#sent++) {
      const message = this.#queue[this.#sent];
      if (message === undefined || !this.#window.has(message)) continue;
      // An epoch begins at the first number that comes, and what came before that is never told: so one goes ahead.
      if (!this.#bridge.known && this.#begun !== "may") return;
      if (!this.#bridge.known) this.#begun = "went";
      this.#transmit(client, message);
    }
    this.#queue = [];
    this.#sent = 0;
  }

  #refill(): void {
    while (this.#window.hasRoom && !this.#loading) {
      const row = this.#store.next();
      if (row === undefined) {
        if (this.#store.more) this.#load();
        return;
      }
      if (this.#window.size === 0) this.#progressAt = performance.now();
      const message = this.#window.take(row);
      if (message !== null) this.#queue.push(message);
      else this.#settledMore();
    }
  }

  #load(): void {
    this.#loading = true;
    this.#store.load().then(
      () => {
        this.#loading = false;
        this.#options.onRoom();
        this.pump();
      },
      (error) => this.#options.onFailure(error),
    );
  }

  #transmit(client: MqttClient, message: UnderWay): void {
    const { prefix, acknowledges } = this.#options;
    const { model } = this.#store.numbering;
    const { payloadBytesMax } = this.#bridge;
    const payload = payloadOf(this.#store.numbering, message);
    if (payload.length > payloadBytesMax / 4 && Buffer.byteLength(payload) > payloadBytesMax) {
      return this.#options.onFailure(tooLarge(message.seq, Buffer.byteLength(payload), payloadBytesMax));
    }
    this.#sentMax = Math.max(this.#sentMax, message.seq + message.rows - 1);
    message.acknowledged = false;
    client.publish(`${prefix}/${model}/sample`, payload, { qos: 1 }, (error) => {
      if (error || client !== this.#client) return;
      message.acknowledged = true;
      if (acknowledges === "received") return;
      this.#window.settle(message);
      this.#bridge.becomeKnown();
      clearTimeout(this.#beginTimer);
      this.#settledMore();
      this.pump();
    });
  }

  #up(client: MqttClient): void {
    this.#client = client;
    this.#resends = 0;
    this.#arrive();
  }

  #down(): void {
    this.#client = null;
    this.#bridge.isOnline(false);
    clearTimeout(this.#beginTimer);
  }

  /** Knows nothing of the one who is there now. */
  #arrive(): void {
    this.#begun = "may";
    this.#bridge.arrive(this.settled);
  }

  #hear(topic: string, text: string, live: boolean): void {
    if (topic === this.#stateTopic) this.#state(text === "online", live);
    else if (topic === this.#committedTopic) this.#committed(parseMark(text), live);
    else if (topic === this.#infoTopic) this.#info(text);
    else this.#options.listen?.onMessage(text);
  }

  #info(text: string): void {
    this.#bridge.info(text);
    this.pump();
  }

  #state(online: boolean, live: boolean): void {
    this.#bridge.isOnline(online);
    if (!online) return;
    if (live) this.#arrive();
    this.#rewind(() => true);
    clearTimeout(this.#beginTimer);
    // Where numbers were settled there should be a mark, which comes right behind.
    if (!this.#bridge.known && this.#bridge.floor > 0) {
      this.#begun = "waits";
      this.#beginTimer = setTimeout(() => this.#begin(), MARK_MS_MAX);
    }
    this.pump();
  }

  /** Begins the epoch where the daemon does not know it. */
  #begin(): void {
    this.#begun = "may";
    const told = this.#bridge.begin();
    if (told !== null) this.#options.onRestored(told);
    this.pump();
  }

  #committed(mark: CommittedMark | null, live: boolean): void {
    if (!this.#bridge.mark(mark)) return;
    const highest = Math.max(mark.seq, ...mark.above.map(([, to]) => to));
    const isUnheardOf = highest > this.#sentMax && !this.#store.numbering.named;
    if (isUnheardOf) return this.#options.onFailure(outdated(mark, highest, this.#sentMax));
    clearTimeout(this.#beginTimer);
    const before = this.#window.size;
    this.#window.apply(mark);
    if (this.#window.size < before) this.#settledMore();
    // What a broker kept may be older than what is so.
    if (live) this.#lookBack(mark);
    this.pump();
  }

  #lookBack(mark: CommittedMark): void {
    const { told, giveUpTo } = this.#bridge.lookBack(mark);
    if (told !== null) this.#options.onRestored(told);
    if (giveUpTo === null) return;
    // Their rows are here no more, so they are given up: else the mark would stand below them for ever.
    this.#window.giveUp(mark, giveUpTo);
    for (const message of this.#window.messages()) if (message.text === null) this.#queue.push(message);
  }

  #settledMore(): void {
    const settled = Math.min(this.settled, this.#store.last);
    this.#progressAt = performance.now();
    this.#resends = 0;
    this.#store.settle(settled);
    this.#options.onProgress();
  }

  /** Sends again what is under way. */
  #rewind(which: (message: UnderWay) => boolean): void {
    this.#queue = this.#window.messages().filter(which);
    this.#sent = 0;
  }

  #lookAt(now: number): void {
    const { patienceMs, resendMs } = this.#options;
    if (this.#window.size === 0) return;
    const silentMs = now - this.#progressAt;
    if (patienceMs !== null && silentMs > patienceMs) return this.#options.onFailure(this.#impatient(patienceMs));
    const isFirst = !this.#bridge.known && this.#begun === "went";
    const isSent = this.#bridge.online && (isFirst || this.#sent >= this.#queue.length);
    if (!isSent || silentMs < Math.min(RESEND_MS_MAX, resendMs * 2 ** this.#resends)) return;
    this.#resends++;
    if (isFirst) this.#begun = "may";
    // What it has not acknowledged is still on its way to the broker.
    this.#rewind(({ acknowledged }) => isFirst || acknowledged);
    this.pump();
  }

  #impatient(ms: number): RivuletError {
    const { reason } = this;
    const told = reason === null ? "" : `: ${reason}`;
    return new RivuletError("not-committed", `nothing was committed for ${ms / 1000} s${told}`, {
      hint: "Look at `rivulet status`. A source's newest epoch is told only: give each producer a source of its own.",
    });
  }
}

function tooLarge(seq: number, bytes: number, bytesMax: number): RivuletError {
  return new RivuletError("too-large", `row ${seq} is a message of ${bytes} bytes; the daemon takes ${bytesMax}`, {
    hint: "Raise intake.payloadBytesMax there.",
  });
}
