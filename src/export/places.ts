// What the model files of both versions are read and written with. Refuses anything that is not just what the format says.

import { RivuletError } from "../error.ts";
import { type Categorical, inputsOf, type LearnerConfig } from "../learner/learner-config.ts";
import type { Vector } from "../learner/precision.ts";
import { type Layout, LOSSES, OUTPUTS } from "../learner/topology.ts";
import type { ModelFile, ModelFileLayer } from "./model-file.ts";

export const FORMAT = "rivulet-model";
const UNITS_MAX = 65_536;
/** Far below where adding 1 to a count no longer changes it. */
const SCALER_COUNT_MAX = 1e15;

/** Says how a learner that starts from a file is to train. */
export type Training = Pick<
  LearnerConfig,
  "optimizer" | "batch" | "precision" | "classWeights" | "averaging" | "replay"
>;

/** Is what the files of both versions have. */
export type Head = Omit<ModelFile, "format" | "version" | "layers">;

/** Writes weights and biases. */
export function weightsOf({ layers }: Layout, parameters: Vector): readonly ModelFileLayer[] {
  return layers.map(({ inputs, units, activation, weightsOffset, biasesOffset }) => ({
    weights: Array.from({ length: units }, (_, j) =>
      Array.from({ length: inputs }, (_, i) => parameters[weightsOffset + i * units + j] ?? Number.NaN),
    ),
    biases: [...parameters.subarray(biasesOffset, biasesOffset + units)],
    activation,
  }));
}

/** Reads what the files of both versions have. */
export function headAt(file: Readonly<Record<string, unknown>>): Head {
  const features = namesAt(file["features"], "features");
  const label = file["label"];
  if (typeof label !== "string" || label === "") throw invalid(`label is ${show(label)} where a name belongs`);
  const loss = choiceAt(file["loss"], LOSSES, "loss");
  const categorical = file["categorical"] == null ? {} : { categorical: categoricalAt(file["categorical"], features) };
  const classes = file["classes"] == null ? null : namesAt(file["classes"], "classes");
  if (classes !== null && (classes.length < 2 || loss === "mse"))
    throw invalid("classes are two or more, and need cross-entropy");
  const width = inputsOf({ features, ...categorical });
  const scaler = file["scaler"] == null ? null : scalerAt(file["scaler"], width);
  const means = file["means"] == null ? {} : { means: numbersAt(file["means"], "means", width) };
  if (scaler !== null && file["means"] != null) throw invalid("means are there beside a scaler, which has them");
  const named = { ...(classes === null ? {} : { classes }), ...categorical };
  return { features, label, ...named, loss, scaler, ...means };
}

export function categoricalAt(value: unknown, features: readonly string[]): Categorical {
  const entries = Object.entries(objectAt(value, "categorical")).map(([name, given]) => {
    if (!features.includes(name)) throw invalid(`categorical has ${show(name)}, which is no feature`);
    const path = `categorical.${name}`;
    if (typeof given !== "number") return [name, namesAt(given, path)] as const;
    if (Number.isInteger(given) && given >= 1 && given <= UNITS_MAX) return [name, given] as const;
    throw invalid(`${path} is ${given}; 1 to ${UNITS_MAX} inputs are allowed`);
  });
  return Object.fromEntries(entries);
}

export function layerAt(value: unknown, inputs: number, path: string): ModelFileLayer {
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

export function scalerAt(value: unknown, features: number): NonNullable<ModelFile["scaler"]> {
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

export function objectAt(value: unknown, path: string): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw invalid(`${path} is no object`);
  return value as Record<string, unknown>;
}

export function arrayAt(value: unknown, path: string): readonly unknown[] {
  if (!Array.isArray(value)) throw invalid(`${path} is no array`);
  return value;
}

export function namesAt(value: unknown, path: string): readonly string[] {
  const names = arrayAt(value, path).map((name) => {
    if (typeof name !== "string" || name === "") throw invalid(`${path} has ${show(name)} where a name belongs`);
    return name;
  });
  if (names.length === 0) throw invalid(`${path} is empty`);
  if (new Set(names).size !== names.length) throw invalid(`${path} has a name twice`);
  return names;
}

export function numbersAt(value: unknown, path: string, length?: number): readonly number[] {
  const numbers = arrayAt(value, path).map((number, i) => {
    if (typeof number !== "number" || !Number.isFinite(number))
      throw invalid(`${path}[${i}] is ${show(number)} where a finite number belongs`);
    return number;
  });
  if (length !== undefined && numbers.length !== length)
    throw invalid(`${path} has ${numbers.length} numbers where ${length} belong`);
  return numbers;
}

export function choiceAt<T extends string>(value: unknown, choices: readonly T[], path: string): T {
  const choice = choices.find((candidate) => candidate === value);
  if (choice === undefined) throw invalid(`${path} is ${show(value)}; allowed are ${choices.join(", ")}`);
  return choice;
}

/** Reads a number above 0. */
export function positiveAt(value: unknown, path: string): number {
  if (typeof value === "number" && value > 0 && Number.isFinite(value)) return value;
  throw invalid(`${path} is ${show(value)} where a number above 0 belongs`);
}

export function show(value: unknown): string {
  return value === undefined ? "absent" : JSON.stringify(value).slice(0, 80);
}

export function invalid(what: string, cause?: unknown): RivuletError {
  return new RivuletError("model-file-invalid", `the model file is not valid: ${what}`, {
    hint: "The format stands in the README under “Model file”.",
    cause,
  });
}
