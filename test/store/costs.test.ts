import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CostChunk } from "../../src/store/cost-chunk.ts";
import { commit, commits, cuts, open, temporaryFolder, Writer } from "./bench.ts";

interface Point {
  readonly step: number;
  readonly sequence: number;
  readonly cost: number;
  readonly min: number;
  readonly max: number;
}

/** Sums steps up the plain way, between the steps that the points name. */
function naive(costs: readonly number[], from: number, points: readonly { readonly step: number }[]): Point[] {
  let first = from;
  return points.map(({ step }) => {
    const stretch = costs.slice(first - 1, step).filter((cost) => !Number.isNaN(cost));
    first = step + 1;
    return {
      step,
      sequence: 4 * step,
      cost: stretch.length === 0 ? Number.NaN : stretch.reduce((sum, cost) => sum + cost, 0) / stretch.length,
      min: stretch.length === 0 ? Number.NaN : Math.min(...stretch),
      max: stretch.length === 0 ? Number.NaN : Math.max(...stretch),
    };
  });
}

function expectSame(actual: readonly Point[], expected: readonly Point[]): void {
  expect(actual.length).toBe(expected.length);
  actual.forEach((point, i) => {
    const wanted = expected[i];
    expect([point.step, point.sequence, point.min, point.max]).toEqual([
      wanted?.step,
      wanted?.sequence,
      wanted?.min,
      wanted?.max,
    ]);
    if (Number.isNaN(wanted?.cost)) expect(point.cost).toBeNaN();
    else expect(point.cost).toBeCloseTo(wanted?.cost ?? 0, 10);
  });
}

describe("the cost history", () => {
  it("answers any range in any number of points as a plain sum does, from memory, file, and both", () => {
    const folder = temporaryFolder();
    let store = open(folder);
    const writer = new Writer(store);
    const costs: number[] = [];
    for (let id = 0; id < 40; id++) {
      const steps = 100 + ((id * 37) % 300);
      const fresh = Array.from({ length: steps }, (_, i) =>
        (id * 31 + i) % 97 === 0 ? Number.NaN : Math.abs(Math.sin(costs.length + i)),
      );
      commit(store, writer.transaction(steps, id % 7 === 0 ? {} : null, fresh));
      costs.push(...fresh);
    }
    const check = () =>
      fc.assert(
        fc.property(
          fc.integer({ min: 1, max: costs.length }),
          fc.integer({ min: 1, max: costs.length }),
          fc.integer({ min: 1, max: 700 }),
          (a, b, points) => {
            const [from, to] = [Math.min(a, b), Math.max(a, b)];
            const answered = store.history({ model: "default", from, to, points });
            expect(answered.length).toBeLessThanOrEqual(points);
            expect(answered.length).toBeGreaterThan(0);
            expect(answered.at(-1)?.step).toBe(to);
            if (to - from < points)
              expect(answered.map(({ step }) => step)).toEqual(
                Array.from({ length: to - from + 1 }, (_, i) => from + i),
              );
            expectSame(answered, naive(costs, from, answered));
          },
        ),
        { numRuns: 200 },
      );
    check();
    store.close();
    // What was in memory only comes back from the journal, and feeding it twice changes nothing.
    store = open(folder);
    for (let round = 0; round < 2; round++) {
      for (let from = 1; ; ) {
        const page = commits(store, { from, limit: 10, model: "default" });
        for (const { id, atMs, sections } of page) {
          from = id + 1;
          for (const entry of sections.flatMap((section) => section.entries)) {
            if (entry.type === "cuts") store.feedCosts("default", [{ cuts: entry, atMs }]);
          }
        }
        if (page.length === 0) break;
      }
    }
    check();
  });

  it("answers from the roll-ups where single steps are no longer kept", () => {
    const store = open();
    const writer = new Writer(store);
    for (let id = 0; id < 40; id++) writer.commit(256, {});
    const policy = new Map([["default", { keep: { last: 100, hourly: 0, daily: 0 }, keepRows: 1e9, keepSteps: 1000 }]]);
    while (store.maintain(policy, 4e9)) {}
    const all = store.history({ model: "default", from: 1, to: 10_240, points: 100_000 });
    expect(all.filter(({ step }) => step <= 8000).every(({ step }, i) => step === 16 * (i + 1))).toBe(true);
    expect(all.at(-1)?.step).toBe(10_240);
    const costs = Array.from({ length: 10_240 }, (_, i) => 1 / (i + 1));
    expectSame(all, naive(costs, 1, all));
    const coarse = store.history({ model: "default", from: 1, to: 10_240, points: 20 });
    expectSame(coarse, naive(costs, 1, coarse));
  });

  it("reads what earlier releases wrote, record by record", () => {
    const numbers = [4, 1_700_000_000_000, 0.5, 8, 1_700_000_000_050, Number.NaN, 12, 1_700_000_000_100, 0.25];
    const former = CostChunk.decode(0, 1, new Uint8Array(Float64Array.from(numbers).buffer));
    const again = CostChunk.decode(0, 1, former.encode());
    for (const chunk of [former, again]) {
      const sum = { sequence: 0, atMs: 0, sum: 0, count: 0, min: 9, max: -9 };
      for (let r = 0; r < chunk.records; r++) chunk.addTo(sum, r);
      expect(sum).toEqual({ sequence: 12, atMs: 1_700_000_000_100, sum: 0.75, count: 2, min: 0.25, max: 0.5 });
    }
    expect(former.records).toBe(3);
  });

  it("has nothing to say of steps that were not made", () => {
    const store = open();
    new Writer(store).commit(3, {});
    expect(store.history({ model: "default", from: 4, to: 99, points: 10 })).toEqual([]);
    expect(store.history({ model: "default", from: 9, to: 2, points: 10 })).toEqual([]);
    store.feedCosts("default", [{ cuts: cuts(1, 1, [9, 9, 9]), atMs: 1 }]);
    expect(store.history({ model: "default", from: 1, to: 1, points: 10 })[0]?.cost).toBe(1);
  });
});
