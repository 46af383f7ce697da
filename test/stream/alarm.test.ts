import { tap } from "rxjs";
import { TestScheduler } from "rxjs/testing";
import { describe, expect, it } from "vitest";
import { alarm } from "../../src/stream/alarm.ts";

const marbles = () => new TestScheduler((actual, expected) => expect(actual).toEqual(expected));

/** Runs an alarm that is due `delay` frames after the first item since the last tick. */
function run(source: string, expected: string, delay: number, subscription?: string): void {
  const scheduler = marbles();
  scheduler.run(({ hot, expectObservable }) => {
    let dueAt: number | null = null;
    const result$ = hot(source).pipe(
      alarm<string, "T">(() => dueAt, "T", scheduler),
      tap((item) => {
        if (item === "T") dueAt = null;
        else dueAt ??= scheduler.now() + delay;
      }),
    );
    expectObservable(result$, subscription).toBe(expected);
  });
}

describe("the alarm", () => {
  it("ticks when the due time has come, and not again", () => run("-a---------|", "-a---T-----|", 4));
  it("waits from the first item, not the last", () => run("-a-b--c----|", "-a-b-Tc---T|", 4));
  it("is armed anew by an item after a tick", () => run("-a-----b------|", "-a---T-b---T--|", 4));
  it("completes once nothing is due any more", () => run("a-|", "a---(T|)", 4));
  it("passes an error on at once", () => run("-a-#", "-a-#", 10));
  it("is silent on a source that never emits", () => run("------", "------", 2));
  it("completes with an empty source", () => run("--|", "--|", 2));
  it("leaves nothing armed when it is unsubscribed", () => run("-a--------", "-a--------", 5, "^--!"));

  it("looks once too early, and does not tick, when the due time moved on", () => {
    const scheduler = marbles();
    scheduler.run(({ hot, expectObservable }) => {
      let dueAt: number | null = null;
      const result$ = hot("-a-b-c--------|").pipe(
        alarm<string, "T">(() => dueAt, "T", scheduler),
        tap((item) => {
          dueAt = item === "T" ? null : scheduler.now() + 4;
        }),
      );
      expectObservable(result$).toBe("-a-b-c---T----|");
    });
  });

  it("is armed earlier when the due time moved to the front", () => {
    const scheduler = marbles();
    scheduler.run(({ hot, expectObservable }) => {
      let dueAt: number | null = null;
      const result$ = hot("-a-b----------|").pipe(
        alarm<string, "T">(() => dueAt, "T", scheduler),
        tap((item) => {
          dueAt = item === "T" ? null : item === "a" ? 11 : 5;
        }),
      );
      expectObservable(result$).toBe("-a-b-T--------|");
    });
  });
});
