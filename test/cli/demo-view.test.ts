import { stripVTControlCharacters } from "node:util";
import fc from "fast-check";
import { expect, it } from "vitest";
import { type DemoScene, demoLines } from "../../src/cli/demo-view.ts";

const scene: DemoScene = {
  stream: "moving-gauss",
  url: "mqtt://127.0.0.1:41883",
  dashboard: `http://127.0.0.1:41887/#token=${"t".repeat(43)}`,
  seconds: 83,
  samples: 41_500,
  rate: 500,
  step: 10_375,
  accuracy: 0.934,
  accuracies: Array.from({ length: 90 }, (_, i) => 0.6 + 0.3 * Math.sin(i / 9)),
  costs: Array.from({ length: 128 }, (_, i) => 0.3 + 0.29 * Math.sin(i / 7)),
  snapshots: Array.from({ length: 9 }, (_, i) => ({ id: 9 - i, step: 1000 * (9 - i), reason: "time", cost: 0.1 })),
  news: Array.from({ length: 9 }, (_, i) => ({ at: 80 - i, what: `the labels turn over, for the ${9 - i}th time` })),
};

const textOf = (columns: number, rows: number) => demoLines(scene, columns, rows).map(stripVTControlCharacters);

it("fits into a terminal of any size", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 200 }), fc.integer({ min: 1, max: 60 }), (columns, rows) => {
      const lines = textOf(columns, rows);
      expect(lines.length).toBeLessThanOrEqual(rows);
      for (const line of lines) expect([...line].length).toBeLessThanOrEqual(columns);
    }),
    { seed: 1 },
  );
});

it("shows what just happened before more of the rest, where there is little room", () => {
  const lines = textOf(80, 23);
  expect(lines.at(-1)).toContain("the labels turn over, for the 4th time");
  expect(lines.filter((line) => line.includes("the labels turn over")).length).toBe(6);
});

it("shows everything where there is room", () => {
  const lines = textOf(120, 40);
  expect(lines.filter((line) => line.includes("┤")).length).toBe(6);
  expect(lines.filter((line) => line.includes("time")).length).toBeGreaterThanOrEqual(4);
  expect(lines[0]).toBe("rivulet learns moving-gauss over mqtt://127.0.0.1:41883   1:23, Ctrl-C ends it");
  expect(textOf(80, 40)[1]).toBe(scene.dashboard);
});
