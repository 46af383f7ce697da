import { readdirSync, readFileSync } from "node:fs";
import type { ModelFile } from "../../src/export/model-file.ts";

/** A run of the textbook algorithm by an independent NumPy program; `note` in each file states its conventions. */
export interface Trajectory {
  readonly name: string;
  readonly loss: ModelFile["loss"];
  readonly activations: readonly ModelFile["layers"][number]["activation"][];
  readonly learningRate: number;
  readonly batchSize: number;
  readonly x: readonly (readonly number[])[];
  readonly y: readonly number[];
  readonly initial: readonly Parameters[];
  readonly after: readonly {
    readonly step: number;
    readonly cost: number;
    readonly parameters: readonly Parameters[];
  }[];
  readonly predictions: readonly number[];
}

interface Parameters {
  readonly weights: readonly (readonly number[])[];
  readonly biases: readonly number[];
}

const folder = new URL(".", import.meta.url);

export const trajectories: readonly Trajectory[] = readdirSync(folder)
  .filter((name) => name.endsWith(".json"))
  .map((name) => JSON.parse(readFileSync(new URL(name, folder), "utf8")));

/** Makes the model file that a trajectory starts from. */
export function initialModel(trajectory: Trajectory): ModelFile {
  return {
    format: "rivulet-model",
    version: 1,
    features: trajectory.x[0]?.map((_, i) => `x${i + 1}`) ?? [],
    label: "y",
    loss: trajectory.loss,
    layers: trajectory.initial.map((layer, l) => ({ ...layer, activation: trajectory.activations[l] ?? "identity" })),
    scaler: null,
  };
}

/** Tells by how much, relative to the larger of them and at least 1e-12, two numbers differ. */
export function relativeError(actual: number, expected: number): number {
  const size = Math.max(Math.abs(actual), Math.abs(expected));
  return size < 1e-12 ? 0 : Math.abs(actual - expected) / size;
}

/** The bound that the issue of the golden runs sets for a step. */
export function toleranceAt(step: number): number {
  return step <= 1000 ? 1e-9 : 1e-6;
}
