import fc from "fast-check";
import { from } from "rxjs";
import { TestScheduler } from "rxjs/testing";
import { describe, expect, it } from "vitest";
import { miniBatch } from "../../src/stream/mini-batch.ts";

/** Runs a marble diagram; an emission is drawn by the letter that stands for its values. */
function run(
  source: string,
  expected: string,
  batches: Record<string, string>,
  subscription?: string,
  ageMsMax = 5,
): void {
  const scheduler = new TestScheduler((actual, wanted) => expect(actual).toEqual(wanted));
  scheduler.run(({ hot, expectObservable }) => {
    const values = Object.fromEntries(Object.entries(batches).map(([name, letters]) => [name, [...letters]]));
    expectObservable(hot(source).pipe(miniBatch(3, ageMsMax, scheduler)), subscription).toBe(expected, values);
  });
}

describe("mini-batches of values", () => {
  it("are full by size", () => run("abcdef---|", "--x--y---|", { x: "abc", y: "def" }));
  it("are shorter once the oldest value has waited", () => run("-ab-------|", "------x---|", { x: "ab" }));
  it("wait anew for the next value", () => run("a-----b-------|", "-----x-----y--|", { x: "a", y: "b" }));
  it("hold what is left at the end", () => run("ab|", "--(x|)", { x: "ab" }));
  it("are none of an empty source", () => run("--|", "--|", {}));
  it("are never empty while nothing comes", () => run("-----------", "-----------", {}));
  it("end with an error at once", () => run("ab#", "--#", {}));
  it("leave nothing armed when they are unsubscribed", () => run("ab---------", "-----------", {}, "^--!"));
  it("wait for ever where no age is set", () =>
    run("ab------c|", "--------x|", { x: "abc" }, undefined, Number.POSITIVE_INFINITY));

  it("lose nothing, reorder nothing, and are never longer than their size", () => {
    fc.assert(
      fc.property(fc.array(fc.integer()), fc.integer({ min: 1, max: 7 }), (values, size) => {
        const batches: (readonly number[])[] = [];
        from(values)
          .pipe(miniBatch(size))
          .subscribe((batch) => batches.push(batch));
        expect(batches.flat()).toEqual(values);
        expect(batches.slice(0, -1).every(({ length }) => length === size)).toBe(true);
        expect(batches.every(({ length }) => length >= 1 && length <= size)).toBe(true);
      }),
    );
  });
});
