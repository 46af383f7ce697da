import { writeFileSync } from "node:fs";
import { setImmediate } from "node:timers/promises";
import { Command, Option } from "commander";
import { learnerConfigJson, type ModelConfig } from "../daemon/config.ts";
import { RivuletError } from "../error.ts";
import { learnerOf, modelFileOf, parseModelFile } from "../export/model-file.ts";
import { defaultEngine } from "../learner/engines.ts";
import { Learner } from "../learner/learner.ts";
import type { LearnerConfig } from "../learner/learner-config.ts";
import { OPTIMIZERS, type OptimizerKind } from "../learner/optimizer.ts";
import { configOf, type GlobalOptions, print } from "./context.ts";
import { optionsOf, positiveNumber, wholeNumber } from "./options.ts";
import { Progress } from "./progress.ts";
import { short } from "./table.ts";
import { readText, readTrainingSet, type TrainingSet } from "./training-set.ts";

const ITERATIONS = 10_000;
/** The textbook's learning rate. */
const LEARNING_RATE = 0.01;
/** Time after which the loop looks at the event loop. */
const TURN_MS = 50;

interface Options extends GlobalOptions {
  readonly iterations?: number;
  readonly batchSize?: number | "full";
  readonly learningRate?: number;
  readonly optimizer?: OptimizerKind;
  readonly model?: string;
  readonly out?: string;
  readonly logEvery: number;
  readonly targetCost?: number;
  readonly seed?: number;
  readonly features?: readonly string[];
  readonly label?: string;
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
      const { learner, set } = prepare(file, options);
      const { fitted, reached } = await train(learner, set, options);
      if (options.out !== undefined) writeFileSync(options.out, `${JSON.stringify(modelFileOf(learner))}\n`);
      print(options, fitted, () => fittedText(fitted, set.rows, options));
      if (!reached) exit(1);
    });
}

/** Reads the file and makes the learner, by the precedence that DESIGN §5 gives to flags, model file, config and header. */
function prepare(file: string, options: Options): { learner: Learner; set: TrainingSet } {
  const explicit =
    options.config !== undefined || process.env["RIVULET_CONFIG"] !== undefined || options.set.length > 0;
  const config = modelConfig(options);
  const learned = JSON.parse(learnerConfigJson(config).json) as LearnerConfig;
  const start = options.model === undefined ? null : parseModelFile(readText(options.model));
  const source = start ?? (explicit ? learned : null);
  const set = readTrainingSet(file, {
    features: options.features ?? source?.features ?? null,
    label: options.label ?? source?.label ?? null,
    classes: start === null && explicit ? learned.classes : null,
    loss: start?.loss ?? learned.network.loss,
  });
  const kind = options.optimizer ?? (explicit ? learned.optimizer.kind : "sgd");
  const given = explicit && kind === learned.optimizer.kind ? learned.optimizer : { kind, learningRate: LEARNING_RATE };
  const size = options.batchSize ?? (explicit ? learned.batch.size : "full");
  const training = {
    optimizer: { ...given, learningRate: options.learningRate ?? given.learningRate },
    batch: { size: size === "full" ? set.rows : Math.min(size, set.rows) },
  };
  if (start !== null) {
    if (start.features.length !== set.features.length) {
      throw new RivuletError(
        "usage",
        `the model has ${start.features.length} features, --features names ${set.features.length}`,
      );
    }
    return { learner: learnerOf({ ...start, features: set.features, label: set.label }, training), set };
  }
  const network = options.seed === undefined ? learned.network : { ...learned.network, seed: options.seed };
  const learner = new Learner({ ...learned, ...training, network, features: set.features, label: set.label });
  return { learner, set };
}

function modelConfig(options: Options): ModelConfig {
  const { models } = configOf(options);
  const names = Object.keys(models);
  const name = options.name ?? (names.length === 1 ? names[0] : undefined);
  const model = name === undefined ? undefined : models[name];
  if (model === undefined) {
    throw new RivuletError("usage", `the configuration has the models ${names.join(", ")}`, {
      hint: "Choose one with --name.",
    });
  }
  return model;
}

async function train(
  learner: Learner,
  set: TrainingSet,
  options: Options,
): Promise<{ fitted: Fitted; reached: boolean }> {
  const { engine, config } = learner;
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
    engine.inputs.set(set.x.subarray(at * width, (at + rows) * width));
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
