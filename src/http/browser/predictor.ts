// Predicts in the browser what the daemon would, by the very code that trains there: the reference engine and the encoder of
// src/learner. A network today; an ensemble predicts by the same interface.

import { Encoder } from "../../learner/encoder.ts";
import type { Engine } from "../../learner/engine.ts";
import { columnsOf, engineOptionsOf, type LearnerConfig } from "../../learner/learner-config.ts";
import type { Vector } from "../../learner/precision.ts";
import { ReferenceEngine } from "../../learner/reference-engine.ts";
import type { Activation, Loss, OutputActivation } from "../../learner/topology.ts";
import type { NetworkFile } from "./answers.ts";

/** Rows that are predicted at once. */
export const ROWS_MAX = 256;

/** What a feature may be: a number, or one of these; `hashed` is any text. */
export type FeatureKind = "number" | "hashed" | readonly string[];

export interface Predictor {
  readonly features: readonly string[];
  readonly kinds: readonly FeatureKind[];
  readonly label: string;
  /** Names of the classes; null where the label is a value. */
  readonly classes: readonly string[] | null;
  /** K: one probability, or one a class, or a value. */
  readonly outputCount: number;
  /** Means and deviations (F) of the features as the model knows them; NaN where it does not. */
  readonly means: readonly number[];
  readonly deviations: readonly number[];
  /** (ROWS_MAX, F) rows to predict; NaN is missing. */
  readonly rows: Float64Array;
  /** Predicts the first `count` rows: (count, K), on loan until the next prediction. */
  predict(count: number): Vector;
}

/** Makes a predictor of what the daemon answers as a model. */
export function predictorOf(file: NetworkFile): Predictor {
  const config = configOf(file);
  const engine = new ReferenceEngine(engineOptionsOf(config));
  const encoder = new Encoder(engine, config);
  fill(engine, file);
  const { scaler, means } = file;
  if (scaler !== null) encoder.import(scaler.mean, scaler.std, scaler.count ?? null);
  else if (means !== undefined) {
    const ones = means.map(() => 1);
    encoder.import(means, ones, null);
  }
  const columns = columnsOf(config);
  const statistic = (of: readonly number[] | undefined) =>
    columns.map(({ kind, first }) => (kind === "number" ? (of?.[first] ?? Number.NaN) : Number.NaN));
  return {
    features: file.features,
    kinds: file.features.map((name) => kindOf(file.categorical?.[name])),
    label: file.label,
    classes: file.loss === "mse" ? null : (file.classes ?? ["0", "1"]),
    outputCount: engine.outputCount,
    means: statistic(scaler?.mean ?? means),
    deviations: statistic(scaler?.std),
    rows: encoder.raw,
    predict: (count) => {
      encoder.encode(encoder.raw, count);
      engine.rows = count;
      engine.forward();
      return engine.outputs;
    },
  };
}

/** Describes a learner that can predict what the file does; it never trains. */
function configOf({ features, label, classes, categorical, layers, loss, scaler }: NetworkFile): LearnerConfig {
  return {
    features,
    label,
    classes: classes ?? null,
    ...(categorical === undefined ? {} : { categorical }),
    network: {
      hidden: layers.slice(0, -1).map(({ biases }) => biases.length),
      activation: layers.slice(0, -1).map(({ activation }) => activation as Activation),
      output: (layers.at(-1)?.activation ?? "identity") as OutputActivation,
      loss: loss as Loss,
      init: "he",
      seed: 1,
    },
    scale: scaler === null ? "none" : "standard",
    optimizer: { kind: "sgd", learningRate: 0 },
    batch: { size: ROWS_MAX },
  };
}

function fill({ parameters, layout }: Engine, file: NetworkFile): void {
  layout.layers.forEach(({ units, weightsOffset, biasesOffset }, l) => {
    file.layers[l]?.weights.forEach((row, j) => {
      row.forEach((weight, i) => {
        parameters[weightsOffset + i * units + j] = weight;
      });
    });
    parameters.set(file.layers[l]?.biases ?? [], biasesOffset);
  });
}

function kindOf(categories: readonly string[] | number | undefined): FeatureKind {
  if (categories === undefined) return "number";
  return typeof categories === "number" ? "hashed" : categories;
}
