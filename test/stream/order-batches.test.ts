import fc from "fast-check";
import { from, map, type Observable, tap } from "rxjs";
import { TestScheduler } from "rxjs/testing";
import { describe, expect, it } from "vitest";
import { Random } from "../../src/learner/random.ts";
import type { AdmittedItem, BatchesItem, CommandItem, SettledItem, StopItem } from "../../src/stream/flow.ts";
import type { Model } from "../../src/stream/model.ts";
import { orderBatches } from "../../src/stream/order-batches.ts";
import { append, learnerConfig, liveModel, takeCommand } from "./model-bench.ts";

type In = AdmittedItem | CommandItem | SettledItem | StopItem;

const settled: SettledItem = { kind: "settled" };
const stop: StopItem = { kind: "stop" };

function admitted(model: Model): AdmittedItem {
  return {
    kind: "admitted",
    models: new Set([model]),
    messages: [],
    rows: 0,
    refusals: [],
    refusalsUnkept: [],
    events: [],
  };
}

/** Carries out what was ordered, and writes it down: `4x2` is two steps of four rows. */
function perform(item: In | BatchesItem): string {
  if (item.kind !== "batches") return item.kind;
  for (let b = 0; b < item.count; b++) item.model.cut(item.rows);
  return `${item.rows}x${item.count}`;
}

/** Runs a marble diagram in which a digit is a chunk of so many rows, c a command, . a settled item and s the stop. */
function run(
  source: string,
  expected: string,
  orders: Record<string, string>,
  subscription?: string,
  network = learnerConfig.network,
): void {
  const scheduler = new TestScheduler((actual, wanted) => expect(actual).toEqual(wanted));
  scheduler.run(({ hot, expectObservable }) => {
    const model = liveModel({ batchAgeMsMax: 5, config: { ...learnerConfig, network } });
    const random = new Random(1);
    const command = takeCommand(model);
    const items: Record<string, In> = { c: command, ".": settled, s: stop };
    for (const rows of "123456789") items[rows] = admitted(model);
    const rowsAt: number[] = [...source.replace(/[^0-9]/g, "")].map(Number);
    const intake$ = (hot(source, items) as Observable<In>).pipe(
      tap((item) => {
        if (item.kind !== "admitted") return;
        model.arrive(scheduler.now());
        append(model, random, rowsAt.shift() ?? 0);
      }),
    );
    const done$ = intake$.pipe(orderBatches([model], scheduler), map(perform));
    expectObservable(done$, subscription).toBe(expected, orders);
  });
}

/** One of its steps is more than is ordered in one go. */
const slow = { ...learnerConfig.network, hidden: [1024, 1024], activation: ["relu", "relu"] as const };

describe("orders of mini-batches", () => {
  it("is closed by its size, before the chunk that filled it goes on", () =>
    run("-4----|", "-(ba)-|", { a: "admitted", b: "4x1" }));
  it("is many at once when a chunk brings many", () =>
    run("-9-----|", "-(ba)-c|", { a: "admitted", b: "4x2", c: "1x1" }));
  it("is closed by the age of its oldest row", () => run("-1-1-----|", "-a-a--b--|", { a: "admitted", b: "2x1" }));
  it("takes its age from the row that is oldest now, not from one that was trained", () =>
    run("-3--2-------|", "-a--(ba)-c--|", { a: "admitted", b: "4x1", c: "1x1" }));
  it("is closed before a command", () => run("-3-c-----|", "-a-(bc)--|", { a: "admitted", b: "3x1", c: "command" }));
  it("is closed at the stop", () => run("-3-s---|", "-a-(bs)|", { a: "admitted", b: "3x1", s: "stop" }));
  it("passes what does not concern it", () => run("-.-.-|", "-x-x-|", { x: "settled" }));
  it("keeps quiet on nothing", () => {
    run("------", "------", {});
    run("---|", "---|", {});
    run("---#", "---#", {});
  });
  it("is ordered in pieces for a slow model", () => {
    run("-9-----|", "-(abb)c|", { a: "admitted", b: "4x1", c: "1x1" }, undefined, slow);
  });
  it("is closed in pieces before a command to a slow model, which follows the last one", () => {
    const orders = { a: "admitted", b: "4x1", c: "1x1", x: "command" };
    run("-(9c)----|", "-(abbcx)-|", orders, undefined, slow);
  });
  it("leaves no timer behind", () => run("-1---------", "-a---------", { a: "admitted" }, "^-!"));

  it("loses nothing, reorders nothing and never exceeds its bound", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 40 }), { maxLength: 30 }), (chunks) => {
        const model = liveModel({ ringRows: 64 });
        const random = new Random(1);
        const sizes: number[] = [];
        const scheduler = new TestScheduler(() => {});
        from([...chunks, -1])
          .pipe(
            map((rows): In => {
              if (rows < 0) return stop;
              append(model, random, rows);
              return admitted(model);
            }),
            orderBatches([model], scheduler),
          )
          .forEach((item) => {
            if (item.kind !== "batches") return;
            for (let b = 0; b < item.count; b++) {
              expect(model.state.sequence).toBe(sizes.reduce((sum, size) => sum + size, 0));
              model.cut(item.rows);
              model.durableSequence = model.ring.head;
              model.release();
              sizes.push(item.rows);
            }
          });
        const total = chunks.reduce((sum, rows) => sum + rows, 0);
        expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(total);
        expect(sizes.every((size) => size >= 1 && size <= 4)).toBe(true);
        expect(sizes.filter((size) => size < 4).length).toBeLessThanOrEqual(1);
      }),
    );
  });
});
