// A producer as one is told to write it: it numbers its rows, keeps each message until the retained mark says that it is
// settled, and sends again what is not whenever the bridge says that it is online, which it says on each of its
// connections, and after a while without news: a broker whose queue for the daemon is full drops what it has acknowledged,
// and nobody is told. Some are unruly: they repeat themselves, also cut into other messages, send neighbours in the wrong
// order, and rows with labels that are refused. What it does is drawn from the seed; when, is up to the network.

import { oneIn, shuffled } from "./draw.ts";
import { spoiled, written } from "./forms.ts";
import { Link } from "./link.ts";
import type { Sender, SenderOptions } from "./sender.ts";

/** Rows that may be unsettled: fewer than the numbers that are taken out of order. */
const UNSETTLED_MAX = 400;
const PAUSE_MS = 4;
/** Time without news of what is unsettled after which it is sent again. */
const SILENCE_MS_MAX = 3000;
const SPOILED_EVERY = 53;

/**
 * - `orderly`: sends its messages in order, several at a time.
 * - `patient`: sends one message at a time; so its order is kept even by a broker that forgets what it acknowledged.
 * - `unruly`: keeps no order at all.
 */
export type Manner = "orderly" | "patient" | "unruly";

export interface ProducerOptions extends SenderOptions {
  readonly manner: Manner;
  /** Whether marks may go back: a broker that was killed may know an older one. */
  readonly forgetful: boolean;
}

interface Sent {
  readonly first: number;
  readonly last: number;
}

/** Sends numbered rows. */
export class Producer implements Sender {
  readonly link: Link;
  readonly options: ProducerOptions;
  readonly source: string;
  /** The last number handed out. */
  last = 0;
  /** The highest number up to which all are known to be settled. */
  known = 0;
  paused = false;
  refusable = 0;
  refusableAcknowledged = 0;
  /** How often it sent again for want of news. */
  silences = 0;
  /** The newest epoch, and the number before its first. */
  epoch = 0;
  #base = 0;
  #wantsEpoch = false;
  #unsettled: Sent[] = [];
  #timer: ReturnType<typeof setInterval>;
  #stopped = false;
  /** When something was last settled, or sent again. */
  #newsAt = performance.now();

  constructor(options: ProducerOptions) {
    this.options = options;
    this.source = `source-${options.index}`;
    this.link = new Link({
      url: options.url,
      topics: [`rivulet/${options.model.name}/committed/${this.source}`],
      onOnline: () => this.#repeat(),
      onMessage: (_, payload) => this.#mark(payload),
    });
    this.#timer = setInterval(() => this.#pump(), PAUSE_MS);
  }

  stop(): void {
    this.#stopped = true;
  }

  get settled(): boolean {
    return this.known === this.last;
  }

  end(): void {
    clearInterval(this.#timer);
    this.link.end();
  }

  /** Tells whether a number was sent with a label that is refused. */
  isSpoiled(number: number): boolean {
    return this.options.manner === "unruly" && number % SPOILED_EVERY === 0;
  }

  #mark(payload: string): void {
    const { epoch, seq } = JSON.parse(payload) as { readonly epoch: string; readonly seq: number };
    const age = this.epoch - Number(epoch.slice(1));
    if (!(age >= 0)) throw new Error(`${this.source}: a mark of epoch ${epoch}, which nobody began`);
    // Of an epoch before, everything is settled.
    if (age > 0) return;
    const known = this.#base + seq;
    if (known > this.known) this.#newsAt = performance.now();
    if (known > this.last) throw new Error(`${this.source}: the mark is ${known}, and only ${this.last} were sent`);
    if (known < this.known && !this.options.forgetful) {
      throw new Error(`${this.source}: the mark went back from ${this.known} to ${known}`);
    }
    this.known = Math.max(known, this.known);
    this.#unsettled = this.#unsettled.filter(({ last }) => last > this.known);
  }

  #pump(): void {
    const { random, manner } = this.options;
    if (this.settled) this.#newsAt = performance.now();
    if (this.link.online && performance.now() - this.#newsAt > SILENCE_MS_MAX) {
      this.silences++;
      this.#repeat();
    }
    if (!this.link.online || this.paused || this.#stopped || this.last - this.known >= UNSETTLED_MAX) return;
    if (this.#wantsEpoch && this.settled) this.#beginEpoch();
    this.#wantsEpoch ||= oneIn(random, 2000);
    // An epoch begins at the first number that arrives, so nothing may overtake it.
    const begins = this.known === this.#base;
    if ((begins || manner === "patient" || this.#wantsEpoch) && !this.settled) return;
    const count = begins || manner === "patient" ? 1 : 1 + (random.uint32() % 4);
    const messages = Array.from({ length: count }, () => this.#next(manner === "patient" ? 60 : 5));
    this.#unsettled.push(...messages);
    const disorder = manner === "unruly" && !begins;
    for (const message of disorder && oneIn(random, 4) ? messages.reverse() : messages) this.#send(message, disorder);
    if (disorder && oneIn(random, 4)) this.#sendOld();
  }

  #beginEpoch(): void {
    this.epoch++;
    this.#base = this.last;
    this.#wantsEpoch = false;
  }

  /** Takes the next numbers; a spoiled one has a message of its own, for what it is in is refused whole. */
  #next(rowsMax: number): Sent {
    const first = this.last + 1;
    const wanted = first + (this.options.random.uint32() % rowsMax);
    this.last = this.#whole(first, wanted);
    return { first, last: this.last };
  }

  /** Tells where a message from `first` on ends, at `last` at the latest. */
  #whole(first: number, last: number): number {
    if (this.isSpoiled(first)) return first;
    for (let number = first + 1; number <= last; number++) if (this.isSpoiled(number)) return number - 1;
    return last;
  }

  /** Sends again some of what was sent, settled or not, cut into messages anew. */
  #sendOld(): void {
    const { random } = this.options;
    const first = Math.max(this.#base + 1, this.last - (random.uint32() % 60));
    this.#send({ first, last: this.#whole(first, Math.min(this.last, first + (random.uint32() % 9))) }, true);
  }

  #repeat(): void {
    const { random, manner } = this.options;
    this.#newsAt = performance.now();
    const isAnyOrder = manner === "unruly" && this.known > this.#base && oneIn(random, 2);
    for (const message of isAnyOrder ? shuffled(random, this.#unsettled) : this.#unsettled) this.#send(message, false);
  }

  #send({ first, last }: Sent, shuffle: boolean): void {
    const { random, model, index, qos } = this.options;
    const rows = { model, sender: index, first, last };
    const numbering = { source: this.source, epoch: `e${this.epoch}`, base: this.#base };
    const isSpoiled = this.isSpoiled(first);
    const { topic, payload } = isSpoiled ? spoiled(random, rows, numbering) : written(random, rows, numbering, shuffle);
    if (isSpoiled) this.refusable++;
    this.link.publish(topic, payload, qos, () => {
      if (isSpoiled) this.refusableAcknowledged++;
    });
  }
}
