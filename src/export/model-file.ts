// The model file: a trained network as JSON, for exchange with other programs. It carries no moments and no generator:
// training goes on from it, but not bit for bit. Refuses anything that is not just what the format says.

import type { EngineChoice } from "../learner/engines.ts";
import { Learner } from "../learner/learner.ts";
import { type Categorical, inputsOf, type LearnerConfig, outputsOf } from "../learner/learner-config.ts";
import { ACTIVATIONS, type Loss, type OutputActivation } from "../learner/topology.ts";
import { type EnsembleFile, ensembleFileAt, ensembleLearnerOf, ensemblePartsOf, onlyNetwork } from "./ensemble-file.ts";
import {
  arrayAt,
  choiceAt,
  FORMAT,
  type Head,
  headAt,
  invalid,
  layerAt,
  objectAt,
  show,
  type Training,
  weightsOf,
} from "./places.ts";

const VERSION = 1;

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

/** A network's model file, or an ensemble's. */
export type AnyModelFile = ModelFile | EnsembleFile;

/** Writes what a learner has learned: version 1 of a network, version 2 of an ensemble, without the rows that it may keep. */
export function anyModelFileOf(learner: Learner): AnyModelFile {
  const { ensemble } = learner.engine;
  if (ensemble === null || ensemble.isPlain) return modelFileOf(learner);
  return { format: FORMAT, version: 2, ...headOf(learner), ...ensemblePartsOf(ensemble) };
}

/** Writes what a network has learned. Throws `usage` for an ensemble. */
export function modelFileOf(learner: Learner): ModelFile {
  const { parameters, layout, ensemble } = learner.engine;
  if (ensemble !== null && !ensemble.isPlain) throw onlyNetwork("version 1 of the model file");
  const layers = weightsOf(layout, parameters);
  const scaler = ensemble?.labelScaler ?? null;
  const [mean, std] = [scaler?.mean[0] ?? 0, scaler?.std[0] ?? 1];
  const activation = learner.config.network.output;
  return {
    format: FORMAT,
    version: VERSION,
    ...headOf(learner),
    // A filter's network ends in sums, and its values are standardized.
    layers: layers.map((layer, l) => {
      if (l < layers.length - 1 || ensemble === null) return layer;
      const weights = layer.weights.map((row) => row.map((weight) => std * weight));
      return { weights, biases: layer.biases.map((bias) => mean + std * bias), activation };
    }),
  };
}

function headOf({ config, engine, means }: Learner): Head {
  const { scaler } = engine;
  return {
    features: config.features,
    label: config.label,
    ...(config.classes === null ? {} : { classes: config.classes }),
    ...(config.categorical === undefined ? {} : { categorical: config.categorical }),
    loss: config.network.loss,
    scaler:
      scaler === null
        ? null
        : { mean: [...scaler.mean], std: [...scaler.std], ...(scaler.frozen ? {} : { count: scaler.count }) },
    ...(means === null ? {} : { means: [...means] }),
  };
}

/** Makes a learner that starts from a model file; the file decides on everything but how to train. */
export function learnerOf(file: AnyModelFile, training: Training, engine: EngineChoice = "auto"): Learner {
  const learner = file.version === 2 ? ensembleLearnerOf(file, training, engine) : networkOf(file, training, engine);
  const { scaler, means } = file;
  if (scaler !== null) learner.importStatistics(scaler.mean, scaler.std, scaler.count ?? null);
  else if (means !== undefined) {
    const ones = means.map(() => 1);
    learner.importStatistics(means, ones, null);
  }
  return learner;
}

function networkOf(file: ModelFile, training: Training, engine: EngineChoice): Learner {
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
  learner.beginAverage();
  // What a file says is a value in its own unit.
  learner.engine.ensemble?.labelScaler?.import([0], [1], null);
  return learner;
}

/** Reads a model file. Throws `model-file-invalid`, naming the first place that is wrong. */
export function parseAnyModelFile(text: string): AnyModelFile {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw invalid("it is no JSON", cause);
  }
  return readModelFile(json);
}

/** Reads a model file that was parsed. Throws `model-file-invalid`. */
export function readModelFile(json: unknown): AnyModelFile {
  const file = objectAt(json, "the file");
  if (file["format"] !== FORMAT) throw invalid(`format is ${show(file["format"])} where "${FORMAT}" belongs`);
  if (file["version"] === 2) return ensembleFileAt(file);
  if (file["version"] !== VERSION) throw invalid(`version is ${show(file["version"])}; this program reads 1 and 2`);
  const head = headAt(file);
  const layers = arrayAt(file["layers"], "layers");
  if (layers.length === 0) throw invalid("layers is empty");
  let inputs = inputsOf(head);
  const parsed = layers.map((value, l) => {
    const layer = layerAt(value, inputs, `layers[${l}]`);
    inputs = layer.biases.length;
    return layer;
  });
  const outputs = outputsOf({ classes: head.classes ?? null });
  if (inputs !== outputs)
    throw invalid(`the last layer has ${inputs} units where ${outputs === 1 ? "one belongs" : `${outputs} belong`}`);
  const last = parsed.at(-1)?.activation;
  const wanted = outputs > 1 ? "softmax" : "sigmoid";
  if (head.loss === "cross-entropy" && last !== wanted)
    throw invalid(`cross-entropy needs a ${wanted} output, not ${last}`);
  if (parsed.some(({ activation }, l) => activation === "softmax" && (l < parsed.length - 1 || outputs === 1))) {
    throw invalid("softmax belongs to the last layer, of more than two classes");
  }
  return { format: FORMAT, version: VERSION, ...head, layers: parsed };
}

/** Reads a network's model file. Throws `model-file-invalid`, and `usage` for an ensemble's. */
export function parseModelFile(text: string): ModelFile {
  const file = parseAnyModelFile(text);
  if (file.version === 2) throw onlyNetwork("version 1 of the model file");
  return file;
}
