// Brings the rows of a store to the daemon: sends what is not settled, lowest number first, on each connection and
// whenever the bridge says that it is online, and lets go of what the daemon says is settled. What it relies on, and why
// it is so careful about marks that go back, stands in DESIGN.md.

import type { MqttClient } from "mqtt";
import { RivuletError } from "../error.ts";
import type { BrokerAccess } from "./connect.ts";
import { Link } from "./link.ts";
import { type CommittedMark, parseMark, parseObject } from "./mark.ts";
import type { OutboxStore } from "./outbox-store.ts";
import { type UnderWay, Window } from "./window.ts";

/** Is told when the daemon does not know numbers that were settled: its store went back, or is another one. */
export interface Restored {
  readonly epoch: string;
  /** The rows with these numbers may be missing there, and are here no more. */
  readonly from: number;
  readonly to: number;
  /** When the store was restored from a backup (RFC 3339), where the daemon says so. */
  readonly restored: string | null;
}

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
  readonly onProgress: () => void;
  readonly onRestored: (told: Restored) => void;
  readonly onFailure: (error: RivuletError) => void;
}

const RESEND_MS_MAX = 600_000;
const LOOK_MS = 250;
/** Time after `online` in which the daemon tells its marks. */
const MARK_MS_MAX = 500;
/** What the daemon says it takes, until it says so. */
const PAYLOAD_BYTES_MAX = Number.POSITIVE_INFINITY;

export class Delivery {
  readonly #store: OutboxStore;
  readonly #options: DeliveryOptions;
  readonly #window: Window;
  readonly #link: Link;
  readonly #committedTopic: string;
  readonly #stateTopic: string;
  readonly #infoTopic: string;
  readonly #look: ReturnType<typeof setInterval>;
  /** The highest number that may have been sent, now or by an earlier process. */
  #sentMax: number;
  #client: MqttClient | null = null;
  #online = false;
  /** The daemon has told a mark of this epoch since it was there: it goes on above that. */
  #known = false;
  /** While it is not known: whether its first message may go, and whether it went. */
  #begun: "waits" | "may" | "went" = "may";
  #beginTimer: ReturnType<typeof setTimeout> | undefined;
  /** Numbers up to this one were settled when the daemon, or the connection, came: its mark is not below, or it went back. */
  #floor: number;
  /** The lowest mark that was heard since then. */
  #lowest: CommittedMark | null = null;
  #isToldBack = false;
  #other: string | null = null;
  #hasModel = true;
  #payloadBytesMax = PAYLOAD_BYTES_MAX;
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
    this.#floor = store.settled;
    this.#committedTopic = `${prefix}/${model}/committed/${source}`;
    this.#stateTopic = `${prefix}/bridge/state`;
    this.#infoTopic = `${prefix}/bridge/info`;
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
    if (this.#link.reason !== null) return this.#link.reason;
    const { model, source, epoch } = this.#store.numbering;
    if (!this.#online) return `${this.#stateTopic} does not say online: no daemon is on this broker`;
    if (!this.#hasModel) return `the daemon has no model ${model}`;
    if (this.#known || this.#other === null) return null;
    return `of source ${source} the daemon tells of epoch ${this.#other}, and of ${epoch} nothing`;
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
    if (client === null || !this.#online || !this.#hasModel) return;
    for (; this.#sent < this.#queue.length; this.#sent++) {
      const message = this.#queue[this.#sent];
      if (message === undefined || !this.#window.has(message)) continue;
      // An epoch begins at the first number that comes, and what came before that is never told: so one goes ahead.
      if (!this.#known && this.#begun !== "may") return;
      if (!this.#known) this.#begun = "went";
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
        this.pump();
      },
      (error) => this.#options.onFailure(error),
    );
  }

  #transmit(client: MqttClient, message: UnderWay): void {
    const { prefix, acknowledges } = this.#options;
    const { model } = this.#store.numbering;
    const payload = this.#payload(message);
    if (payload.length > this.#payloadBytesMax && Buffer.byteLength(payload) > this.#payloadBytesMax) {
      return this.#options.onFailure(tooLarge(message.seq, Buffer.byteLength(payload), this.#payloadBytesMax));
    }
    this.#sentMax = Math.max(this.#sentMax, message.seq + message.rows - 1);
    message.acknowledged = false;
    client.publish(`${prefix}/${model}/sample`, payload, { qos: 1 }, (error) => {
      if (error || client !== this.#client) return;
      message.acknowledged = true;
      if (acknowledges === "received") return;
      this.#window.settle(message);
      this.#becomeKnown();
      this.#settledMore();
      this.pump();
    });
  }

  #payload({ seq, rows, text }: UnderWay): string {
    const { source, epoch } = this.#store.numbering;
    const number = `"source":"${source}","epoch":"${epoch}","seq":${seq}`;
    if (text !== null) return `${text.slice(0, -1)},${number}}`;
    // Rows without features and label are refused, and what is refused is settled.
    return `{${number},"weight":[${new Array(rows).fill(1).join()}]}`;
  }

  #up(client: MqttClient): void {
    this.#client = client;
    this.#resends = 0;
    this.#arrive();
  }

  #down(): void {
    this.#client = null;
    this.#online = false;
    clearTimeout(this.#beginTimer);
  }

  /** Knows nothing of the one who is there now. */
  #arrive(): void {
    this.#known = false;
    this.#begun = "may";
    this.#floor = this.#window.low - 1;
    this.#lowest = null;
    this.#isToldBack = false;
  }

  #hear(topic: string, text: string, live: boolean): void {
    if (topic === this.#stateTopic) this.#state(text === "online", live);
    else if (topic === this.#committedTopic) this.#committed(parseMark(text), live);
    else if (topic === this.#infoTopic) this.#info(parseObject(text));
    else this.#options.listen?.onMessage(text);
  }

  #info({ limits, models }: Readonly<Record<string, unknown>>): void {
    const most = (limits as Readonly<Record<string, unknown>> | undefined)?.["payloadBytesMax"];
    this.#payloadBytesMax = typeof most === "number" ? most : PAYLOAD_BYTES_MAX;
    const isList = typeof models === "object" && models !== null;
    this.#hasModel = !isList || Object.hasOwn(models, this.#store.numbering.model);
    this.pump();
  }

  #state(online: boolean, live: boolean): void {
    this.#online = online;
    if (!online) return;
    if (live) this.#arrive();
    this.#rewind(() => true);
    clearTimeout(this.#beginTimer);
    // Where numbers were settled there should be a mark, which comes right behind.
    if (!this.#known && this.#floor > 0) {
      this.#begun = "waits";
      this.#beginTimer = setTimeout(() => this.#begin(), MARK_MS_MAX);
    }
    this.pump();
  }

  /** Begins the epoch where the daemon does not know it. */
  #begin(): void {
    this.#begun = "may";
    const { epoch } = this.#store.numbering;
    if (this.#floor > 0) this.#options.onRestored({ epoch, from: 1, to: this.#floor, restored: null });
    this.pump();
  }

  #becomeKnown(): void {
    this.#known = true;
    clearTimeout(this.#beginTimer);
  }

  #committed(mark: CommittedMark | null, live: boolean): void {
    const { epoch, named } = this.#store.numbering;
    this.#other = mark !== null && mark.epoch !== epoch ? mark.epoch : null;
    if (mark === null || mark.epoch !== epoch) return;
    const highest = Math.max(mark.seq, ...mark.above.map(([, to]) => to));
    if (!named && highest > this.#sentMax) return this.#options.onFailure(outdated(mark, highest, this.#sentMax));
    this.#becomeKnown();
    if (this.#lowest === null || mark.seq < this.#lowest.seq) this.#lowest = mark;
    const before = this.#window.size;
    this.#window.apply(mark);
    if (this.#window.size < before) this.#settledMore();
    // What a broker kept may be older than what is so.
    if (live) this.#lookBack(mark, this.#lowest);
    this.pump();
  }

  /** Finds that the daemon does not know numbers which were settled before it came. */
  #lookBack(mark: CommittedMark, lowest: CommittedMark): void {
    const { epoch, seq, gaps, restored } = mark;
    const isBelow = seq < this.#floor;
    // It may be above again already: then its window slid past them.
    const isBack = isBelow || (lowest.seq < this.#floor && gaps > lowest.gaps);
    if (isBack && !this.#isToldBack) {
      this.#isToldBack = true;
      this.#options.onRestored({ epoch, from: lowest.seq + 1, to: this.#floor, restored });
    }
    if (!isBelow) return;
    // Their rows are here no more, so they are given up: else the mark would stand below them for ever.
    this.#window.giveUp(mark, this.#floor);
    this.#floor = seq;
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
    const isFirst = !this.#known && this.#begun === "went";
    const isSent = this.#online && (isFirst || this.#sent >= this.#queue.length);
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

function outdated({ epoch }: CommittedMark, settled: number, sent: number): RivuletError {
  return new RivuletError(
    "outbox-outdated",
    `the daemon has settled number ${settled} of epoch ${epoch}, and this outbox has handed out ${sent} only: it is an old copy, or not the only one`,
    {
      hint: "Its numbers would mean other rows. Use the newest file, or remove this one: then a new numbering begins.",
    },
  );
}
