import { describe, expect, it } from "vitest";
import { SnapshotBudget } from "../../src/stream/snapshot-budget.ts";

const MINUTE_MS = 60_000;
const DAY_MS = 1440 * MINUTE_MS;
const BYTES = 35_000;
const options = { profile: "balanced", bytesPerDay: 1e9 } as const;

/** Lets each model ask once a second whenever its last snapshot is a minute old; returns when each was allowed to save. */
function saves(
  budget: SnapshotBudget,
  models: readonly string[],
  fromMs: number,
  toMs: number,
  bytesOf: (model: string) => number = () => BYTES,
): Map<string, number[]> {
  const times = new Map(models.map((model): [string, number[]] => [model, []]));
  for (let now = fromMs; now < toMs; now += 1000) {
    for (const [model, saved] of times) {
      if (now - (saved.at(-1) ?? fromMs) < MINUTE_MS) continue;
      if (budget.allows(model, bytesOf(model), now)) saved.push(now);
    }
  }
  return times;
}

const named = (count: number) => Array.from({ length: count }, (_, m) => `m${m}`);

describe("snapshots that are due by time", () => {
  it("are not held up where models are few", () => {
    for (const times of saves(new SnapshotBudget(options), named(5), 0, DAY_MS / 4).values())
      expect(times.length).toBe(359);
  });

  it("of hundreds of models take a quarter of the day's bytes, and each model has its turn", () => {
    const all = [...saves(new SnapshotBudget(options), named(300), 0, DAY_MS / 2).values()];
    const counts = all.map((times) => times.length);
    const bytes = BYTES * counts.reduce((sum, count) => sum + count, 0);
    expect(bytes).toBeLessThan(5e6 + 125e6);
    expect(bytes).toBeGreaterThan(120e6);
    expect(Math.max(...counts) - Math.min(...counts)).toBeLessThan(3);
  });

  it("of a model that is larger than the others have their turn as well", () => {
    const bytesOf = (model: string) => (model === "m7" ? 200_000 : 20_000);
    const counts = [...saves(new SnapshotBudget(options), named(51), 0, DAY_MS, bytesOf).values()].map(
      (times) => times.length,
    );
    expect(Math.max(...counts) - Math.min(...counts)).toBeLessThan(3);
  });

  it("do not wait for models that have stopped learning", () => {
    const budget = new SnapshotBudget({ ...options, bytesPerDay: 2e8 });
    saves(budget, named(900), 0, 10 * MINUTE_MS);
    const times = saves(budget, ["m1", "m899"], 10 * MINUTE_MS, 40 * MINUTE_MS);
    for (const saved of times.values()) expect(saved.length).toBeGreaterThan(15);
  });

  it("are made as they fall due by the profile eager", () => {
    for (const times of saves(new SnapshotBudget({ ...options, profile: "eager" }), named(300), 0, 600_000).values())
      expect(times.length).toBe(9);
  });

  it("are made even where one is larger than what is ever there", () => {
    const budget = new SnapshotBudget(options);
    expect(budget.allows("large", 1e9, 0)).toBe(true);
    expect(budget.allows("small", 1, 1)).toBe(false);
    expect(budget.allows("large", 1e9, 5 * DAY_MS)).toBe(true);
  });
});
