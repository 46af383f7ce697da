import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readConfig } from "../../src/daemon/config.ts";
import { learnerConfigOf } from "../../src/daemon/config-learner.ts";
import { modelFileOf } from "../../src/export/model-file.ts";
import { defaultMembers } from "../../src/learner/ensemble/members.ts";
import { Learner } from "../../src/learner/learner.ts";
import type { LearnerConfig } from "../../src/learner/learner-config.ts";
import { Random } from "../../src/learner/random.ts";
import { bananas, rowsOf } from "./bananas.ts";
import { rivulet as run, rivuletJson as runJson, temporaryFolder } from "./run.ts";

/** What the numbers of most tests are computed of: a network, which the oracle of them is quick to train as well. */
const NETWORK = { RIVULET_MODELS__DEFAULT__LEARNER: "network" };
const rivulet = (args: readonly string[]) => run(args, NETWORK);
const rivuletJson = <T>(args: readonly string[]) => runJson<T>(args, NETWORK);

interface Span {
  readonly samples: number;
  readonly accuracy: number | null;
  readonly logLoss: number | null;
  readonly mae: number | null;
}

interface Evaluated extends Span {
  readonly baselines: Readonly<Record<string, number>>;
  readonly window: Span;
  readonly driftsAt: readonly number[];
  readonly samplesPerSecond: number;
  readonly stateBytes: number;
}

function fileOf(text: string): string {
  const file = join(temporaryFolder(), "rows.csv");
  writeFileSync(file, text);
  return file;
}

function defaultModel(env: Readonly<Record<string, string>>, set: readonly string[] = []) {
  const model = readConfig({ file: null, env, set, data: null }).models["default"];
  if (model === undefined) throw new Error("there is no default model");
  return model;
}

function defaultLearner(set: readonly string[] = []): LearnerConfig {
  return learnerConfigOf(defaultModel(NETWORK, set));
}

/** Predicts each row when it is asked, and trains on a batch when its last label has come, one row at a time. */
function predictions(rows: readonly (readonly number[])[], config: LearnerConfig, delay: number): readonly number[] {
  const learner = new Learner(config, "reference");
  const { size } = config.batch;
  const width = config.features.length;
  const told: (readonly number[])[] = [];
  const predicted: number[] = [];
  const learn = (row: readonly number[]) => {
    told.push(row);
    if (told.length < size) return;
    told.forEach((batchRow, r) => {
      learner.raw.set(batchRow.slice(0, width), r * width);
      learner.engine.labels[r] = batchRow[width] ?? 0;
    });
    learner.step(told.splice(0).length);
  };
  rows.forEach((row, i) => {
    predicted.push(learner.predict(row.slice(0, width)));
    const answered = rows[i - delay];
    if (answered !== undefined) learn(answered);
  });
  return predicted;
}

const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;

describe("evaluate", () => {
  const csv = bananas();
  const rows = rowsOf(csv).slice(0, 3001);
  const text = csv.split("\n").slice(0, 3002).join("\n");

  it.each([0, 1, 3, 100])(
    "scores each prediction as it was made, by the state before its batch: --delay %i",
    async (delay) => {
      const evaluated = await rivuletJson<Evaluated>(["evaluate", fileOf(text), "--delay", String(delay)]);
      const expected = predictions(rows, defaultLearner(), delay);
      const labels = rows.map((row) => row[2] ?? 0);
      const right = labels.map((label, i) => ((expected[i] ?? 0) >= 0.5 === (label === 1) ? 1 : 0));
      const loss = labels.map((label, i) => -Math.log(label === 1 ? (expected[i] ?? 0) : 1 - (expected[i] ?? 0)));
      expect(evaluated.samples).toBe(3001);
      expect(evaluated.accuracy).toBeCloseTo(mean(right), 12);
      expect(evaluated.logLoss).toBeCloseTo(mean(loss), 9);
      expect(evaluated.window).toMatchObject({ samples: 1000 });
      expect(evaluated.window.accuracy).toBeCloseTo(mean(right.slice(-1000)), 12);
      expect(evaluated.baselines["lastClass"]).toBeCloseTo(
        mean(labels.slice(1).map((label, i) => (label === labels[i] ? 1 : 0))),
        12,
      );
    },
  );

  it("tells what the issue of it asks for", async () => {
    const evaluated = await rivuletJson<Evaluated>(["evaluate", fileOf(text)]);
    const metrics = ["accuracy", "balancedAccuracy", "logLoss", "brier", "auc", "f1", "kappa", "kappaTemporal", "mcc"];
    for (const key of ["samples", ...metrics, "samplesPerSecond", "stateBytes"]) {
      expect(evaluated[key as keyof Evaluated], key).toBeTypeOf("number");
    }
    expect(Object.keys(evaluated.baselines)).toEqual(["majority", "lastClass", "logistic"]);
    expect(evaluated.stateBytes).toBe(new Learner(defaultLearner()).save().length);
  });

  it("lets an ensemble learn by default, with members that suit the columns of the file", async () => {
    const random = new Random(8);
    const lines = Array.from({ length: 800 }, () => {
      const [a, b, c] = [random.normal(), random.normal(), random.normal()];
      return `${a},${b},${c},${a * a + b * b > 1.4 ? 1 : 0}`;
    });
    const evaluated = await runJson<Evaluated>(["evaluate", fileOf(`a,b,c,y\n${lines.join("\n")}\n`)]);
    expect(evaluated.samples).toBe(800);
    expect(evaluated.accuracy).toBeGreaterThan(0.88);
    const config = { ...learnerConfigOf(defaultModel({})), features: ["a", "b", "c"], ensemble: defaultMembers(3, 1) };
    expect(evaluated.stateBytes).toBe(new Learner(config).save().length);
  });

  it("depends on the seed, and is the same for the same", async () => {
    const run = async (seed: string) => {
      const { samplesPerSecond: _, ...rest } = await rivuletJson<Evaluated>(["evaluate", fileOf(text), "--seed", seed]);
      return rest;
    };
    expect(await run("7")).toEqual(await run("7"));
    expect(await run("7")).not.toEqual(await run("8"));
  });

  it("scores values by their errors", async () => {
    const random = new Random(1);
    const values = Array.from({ length: 500 }, () => [random.normal(), 3 + random.normal()]);
    const file = fileOf(`a,b\n${values.map((row) => row.join(",")).join("\n")}\n`);
    const set = ["models.default.network.loss=mse", 'models.default.features=["a"]', "models.default.label=b"];
    const evaluated = await rivuletJson<Evaluated>(["evaluate", file, ...set.flatMap((key) => ["--set", key])]);
    const expected = predictions(values, defaultLearner(set), 0);
    expect(evaluated.mae).toBeCloseTo(mean(values.map(([, b], i) => Math.abs((b ?? 0) - (expected[i] ?? 0)))), 9);
    expect(Object.keys(evaluated.baselines)).toEqual(["mean", "lastValue"]);
    expect(evaluated).not.toHaveProperty("accuracy");
  });

  it("scores named classes, more than two", async () => {
    const random = new Random(2);
    const names = ["red", "green", "blue"];
    const lines = Array.from({ length: 1500 }, () => {
      const k = random.uint32() % 3;
      return `${3 * k + random.normal()},${names[k]}`;
    });
    const set = [
      'models.default.classes=["red","green","blue"]',
      'models.default.features=["a"]',
      "models.default.label=c",
    ];
    const args = ["evaluate", fileOf(`a,c\n${lines.join("\n")}\n`), ...set.flatMap((key) => ["--set", key])];
    const evaluated = await rivuletJson<Evaluated>(args);
    expect(evaluated.accuracy).toBeGreaterThan(0.8);
    expect(evaluated.baselines["majority"]).toBeLessThan(0.45);
  });

  it.each([0, 9])("takes cells that are empty, categories and weighed classes: --delay %i", async (delay) => {
    const random = new Random(3);
    const colours = ["red", "green", "blue"];
    const values = Array.from({ length: 1200 }, (_, i) => {
      const [a, c] = [100 + random.normal(), random.uint32() % 3];
      const isOne = c === 0 ? a > 100 : c === 1;
      return [i % 5 === 0 ? Number.NaN : a, i % 5 === 2 ? Number.NaN : c, isOne ? 1 : 0];
    });
    const cell = (value: number | undefined) => (Number.isNaN(value) ? "" : String(value));
    const lines = values.map(([a, c, y]) => `${cell(a)},${colours[c ?? 0] ?? ""},${y}`);
    const set = [
      'models.default.features=["a","c"]',
      'models.default.categorical={"c":["red","green","blue"]}',
      "models.default.classWeights=balanced",
    ];
    const args = ["evaluate", fileOf(`a,c,y\n${lines.join("\n")}\n`), "--delay", String(delay)];
    const evaluated = await rivuletJson<Evaluated>([...args, ...set.flatMap((key) => ["--set", key])]);
    const expected = predictions(values, defaultLearner(set), delay);
    expect(evaluated).toMatchObject({ samples: 1200, skipped: 0 });
    expect(evaluated.accuracy).toBeGreaterThan(0.7);
    // The weights are those of the steps: scores do not know them.
    const loss = values.map(([, , y], i) => -Math.log(y === 1 ? (expected[i] ?? 0) : 1 - (expected[i] ?? 0)));
    expect(evaluated.logLoss).toBeCloseTo(mean(loss), 9);
    expect(evaluated.baselines["logistic"]).toBeGreaterThan(evaluated.baselines["majority"] ?? 1);
  });

  it("starts from a model file, and tells where the error rose", async () => {
    const stable = Array.from({ length: 4000 }, (_, i) => {
      const a = Math.sin(i * 12.9898) * 2;
      return `${a},${Math.sin(i * 78.233)},${a > 0 === i < 3000 ? 1 : 0}`;
    });
    const model = join(temporaryFolder(), "model.json");
    writeFileSync(model, JSON.stringify(modelFileOf(new Learner(defaultLearner()))));
    const file = fileOf(`x1,x2,y\n${stable.join("\n")}\n`);
    const evaluated = await rivuletJson<Evaluated>(["evaluate", file, "--model", model]);
    expect(evaluated.driftsAt).toHaveLength(1);
    expect(evaluated.driftsAt[0]).toBeGreaterThan(3000);
    expect(evaluated.driftsAt[0]).toBeLessThan(3200);
    const { stdout } = await rivulet(["evaluate", file]);
    expect(stdout).toMatch(/accuracy +0\.9\d+ +0\.\d+ +0\.\d+\n/);
    expect(stdout).toContain("majority");
    expect(stdout).toContain("the error rose: seen after rows 3,0");
  });

  it.each([
    ["a delay that is none", ["--delay", "-1"], 64, "--delay"],
    ["a column that is not there", ["--label", "z"], 1, "no column"],
    ["a model that is not configured", ["--name", "other"], 64, "--name"],
  ])("refuses %s", async (_, args, code, message) => {
    const result = await rivulet(["evaluate", fileOf("x1,x2,y\n1,2,1\n"), ...args]);
    expect([result.code, result.stdout]).toEqual([code, ""]);
    expect(result.stderr).toContain(message);
  });
});
