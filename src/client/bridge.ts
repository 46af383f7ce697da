// What is known of the daemon at the other end: whether it is there, what it takes, and how far it says that this
// numbering is settled. Everything here follows from what is heard, in its order.

import { RivuletError } from "../error.ts";
import { type CommittedMark, parseObject } from "./mark.ts";
import type { Numbering } from "./outbox-frames.ts";

/** Is told when the daemon does not know numbers that were settled: its store went back, or is another one. */
export interface Restored {
  readonly epoch: string;
  /** The rows with these numbers may be missing there, and are here no more. */
  readonly from: number;
  readonly to: number;
  /** When the store was restored from a backup (RFC 3339), where the daemon says so. */
  readonly restored: string | null;
}

/** Is what a mark tells of numbers that were settled before the daemon came. */
export interface LookBack {
  /** Which ones it does not know, where that was not told before. */
  readonly told: Restored | null;
  /** The mark stands below these, up to this one: they must be given up. */
  readonly giveUpTo: number | null;
}

export class Bridge {
  readonly #numbering: Numbering;
  readonly #stateTopic: string;
  #online = false;
  #hasModel = true;
  #known = false;
  /** An epoch of this source that the daemon tells of instead. */
  #other: string | null = null;
  #payloadBytesMax = Number.POSITIVE_INFINITY;
  /** Numbers up to this one were settled when the daemon, or the connection, came: its mark is not below, or it went back. */
  #floor: number;
  /** The lowest mark that was heard since then. */
  #lowest: CommittedMark | null = null;
  #isToldBack = false;

  /** `settled` is the last number that is known to be settled. */
  constructor(numbering: Numbering, stateTopic: string, settled: number) {
    this.#numbering = numbering;
    this.#stateTopic = stateTopic;
    this.#floor = settled;
  }

  get online(): boolean {
    return this.#online;
  }

  /** Whether it is there and has the model. */
  get listens(): boolean {
    return this.#online && this.#hasModel;
  }

  /** Whether it has told a mark of this epoch since it was there: it goes on above that. */
  get known(): boolean {
    return this.#known;
  }

  /** Longest message that it says it takes. */
  get payloadBytesMax(): number {
    return this.#payloadBytesMax;
  }

  get floor(): number {
    return this.#floor;
  }

  /** Says why nothing is sent; null where everything is as it should be. */
  get reason(): string | null {
    const { model, source, epoch } = this.#numbering;
    if (!this.#online) return `${this.#stateTopic} does not say online: no daemon is on this broker`;
    if (!this.#hasModel) return `the daemon has no model ${model}`;
    if (this.#known || this.#other === null) return null;
    return `of source ${source} the daemon tells of epoch ${this.#other}, and of ${epoch} nothing`;
  }

  /** Forgets who was there: another one, or the same with another store, may be there now. */
  arrive(settled: number): void {
    this.#known = false;
    this.#floor = settled;
    this.#lowest = null;
    this.#isToldBack = false;
  }

  isOnline(online: boolean): void {
    this.#online = online;
  }

  /** Hears what the daemon is. */
  info(text: string): void {
    const { limits, models } = parseObject(text);
    const most = (limits as Readonly<Record<string, unknown>> | undefined)?.["payloadBytesMax"];
    this.#payloadBytesMax = typeof most === "number" ? most : Number.POSITIVE_INFINITY;
    const isList = typeof models === "object" && models !== null;
    this.#hasModel = !isList || Object.hasOwn(models, this.#numbering.model);
  }

  /** Hears a mark, or that there is none; tells whether it is one of this epoch. */
  mark(mark: CommittedMark | null): mark is CommittedMark {
    const isOther = mark !== null && mark.epoch !== this.#numbering.epoch;
    this.#other = isOther ? mark.epoch : null;
    if (mark === null || isOther) return false;
    this.becomeKnown();
    if (this.#lowest === null || mark.seq < this.#lowest.seq) this.#lowest = mark;
    return true;
  }

  becomeKnown(): void {
    this.#known = true;
  }

  /** Takes the daemon for one that does not know the epoch; tells which numbers it may miss, or null. */
  begin(): Restored | null {
    return this.#floor === 0 ? null : { epoch: this.#numbering.epoch, from: 1, to: this.#floor, restored: null };
  }

  /** Finds that the daemon does not know numbers which were settled before it came, by a mark that it just told. */
  lookBack({ epoch, seq, gaps, restored }: CommittedMark): LookBack {
    const floor = this.#floor;
    const lowest = this.#lowest ?? { seq, gaps };
    const isBelow = seq < floor;
    // It may be above again already: then its window slid past them.
    const isBack = isBelow || (lowest.seq < floor && gaps > lowest.gaps);
    const isNews = isBack && !this.#isToldBack;
    if (isBack) this.#isToldBack = true;
    if (isBelow) this.#floor = seq;
    return {
      told: isNews ? { epoch, from: lowest.seq + 1, to: floor, restored } : null,
      giveUpTo: isBelow ? floor : null,
    };
  }
}

/** Says that a mark is ahead of all numbers that were handed out. */
export function outdated({ epoch }: CommittedMark, settled: number, sent: number): RivuletError {
  return new RivuletError(
    "outbox-outdated",
    `the daemon has settled number ${settled} of epoch ${epoch}, and this outbox has handed out ${sent} only: it is an old copy, or not the only one`,
    {
      hint: "Its numbers would mean other rows. Use the newest file, or remove this one: then a new numbering begins.",
    },
  );
}
