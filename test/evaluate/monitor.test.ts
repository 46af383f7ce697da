import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import { RivuletError } from "../../src/error.ts";
import { DETECTORS, DRIFT, NONE } from "../../src/evaluate/detector.ts";
import { Logistic, logisticLength } from "../../src/evaluate/logistic.ts";
import { MONITOR_DEFAULTS, Monitor, type MonitorOptions } from "../../src/evaluate/monitor.ts";
import { Random } from "../../src/learner/random.ts";
import { bytesOf } from "../../src/learner/state-block.ts";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

const FEATURES = 3;
const ROWS = 6000;
/** From here on labels are turned over. */
const FLIP = 4000;
const options: MonitorOptions = { ...MONITOR_DEFAULTS, classes: 2, features: FEATURES };

interface Stream {
  readonly x: Float64Array;
  readonly labels: Float64Array;
  readonly outputs: Float64Array;
}

/** Draws rows, labels and fair predictions of so many classes (0: values); at FLIP the predictions go wrong. */
function streamOf(classes: number, seed = 1): Stream {
  const random = new Random(seed);
  const outputCount = classes > 2 ? classes : 1;
  const x = Float64Array.from({ length: ROWS * FEATURES }, (_, i) => (i % 97 === 0 ? Number.NaN : random.normal()));
  const labels = new Float64Array(ROWS);
  const outputs = new Float64Array(ROWS * outputCount);
  for (let r = 0; r < ROWS; r++) {
    const turned = r >= FLIP ? 1 : 0;
    if (classes === 0) {
      labels[r] = 10 * random.normal();
      outputs[r] = (labels[r] ?? 0) + (1 + 9 * turned) * random.normal();
      continue;
    }
    const label = Math.floor(random.uniform() * classes);
    const told = random.uniform() < 0.1 ? (label + 1) % classes : label;
    labels[r] = (label + turned) % classes;
    if (classes === 2) outputs[r] = told === 1 ? 0.8 : 0.3;
    else for (let k = 0; k < classes; k++) outputs[r * classes + k] = k === told ? 0.6 : 0.4 / (classes - 1);
  }
  return { x, labels, outputs };
}

/** Feeds rows from `from` to `to` in blocks of so many rows; returns the signals. */
function feed(monitor: Monitor, { x, labels, outputs }: Stream, from: number, to: number, block: number): number[] {
  const width = outputs.length / ROWS;
  const signals: number[] = [];
  for (let r = from; r < to; r += block) {
    const rows = Math.min(block, to - r);
    const part = outputs.subarray(r * width, (r + rows) * width);
    signals.push(monitor.score(x.subarray(r * FEATURES), labels.subarray(r), part, rows));
  }
  return signals;
}

/** Gives the code of what is thrown. */
function errorOf(act: () => unknown): unknown {
  try {
    return act();
  } catch (error) {
    return error instanceof RivuletError ? error.code : error;
  }
}

const kinds = [0, 2, 5].flatMap((classes) =>
  [...DETECTORS, null].flatMap((detector) =>
    (["error", "loss"] as const).map((watch) => [classes, detector, watch] as const),
  ),
);

describe.each(kinds)("a monitor of %i classes, %s on the %s", (classes, detector, watch) => {
  const all: MonitorOptions = { ...options, classes, detector, watch };
  const stream = streamOf(classes);

  it("goes on from a saved state bit for bit, and does not care how rows are cut into blocks", () => {
    const whole = new Monitor(all);
    feed(whole, stream, 0, ROWS, 32);
    for (const [at, block] of [
      [1, 1],
      [999, 7],
      [FLIP + 30, 500],
    ] as const) {
      const before = new Monitor(all);
      feed(before, stream, 0, at, block);
      const saved = before.save();
      const after = new Monitor(all);
      after.restore(saved);
      expect(after.save()).toEqual(saved);
      feed(after, stream, at, ROWS, block);
      expect(after.save()).toEqual(whole.save());
      expect(after.read()).toEqual(whole.read());
    }
  });

  it("tells the drift, and nothing before it", () => {
    const monitor = new Monitor(all);
    expect(feed(monitor, stream, 0, FLIP, 16)).not.toContain(DRIFT);
    const signals = feed(monitor, stream, FLIP, ROWS, 16);
    const { drift, samples } = monitor.read();
    expect(samples).toBe(ROWS);
    if (detector === null) {
      expect(new Set(signals)).toEqual(new Set([NONE]));
      return;
    }
    expect(signals.filter((signal) => signal === DRIFT)).toHaveLength(1);
    expect(drift).toMatchObject({ detector, drifts: 1 });
    expect(drift.lastDriftAt).toBeGreaterThan(FLIP);
    expect(drift.lastDriftAt).toBeLessThan(FLIP + 500);
  });
});

it.each([0, 2, 5])("leaves no trace of a reading: %i classes", (classes) => {
  const stream = streamOf(classes);
  const [unread, read] = [new Monitor({ ...options, classes }), new Monitor({ ...options, classes })];
  feed(unread, stream, 0, ROWS, 7);
  for (let from = 0; from < ROWS; from += 101) {
    feed(read, stream, from, Math.min(ROWS, from + 101), 7);
    read.read();
  }
  expect(read.save()).toEqual(unread.save());
});

it("sees a loss that rises while no more classes are wrong when it watches the loss, and only then", () => {
  const stream = streamOf(2);
  const outputs = stream.outputs.map((p, r) => (r < FLIP ? p : p > 0.5 ? 0.51 : 0.49));
  // Labels as before the flip.
  const labels = stream.labels.map((label, r) => (r < FLIP ? label : 1 - label));
  const drifts = (["error", "loss"] as const).map((watch) => {
    const monitor = new Monitor({ ...options, watch });
    feed(monitor, { ...stream, labels, outputs }, 0, ROWS, 10);
    return monitor.read().drift.drifts;
  });
  expect(drifts).toEqual([0, 1]);
});

it("gives the log loss of the logistic regression over all rows", () => {
  const stream = streamOf(2);
  const monitor = new Monitor(options);
  feed(monitor, stream, 0, ROWS, 10);
  const logistic = new Logistic(FEATURES, 2, new Float64Array(logisticLength(FEATURES, 2)));
  const given = new Float64Array(1);
  let loss = 0;
  stream.labels.forEach((label, r) => {
    logistic.score(stream.x, r * FEATURES, label, given, 0);
    loss -= Math.log(given[0] ?? 0);
  });
  const reading = monitor.read();
  if (reading.kind !== "classes") throw new Error("of classes");
  expect(reading.baselinesLogLoss.logistic).toBeCloseTo(loss / ROWS, 12);
});

it("tells no drift where the error falls, and goes along with it", () => {
  const stream = streamOf(2);
  const monitor = new Monitor(options);
  feed(monitor, stream, FLIP, ROWS, 10);
  feed(monitor, stream, 0, FLIP, 10);
  expect(monitor.read().drift).toMatchObject({ drifts: 0, lastDriftAt: 0 });
  // The window of the detector begins after the fall, so that a later rise stands out.
  feed(monitor, stream, FLIP, ROWS, 10);
  expect(monitor.read().drift.drifts).toBe(1);
});

it("starts the detector afresh when asked, and keeps the metrics", () => {
  const stream = streamOf(2);
  const monitor = new Monitor(options);
  feed(monitor, stream, 0, FLIP, 10);
  const before = monitor.read();
  monitor.resetDetector();
  expect(monitor.read()).toEqual(before);
  const fresh = new Monitor(options);
  const signals = feed(monitor, stream, FLIP, ROWS, 10);
  expect(signals).toEqual(feed(fresh, stream, FLIP, ROWS, 10));
  expect(signals).not.toContain(DRIFT);
});

it("knows a better model than its baselines from a worse one", () => {
  const read = (from: number, to: number) => {
    const monitor = new Monitor(options);
    feed(monitor, streamOf(2), from, to, 10);
    const reading = monitor.read();
    if (reading.kind !== "classes") throw new Error("of classes");
    return [reading.accuracy ?? 0, reading.baselines.majority ?? 0, reading.baselines.logistic ?? 0] as const;
  };
  const [good, ...others] = read(0, FLIP);
  for (const other of others) expect(good).toBeGreaterThan(other);
  const [bad, ...better] = read(FLIP, ROWS);
  for (const other of better) expect(bad).toBeLessThan(other);
});

describe("a saved state", () => {
  it("is little-endian numbers", () => {
    const monitor = new Monitor(options);
    feed(monitor, streamOf(2), 0, 10, 10);
    const bytes = monitor.save();
    expect(bytes).toHaveLength(monitor.stateBytes);
    expect(new DataView(bytes.buffer).getFloat64(8, true)).toBe(options.classes);
  });

  it.each([
    ["of another number of classes", { classes: 3 }],
    ["of other features", { features: 2 }],
    ["of another window", { window: 999 }],
    ["of another factor", { fading: 0.99 }],
    ["of another detector", { detector: "ddm" }],
    ["of a detector of the loss", { watch: "loss" }],
  ] as const)("%s is refused, and nothing changed", (_, other) => {
    const monitor = new Monitor(options);
    feed(monitor, streamOf(2), 0, 100, 10);
    const before = monitor.save();
    expect(errorOf(() => monitor.restore(new Monitor({ ...options, ...other }).save()))).toBe("state-damaged");
    expect(errorOf(() => monitor.restore(before.subarray(8)))).toBe("state-damaged");
    expect(errorOf(() => monitor.restore(bytesOf(new Float64Array(before.length / 8))))).toBe("state-damaged");
    expect(monitor.save()).toEqual(before);
  });
});

it.each([{ classes: 1 }, { classes: 1025 }, { window: 0 }, { fading: 0.4 }, { fading: 1.1 }])(
  "is not made with %j",
  (wrong) => {
    expect(() => new Monitor({ ...options, ...wrong })).toThrow("no monitor has");
  },
);

/** The machine may put a double on the heap where a function is called; an object for each row is more than this. */
const BYTES_PER_ROW_MAX = 64;

it.each([0, 2, 5])("allocates nothing for a row: %i classes", (classes) => {
  const monitor = new Monitor({ ...options, classes });
  const { x, labels, outputs } = streamOf(classes);
  const run = () => {
    for (let round = 0; round < 20; round++) monitor.score(x, labels, outputs, ROWS);
  };
  run();
  // The least of some rounds: the first may still be compiling, and others share this process.
  const rounds = Array.from({ length: 4 }, () => {
    collect();
    const before = process.memoryUsage().heapUsed;
    run();
    return (process.memoryUsage().heapUsed - before) / (20 * ROWS);
  });
  expect(Math.min(...rounds)).toBeLessThan(BYTES_PER_ROW_MAX);
});
