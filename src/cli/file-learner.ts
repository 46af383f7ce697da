// The learner and the rows of a command that works on a CSV file, by the precedence of flags, model file, configuration
// and header.

import { learnerConfigJson, type ModelConfig } from "../daemon/config.ts";
import { RivuletError } from "../error.ts";
import { type AnyModelFile, learnerOf, parseAnyModelFile } from "../export/model-file.ts";
import { defaultMembers } from "../learner/ensemble/members.ts";
import { Learner } from "../learner/learner.ts";
import { type Categorical, categoriesOf, inputsOf, type LearnerConfig, outputsOf } from "../learner/learner-config.ts";
import { configOf, type GlobalOptions } from "./context.ts";
import { readText, readTrainingSet, type TrainingSet } from "./training-set.ts";

export interface FileOptions extends GlobalOptions {
  readonly model?: string;
  readonly seed?: number;
  readonly features?: readonly string[];
  readonly label?: string;
}

/** Chooses how to train; `explicit` tells whether the configuration was named or changed by who gave the command. */
export type Training = (
  learned: LearnerConfig,
  explicit: boolean,
  rows: number,
) => Pick<LearnerConfig, "optimizer" | "batch">;

/** Reads the file and makes the learner. Throws `usage`, `csv-invalid`, `file-unreadable`, `model-file-invalid`. */
export function learnerForFile(
  file: string,
  options: FileOptions,
  trainingOf: Training,
  network: "wanted" | "by default" | "if configured" = "if configured",
): { readonly learner: Learner; readonly set: TrainingSet } {
  const explicit =
    options.config !== undefined || process.env["RIVULET_CONFIG"] !== undefined || options.set.length > 0;
  const start = options.model === undefined ? null : parseAnyModelFile(readText(options.model));
  const config = modelConfig(options);
  const isNetwork = network === "wanted" || (network === "by default" && !explicit) || start?.version === 1;
  const learned = JSON.parse(
    learnerConfigJson(isNetwork ? { ...config, learner: "network" } : config).json,
  ) as LearnerConfig;
  const source = start ?? (explicit ? learned : null);
  const names = options.features ?? source?.features ?? null;
  const categorical = start === null ? learned.categorical : renamed(start, names ?? []);
  const categories = categorical === undefined ? {} : { categorical };
  const set = readTrainingSet(file, {
    features: names,
    label: options.label ?? source?.label ?? null,
    classes: start === null && explicit ? learned.classes : null,
    loss: start?.loss ?? learned.network.loss,
    categories: names === null ? [] : categoriesOf({ features: names, ...categories }),
    mayMiss: start !== null || learned.missing !== "refuse",
  });
  const { classWeights, averaging, replay } = learned;
  const training = {
    ...trainingOf(learned, explicit, set.rows),
    ...(classWeights && { classWeights }),
    ...(averaging && { averaging }),
    ...(replay && { replay }),
  };
  if (start !== null) {
    if (start.features.length !== set.features.length) {
      throw new RivuletError(
        "usage",
        `the model has ${start.features.length} features, --features names ${set.features.length}`,
      );
    }
    const renamedStart = { ...start, features: set.features, label: set.label, ...categories };
    return { learner: learnerOf(renamedStart, training), set };
  }
  const seeded = options.seed === undefined ? learned.network : { ...learned.network, seed: options.seed };
  const named = { ...learned, network: seeded, features: set.features, label: set.label };
  return { learner: new Learner({ ...suited(named), ...training }), set };
}

/** Makes the members of an ensemble those that suit the inputs which the file has. */
function suited(learned: LearnerConfig): LearnerConfig {
  if (learned.ensemble === undefined) return learned;
  return { ...learned, ensemble: defaultMembers(inputsOf(learned), outputsOf(learned)) };
}

/** Gives what of a model file's features are categories the names that they have in the CSV file. */
function renamed({ features, categorical }: AnyModelFile, names: readonly string[]): Categorical | undefined {
  if (categorical === undefined) return undefined;
  const entries = Object.entries(categorical).map(([name, given]) => [names[features.indexOf(name)] ?? name, given]);
  return Object.fromEntries(entries);
}

function modelConfig(options: GlobalOptions): ModelConfig {
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
