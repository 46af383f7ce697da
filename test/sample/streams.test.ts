import { describe, expect, it } from "vitest";
import { Random } from "../../src/learner/random.ts";
import {
  featuresMinOf,
  isStreamKind,
  STREAMS,
  type StreamKind,
  type StreamRow,
  streamRows,
} from "../../src/sample/streams.ts";
import { cosine, sine } from "../../src/sample/trigonometry.ts";

function take(kind: StreamKind, count: number, features = 2, seed = 1): StreamRow[] {
  const rows = streamRows(kind, features, new Random(seed));
  return Array.from({ length: count }, () => rows.next().value);
}

describe.each(STREAMS)("the stream $kind", ({ kind }) => {
  it("gives the same rows for the same seed, and others for another one", () => {
    expect(take(kind, 100, 3, 5)).toEqual(take(kind, 100, 3, 5));
    expect(take(kind, 100, 3, 5)).not.toEqual(take(kind, 100, 3, 6));
  });

  it("has as many finite features as asked for, and both labels in a fair share", () => {
    for (const features of [featuresMinOf(kind), 7]) {
      const rows = take(kind, 20_000, features);
      expect(rows.every((row) => row.features.length === features && row.features.every(Number.isFinite))).toBe(true);
      const ones = rows.filter(({ label }) => label === 1).length / rows.length;
      expect(ones).toBeGreaterThan(0.3);
      expect(ones).toBeLessThan(0.7);
    }
  });
});

/** Shares of the rows whose label a rule tells. */
function share(rows: readonly StreamRow[], rule: (x: number, y: number) => boolean): number {
  return (
    rows.filter(({ features, label }) => (rule(features[0] ?? 0, features[1] ?? 0) ? 1 : 0) === label).length /
    rows.length
  );
}

describe("a generated stream", () => {
  it("keeps the rule that it is known for", () => {
    expect(share(take("xor", 2000), (x, y) => x * y > 0)).toBe(1);
    expect(share(take("circle", 2000), (x, y) => x * x + y * y < 2 / Math.PI)).toBe(1);
    expect(share(take("linear", 20_000), (x, y) => x - y / 2 > 0.2)).toBeCloseTo(0.95, 1);
    expect(share(take("gauss", 20_000), (x) => x > 0)).toBeCloseTo(0.84, 1);
    expect(share(take("moons", 5000), (x, y) => y < 0.25 + (x - 0.5) * 0.1)).toBeGreaterThan(0.8);
    const spiral = take("spiral", 5000).filter(({ features: [x = 0, y = 0] }) => Math.hypot(x, y) > 0.3);
    const arm = (x: number, y: number) => Math.cos(1.5 * Math.hypot(x, y) * 2 * Math.PI - Math.atan2(y, x)) < 0;
    expect(share(spiral, arm)).toBeGreaterThan(0.97);
  });

  it("drifts where it says so", () => {
    const sea = take("sea", 20_000);
    for (const [concept, theta] of [8, 9, 7, 9.5].entries()) {
      const rows = sea.slice(concept * 5000, (concept + 1) * 5000);
      expect(rows.every((row) => row.concept === concept)).toBe(true);
      expect(share(rows, (x, y) => x + y <= theta)).toBeCloseTo(0.9, 1);
    }
    const waves = take("sine", 10_000);
    expect(share(waves.slice(0, 5000), (x, y) => y < Math.sin(x))).toBe(1);
    expect(share(waves.slice(5000), (x, y) => y < Math.sin(x))).toBe(0);
    const border = (x: number) => x > 0.5;
    const plane = take("hyperplane", 20_000);
    expect(share(plane.slice(0, 500), border)).toBeGreaterThan(0.9);
    expect(share(plane.slice(9750, 10_250), border)).toBeLessThan(0.1);
    const clouds = take("moving-gauss", 20_000);
    expect(share(clouds.slice(0, 500), (x) => x < 0)).toBeGreaterThan(0.9);
    expect(share(clouds.slice(9750, 10_250), (x) => x < 0)).toBeLessThan(0.1);
  });

  it("is known by its name and no other", () => {
    expect(isStreamKind("moons")).toBe(true);
    expect(["toString", "", "Moons"].some(isStreamKind)).toBe(false);
  });
});

describe("sine and cosine of turns", () => {
  it("are those of mathematics", () => {
    for (let i = -4000; i < 4000; i++) {
      const turns = i / 1000 + 1 / 3000;
      expect(Math.abs(sine(turns) - Math.sin(turns * 2 * Math.PI))).toBeLessThan(1e-12);
      expect(Math.abs(cosine(turns) - Math.cos(turns * 2 * Math.PI))).toBeLessThan(1e-12);
    }
  });
});
