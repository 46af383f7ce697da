import { describe, expect, it } from "vitest";
import { judge, type Stretch } from "./flatness.ts";

const steady: Stretch = {
  atSeconds: 0,
  rssBytes: 120e6,
  cpuShare: 0.5,
  p50Ms: 1,
  p99Ms: 4,
  maxMs: 30,
  fileBytes: 20e6,
  walBytes: 16e6,
  rowsPerSecond: 20_000,
};
const LENGTH = 40;
const STRETCH_SECONDS = 10;

/** Makes a run; `change` says what differs at each time, from 0 to 1. */
function run(change: (time: number) => Partial<Stretch>): readonly Stretch[] {
  return Array.from({ length: LENGTH }, (_, i) => ({
    ...steady,
    atSeconds: STRETCH_SECONDS * (i + 1),
    ...change((i + 1) / LENGTH),
  }));
}

function notFlat(change: (time: number) => Partial<Stretch>): readonly string[] {
  return judge(run(change), 20_000)
    .filter(({ flat }) => !flat)
    .map(({ what }) => what);
}

describe("a long run", () => {
  it("that takes the same at its end is flat", () => {
    expect(notFlat(() => ({}))).toEqual([]);
  });

  it("may grow while it is warming up, and have its peaks", () => {
    expect(notFlat((time) => ({ fileBytes: 40e6 * Math.min(time, 0.25) }))).toEqual([]);
    expect(notFlat((time) => (Math.round(time * LENGTH) % 10 === 0 ? { rssBytes: 400e6, p99Ms: 500 } : {}))).toEqual(
      [],
    );
  });

  it.each([
    ["memory", (time: number) => ({ rssBytes: 120e6 * (1 + time / 2) })],
    ["prediction p50", (time: number) => ({ p50Ms: 1 + 20 * time })],
    ["prediction p99", (time: number) => ({ p99Ms: 4 + 30 * time })],
    ["file", (time: number) => ({ fileBytes: 20e6 * (1 + time) })],
    ["log of the file", (time: number) => ({ walBytes: 16e6 * (1 + time) })],
    ["rows", (time: number) => ({ rowsPerSecond: 20_000 * (1 - time / 10) })],
  ] as const)("that does not is told by what moves: %s", (what, change) => {
    expect(notFlat(change)).toEqual([what]);
  });

  it("of less than three minutes may have a heap that is still growing", () => {
    const young = run((time) => ({ rssBytes: 120e6 * (1 + time / 2) })).map((stretch) => ({
      ...stretch,
      atSeconds: stretch.atSeconds / 10,
    }));
    expect(judge(young, 20_000).every(({ flat }) => flat)).toBe(true);
  });

  it("that was too short is not judged", () => {
    expect(() => judge(run(() => ({})).slice(0, 2), 20_000)).toThrow("too few");
  });
});
