// Which numbers are under way. Everything here is a pure function of the calls, so a test can let a daemon's marks and a
// broker that loses messages play against it.

import { WINDOW } from "../sample/epoch.ts";
import type { CommittedMark } from "./mark.ts";
import type { NumberedRow } from "./outbox-store.ts";

/** Numbers of one message that stands for rows which are here no more: the message fits the least `intake.payloadBytesMax`. */
export const LOST_ROWS_MAX = 32;

/** Is a message under way: a row, or one that gives up numbers whose rows are here no more. */
export interface UnderWay {
  readonly seq: number;
  /** Numbers that it settles, from `seq` on. */
  readonly rows: number;
  /** The row; null where it is lost. */
  readonly text: string | null;
  /** A broker has acknowledged it since it was sent last. */
  acknowledged: boolean;
}

/** Knows the numbers from the lowest that is not settled up to the last one that may be sent. */
export class Window {
  /** In the order of their numbers. */
  readonly #rows = new Map<number, UnderWay>();
  /** Lower than all rows. */
  readonly #lost = new Map<number, UnderWay>();
  /** The number of the row that is taken next. */
  #next: number;
  /** What the newest mark says. */
  #mark = 0;

  /** Begins after the numbers that are settled. */
  constructor(settled: number) {
    this.#next = settled + 1;
  }

  get next(): number {
    return this.#next;
  }

  /** The lowest number that is not settled. */
  get low(): number {
    const [lost] = this.#lost.keys();
    const [row] = this.#rows.keys();
    return lost ?? row ?? this.#next;
  }

  get size(): number {
    return this.#rows.size + this.#lost.size;
  }

  /** Whether one more row may be under way: a number further up would push the lowest one out of the daemon's window. */
  get hasRoom(): boolean {
    return this.#next < this.low + WINDOW;
  }

  /** All that is under way, lowest first. */
  messages(): readonly UnderWay[] {
    return [...this.#lost.values(), ...this.#rows.values()];
  }

  has({ seq, text }: UnderWay): boolean {
    return (text === null ? this.#lost : this.#rows).has(seq);
  }

  /** Takes the next row; null where it is settled already. */
  take({ seq, text }: NumberedRow): UnderWay | null {
    this.#next = seq + 1;
    if (seq <= this.#mark) return null;
    const message = { seq, rows: 1, text, acknowledged: false };
    this.#rows.set(seq, message);
    return message;
  }

  settle({ seq, text }: UnderWay): void {
    (text === null ? this.#lost : this.#rows).delete(seq);
  }

  /** Lets go of all that a mark says is settled. */
  apply({ seq, above }: CommittedMark): void {
    this.#mark = seq;
    const stretches = [[0, seq] as const, ...above];
    for (const message of this.messages()) {
      const last = message.seq + message.rows - 1;
      if (stretches.some(([from, to]) => from <= message.seq && last <= to)) this.settle(message);
    }
  }

  /**
   * Makes messages that give up the numbers above a mark and up to `floor`, where the mark does not say that they are
   * settled. Of more than the daemon's window the rest is given up by itself, when the window slides.
   */
  giveUp({ seq, above }: CommittedMark, floor: number): void {
    const higher = [...this.#lost];
    this.#lost.clear();
    for (let from = Math.max(seq + 1, floor - WINDOW + 1); from <= floor; ) {
      const settled = above.find(([first, last]) => first <= from && from <= last);
      if (settled !== undefined) {
        from = settled[1] + 1;
        continue;
      }
      const nextSettled = Math.min(...above.map(([first]) => (first > from ? first : Number.POSITIVE_INFINITY)));
      const rows = Math.min(LOST_ROWS_MAX, floor - from + 1, nextSettled - from);
      this.#lost.set(from, { seq: from, rows, text: null, acknowledged: false });
      from += rows;
    }
    for (const [from, message] of higher) this.#lost.set(from, message);
  }
}
