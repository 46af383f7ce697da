// Predicts in the browser what the daemon would, by the very code that trains there: the encoder, the scaler and the kernels of
// src/learner. A network or an ensemble, it predicts by one interface.

import { Encoder } from "../../learner/encoder.ts";
import { columnsOf, inputsOf } from "../../learner/learner-config.ts";
import type { Vector } from "../../learner/precision.ts";
import { Scaler } from "../../learner/scaler.ts";
import type { EnsembleFile, LearnedFile } from "./answers.ts";
import { Mixture } from "./mixture.ts";
import { MemberPass, NetworkPass } from "./network-pass.ts";

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
export function predictorOf(file: LearnedFile): Predictor {
  const { features, label, classes, categorical, loss, scaler, means } = file;
  const inputs = new Float64Array(ROWS_MAX * inputsOf(file));
  const ownScaler = scaler === null ? null : new Scaler(inputsOf(file));
  const encoder = new Encoder({ inputs, labels: new Float64Array(ROWS_MAX), scaler: ownScaler }, file);
  if (scaler !== null) encoder.import(scaler.mean, scaler.std, scaler.count ?? null);
  else if (means !== undefined) {
    const ones = means.map(() => 1);
    encoder.import(means, ones, null);
  }
  const standardized = new Float64Array(inputs.length);
  const outputCount = classes !== undefined && classes.length > 2 ? classes.length : 1;
  const forward = passOf(file, outputCount);
  const columns = columnsOf(file);
  const statistic = (of: readonly number[] | undefined) =>
    columns.map(({ kind, first }) => (kind === "number" ? (of?.[first] ?? Number.NaN) : Number.NaN));
  return {
    features,
    kinds: features.map((name) => kindOf(categorical?.[name])),
    label,
    classes: loss === "mse" ? null : (classes ?? ["0", "1"]),
    outputCount,
    means: statistic(scaler?.mean ?? means),
    deviations: statistic(scaler?.std),
    rows: encoder.raw,
    predict: (count) => {
      encoder.encode(encoder.raw, count);
      if (ownScaler === null) return forward(inputs, count);
      ownScaler.standardize(standardized, inputs, count);
      return forward(standardized, count);
    },
  };
}

type Forward = (inputs: Float64Array, rows: number) => Float64Array;

function passOf(file: LearnedFile, outputCount: number): Forward {
  if ("members" in file) return ensembleOf(file, outputCount);
  const network = new NetworkPass(file.layers, ROWS_MAX);
  return (inputs, rows) => network.forward(inputs, rows);
}

function ensembleOf(file: EnsembleFile, outputCount: number): Forward {
  const members = file.members.map((member) => new MemberPass(member, file.relevance, ROWS_MAX));
  const mixture = new Mixture(file, outputCount);
  const outputs = new Float64Array(ROWS_MAX * outputCount);
  return (inputs, rows) => {
    const sums = members.map((member) => member.forward(inputs, rows));
    mixture.mix(outputs, sums, rows);
    return outputs;
  };
}

function kindOf(categories: readonly string[] | number | undefined): FeatureKind {
  if (categories === undefined) return "number";
  return typeof categories === "number" ? "hashed" : categories;
}
