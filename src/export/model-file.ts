// The model file: a trained network as JSON, for exchange with other programs. It carries no moments and no generator:
// training goes on from it, but not bit for bit. Refuses anything that is not just what the format says.

import { RivuletError } from "../error.ts";
import type { EngineChoice } from "../learner/engines.ts";
import { Learner } from "../learner/learner.ts";
import { type Categorical, inputsOf, type LearnerConfig, outputsOf } from "../learner/learner-config.ts";
import { ACTIVATIONS, LOSSES, type Loss, OUTPUTS, type OutputActivation } from "../learner/topology.ts";

const FORMAT = "rivulet-model";
const VERSION = 1;
const UNITS_MAX = 65_536;
/** Far below where adding 1 to a count no longer changes it. */
const SCALER_COUNT_MAX = 1e15;

export interface ModelFileLayer {
  /** (units, inputs): weights[j][i] leads from unit i to unit j. */
  readonly weights: readonly (readonly number[])[];
  /** (units). */
  readonly biases: readonly number[];
  readonly activation: OutputActivation;
}

export interface ModelFile {
  readonly format: typeof FORMAT;
  readonly version: typeof VERSION;
  readonly features: readonly string[];
  readonly label: string;
  /** Names of the classes, where they have some; more than two have an output each. */
  readonly classes?: readonly string[];
  /** Features that are no numbers: their categories, each an input, or the number of inputs that texts are hashed to. */
  readonly categorical?: Categorical;
  readonly loss: Loss;
  readonly layers: readonly ModelFileLayer[];
  /** Statistics of the inputs (I), those of categories being 0 and 1; without a count they never change. */
  readonly scaler: {
    readonly mean: readonly number[];
    readonly std: readonly number[];
    readonly count?: number;
  } | null;
  /** Means of the inputs (I) for what is missing, where no scaler has them. */
  readonly means?: readonly number[];
}

/** Writes what a learner has learned. */
export function modelFileOf(learner: Learner): ModelFile {
  const { config, engine } = learner;
  const { parameters, layout, scaler } = engine;
  return {
    format: FORMAT,
    version: VERSION,
    features: config.features,
    label: config.label,
    ...(config.classes === null ? {} : { classes: config.classes }),
    ...(config.categorical === undefined ? {} : { categorical: config.categorical }),
    loss: config.network.loss,
    layers: layout.layers.map(({ inputs, units, activation, weightsOffset, biasesOffset }) => ({
      weights: Array.from({ length: units }, (_, j) =>
        Array.from({ length: inputs }, (_, i) => parameters[weightsOffset + i * units + j] ?? Number.NaN),
      ),
      biases: [...parameters.subarray(biasesOffset, biasesOffset + units)],
      activation,
    })),
    scaler:
      scaler === null
        ? null
        : { mean: [...scaler.mean], std: [...scaler.std], ...(scaler.frozen ? {} : { count: scaler.count }) },
    ...(learner.means === null ? {} : { means: [...learner.means] }),
  };
}

/** Makes a learner that starts from a model file; the file decides on everything but how to train. */
export function learnerOf(
  file: ModelFile,
  training: Pick<LearnerConfig, "optimizer" | "batch" | "precision" | "classWeights">,
  engine: EngineChoice = "auto",
): Learner {
  const config: LearnerConfig = {
    features: file.features,
    label: file.label,
    classes: file.classes ?? null,
    ...(file.categorical === undefined ? {} : { categorical: file.categorical }),
    network: {
      hidden: file.layers.slice(0, -1).map((layer) => layer.biases.length),
      activation: file.layers.slice(0, -1).map((layer) => choiceAt(layer.activation, ACTIVATIONS, "activation")),
      output: file.layers.at(-1)?.activation ?? "identity",
      loss: file.loss,
      init: "he",
      seed: 1,
    },
    scale: file.scaler === null ? "none" : "standard",
    ...training,
  };
  const learner = new Learner(config, engine);
  const { parameters, layout } = learner.engine;
  layout.layers.forEach(({ units, weightsOffset, biasesOffset }, l) => {
    const layer = file.layers[l];
    layer?.weights.forEach((row, j) => {
      row.forEach((weight, i) => {
        parameters[weightsOffset + i * units + j] = weight;
      });
    });
    parameters.set(layer?.biases ?? [], biasesOffset);
  });
  const { scaler, means } = file;
  if (scaler !== null) learner.importStatistics(scaler.mean, scaler.std, scaler.count ?? null);
  else if (means !== undefined) {
    const ones = means.map(() => 1);
    learner.importStatistics(means, ones, null);
  }
  return learner;
}

/** Reads a model file. Throws `model-file-invalid`, naming the first place that is wrong. */
export function parseModelFile(text: string): ModelFile {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw invalid("it is no JSON", cause);
  }
  return readModelFile(json);
}

/** Reads a model file that was parsed. Throws `model-file-invalid`. */
export function readModelFile(json: unknown): ModelFile {
  const file = objectAt(json, "the file");
  if (file["format"] !== FORMAT) throw invalid(`format is ${show(file["format"])} where "${FORMAT}" belongs`);
  if (file["version"] !== VERSION) throw invalid(`version is ${show(file["version"])}; this program reads ${VERSION}`);
  const features = namesAt(file["features"], "features");
  const label = file["label"];
  if (typeof label !== "string" || label === "") throw invalid(`label is ${show(label)} where a name belongs`);
  const loss = choiceAt(file["loss"], LOSSES, "loss");
  const layers = arrayAt(file["layers"], "layers");
  if (layers.length === 0) throw invalid("layers is empty");
  const categorical = file["categorical"] == null ? {} : { categorical: categoricalAt(file["categorical"], features) };
  let inputs = inputsOf({ features, ...categorical });
  const parsed = layers.map((value, l) => {
    const layer = layerAt(value, inputs, `layers[${l}]`);
    inputs = layer.biases.length;
    return layer;
  });
  const classes = file["classes"] == null ? null : namesAt(file["classes"], "classes");
  if (classes !== null && (classes.length < 2 || loss === "mse"))
    throw invalid("classes are two or more, and need cross-entropy");
  const outputs = outputsOf({ classes });
  if (inputs !== outputs)
    throw invalid(`the last layer has ${inputs} units where ${outputs === 1 ? "one belongs" : `${outputs} belong`}`);
  const head = parsed.at(-1)?.activation;
  const wanted = outputs > 1 ? "softmax" : "sigmoid";
  if (loss === "cross-entropy" && head !== wanted) throw invalid(`cross-entropy needs a ${wanted} output, not ${head}`);
  if (parsed.some(({ activation }, l) => activation === "softmax" && (l < parsed.length - 1 || outputs === 1))) {
    throw invalid("softmax belongs to the last layer, of more than two classes");
  }
  const width = inputsOf({ features, ...categorical });
  const scaler = file["scaler"] == null ? null : scalerAt(file["scaler"], width);
  const means = file["means"] == null ? {} : { means: numbersAt(file["means"], "means", width) };
  if (scaler !== null && file["means"] != null) throw invalid("means are there beside a scaler, which has them");
  const named = { ...(classes === null ? {} : { classes }), ...categorical };
  return { format: FORMAT, version: VERSION, features, label, ...named, loss, layers: parsed, scaler, ...means };
}

function categoricalAt(value: unknown, features: readonly string[]): Categorical {
  const entries = Object.entries(objectAt(value, "categorical")).map(([name, given]) => {
    if (!features.includes(name)) throw invalid(`categorical has ${show(name)}, which is no feature`);
    const path = `categorical.${name}`;
    if (typeof given !== "number") return [name, namesAt(given, path)] as const;
    if (Number.isInteger(given) && given >= 1 && given <= UNITS_MAX) return [name, given] as const;
    throw invalid(`${path} is ${given}; 1 to ${UNITS_MAX} inputs are allowed`);
  });
  return Object.fromEntries(entries);
}

function layerAt(value: unknown, inputs: number, path: string): ModelFileLayer {
  const layer = objectAt(value, path);
  const biases = numbersAt(layer["biases"], `${path}.biases`);
  const weights = arrayAt(layer["weights"], `${path}.weights`);
  if (biases.length === 0 || biases.length > UNITS_MAX)
    throw invalid(`${path}.biases has ${biases.length} numbers; 1 to ${UNITS_MAX} are allowed`);
  if (weights.length !== biases.length)
    throw invalid(`${path}.weights has ${weights.length} rows where ${biases.length} belong, one a bias`);
  return {
    weights: weights.map((row, j) => numbersAt(row, `${path}.weights[${j}]`, inputs)),
    biases,
    activation: choiceAt(layer["activation"], OUTPUTS, `${path}.activation`),
  };
}

function scalerAt(value: unknown, features: number): NonNullable<ModelFile["scaler"]> {
  const scaler = objectAt(value, "scaler");
  const mean = numbersAt(scaler["mean"], "scaler.mean", features);
  const std = numbersAt(scaler["std"], "scaler.std", features);
  if (std.some((deviation) => !(deviation > 0))) throw invalid("scaler.std has a number that is not above 0");
  const count = scaler["count"];
  if (count == null) return { mean, std };
  if (typeof count !== "number" || !Number.isInteger(count) || count < 0 || count > SCALER_COUNT_MAX) {
    throw invalid(`scaler.count is ${show(count)} where a whole number from 0 to ${SCALER_COUNT_MAX} belongs`);
  }
  return { mean, std, count };
}

function objectAt(value: unknown, path: string): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw invalid(`${path} is no object`);
  return value as Record<string, unknown>;
}

function arrayAt(value: unknown, path: string): readonly unknown[] {
  if (!Array.isArray(value)) throw invalid(`${path} is no array`);
  return value;
}

function namesAt(value: unknown, path: string): readonly string[] {
  const names = arrayAt(value, path).map((name) => {
    if (typeof name !== "string" || name === "") throw invalid(`${path} has ${show(name)} where a name belongs`);
    return name;
  });
  if (names.length === 0) throw invalid(`${path} is empty`);
  if (new Set(names).size !== names.length) throw invalid(`${path} has a name twice`);
  return names;
}

function numbersAt(value: unknown, path: string, length?: number): readonly number[] {
  const numbers = arrayAt(value, path).map((number, i) => {
    if (typeof number !== "number" || !Number.isFinite(number))
      throw invalid(`${path}[${i}] is ${show(number)} where a finite number belongs`);
    return number;
  });
  if (length !== undefined && numbers.length !== length)
    throw invalid(`${path} has ${numbers.length} numbers where ${length} belong`);
  return numbers;
}

function choiceAt<T extends string>(value: unknown, choices: readonly T[], path: string): T {
  const choice = choices.find((candidate) => candidate === value);
  if (choice === undefined) throw invalid(`${path} is ${show(value)}; allowed are ${choices.join(", ")}`);
  return choice;
}

function show(value: unknown): string {
  return value === undefined ? "absent" : JSON.stringify(value).slice(0, 80);
}

function invalid(what: string, cause?: unknown): RivuletError {
  return new RivuletError("model-file-invalid", `the model file is not valid: ${what}`, {
    hint: "The format stands in the README under “Model file”.",
    cause,
  });
}
