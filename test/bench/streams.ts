// How well a configuration that nobody tuned learns streams of samples: each row is predicted, scored, and then learned, in
// the order of the file, once. The files are any CSVs of a folder, their last column the label; they are not ours to bring.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { parseConfig } from "../../src/daemon/config.ts";
import { learnerConfigOf } from "../../src/daemon/config-learner.ts";
import { Adaptation } from "../../src/evaluate/adaptation.ts";
import { MONITOR_DEFAULTS, Monitor } from "../../src/evaluate/monitor.ts";
import { Learner } from "../../src/learner/learner.ts";
import { inputsOf, type LearnerConfig, watchOf } from "../../src/learner/learner-config.ts";
import { Random } from "../../src/learner/random.ts";
import { goal } from "./report.ts";

export interface Stream {
  readonly name: string;
  readonly features: number;
  /** 0 where the label is a value. */
  readonly classes: number;
  readonly rows: number;
  /** (rows, features) row-major, and (rows). */
  readonly x: Float64Array;
  readonly y: Float64Array;
}

/** What was published of others' models, or measured of them, on the same rows: the best of them, and the accuracy. */
const BEST: Readonly<Record<string, readonly [string, number]>> = {
  bananas: ["Aggregated Mondrian Forest", 0.8894],
  phishing: ["Streaming Random Patches", 0.9135],
  "2cdt": ["throwaway MLP, Adagrad", 0.961],
  sea_50k: ["logistic regression", 0.8898],
};
/** What the default is to reach, and the plain network. */
const GOALS: Readonly<Record<string, readonly [ensemble: number, network: number]>> = {
  bananas: [0.896, 0.83],
  phishing: [0.905, 0.893],
  "2cdt": [0.9645, 0.96],
  sea_50k: [0.898, 0.887],
  "bananas + 8 of noise": [0.85, 0],
};
const PLAIN = new URL("../../config/plain.yaml", import.meta.url);
const SAMPLES_PER_SECOND = [40_000, 300_000] as const;
const STATE_BYTES = 200_000;

/** Reads `--data DIR`, `--seeds N`, `--only NAME` and `--plain`. */
export function streamOptions(args: readonly string[]) {
  const value = (name: string) => args[args.indexOf(name) + 1];
  const data = args.includes("--data") ? value("--data") : process.env["RIVULET_STREAMS"];
  return {
    data: data ?? "../shared/data",
    seeds: args.includes("--seeds") ? Number(value("--seeds")) : 20,
    only: args.includes("--only") ? (value("--only") ?? null) : null,
    plain: args.includes("--plain"),
  };
}

/** Reads every CSV of a folder. */
export function readStreams(folder: string): readonly Stream[] {
  if (!existsSync(folder)) return [];
  const files = readdirSync(folder).filter((file) => file.endsWith(".csv"));
  return files.sort().map((file) => readStream(join(folder, file)));
}

function readStream(path: string): Stream {
  const [header = "", ...lines] = readFileSync(path, "utf8").trim().split(/\r?\n/);
  const features = header.split(",").length - 1;
  const x = new Float64Array(lines.length * features);
  const y = new Float64Array(lines.length);
  for (const [r, line] of lines.entries()) {
    const cells = line.split(",").map(Number);
    x.set(cells.slice(0, features), r * features);
    y[r] = cells[features] ?? Number.NaN;
  }
  const whole = y.every((label) => Number.isInteger(label) && label >= 0 && label < 50);
  const classes = whole ? Math.max(2, 1 + y.reduce((most, label) => Math.max(most, label), 0)) : 0;
  return { name: basename(path, ".csv"), features, classes, rows: lines.length, x, y };
}

/** Adds columns to a stream: `draw` gives those of a row. */
export function widened(
  stream: Stream,
  name: string,
  columns: number,
  draw: (row: Float64Array) => readonly number[],
): Stream {
  const width = stream.features + columns;
  const x = new Float64Array(stream.rows * width);
  for (let r = 0; r < stream.rows; r++) {
    const row = stream.x.subarray(r * stream.features, (r + 1) * stream.features);
    x.set(row, r * width);
    x.set(draw(row), r * width + stream.features);
  }
  return { ...stream, name, features: width, x };
}

/** Makes streams of Bananas that are not as tidy. */
export function untidy(stream: Stream): readonly Stream[] {
  const random = new Random(5);
  const noisy = widened(stream, `${stream.name} + 8 of noise`, 8, () =>
    Array.from({ length: 8 }, () => random.normal()),
  );
  const constant = widened(stream, `${stream.name} + a constant`, 1, () => [3.25]);
  const millions = widened(stream, `${stream.name} + a column in the millions`, 1, ([x = 0]) => [5e6 + 1e3 * x]);
  const x = stream.x.slice();
  x[300 * stream.features] = 1e9;
  x[700 * stream.features + 1] = -1e7;
  return [noisy, constant, millions, { ...stream, name: `${stream.name} + two absurd values`, x }];
}

/** The configuration of a model that nobody touched, for a stream. */
export function configFor(stream: Stream, learner: "ensemble" | "network", seed: number): LearnerConfig {
  const { default: model } = parseConfig(learner === "network" ? readFileSync(PLAIN, "utf8") : null).models;
  if (model === undefined) throw new Error("a configuration has a model");
  return learnerConfigOf({
    ...model,
    features: Array.from({ length: stream.features }, (_, i) => `x${i + 1}`),
    classes: stream.classes > 2 ? Array.from({ length: stream.classes }, (_, k) => `c${k}`) : null,
    network: { ...model.network, loss: stream.classes === 0 ? "mse" : "cross-entropy", seed },
  });
}

export interface Outcome {
  /** Accuracy, or of values the mean absolute error. */
  readonly score: number;
  /** Of processor time. */
  readonly samplesPerSecond: number;
  readonly stateBytes: number;
  /** Of each member's own: mean losses of late. */
  readonly learner: Learner;
}

/** Predicts, scores and learns a stream, mini-batch by mini-batch, with all that a model does beside it. */
export function run(config: LearnerConfig, stream: Stream): Outcome {
  const learner = new Learner(config);
  const { engine, raw } = learner;
  const { detector, input, policy } = watchOf(config);
  const watch = { detector: detector === "none" ? null : detector, watch: input };
  const monitor =
    policy === "none" || policy === "event"
      ? null
      : new Monitor({ ...MONITOR_DEFAULTS, ...watch, classes: stream.classes, features: inputsOf(config) });
  const adaptation = new Adaptation(policy, config.features.length);
  const size = config.batch.size;
  let sum = 0;
  const from = process.cpuUsage();
  for (let at = 0; at < stream.rows; at += size) {
    const rows = Math.min(size, stream.rows - at);
    raw.set(stream.x.subarray(at * stream.features, (at + rows) * stream.features));
    engine.labels.set(stream.y.subarray(at, at + rows));
    learner.forward(rows);
    for (let r = 0; r < rows; r++) sum += scoreOf(learner, r, stream);
    const signal = monitor?.score(engine.inputs, engine.labels, engine.outputs, rows) ?? 0;
    if (monitor !== null) adaptation.before(learner, rows);
    learner.step(rows, monitor === null ? 1 : adaptation.rate);
    const reaction = monitor === null ? null : adaptation.after(learner, signal as never);
    if (reaction === "rollback" || reaction === "promotion") monitor?.resetDetector();
  }
  const { user, system } = process.cpuUsage(from);
  const outcome = {
    score: sum / stream.rows,
    samplesPerSecond: (stream.rows * 1e6) / (user + system),
    stateBytes: learner.save().length,
    learner,
  };
  learner.release();
  return outcome;
}

function scoreOf({ engine }: Learner, row: number, { classes }: Stream): number {
  const label = engine.labels[row] ?? Number.NaN;
  const output = (k: number) => engine.outputs[row * engine.outputCount + k] ?? Number.NaN;
  if (classes === 0) return Math.abs(output(0) - label);
  if (engine.outputCount === 1) return output(0) >= 0.5 === (label === 1) ? 1 : 0;
  let winner = 0;
  for (let k = 1; k < classes; k++) if (output(k) > output(winner)) winner = k;
  return winner === label ? 1 : 0;
}

export const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

/** Prints how the untouched default learns every stream of a folder, and Bananas with what is added to it. */
export function benchStreams(args: readonly string[] = []): void {
  const { data, seeds, only, plain } = streamOptions(args);
  const read = readStreams(data);
  if (read.length === 0) return console.log(`there is no CSV in ${data}; name a folder with --data`);
  const added = read.filter(({ name }) => name === "bananas").flatMap(untidy);
  const streams = [...read, ...added].filter(({ name }) => only === null || name === only);
  const learner = plain ? "network" : "ensemble";
  console.log(`${plain ? "config/plain.yaml" : "the untouched default"}, ${seeds} seeds, ${data}`);
  const columns = "accuracy        [least, most]  samples/s    state  best of others";
  console.log(`${"".padEnd(40)}${columns}`);
  for (const stream of streams) {
    const outcomes = Array.from({ length: seeds }, (_, s) => run(configFor(stream, learner, s + 1), stream));
    const scores = outcomes.map(({ score }) => score);
    const speed = mean(outcomes.map(({ samplesPerSecond }) => samplesPerSecond));
    const bytes = Math.max(...outcomes.map(({ stateBytes }) => stateBytes));
    const numbers = [
      mean(scores).toFixed(4),
      `[${Math.min(...scores).toFixed(4)}, ${Math.max(...scores).toFixed(4)}]`.padStart(21),
      Math.round(speed).toLocaleString("en-US").padStart(10),
      `${Math.round(bytes / 1000)} kB`.padStart(8),
    ];
    console.log(`${stream.name.padEnd(38)}${numbers.join(" ")}  ${verdict(stream, mean(scores), plain, speed, bytes)}`);
  }
}

function verdict(stream: Stream, score: number, plain: boolean, speed: number, bytes: number): string {
  const best = BEST[stream.name];
  const wanted = GOALS[stream.name]?.[plain ? 1 : 0];
  const isSmall = stream.features === 2;
  return [
    best === undefined ? "" : `${score > best[1] ? "beats" : "DOES NOT BEAT"} ${best[0]} ${best[1]}`,
    wanted === undefined || wanted === 0 ? "" : goal(Number(score.toFixed(4)), "≥", wanted),
    isSmall ? goal(speed, "≥", SAMPLES_PER_SECOND[plain ? 1 : 0]) : "",
    isSmall && !plain ? goal(bytes, "≤", STATE_BYTES) : "",
  ].join("");
}
