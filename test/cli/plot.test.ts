import { describe, expect, it } from "vitest";
import { plot } from "../../src/cli/plot.ts";
import { bytes, short, table } from "../../src/cli/table.ts";

describe("the plot", () => {
  it("draws a falling line from the upper left to the lower right, with its range", () => {
    const lines = plot([3, 2, 1, 0], 2, 1).split("\n");
    expect(lines).toEqual(["     3.000 ┤⠙⢦"]);
  });

  it("leaves a hole where there is no value, and says when there is nothing", () => {
    expect(plot([1, null, Number.NaN, 1], 2, 1)).toContain("┤⠁⠈");
    expect(plot([null], 2, 1)).toBe("(nothing to draw yet)");
  });
});

describe("the table", () => {
  it("sets numbers flush right and marks what is absent", () => {
    expect(
      table(
        ["name", "n"],
        [
          ["a", 5],
          ["bcdef", null],
        ],
      ),
    ).toBe("name   n\n─────  ─\na      5\nbcdef  –");
  });

  it("writes numbers and sizes for people", () => {
    expect([short(1234567), short(0.123456789), short(null)]).toEqual(["1,234,567", "0.123457", "–"]);
    expect([bytes(999), bytes(1500), bytes(2.5e9)]).toEqual(["999 B", "1.5 kB", "2.5 GB"]);
  });
});
