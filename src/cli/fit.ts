import { writeFileSync } from "node:fs";
import { setImmediate } from "node:timers/promises";
import { Command, Option } from "commander";
import { anyModelFileOf } from "../export/model-file.ts";
import { defaultEngine } from "../learner/engines.ts";
import type { Learner } from "../learner/learner.ts";
import { OPTIMIZERS, type OptimizerKind } from "../learner/optimizer.ts";
import { print } from "./context.ts";
import { type FileOptions, learnerForFile, type Training } from "./file-learner.ts";
import { optionsOf, positiveNumber, wholeNumber } from "./options.ts";
import { Progress } from "./progress.ts";
import { short } from "./table.ts";
import type { TrainingSet } from "./training-set.ts";

const ITERATIONS = 10_000;
/** The textbook's learning rate. */
const LEARNING_RATE = 0.01;
/** Time after which the loop looks at the event loop. */
const TURN_MS = 50;

interface Options extends FileOptions {
  readonly iterations?: number;
  readonly batchSize?: number | "full";
  readonly learningRate?: number;
  readonly optimizer?: OptimizerKind;
  readonly out?: string;
  readonly logEvery: number;
  readonly targetCost?: number;
}

interface Fitted {
  readonly iterations: number;
  readonly costs: readonly { readonly step: number; readonly cost: number }[];
  readonly seconds: number;
}

/** Trains on a CSV file in the textbook's loop: iteration k takes the k-th slice of the file, wrapping round. */
export function fitCommand(exit: (code: number) => void): Command {
  return new Command("fit")
    .description("train a network on a CSV file, in the textbook's loop")
    .argument("<file>", "CSV with a header")
    .option("--iterations <n>", `steps to train (default: ${ITERATIONS})`, wholeNumber("--iterations", 1))
    .option("--batch-size <n|full>", "rows of a step; full is the whole file (default: full)", batchSize)
    .option("--learning-rate <r>", `(default: ${LEARNING_RATE})`, positiveNumber("--learning-rate"))
    .addOption(new Option("--optimizer <kind>", "(default: sgd)").choices([...OPTIMIZERS]))
    .option("--model <file>", "start from this model file")
    .option("--out <file>", "write the trained network as a model file")
    .option("--log-every <n>", "report the cost each n steps", wholeNumber("--log-every", 1), 1000)
    .option("--target-cost <c>", "stop when the cost is this low", positiveNumber("--target-cost"))
    .option("--seed <s>", "of the initial parameters", wholeNumber("--seed", 0))
    .option("--features <names>", "columns to learn from, separated by commas", (text: string) => text.split(","))
    .option("--label <name>", "column to learn")
    .option("--json", "print JSON")
    .action(async (file: string, _, command: Command) => {
      const options = optionsOf<Options>(command);
      const { reason } = defaultEngine();
      if (reason !== null) process.stderr.write(`${reason}: training is several times slower\n`);
      const { learner, set } = learnerForFile(
        file,
        options,
        trainingOf(options),
        options.optimizer === undefined ? "by default" : "wanted",
      );
      const { fitted, reached } = await train(learner, set, options);
      if (options.out !== undefined) writeFileSync(options.out, `${JSON.stringify(anyModelFileOf(learner))}\n`);
      print(options, fitted, () => fittedText(fitted, set.rows, options));
      if (!reached) exit(1);
    });
}

/** Trains as the textbook does, unless a flag or an explicit configuration says otherwise. */
function trainingOf(options: Options): Training {
  return (learned, explicit, rows) => {
    const kind = options.optimizer ?? (explicit ? learned.optimizer.kind : "sgd");
    const same = explicit && kind === learned.optimizer.kind;
    const given = same ? learned.optimizer : { kind, learningRate: kind === "ekf" ? 1 : LEARNING_RATE };
    const size = options.batchSize ?? (explicit ? learned.batch.size : "full");
    return {
      optimizer: { ...given, learningRate: options.learningRate ?? given.learningRate },
      batch: { size: size === "full" ? rows : Math.min(size, rows) },
    };
  };
}

async function train(
  learner: Learner,
  set: TrainingSet,
  options: Options,
): Promise<{ fitted: Fitted; reached: boolean }> {
  const { engine, raw, config } = learner;
  const iterations = options.iterations ?? ITERATIONS;
  const size = config.batch.size;
  const width = set.features.length;
  const costs: { step: number; cost: number }[] = [];
  const progress = new Progress();
  let interrupted = false;
  const interrupt = () => {
    interrupted = true;
  };
  process.once("SIGINT", interrupt);
  const startedAt = performance.now();
  let turnAt = startedAt;
  let at = 0;
  let step = 0;
  let reached = options.targetCost === undefined;
  while (step < iterations && !interrupted) {
    step++;
    const rows = Math.min(size, set.rows - at);
    raw.set(set.x.subarray(at * width, (at + rows) * width));
    engine.labels.set(set.y.subarray(at, at + rows));
    at = (at + rows) % set.rows;
    learner.step(rows);
    reached ||= options.targetCost !== undefined && engine.cost <= options.targetCost;
    const last = step === iterations || (reached && options.targetCost !== undefined);
    if (step === 1 || step % options.logEvery === 0 || last) {
      costs.push({ step, cost: engine.cost });
      if (options.json !== true) process.stdout.write(`step ${String(step).padStart(8)}  cost ${engine.cost}\n`);
    }
    if (last) break;
    const now = performance.now();
    if (now - turnAt < TURN_MS) continue;
    turnAt = now;
    progress.show(`step ${short(step)} of ${short(iterations)}, cost ${short(engine.cost)}`);
    await setImmediate();
  }
  process.off("SIGINT", interrupt);
  progress.end();
  return { fitted: { iterations: step, costs, seconds: (performance.now() - startedAt) / 1000 }, reached };
}

function fittedText({ iterations, seconds }: Fitted, rows: number, { out }: Options): string {
  const rate = seconds > 0 ? `, ${short(Math.round(iterations / seconds))} steps a second` : "";
  return `${short(iterations)} steps over ${short(rows)} rows in ${seconds.toFixed(2)} s${rate}${out === undefined ? "" : `; the network is in ${out}`}`;
}

function batchSize(text: string): number | "full" {
  return text === "full" ? "full" : wholeNumber("--batch-size", 1)(text);
}
