import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { RivuletError } from "../../src/error.ts";
import { WINDOW } from "../../src/sample/epoch.ts";
import { type Mark, Marks } from "../../src/sample/marks.ts";
import { EPOCHS_MAX, SOURCES_MAX } from "../../src/sample/marks-bytes.ts";

const seed = 4711;

function newestOf(marks: Marks, source: string): Mark | undefined {
  return marks.newest().find(({ source: name }) => name === source);
}

function markOf(marks: Marks, source = "s"): { epoch: string; seq: number; gaps: number } | undefined {
  const mark = newestOf(marks, source);
  return mark === undefined ? undefined : { epoch: mark.epoch, seq: mark.seq, gaps: mark.gaps };
}

function codeOf(run: () => void): string {
  try {
    run();
  } catch (error) {
    if (error instanceof RivuletError) return error.code;
    throw error;
  }
  return "none";
}

/** Does what marks are to do, with a set of every number and no window to speak of. */
class Plain {
  readonly numbers = new Set<number>();
  first = 0;
  next = 0;
  gaps = 0;

  settled(seq: number): boolean {
    if (this.numbers.size === 0) return false;
    return this.numbers.has(seq) || (seq >= this.first && seq < this.next) || seq < this.first - WINDOW;
  }

  settle(seq: number): void {
    if (this.settled(seq)) return;
    if (this.numbers.size === 0) {
      this.first = seq;
      this.next = seq;
    }
    this.numbers.add(seq);
    for (; this.next + WINDOW <= seq; this.next++) if (!this.numbers.has(this.next)) this.gaps++;
    while (this.numbers.has(this.next)) this.next++;
  }
}

describe("marks", () => {
  it("settle numbers that come in order, wherever they begin", () => {
    for (const begin of [0, 1, 500, 1024, 1e15]) {
      const marks = new Marks();
      for (let k = 0; k < 3000; k += 3) {
        expect(marks.settled("s", "e", begin + k)).toBe(false);
        expect(marks.settle("s", "e", begin + k, 3)).toBe(0);
        for (const i of [0, 1, 2]) expect(marks.settled("s", "e", begin + k + i)).toBe(true);
      }
      expect(markOf(marks)).toEqual({ epoch: "e", seq: begin + 2999, gaps: 0 });
    }
  });

  it("keep numbers that came before their turn, and go on when the missing one is there", () => {
    const marks = new Marks();
    marks.settle("s", "e", 0, 1);
    marks.settle("s", "e", WINDOW, 1);
    marks.settle("s", "e", 2, WINDOW - 2);
    expect(markOf(marks)).toEqual({ epoch: "e", seq: 0, gaps: 0 });
    expect(marks.settled("s", "e", 1)).toBe(false);
    marks.settle("s", "e", 1, 1);
    expect(markOf(marks)).toEqual({ epoch: "e", seq: WINDOW, gaps: 0 });
  });

  it("give a number up as missing when the window must slide past it", () => {
    const marks = new Marks();
    marks.settle("s", "e", 0, 1);
    expect(marks.settle("s", "e", 2, WINDOW - 1)).toBe(0);
    expect(marks.settle("s", "e", WINDOW + 1, 1)).toBe(1);
    expect(markOf(marks)).toEqual({ epoch: "e", seq: WINDOW + 1, gaps: 1 });
    expect(marks.settled("s", "e", 1)).toBe(true);
  });

  it("pass over a long stretch that is missing without counting through it", () => {
    const marks = new Marks();
    marks.settle("s", "e", 0, 1);
    const far = 1e15;
    expect(marks.settle("s", "e", far, 1)).toBe(far - WINDOW);
    expect(markOf(marks)).toEqual({ epoch: "e", seq: far - WINDOW, gaps: far - WINDOW });
    expect(marks.settled("s", "e", far - 1)).toBe(false);
  });

  it("accept numbers a window below the first one that was seen, each once", () => {
    const marks = new Marks();
    marks.settle("s", "e", 2000, 1);
    expect(marks.settled("s", "e", 1999)).toBe(false);
    marks.settle("s", "e", 1990, 10);
    expect(marks.settled("s", "e", 1999)).toBe(true);
    expect(marks.settled("s", "e", 1989)).toBe(false);
    expect(marks.settled("s", "e", 2000 - WINDOW - 1)).toBe(true);
    expect(markOf(marks)).toEqual({ epoch: "e", seq: 2000, gaps: 0 });
  });

  it("remember the last epochs of a source, and forget the first one for one more", () => {
    const marks = new Marks();
    for (let e = 0; e < EPOCHS_MAX; e++) marks.settle("s", `e${e}`, 0, 10);
    marks.settle("s", "e0", 10, 1);
    expect(marks.settled("s", "e0", 5)).toBe(true);
    expect(markOf(marks)?.epoch).toBe("e7");
    marks.settle("s", "e8", 0, 1);
    expect(marks.settled("s", "e0", 5)).toBe(false);
    expect(marks.settled("s", "e1", 5)).toBe(true);
  });

  it("remember a bounded number of sources, and forget the one that was silent longest", () => {
    const marks = new Marks();
    for (let s = 0; s < SOURCES_MAX; s++) marks.settle(`s${s}`, "e", 0, 1);
    marks.settle("s0", "e", 1, 1);
    marks.settle("one-more", "e", 0, 1);
    expect(marks.settled("s0", "e", 0)).toBe(true);
    expect(marks.settled("s1", "e", 0)).toBe(false);
    expect([...marks.newest()].length).toBe(SOURCES_MAX);
  });

  it("do not mix sources and epochs", () => {
    const marks = new Marks();
    marks.settle("a", "b", 1, 1);
    expect([marks.settled("a", "b", 1), marks.settled("b", "a", 1), marks.settled("a", "c", 1)]).toEqual([
      true,
      false,
      false,
    ]);
  });
});

/** Calls of settle that mostly go on, some of them before their turn, again, or far away. */
const calls = fc.array(
  fc.record({
    step: fc.oneof(
      { weight: 5, arbitrary: fc.constant(0) },
      { weight: 3, arbitrary: fc.integer({ min: -50, max: 50 }) },
      { weight: 1, arbitrary: fc.integer({ min: -3 * WINDOW, max: 3 * WINDOW }) },
    ),
    rows: fc.oneof(fc.integer({ min: 1, max: 8 }), fc.integer({ min: 1, max: 600 })),
  }),
  { maxLength: 40 },
);

/** Turns steps into first numbers; an empty call settles nothing. */
function* numbersOf(list: readonly { readonly step: number; readonly rows: number }[]): Generator<[number, number]> {
  let at = 5000;
  for (const { step, rows } of list) {
    at = Math.max(0, at + step);
    yield [at, rows];
    at += rows;
  }
}

describe("marks of any calls", () => {
  it("say what a set of all numbers says", () => {
    fc.assert(
      fc.property(calls, (list) => {
        const marks = new Marks();
        const plain = new Plain();
        for (const [seq, rows] of numbersOf(list)) {
          const before = plain.gaps;
          for (let number = seq; number < seq + rows; number++) plain.settle(number);
          expect(marks.settle("s", "e", seq, rows)).toBe(plain.gaps - before);
          expect(markOf(marks)).toEqual({ epoch: "e", seq: plain.next - 1, gaps: plain.gaps });
          const told = newestOf(marks, "s")?.above ?? [];
          expect(told.flatMap(([from, to]) => Array.from({ length: to - from + 1 }, (_, i) => from + i))).toEqual(
            [...plain.numbers].filter((number) => number >= plain.next).sort((a, b) => a - b),
          );
          // Two stretches have a hole between them.
          expect(told.every(([from], i) => i === 0 || from > (told[i - 1]?.[1] ?? 0) + 1)).toBe(true);
          for (const at of [plain.first, plain.next, seq]) {
            for (let number = at - WINDOW - 3; number < at + WINDOW + 3; number += 7) {
              expect(marks.settled("s", "e", number)).toBe(plain.settled(number));
            }
          }
        }
      }),
      { seed, numRuns: 150 },
    );
  });

  it("never let a number be new twice, and lose none that comes within the window", () => {
    fc.assert(
      fc.property(fc.infiniteStream(fc.nat(WINDOW - 1)), fc.nat(3000), (delays, begin) => {
        const marks = new Marks();
        // Each number is late by less than a window, and every third is delivered twice.
        const sent = Array.from({ length: 4000 }, (_, i) => ({ seq: begin + i, at: i + (delays.next().value ?? 0) }));
        const arrivals = sent.flatMap((one) => (one.seq % 3 === 0 ? [one, { ...one, at: one.at + 40 }] : [one]));
        arrivals.sort((a, b) => a.at - b.at);
        const taken: number[] = [];
        for (const { seq } of arrivals) {
          if (marks.settled("s", "e", seq)) continue;
          marks.settle("s", "e", seq, 1);
          taken.push(seq);
        }
        taken.sort((a, b) => a - b);
        expect(taken).toEqual(sent.map(({ seq }) => seq));
        expect(markOf(marks)).toEqual({ epoch: "e", seq: begin + 3999, gaps: 0 });
      }),
      { seed, numRuns: 10 },
    );
  });

  it("have the same bytes however the rows were divided among calls, and come back from them", () => {
    const many = fc.array(fc.tuple(fc.constantFrom("a", "b", "c"), fc.nat(11).map(String), calls), { maxLength: 12 });
    fc.assert(
      fc.property(many, (lists) => {
        const whole = new Marks();
        const divided = new Marks();
        for (const [source, epoch, list] of lists) {
          for (const [seq, rows] of numbersOf(list)) {
            whole.settle(source, epoch, seq, rows);
            for (let number = seq; number < seq + rows; number++) divided.settle(source, epoch, number, 1);
          }
        }
        const bytes = whole.serialize();
        expect(divided.serialize()).toEqual(bytes);
        const restored = new Marks();
        // At an odd offset, as in a state block.
        const shifted = new Uint8Array(bytes.length + 1);
        shifted.set(bytes, 1);
        restored.restore(shifted.subarray(1));
        expect(restored.serialize()).toEqual(bytes);
        expect([...restored.newest()]).toEqual([...whole.newest()]);
        for (const marks of [whole, restored]) marks.settle("b", "3", 9000, 5);
        expect(restored.serialize()).toEqual(whole.serialize());
      }),
      { seed, numRuns: 60 },
    );
  });
});

describe("damaged marks", () => {
  const marks = new Marks();
  marks.settle("source", "epoch", 100, 1);
  marks.settle("source", "epoch", 102, 3);
  marks.settle("source", "epoch", 98, 1);
  marks.settle("other", "epoch", 0, 1);
  const good = marks.serialize();

  const changed = (at: number, value: number) => {
    const bytes = good.slice();
    bytes[at] = value;
    return bytes;
  };
  const name = 8 + 1;

  it.each([
    ["no bytes", new Uint8Array(0)],
    ["an unknown version", changed(0, 99)],
    ["too many sources", changed(7, 1)],
    ["one source more than there are", changed(4, 3)],
    ["one source less than there are", changed(4, 1)],
    ["a name that is none", changed(name, 0x20)],
    ["a byte cut off", good.subarray(0, good.length - 1)],
    ["a byte too many", Uint8Array.from([...good, 0])],
    ["too many epochs", changed(name + 6, 9)],
    ["a mark that is no number", changed(name + 6 + 1 + 1 + 5 + 8 + 7, 0xff)],
    ["a mark before the first number", changed(name + 6 + 1 + 1 + 5 + 8 + 6, 0x58)],
    ["unknown flags", changed(name + 6 + 1 + 1 + 5 + 24, 7)],
  ])("with %s are refused, and nothing is changed", (_, bytes) => {
    const kept = new Marks();
    kept.restore(good);
    expect(codeOf(() => kept.restore(bytes))).toBe("state-damaged");
    expect(kept.serialize()).toEqual(good);
  });

  it("with two sources of one name are refused", () => {
    const twin = new Marks();
    twin.settle("a", "e", 0, 1);
    twin.settle("b", "e", 0, 1);
    const bytes = twin.serialize().map((byte) => (byte === 0x62 ? 0x61 : byte));
    expect(codeOf(() => new Marks().restore(bytes))).toBe("state-damaged");
  });

  it("with an empty bitmap are refused", () => {
    const flags = name + 6 + 1 + 1 + 5 + 24;
    const bytes = good.slice().fill(0, flags + 1, flags + 1 + WINDOW / 8);
    expect(codeOf(() => new Marks().restore(bytes))).toBe("state-damaged");
  });

  it("of random bytes are refused or read, and nothing else happens", () => {
    const spoils = fc.array(fc.tuple(fc.nat(good.length - 1), fc.integer({ min: 0, max: 255 })), { maxLength: 4 });
    fc.assert(
      fc.property(spoils, fc.nat(good.length), (changes, length) => {
        const bytes = good.slice(0, Math.max(length, good.length - 300));
        for (const [at, byte] of changes) if (at < bytes.length) bytes[at] = byte;
        expect(["none", "state-damaged"]).toContain(codeOf(() => new Marks().restore(bytes)));
      }),
      { seed, numRuns: 2000 },
    );
  });
});
