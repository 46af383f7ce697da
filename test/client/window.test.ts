import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { CommittedMark } from "../../src/client/mark.ts";
import { type UnderWay, Window } from "../../src/client/window.ts";
import { Marks } from "../../src/sample/marks.ts";

const [SOURCE, EPOCH] = ["pump", "e1"];

/** Is what the daemon does with numbers, and what it can go back to. */
class Daemon {
  marks = new Marks();
  trained: number[] = [];
  readonly tellsAbove: boolean;

  constructor(tellsAbove: boolean) {
    this.tellsAbove = tellsAbove;
  }

  take({ seq, rows, text }: UnderWay): void {
    for (let n = seq; n < seq + rows; n++) {
      if (text !== null && !this.marks.settled(SOURCE, EPOCH, n)) this.trained.push(n);
      this.marks.settle(SOURCE, EPOCH, n, 1);
    }
  }

  mark(): CommittedMark | null {
    const [mark] = this.marks.newest();
    if (mark === undefined) return null;
    const above = this.tellsAbove ? mark.above : [];
    return { epoch: EPOCH, seq: mark.seq, above, gaps: 0, restored: null };
  }

  get gaps(): number {
    return this.marks.newest()[0]?.gaps ?? 0;
  }

  copy(): Daemon {
    const daemon = new Daemon(this.tellsAbove);
    daemon.marks.restore(this.marks.serialize());
    daemon.trained = [...this.trained];
    return daemon;
  }
}

const row = (seq: number) => ({ seq, text: "{}" });

function filled(rows: number, settled = 0): Window {
  const window = new Window(settled);
  for (let i = 0; i < rows; i++) window.take(row(window.next));
  return window;
}

const numbers = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);

describe("the numbers under way", () => {
  it("are no more than the daemon takes out of order above the lowest", () => {
    const window = filled(0, 17);
    while (window.hasRoom) window.take(row(window.next));
    expect([window.low, window.next, window.size]).toEqual([18, 18 + 1024, 1024]);
    window.apply({ epoch: EPOCH, seq: 17, above: [[19, 1041]], gaps: 0, restored: null });
    expect([window.low, window.size, window.hasRoom]).toEqual([18, 1, false]);
    window.apply({ epoch: EPOCH, seq: 1041, above: [], gaps: 0, restored: null });
    expect([window.low, window.size, window.hasRoom]).toEqual([1042, 0, true]);
  });

  it("are passed over where a mark is ahead of them", () => {
    const window = filled(2);
    window.apply({ epoch: EPOCH, seq: 4, above: [], gaps: 0, restored: null });
    expect(window.size).toBe(0);
    expect([3, 4, 5].map((seq) => window.take(row(seq)) === null)).toEqual([true, true, false]);
    expect(window.low).toBe(5);
  });

  /** What happens: rows are taken, some messages come through, some are lost, and a mark is heard, or not. */
  const moves = fc.array(
    fc.record({
      rows: fc.nat(700),
      lost: fc.func(fc.boolean()),
      order: fc.constantFrom("kept", "turned" as const),
      heard: fc.boolean(),
    }),
    { minLength: 1, maxLength: 12 },
  );

  it.each([true, false])(
    "are trained once each and never given up, whatever is lost on the way (above told: %s)",
    (above) => {
      fc.assert(
        fc.property(moves, (list) => {
          const daemon = new Daemon(above);
          const window = filled(1);
          // The first one goes ahead: it begins the epoch.
          for (const message of window.messages()) daemon.take(message);
          for (const { rows, lost, order, heard } of list) {
            for (let i = 0; i < rows && window.hasRoom; i++) window.take(row(window.next));
            const through = window.messages().filter(({ seq }) => !lost(seq));
            for (const message of order === "kept" ? through : through.toReversed()) daemon.take(message);
            const mark = daemon.mark();
            if (heard && mark !== null) window.apply(mark);
          }
          for (const message of window.messages()) daemon.take(message);
          const mark = daemon.mark();
          if (mark !== null) window.apply(mark);
          expect([window.size, window.low, daemon.gaps]).toEqual([0, window.next, 0]);
          expect(daemon.trained.toSorted((a, b) => a - b)).toEqual(numbers(1, window.next - 1));
        }),
        { numRuns: 60 },
      );
    },
  );

  it.each([true, false])("reach a daemon that went back, once each, and its mark too (above told: %s)", (above) => {
    fc.assert(
      fc.property(
        fc.nat(1500),
        fc.nat(1500),
        fc.integer({ min: 1, max: 1500 }),
        fc.func(fc.boolean()),
        (early, more, held, lost) => {
          const daemon = new Daemon(above);
          const first = filled(0);
          const through = (upTo: number) => {
            while (first.next <= upTo) {
              while (first.next <= upTo && first.hasRoom) first.take(row(first.next));
              for (const message of first.messages()) daemon.take(message);
              first.apply(daemon.mark() ?? { epoch: EPOCH, seq: 0, above: [], gaps: 0, restored: null });
            }
          };
          through(1 + early);
          const backup = daemon.copy();
          through(1 + early + more);
          const floor = first.low - 1;
          expect(floor).toBe(1 + early + more);
          // Some of the next ones come through, unheard of, before the store goes back.
          const total = floor + held;
          const told: number[] = [];
          for (let round = 0; first.low <= total; round++) {
            expect(round).toBeLessThan(20);
            while (first.next <= total && first.hasRoom) first.take(row(first.next));
            for (const message of first.messages()) if (round > 0 || !lost(message.seq)) backup.take(message);
            const mark = backup.mark();
            if (mark === null) throw new Error("no mark");
            first.apply(mark);
            if (round === 0 && mark.seq < floor) {
              told.push(mark.seq + 1, floor);
              first.giveUp(mark, floor);
            }
          }
          const back = backup.mark()?.seq;
          expect([first.size, back]).toEqual([0, total]);
          const known = backup.trained.toSorted((a, b) => a - b);
          expect(known).toEqual([...numbers(1, 1 + early), ...numbers(floor + 1, total)]);
        },
      ),
      { numRuns: 60 },
    );
  });

  it("give up no number that a mark says is settled, and fit small messages", () => {
    const window = filled(3, 100);
    const mark = {
      epoch: EPOCH,
      seq: 20,
      above: [
        [30, 60],
        [62, 62],
      ] as const,
      gaps: 0,
      restored: null,
    };
    window.giveUp(mark, 100);
    const lost = window.messages().filter(({ text }) => text === null);
    const given = lost.flatMap(({ seq, rows }) => numbers(seq, seq + rows - 1));
    expect(given).toEqual([...numbers(21, 29), 61, ...numbers(63, 100)]);
    expect(Math.max(...lost.map(({ rows }) => rows))).toBeLessThanOrEqual(32);
    expect(window.low).toBe(21);
    // It went back once more: what is given up stays in order.
    window.giveUp({ ...mark, seq: 10 }, 20);
    expect(window.messages().map(({ seq }) => seq)).toEqual([11, ...lost.map(({ seq }) => seq), 101, 102, 103]);
  });
});
