import { setImmediate } from "node:timers/promises";
import { Command } from "commander";
import { Adaptation } from "../evaluate/adaptation.ts";
import { DRIFT } from "../evaluate/detector.ts";
import { MONITOR_DEFAULTS, Monitor, type MonitorReading } from "../evaluate/monitor.ts";
import { defaultEngine } from "../learner/engines.ts";
import type { Learner } from "../learner/learner.ts";
import { inputsOf, watchOf } from "../learner/learner-config.ts";
import { print } from "./context.ts";
import { type FileOptions, learnerForFile } from "./file-learner.ts";
import { optionsOf, wholeNumber } from "./options.ts";
import { Progress } from "./progress.ts";
import { bytes, type Cell, short, table } from "./table.ts";
import type { TrainingSet } from "./training-set.ts";

/** Time after which the loop looks at the event loop. */
const TURN_MS = 50;

const CLASS_METRICS = [
  ...(["accuracy", "balancedAccuracy", "logLoss", "brier", "auc"] as const),
  ...(["f1", "kappa", "kappaTemporal", "mcc"] as const),
];
const CLASS_BASELINES = ["majority", "lastClass", "logistic"] as const;
const VALUE_METRICS = ["mae", "rmse", "r2"] as const;
const VALUE_BASELINES = ["mean", "lastValue"] as const;

interface Options extends FileOptions {
  readonly delay: number;
}

interface Evaluated {
  readonly reading: MonitorReading;
  /** Rows, counted from 1, after which the detector told a drift. */
  readonly driftsAt: readonly number[];
  readonly samplesPerSecond: number;
  /** Of the learner. */
  readonly stateBytes: number;
}

/** Tests, then trains, on each row of a CSV file in its order, and tells how good the predictions were. */
export function evaluateCommand(): Command {
  return new Command("evaluate")
    .description("predict each row of a CSV file, score the prediction, then learn the row (prequential evaluation)")
    .argument("<file>", "CSV with a header")
    .option("--delay <n>", "rows that are asked before a row's label comes", wholeNumber("--delay", 0), 0)
    .option("--name <model>", "which model of the configuration (default: the only one)")
    .option("--model <file>", "start from this model file")
    .option("--seed <s>", "of the initial parameters", wholeNumber("--seed", 0))
    .option("--features <names>", "columns to learn from, separated by commas", (text: string) => text.split(","))
    .option("--label <name>", "column to learn")
    .option("--json", "print JSON")
    .action(async (file: string, _, command: Command) => {
      const options = optionsOf<Options>(command);
      const { reason } = defaultEngine();
      if (reason !== null) process.stderr.write(`${reason}: training is several times slower\n`);
      const { learner, set } = learnerForFile(file, options, ({ optimizer, batch }) => ({ optimizer, batch }));
      const evaluated = await evaluate(learner, set, options.delay);
      print(options, evaluatedJson(evaluated), () => evaluatedText(evaluated));
    });
}

/**
 * Goes through the rows. The label of row i comes when row i + delay has been asked; a mini-batch is trained when its last
 * label has come. Each row is predicted by the state as it stood when the row was asked, and scored when its batch is
 * complete, with that prediction. A drift is met as the model's policy wants it.
 */
async function evaluate(learner: Learner, set: TrainingSet, delay: number): Promise<Evaluated> {
  const { rows, x, y } = set;
  const { engine, raw, config } = learner;
  const width = set.features.length;
  const size = config.batch.size;
  const outputs = new Float64Array(rows * engine.outputCount);
  const monitor = monitorOf(learner);
  const adaptation = new Adaptation(watchOf(config).policy, width);
  const driftsAt: number[] = [];
  const turn = turns();
  const startedAt = performance.now();
  let asked = 0;
  for (let from = 0; from < rows && !turn.interrupted(); from += size) {
    const count = Math.min(size, rows - from);
    for (const until = Math.min(rows, from + count + delay); asked < until; ) {
      const block = Math.min(size, until - asked);
      raw.set(x.subarray(asked * width, (asked + block) * width));
      learner.forward(block);
      outputs.set(engine.outputs.subarray(0, block * engine.outputCount), asked * engine.outputCount);
      asked += block;
    }
    raw.set(x.subarray(from * width, (from + count) * width));
    engine.labels.set(y.subarray(from, from + count));
    engine.outputs.set(outputs.subarray(from * engine.outputCount, (from + count) * engine.outputCount));
    learner.encode(count);
    const signal = monitor.score(engine.inputs, engine.labels, engine.outputs, count);
    if (signal === DRIFT) driftsAt.push(monitor.read().drift.lastDriftAt);
    adaptation.before(learner, count);
    learner.step(count, adaptation.rate);
    const reaction = adaptation.after(learner, signal);
    if (reaction === "rollback" || reaction === "promotion") monitor.resetDetector();
    await turn.take(() => `${short(from + count)} of ${short(rows)} rows, ${progressOf(monitor.read())}`);
  }
  turn.end();
  const seconds = (performance.now() - startedAt) / 1000;
  const reading = monitor.read();
  return { reading, driftsAt, samplesPerSecond: reading.samples / seconds, stateBytes: learner.save().length };
}

/** Scores in any case: that is what is asked for. */
function monitorOf({ config }: Learner): Monitor {
  const classes = config.network.loss === "mse" ? 0 : Math.max(2, config.classes?.length ?? 0);
  const { detector, input } = watchOf(config);
  const watch = { detector: detector === "none" ? null : detector, watch: input };
  return new Monitor({ ...MONITOR_DEFAULTS, ...watch, classes, features: inputsOf(config) });
}

/** Lets the event loop in from time to time, for Ctrl-C and the line that shows how far it is. */
function turns() {
  const progress = new Progress();
  let turnAt = performance.now();
  let interrupted = false;
  const interrupt = () => {
    interrupted = true;
  };
  process.once("SIGINT", interrupt);
  return {
    interrupted: () => interrupted,
    async take(line: () => string): Promise<void> {
      if (performance.now() - turnAt < TURN_MS) return;
      progress.show(line());
      await setImmediate();
      turnAt = performance.now();
    },
    end(): void {
      process.off("SIGINT", interrupt);
      progress.end();
    },
  };
}

function progressOf(reading: MonitorReading): string {
  return reading.kind === "classes"
    ? `accuracy ${short(reading.accuracy)}`
    : `mean absolute error ${short(reading.mae)}`;
}

function evaluatedJson({ reading, driftsAt, samplesPerSecond, stateBytes }: Evaluated): unknown {
  const { kind: _, drift: __, ...scored } = reading;
  return { ...scored, driftsAt, samplesPerSecond, stateBytes };
}

function evaluatedText({ reading, driftsAt, samplesPerSecond, stateBytes }: Evaluated): string {
  const { samples, skipped, window } = reading;
  const lines = [
    table(["", "all rows", `newest ${short(window.samples)}`, "fading"], metricRows(reading)),
    "",
    `${short(samples)} rows, ${short(Math.round(samplesPerSecond))} a second; the learner's state has ${bytes(stateBytes)}`,
  ];
  if (reading.kind === "classes") lines.push("auc is that of the newest rows throughout");
  if (skipped > 0) lines.push(`${short(skipped)} predictions were not finite and are not scored`);
  if (driftsAt.length > 0) lines.push(`the error rose: seen after rows ${driftsAt.map(short).join(", ")}`);
  return lines.join("\n");
}

/** Lists the metrics, then what the baselines reach in the first of them. */
function metricRows(reading: MonitorReading): readonly (readonly Cell[])[] {
  if (reading.kind === "classes") {
    const spans = [reading, reading.window, reading.fading];
    return [
      ...CLASS_METRICS.map((name) => [name, ...spans.map((span) => digits(span[name]))]),
      ...CLASS_BASELINES.map((name) => [`  ${name}`, ...spans.map(({ baselines }) => digits(baselines[name]))]),
    ];
  }
  const spans = [reading, reading.window, reading.fading];
  return [
    ...VALUE_METRICS.map((name) => [name, ...spans.map((span) => digits(span[name]))]),
    ...VALUE_BASELINES.map((name) => [`  ${name}`, ...spans.map(({ baselines }) => digits(baselines[name]))]),
  ];
}

function digits(value: number | null): Cell {
  return value === null ? null : value.toPrecision(5);
}
