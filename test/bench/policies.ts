import { Adaptation, DRIFT_POLICIES, type DriftPolicy } from "../../src/evaluate/adaptation.ts";
import { MONITOR_DEFAULTS, Monitor } from "../../src/evaluate/monitor.ts";
import { Learner } from "../../src/learner/learner.ts";
import type { LearnerConfig } from "../../src/learner/learner-config.ts";
import { Random } from "../../src/learner/random.ts";
import { type StreamKind, streamRows } from "../../src/sample/streams.ts";
import { median } from "./report.ts";

const SEEDS = 20;
const ROWS = 20_000;
/** Rows between two flips of the streams. */
const CONCEPT_ROWS = 5000;
const BATCH = 4;
/** Recovered is the first window of so many rows that is nearly as good as the last BEFORE rows before the flip. */
const WINDOW = 500;
const BEFORE = 2000;
const NEARLY = 0.01;

type Optimizer = LearnerConfig["optimizer"];

const DEFAULT: Optimizer = { kind: "adagrad", learningRate: 0.3 };
const contenders: readonly (readonly [name: string, optimizer: Optimizer, policy: DriftPolicy])[] = [
  ["plain SGD at 0.1, none", { kind: "sgd", learningRate: 0.1 }, "none"],
  ["plain SGD at 0.01, none", { kind: "sgd", learningRate: 0.01 }, "none"],
  ...DRIFT_POLICIES.map((policy): readonly [string, Optimizer, DriftPolicy] => [
    `the default, ${policy}`,
    DEFAULT,
    policy,
  ]),
];

/** Measures what each policy does for a model whose stream flips, and what it costs where the stream does not. */
export function benchPolicies(): void {
  for (const kind of ["sine", "sea"] as const) {
    console.log(`\n${kind}, flips after ${CONCEPT_ROWS} rows, mean of ${SEEDS} seeds: accuracy; rows until recovered`);
    console.log(`${"".padEnd(28)} accuracy    1st: mean, median    2nd: mean, median    3rd: mean, median`);
    for (const [name, optimizer, policy] of contenders) tellFlips(name, kind, optimizer, policy);
  }
  console.log(`\ncircle, which never changes, mean of ${SEEDS} seeds: accuracy`);
  for (const [name, optimizer, policy] of contenders) {
    const accuracies = seeds().map((seed) => share(run("circle", seed, optimizer, policy), 0, ROWS));
    console.log(`${name.padEnd(28)} ${mean(accuracies).toFixed(4).padStart(8)}`);
  }
}

function tellFlips(name: string, kind: StreamKind, optimizer: Optimizer, policy: DriftPolicy): void {
  const rights = seeds().map((seed) => run(kind, seed, optimizer, policy));
  const cells = [1, 2, 3].map((flip) => {
    const rows = rights.map((right) => recovery(right, flip * CONCEPT_ROWS));
    return `${mean(rows).toFixed(0).padStart(10)} ${median(rows).toFixed(0).padStart(7)}`;
  });
  const accuracy = mean(rights.map((right) => share(right, 0, ROWS))).toFixed(4);
  console.log(`${name.padEnd(28)} ${accuracy.padStart(8)}   ${cells.join("    ")}`);
}

/** Runs a model over a stream as the daemon does; (ROWS) 1 where its class was right. */
function run(kind: StreamKind, seed: number, optimizer: Optimizer, policy: DriftPolicy): Uint8Array {
  const features = kind === "sea" ? ["x1", "x2", "x3"] : ["x1", "x2"];
  const network = { hidden: [32], activation: ["relu"], output: "sigmoid", loss: "cross-entropy", init: "he" } as const;
  const learner = new Learner({
    ...{ features, label: "y", classes: null, network: { ...network, seed }, scale: "standard", optimizer },
    batch: { size: BATCH },
  });
  const { engine } = learner;
  const monitor = new Monitor({ ...MONITOR_DEFAULTS, classes: 2, features: features.length });
  const adaptation = new Adaptation(policy, features.length);
  const stream = streamRows(kind, features.length, new Random(seed));
  const right = new Uint8Array(ROWS);
  for (let row = 0; row < ROWS; row += BATCH) {
    for (let r = 0; r < BATCH; r++) {
      const { value } = stream.next();
      learner.raw.set(value.features, r * features.length);
      engine.labels[r] = value.label;
    }
    learner.forward(BATCH);
    for (let r = 0; r < BATCH; r++) {
      right[row + r] = (engine.outputs[r] ?? 0) >= 0.5 === (engine.labels[r] === 1) ? 1 : 0;
    }
    const signal = monitor.score(engine.inputs, engine.labels, engine.outputs, BATCH);
    adaptation.before(learner, BATCH);
    learner.step(BATCH, adaptation.rate);
    const reaction = adaptation.after(learner, signal);
    if (reaction === "rollback" || reaction === "promotion") monitor.resetDetector();
  }
  adaptation.release();
  learner.release();
  return right;
}

/** Counts the rows from a flip to the first window that is nearly as good as before. */
function recovery(right: Uint8Array, flip: number): number {
  const wanted = share(right, flip - BEFORE, flip) - NEARLY;
  let from = flip;
  while (from + WINDOW < flip + CONCEPT_ROWS && share(right, from, from + WINDOW) < wanted) from++;
  return from - flip;
}

function share(right: Uint8Array, from: number, to: number): number {
  let sum = 0;
  for (let row = from; row < to; row++) sum += right[row] ?? 0;
  return sum / (to - from);
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function seeds(): readonly number[] {
  return Array.from({ length: SEEDS }, (_, s) => s + 1);
}
