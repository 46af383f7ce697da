import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { Adwin } from "../../src/evaluate/adwin.ts";
import { createDetector, detectorLength } from "../../src/evaluate/create-detector.ts";
import { DETECTORS, type DetectorKind, DRIFT, NONE, WARNING } from "../../src/evaluate/detector.ts";
import { Random } from "../../src/learner/random.ts";
import {
  type Alarms,
  alarmsOf,
  errorsOf,
  families,
  judge,
  medianDelay,
  naive,
  type Tally,
  yardsticks,
} from "./drift-streams.ts";

interface Recorded {
  readonly cases: readonly {
    readonly name: string;
    readonly driftsAt: readonly number[];
    readonly errors: string;
    readonly alarms: { readonly adwin: number[]; readonly pageHinkley: number[]; readonly ddm: number[] };
  }[];
}

const { cases }: Recorded = JSON.parse(readFileSync(new URL("../golden/evaluate/drift.json", import.meta.url), "utf8"));
const recordedName = { adwin: "adwin", "page-hinkley": "pageHinkley", ddm: "ddm" } as const;
const SEEDS = 100;

function ours(kind: DetectorKind): Alarms {
  const detector = createDetector(kind);
  return (value) => detector.update(value) === DRIFT;
}

function judged(family: (typeof families)[number], make: () => Alarms): Tally {
  const tally: Tally = { delays: [], drifts: 0, falseAlarms: 0, values: 0 };
  for (let seed = 1; seed <= SEEDS; seed++) judge(tally, family, alarmsOf(errorsOf(family, seed), make()));
  return tally;
}

describe.each(cases)("on the recorded stream: $name", ({ errors, alarms, driftsAt }) => {
  const values = Uint8Array.from(errors, Number);

  it.each(DETECTORS)("the yardstick of %s gives the recorded alarms", (kind) => {
    expect(alarmsOf(values, yardsticks[kind]())).toEqual(alarms[recordedName[kind]]);
  });

  it.each(DETECTORS)("%s is no later than the recorded alarm, and tells one drift once", (kind) => {
    const found = alarmsOf(values, ours(kind));
    const recorded = alarms[recordedName[kind]];
    const bounds = [...driftsAt, values.length];
    expect(found.filter((t) => t < (bounds[0] ?? 0))).toEqual([]);
    driftsAt.forEach((from, i) => {
      const within = (t: number) => t >= from && t < (bounds[i + 1] ?? 0);
      const first = recorded.find(within);
      expect(found.filter(within)).toHaveLength(first === undefined ? 0 : 1);
      if (first !== undefined) expect(found.find(within)).toBeLessThanOrEqual(first);
    });
  });
});

describe.each(families)(`on ${SEEDS} streams: $name`, (family) => {
  it.each(DETECTORS)("%s is as soon and as silent as the yardstick", (kind) => {
    const [mine, theirs] = [judged(family, () => ours(kind)), judged(family, yardsticks[kind])];
    expect(mine.falseAlarms).toBeLessThanOrEqual(theirs.falseAlarms);
    expect(mine.delays.length).toBe(theirs.delays.length);
    if (theirs.delays.length > 0) expect(medianDelay(mine)).toBeLessThanOrEqual(medianDelay(theirs));
    expect(mine.falseAlarms * 100).toBeLessThan(judged(family, naive).falseAlarms);
  });
});

describe.each(DETECTORS)("%s", (kind) => {
  const family = families[1] as (typeof families)[number];

  it("goes on from saved numbers as if nothing had been", () => {
    const errors = errorsOf(family, 7);
    const whole = createDetector(kind);
    const signals = Array.from(errors, (value) => whole.update(value));
    for (const at of [1, 500, 2050, 2100, 6000]) {
      const before = createDetector(kind);
      for (const value of errors.subarray(0, at)) before.update(value);
      const after = createDetector(kind, before.state.slice());
      expect(Array.from(errors.subarray(at), (value) => after.update(value))).toEqual(signals.slice(at));
      expect(after.state).toEqual(whole.state);
    }
  });

  it("says nothing of a stream that does not vary", () => {
    for (const value of [0, 1, 0.3]) {
      const detector = createDetector(kind);
      const signals = new Set(Array.from({ length: 3000 }, () => detector.update(value)));
      expect([...signals]).toEqual([NONE]);
    }
  });

  it("starts afresh after a reset", () => {
    const detector = createDetector(kind);
    for (const value of errorsOf(family, 3)) detector.update(value);
    expect(detector.direction).not.toBe(0);
    detector.reset();
    expect(detector.state).toEqual(new Float64Array(detectorLength(kind)));
    expect(detector.direction).toBe(0);
  });
});

it.each(["page-hinkley", "ddm"] as const)("%s warns before it tells a drift", (kind) => {
  const detector = createDetector(kind);
  const signals = Array.from(errorsOf(families[0] as (typeof families)[number], 1), (value) => detector.update(value));
  const drift = signals.indexOf(DRIFT);
  expect(signals[drift - 1]).toBe(WARNING);
});

describe("adwin", () => {
  it("keeps the sums of exactly the newest values of its window", () => {
    const random = new Random(2);
    const adwin = new Adwin();
    const values: number[] = [];
    for (let t = 0; t < 20_000; t++) {
      // Eighths: their sums are exact, whatever their order.
      const value = (random.uint32() % 8) / 8 / (t % 3000 < 1500 ? 1 : 4);
      values.push(value);
      adwin.update(value);
      if (t % 997 !== 0) continue;
      const blocks = values.length - (values.length % 32);
      const window = values.slice(blocks - adwin.width, blocks);
      expect(window).toHaveLength(adwin.width);
      expect(adwin.state[1]).toBe(window.reduce((sum, v) => sum + v, 0));
      expect(adwin.state[2]).toBe(window.reduce((sum, v) => sum + v * v, 0));
    }
    expect(adwin.width).toBeLessThan(4000);
  });

  it("tells falls as well as rises, and which it was", () => {
    const adwin = new Adwin();
    const directions: number[] = [];
    for (const value of errorsOf(families[1] as (typeof families)[number], 5)) {
      if (adwin.update(value) === DRIFT) directions.push(adwin.direction);
    }
    expect(directions).toEqual([1, -1]);
  });

  it("grows its window without end where nothing changes", () => {
    const random = new Random(1);
    const adwin = new Adwin();
    for (let t = 0; t < 200_000; t++) adwin.update(random.uniform() < 0.3 ? 1 : 0);
    expect(adwin.width).toBe(200_000);
  });
});
