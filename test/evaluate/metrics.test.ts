import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { ClassScore, classScoreLength } from "../../src/evaluate/class-score.ts";
import type { ScoreOptions } from "../../src/evaluate/score.ts";
import { ValueScore, valueScoreLength } from "../../src/evaluate/value-score.ts";
import { Random } from "../../src/learner/random.ts";

interface Span {
  readonly from: number;
  readonly to: number;
}

/** What scikit-learn says of spans of two streams of predictions. */
const golden: {
  readonly y: readonly number[];
  readonly p: readonly number[];
  readonly classification: readonly (Span & Readonly<Record<ClassMetric, number>>)[];
  readonly target: readonly number[];
  readonly prediction: readonly number[];
  readonly regression: readonly (Span & Readonly<Record<"mae" | "rmse" | "r2", number>>)[];
} = JSON.parse(readFileSync(new URL("../golden/evaluate/metrics.json", import.meta.url), "utf8"));

const classMetrics = ["accuracy", "balancedAccuracy", "logLoss", "brier", "f1", "kappa", "mcc", "auc"] as const;
type ClassMetric = (typeof classMetrics)[number];
const PLACES = 12;
const x = new Float64Array(2);

function classScore(options: Partial<ScoreOptions> = {}): ClassScore {
  const all = { classes: 2, features: 2, window: 1000, fading: 0.999, ...options };
  return new ClassScore(all, new Float64Array(classScoreLength(all)));
}

function valueScore(options: Partial<ScoreOptions> = {}): ValueScore {
  const all = { classes: 0, features: 2, window: 1000, fading: 0.999, ...options };
  return new ValueScore(all, new Float64Array(valueScoreLength(all)));
}

function feed(
  score: ClassScore | ValueScore,
  labels: readonly number[],
  outputs: readonly (number | readonly number[])[],
) {
  labels.forEach((label, i) => {
    score.row(x, Float64Array.of(label), Float64Array.from([outputs[i] ?? []].flat()), 0);
  });
  return score.read();
}

/** Asserts that two numbers differ by 1e-12 at most. */
function expectClose(actual: number | null | undefined, expected: number): void {
  expect(Math.abs((actual ?? Number.NaN) - expected)).toBeLessThanOrEqual(10 ** -PLACES);
}

describe.each(golden.classification)("rows $from to $to of the classifier", (span) => {
  it.each(classMetrics)("have scikit-learn's %s, over all rows and in the window at the end of more", (metric) => {
    const { from, to } = span;
    const alone = feed(classScore(), golden.y.slice(from, to), golden.p.slice(from, to)) as ReturnType<
      ClassScore["read"]
    >;
    const last = feed(classScore({ window: to - from }), golden.y.slice(0, to), golden.p.slice(0, to)) as typeof alone;
    if (metric !== "auc") expectClose(alone[metric], span[metric]);
    expectClose(last.window[metric], span[metric]);
    expect(last.window.samples).toBe(to - from);
  });
});

describe.each(golden.regression)("rows $from to $to of the regression", (span) => {
  it.each(["mae", "rmse", "r2"] as const)("have scikit-learn's %s, over all rows and in the window", (metric) => {
    const { from, to } = span;
    const [y, p] = [golden.target, golden.prediction];
    const alone = feed(valueScore(), y.slice(from, to), p.slice(from, to)) as ReturnType<ValueScore["read"]>;
    const last = feed(valueScore({ window: to - from }), y.slice(0, to), p.slice(0, to)) as typeof alone;
    expectClose(alone[metric], span[metric]);
    expectClose(last.window[metric], span[metric]);
  });
});

describe("fading metrics", () => {
  it("weigh a row by the factor to the power of its age, also after the weights were scaled down", () => {
    // 0.5 doubles the weight with each row: it is scaled down every 500 rows.
    for (const fading of [0.5, 0.999, 1]) {
      const score = classScore({ fading });
      const read = feed(score, golden.y, golden.p) as ReturnType<ClassScore["read"]>;
      let [hits, brier, weight] = [0, 0, 0];
      golden.y.forEach((y, i) => {
        const p = golden.p[i] ?? 0;
        hits = fading * hits + (p >= 0.5 === (y === 1) ? 1 : 0);
        brier = fading * brier + (p - y) * (p - y);
        weight = fading * weight + 1;
      });
      expectClose(read.fading.accuracy, hits / weight);
      expectClose(read.fading.brier, brier / weight);
    }
  });

  it("of a regression do so, too", () => {
    const read = feed(valueScore({ fading: 0.7 }), golden.target, golden.prediction) as ReturnType<ValueScore["read"]>;
    let [weight, mean, absolute, square] = [0, 0, 0, 0];
    golden.target.forEach((y, i) => {
      const error = (golden.prediction[i] ?? 0) - y;
      absolute = 0.7 * absolute + Math.abs(error);
      square = 0.7 * square + error * error;
      weight = 0.7 * weight + 1;
      mean += (y - mean) / weight;
    });
    const spread = golden.target.reduce(
      (sum, y, i) => sum + 0.7 ** (golden.target.length - 1 - i) * (y - mean) ** 2,
      0,
    );
    expectClose(read.fading.mae, absolute / weight);
    expectClose(read.fading.r2, 1 - square / spread);
  });
});

describe("conventions", () => {
  const read = (labels: readonly number[], outputs: readonly number[]) =>
    feed(classScore(), labels, outputs) as ReturnType<ClassScore["read"]>;

  it("what is undefined is null", () => {
    const { samples, window, baselines, baselinesLogLoss, ...cumulative } = read([], []);
    const undefinedMetrics = Object.fromEntries([...classMetrics, "kappaTemporal"].map((metric) => [metric, null]));
    expect(samples).toBe(0);
    expect(cumulative).toMatchObject(undefinedMetrics);
    expect(window).toMatchObject({ ...undefinedMetrics, samples: 0 });
    expect(baselines).toEqual({ majority: null, lastClass: null, logistic: null });
    expect(baselinesLogLoss).toEqual(baselines);
    const one = read([0], [0.2]);
    expect(one).toMatchObject({
      accuracy: 1,
      f1: null,
      kappa: null,
      kappaTemporal: null,
      mcc: null,
      auc: null,
    });
    expect(one.fading).toMatchObject({ accuracy: 1, f1: null, kappa: null, kappaTemporal: null, mcc: null });
  });

  it("class 1 is p ≥ .5, and the log loss is clipped at 2^-52", () => {
    expect(read([1, 0], [0.5, 0.5]).accuracy).toBe(0.5);
    expectClose(read([1], [0]).logLoss, 52 * Math.LN2);
    expectClose(read([0], [1]).logLoss, 52 * Math.LN2);
    expectClose(read([1], [1]).logLoss, 2 ** -52);
  });

  it("last class leaves the first row out, majority says the lower of equal classes", () => {
    const { baselines, baselinesLogLoss, kappaTemporal } = read([1, 1, 0, 1, 1], [0.9, 0.9, 0.9, 0.9, 0.9]);
    expect(baselines.lastClass).toBe(2 / 4);
    expect(baselines.majority).toBe(3 / 5);
    expect(kappaTemporal).toBeCloseTo((0.8 - 0.5) / (1 - 0.5), PLACES);
    const half = [1 / 2, 2 / 3, 1 / 4, 3 / 5, 4 / 6].reduce((sum, p) => sum - Math.log(p), 0) / 5;
    expectClose(baselinesLogLoss.majority, half);
    expectClose(baselinesLogLoss.lastClass, 26 * Math.LN2);
  });

  it("the log loss of the majority class is that of Laplace's rule, row by row", () => {
    for (const classes of [2, 7]) {
      const seen = new Array<number>(classes).fill(0);
      const labels = golden.y.map((y, i) => (y + (i % (classes - 1))) % classes);
      const losses = labels.map((label, i) => {
        const loss = -Math.log(((seen[label] ?? 0) + 1) / (i + classes));
        seen[label] = (seen[label] ?? 0) + 1;
        return loss;
      });
      for (const rows of [1, 20, 1500]) {
        const outputs = labels.map(() => (classes === 2 ? 0.5 : new Array<number>(classes).fill(1 / classes)));
        const scored = feed(classScore({ classes }), labels.slice(0, rows), outputs) as ReturnType<ClassScore["read"]>;
        expectClose(scored.baselinesLogLoss.majority, losses.slice(0, rows).reduce((a, b) => a + b, 0) / rows);
      }
    }
  });

  it("a label that is no class is a mistake", () => {
    for (const label of [2, -1]) expect(() => read([label], [0.5])).toThrow("no class");
  });

  it("a prediction that is not finite is counted, not scored", () => {
    const { samples, skipped, accuracy } = read([1, 1, 0], [Number.NaN, 0.9, Number.POSITIVE_INFINITY]);
    expect([samples, skipped, accuracy]).toEqual([1, 2, 1]);
    const values = feed(valueScore(), [1, 2], [Number.NaN, 2]);
    expect(values).toMatchObject({ samples: 1, skipped: 1, mae: 0 });
  });

  it("of a regression: mean and last value need a row before them; r2 needs labels that vary", () => {
    const one = feed(valueScore(), [3], [2]) as ReturnType<ValueScore["read"]>;
    expect(one).toMatchObject({
      mae: 1,
      rmse: 1,
      r2: null,
      baselines: { mean: null, lastValue: null },
      baselinesRmse: { mean: null, lastValue: null },
    });
    const three = feed(valueScore(), [1, 3, 8], [0, 0, 0]) as ReturnType<ValueScore["read"]>;
    expect(three.baselines).toEqual({ mean: (2 + 6) / 2, lastValue: (2 + 5) / 2 });
    expectClose(three.baselinesRmse.mean, Math.sqrt((4 + 36) / 2));
    expect(three.window.baselines).toEqual(three.baselines);
  });
});

describe("of several classes", () => {
  const y = [0, 1, 2, 2, 1, 0, 2, 1, 0, 2];
  const p = y.map((label, i) => {
    const raw = [0, 1, 2].map((k) => 1 + ((i * 7 + k * 5) % 9) + (k === label ? 4 : 0));
    const sum = raw.reduce((a, b) => a + b, 0);
    return raw.map((value) => value / sum);
  });

  it("metrics are those of a table of all pairs of classes", () => {
    const { window, ...cumulative } = feed(classScore({ classes: 3 }), y, p) as ReturnType<ClassScore["read"]>;
    const predicted = p.map((row) => row.indexOf(Math.max(...row)));
    const table = [0, 1, 2].map((a) => [0, 1, 2].map((b) => y.filter((l, i) => l === a && predicted[i] === b).length));
    const row = (k: number) => table[k]?.reduce((a, b) => a + b, 0) ?? 0;
    const column = (k: number) => table.reduce((sum, cells) => sum + (cells[k] ?? 0), 0);
    const hits = (k: number) => table[k]?.[k] ?? 0;
    const mean = (f: (k: number) => number) => (f(0) + f(1) + f(2)) / 3;
    const accuracy = (3 * mean(hits)) / 10;
    const chance = (3 * mean((k) => row(k) * column(k))) / 100;
    expectClose(cumulative.accuracy, accuracy);
    expectClose(
      cumulative.balancedAccuracy,
      mean((k) => hits(k) / row(k)),
    );
    expectClose(
      cumulative.f1,
      mean((k) => (2 * hits(k)) / (row(k) + column(k))),
    );
    expectClose(cumulative.kappa, (accuracy - chance) / (1 - chance));
    const covariance = (of: (k: number) => number, and: (k: number) => number) => 100 - 3 * mean((k) => of(k) * and(k));
    const mcc = (100 * (accuracy - chance)) / Math.sqrt(covariance(row, row) * covariance(column, column));
    expectClose(cumulative.mcc, mcc);
    const brier = p.map((scores, i) => scores.reduce((sum, q, k) => sum + (q - (k === y[i] ? 1 : 0)) ** 2, 0));
    expectClose(cumulative.brier, brier.reduce((a, b) => a + b, 0) / 10);
    expectClose(
      window.auc,
      mean((k) =>
        pairs(
          y.map((l) => l === k),
          p.map((scores) => scores[k] ?? 0),
        ),
      ),
    );
  });

  function pairs(positive: readonly boolean[], scores: readonly number[]): number {
    const all = positive.flatMap((is, i) =>
      is ? positive.flatMap((other, j) => (other ? [] : [[i, j] as const])) : [],
    );
    const won = all.map(([i, j]) => 0.5 * (1 + Math.sign((scores[i] ?? 0) - (scores[j] ?? 0))));
    return won.reduce((a, b) => a + b, 0) / all.length;
  }

  it("the window is shorter where its ring would take more than 1 MiB", () => {
    const score = classScore({ classes: 1000 });
    const outputs = new Float64Array(1000).fill(0.001);
    for (let i = 0; i < 200; i++) score.row(x, Float64Array.of(i), outputs, 0);
    expect(score.read().window.samples).toBe(130);
    expect(score.read().samples).toBe(200);
  });
});

it("sums do not drift: a window after two million rows is that of its rows alone", () => {
  const random = new Random(4);
  const [labels, outputs] = [new Float64Array(1), new Float64Array(1)];
  const [long, fresh] = [valueScore({ window: 100 }), valueScore({ window: 100 })];
  for (let i = 0; i < 2_000_000; i++) {
    const label = (i < 1_000_000 ? 1e9 : 1) * random.normal();
    outputs[0] = label + random.normal();
    labels[0] = label;
    long.row(x, labels, outputs, 0);
    if (i >= 1_999_900) fresh.row(x, labels, outputs, 0);
  }
  const { baselines: _, baselinesRmse: __, ...metrics } = fresh.read().window;
  expect(long.read().window).toMatchObject(metrics);
});
