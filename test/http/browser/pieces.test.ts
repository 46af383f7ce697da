import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { contour } from "../../../src/http/browser/contour.ts";
import type { Drawing } from "../../../src/http/browser/drawing.ts";
import { EventReader } from "../../../src/http/browser/event-reader.ts";
import { bytes, digits, duration, percent, round, span } from "../../../src/http/browser/format.ts";
import { lineageOf } from "../../../src/http/browser/lineage.ts";
import { parseMetrics, quantileOf, total } from "../../../src/http/browser/prometheus.ts";
import { hrefOf, parseRoute, type Route } from "../../../src/http/browser/route.ts";
import { rangeOf, stillFits, ticksOf } from "../../../src/http/browser/surface-range.ts";
import { weightsDifference } from "../../../src/http/browser/weights-difference.ts";

describe("the reader of events", () => {
  const text =
    'retry: 2000\n\n: still here\n\nid: a-1\nevent: step\ndata: {"step":1}\n\ndata: one\r\ndata: two\r\n\r\n';
  const wanted = [
    { id: "a-1", name: "step", data: '{"step":1}' },
    { id: "", name: "message", data: "one\ntwo" },
  ];

  it("reads the same events however their text is cut", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: text.length }), { maxLength: 8 }), (cuts) => {
        const reader = new EventReader();
        const ends = [0, ...cuts.toSorted((a, b) => a - b), text.length];
        const read = ends.slice(1).flatMap((end, i) => reader.read(text.slice(ends[i], end)));
        expect(read).toEqual(wanted);
      }),
      { seed: 2 },
    );
  });
});

describe("the lanes of snapshots", () => {
  it("are one where each comes of the one before", () => {
    const lineage = lineageOf([
      { id: 3, parent: 2 },
      { id: 2, parent: 1 },
      { id: 1, parent: null },
    ]);
    expect(lineage.map(({ lane, isCurrent }) => [lane, isCurrent])).toEqual([
      [0, true],
      [0, true],
      [0, true],
    ]);
  });

  it("leave aside what a rollback left, until it branches off", () => {
    const lineage = lineageOf([
      { id: 4, parent: 2 },
      { id: 3, parent: 2 },
      { id: 2, parent: 1 },
      { id: 1, parent: null },
    ]);
    expect(lineage.map(({ lane, isCurrent }) => [lane, isCurrent])).toEqual([
      [0, true],
      [1, false],
      [0, true],
      [0, true],
    ]);
    expect(lineage[2]?.lines.filter(({ half }) => half === "upper")).toEqual([
      { from: 0, to: 0, half: "upper", isCurrent: true },
      { from: 1, to: 0, half: "upper", isCurrent: false },
    ]);
  });
});

describe("a contour", () => {
  it("lies where the value is the level", () => {
    const n = 9;
    const values = Array.from({ length: n * n }, (_, i) => 2 * (i % n) + Math.floor(i / n));
    const ends: (readonly [number, number])[] = [];
    contour(values, n, 7.5, (x1, y1, x2, y2) => ends.push([x1, y1], [x2, y2]));
    expect(ends.length).toBeGreaterThan(6);
    for (const [x, y] of ends) expect(2 * x + y).toBeCloseTo(7.5, 9);
  });

  it("is closed around a hill", () => {
    const n = 16;
    const values = Array.from({ length: n * n }, (_, i) => -(((i % n) - 7.3) ** 2) - (Math.floor(i / n) - 8.1) ** 2);
    const counts = new Map<string, number>();
    const note = (x: number, y: number) => {
      const key = `${x.toFixed(6)} ${y.toFixed(6)}`;
      counts.set(key, (counts.get(key) ?? 0) + 1);
    };
    contour(values, n, -20, (x1, y1, x2, y2) => {
      note(x1, y1);
      note(x2, y2);
    });
    expect(new Set(counts.values())).toEqual(new Set([2]));
  });
});

describe("a range", () => {
  it("holds what is there, and no outlier", () => {
    const { min, max } = rangeOf([-0.9, 0.2, 0.95, 1e6], 0, 0.6);
    expect(min).toBeLessThanOrEqual(-0.9);
    expect(max).toBeGreaterThanOrEqual(0.95);
    expect(max).toBeLessThan(3);
  });

  it("is around the mean where no values are known, and never empty", () => {
    expect(rangeOf([], 10, 2)).toEqual({ min: 4, max: 16 });
    expect(rangeOf([], Number.NaN, Number.NaN).max).toBeGreaterThan(0);
    const { min, max } = rangeOf([5, 5], Number.NaN, Number.NaN);
    expect(max).toBeGreaterThan(min);
  });

  it("holds still while it fits", () => {
    const wanted = { min: 0, max: 1 };
    expect(stillFits({ min: 0, max: 1.2 }, [0.1, 0.9], wanted)).toBe(true);
    expect(stillFits({ min: 0, max: 5 }, [0.1, 0.9], wanted)).toBe(false);
    expect(stillFits({ min: 0, max: 1 }, [0.1, 1.9], { min: 0, max: 2 })).toBe(false);
  });

  it("has ticks at round numbers within it", () => {
    expect(ticksOf({ min: -0.13, max: 1.07 }, 6)).toEqual([0, 0.2, 0.4, 0.6, 0.8, 1]);
    expect(ticksOf({ min: -3, max: 3 }, 3)).toEqual([-2, 0, 2]);
  });
});

describe("a route", () => {
  it("is what its address says", () => {
    const routes: readonly Route[] = [
      { page: "model", model: null },
      { page: "model", model: "a-b" },
      { page: "snapshots", model: "a", snapshot: null },
      { page: "snapshots", model: "a", snapshot: 12 },
      { page: "compare", model: "a", a: 3, b: null },
      { page: "compare", model: "a", a: 3, b: 4 },
      { page: "quarantine" },
      { page: "system" },
    ];
    expect(routes.map((route) => parseRoute(hrefOf(route)))).toEqual(routes);
  });

  it("is the start page where the address is none of ours", () => {
    for (const hash of ["", "#", "#/nowhere", "#/models", "#/models/%E0%A4%A", "#token=abc"]) {
      expect(parseRoute(hash)).toEqual({ page: "model", model: null });
    }
  });
});

describe("metrics for Prometheus", () => {
  const text = `# HELP h How long
# TYPE h histogram
h_bucket{le="0.001"} 50
h_bucket{le="0.01"} 90
h_bucket{le="+Inf"} 100
bytes{kind="a \\"b\\""} 4
bytes{kind="c"} 2.5
`;

  it("are added up by name", () => {
    const series = parseMetrics(text);
    expect(total(series, "bytes")).toBe(6.5);
    expect(total(series, "nothing")).toBeNull();
  });

  it("tell quantiles of a histogram, by its buckets", () => {
    const series = parseMetrics(text);
    expect(quantileOf(series, "h", 0.5)).toBeCloseTo(0.001, 12);
    expect(quantileOf(series, "h", 0.7)).toBeCloseTo(0.0055, 12);
    expect(quantileOf(series, "h", 0.99)).toBe(0.01);
    expect(quantileOf([], "h", 0.5)).toBeNull();
  });
});

describe("numbers", () => {
  it("are shown with the digits that count", () => {
    expect([0, 0.5, 12.3456, -3, 1234.5, 1e-7, Number.NaN, null].map((value) => digits(value))).toEqual([
      "0",
      "0.5000",
      "12.35",
      "−3.000",
      "1235",
      "1.00e−7",
      "–",
      "–",
    ]);
    expect([percent(0.943), bytes(999), bytes(4_130_000), round(0.1 + 0.2), round(-2)]).toEqual([
      "94.3 %",
      "999 B",
      "4.13 MB",
      "0.3",
      "−2",
    ]);
    expect([duration(1.44), duration(250), duration(1500), span(90_000), span(7_260_000)]).toEqual([
      "1.4 ms",
      "250 ms",
      "1.5 s",
      "1 min",
      "2 h 1 min",
    ]);
  });
});

describe("the difference of weights", () => {
  const network = (weight: number, bias: number): Drawing => ({
    inputs: ["x"],
    outputs: ["y"],
    layers: [{ weights: [[weight]], biases: [bias], activation: "identity" }],
  });

  it("is told by layer, and at its largest", () => {
    const found = weightsDifference(network(1, 2), network(4, -2));
    expect(found).toMatchObject({ euclidean: 5, largest: 4, layers: [{ distance: 5 }] });
    expect(found?.drawing.layers[0]).toMatchObject({ weights: [[3]], biases: [-4] });
  });

  it("is none of networks of different shapes", () => {
    const wide = { ...network(1, 2), layers: [{ weights: [[1, 2]], biases: [0], activation: "identity" }] };
    expect(weightsDifference(network(1, 2), wide)).toBeNull();
  });
});
