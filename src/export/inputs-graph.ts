import { type Column, columnsOf } from "../learner/learner-config.ts";
import { Z_MAX } from "../learner/scaler.ts";
import type { Head } from "./places.ts";
import { PredictionGraph, type Value } from "./prediction-graph.ts";

/** Begins the graph of what a model file predicts: `inputs` (I) are encoded, filled in and standardized. */
export function beginGraph(file: Head): { readonly graph: PredictionGraph; readonly inputs: Value } {
  const { features, label, classes = null, categorical = {}, loss } = file;
  const graph = new PredictionGraph({ features, label, classes, categorical, isProbability: loss === "cross-entropy" });
  return { graph, inputs: standardized(graph, file, encoded(graph, file)) };
}

/** Makes the inputs of the network (I): categories as one input each, means where something is missing. */
function encoded(graph: PredictionGraph, file: Head): Value {
  const columns = columnsOf(file);
  const width = columns.reduce((sum, column) => sum + column.width, 0);
  const means = file.scaler?.mean ?? file.means ?? new Array<number>(width).fill(0);
  if (columns.every(({ kind }) => kind === "number")) return graph.fillMissing(graph.features, means);
  const parts = runsOf(columns).map(({ column, at, count }) => {
    const raw = graph.slice(graph.features, at, count);
    const by = means.slice(column.first, column.first + (column.kind === "number" ? count : column.width));
    return column.kind === "number" ? graph.fillMissing(raw, by) : graph.oneHot(raw, by, column.kind === "hashed");
  });
  return graph.join(parts);
}

/** Groups neighbouring features that are numbers: `count` of them from the one `at` on. */
function runsOf(columns: readonly Column[]): readonly { column: Column; at: number; count: number }[] {
  const runs: { column: Column; at: number; count: number }[] = [];
  columns.forEach((column, at) => {
    const last = runs.at(-1);
    if (last?.column.kind === "number" && column.kind === "number") last.count++;
    else runs.push({ column, at, count: 1 });
  });
  return runs;
}

function standardized(graph: PredictionGraph, { scaler }: Head, inputs: Value): Value {
  if (scaler === null) return inputs;
  return graph.clip(graph.standardize(inputs, scaler.mean, scaler.std), -Z_MAX, Z_MAX);
}

/** Turns weights[j][i] of a model file (U, I) into (I, U), row-major. */
export function transposed(weights: readonly (readonly number[])[]): readonly number[] {
  const inputs = weights[0]?.length ?? 0;
  return Array.from({ length: inputs }, (_, i) => weights.map((row) => row[i] ?? Number.NaN)).flat();
}
