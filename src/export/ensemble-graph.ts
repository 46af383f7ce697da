import { LEAST, LOGIT_MOST } from "../learner/ensemble/class-votes.ts";
import { outputsOf } from "../learner/learner-config.ts";
import type { EnsembleFile, EnsembleFileMember } from "./ensemble-file.ts";
import { beginGraph, transposed } from "./inputs-graph.ts";
import type { AnyModelFile } from "./model-file.ts";
import { layersOn, networkGraph } from "./network-graph.ts";
import type { PredictionGraph, Value } from "./prediction-graph.ts";

/** Makes the graph of what a model file predicts, a network's or an ensemble's. */
export function predictionGraph(file: AnyModelFile): PredictionGraph {
  return file.version === 2 ? ensembleGraph(file) : networkGraph(file);
}

/** Makes the graph of what an ensemble's model file predicts. */
export function ensembleGraph(file: EnsembleFile): PredictionGraph {
  const { graph, inputs } = beginGraph(file);
  const sums = file.members.map((member) => memberOn(graph, inputs, member, file.relevance));
  if (file.loss === "mse") mixValues(graph, sums, file);
  else if (outputsOf({ classes: file.classes ?? null }) === 1) mixLogits(graph, sums, file);
  else mixClasses(graph, sums, file);
  return graph;
}

/** Adds a member: the sums (K) of its last layer. What is relevant multiplies the weights, which is the same as the inputs. */
function memberOn(
  graph: PredictionGraph,
  inputs: Value,
  { fourier, layers, relevant }: EnsembleFileMember,
  relevance: readonly number[],
): Value {
  const weighed = (row: readonly number[], first: number) =>
    relevant ? row.map((weight, i) => (i < first ? weight : weight * (relevance[i - first] ?? 1))) : row;
  const count = fourier?.phases.length ?? 0;
  const [first, ...rest] = layers;
  if (first === undefined) throw new Error("a member has a layer");
  const given =
    fourier === undefined
      ? inputs
      : graph.join([
          graph.apply(
            graph.affine(inputs, transposed(fourier.frequencies.map((row) => weighed(row, 0))), fourier.phases),
            "cos",
          ),
          inputs,
        ]);
  const weights = first.weights.map((row) => weighed(row, count));
  return layersOn(graph, given, [{ ...first, weights }, ...rest]);
}

/** Means of both mixtures' probabilities of class 1, each of bounded logits. */
function mixLogits(graph: PredictionGraph, sums: readonly Value[], { mixer }: EnsembleFile): void {
  const [only] = sums;
  if (sums.length === 1 && only !== undefined) {
    graph.apply(only, "sigmoid");
    return;
  }
  const logits = sums.map((sum) => graph.clip(sum, -LOGIT_MOST, LOGIT_MOST));
  const both = [mixer.shares, mixer.weights].map((weights) =>
    graph.apply(graph.weightedSum(logits, weights), "sigmoid"),
  );
  graph.weightedSum(both, [0.5, 0.5]);
}

/** Means of both mixtures' probabilities of each class, each of bounded logarithms. */
function mixClasses(graph: PredictionGraph, sums: readonly Value[], { mixer }: EnsembleFile): void {
  const chances = sums.map((sum) => graph.softmax(sum));
  if (chances.length === 1) return;
  const logs = chances.map((chance) => graph.apply(graph.clip(chance, LEAST, 1), "log"));
  const both = [mixer.shares, mixer.weights].map((weights) => graph.softmax(graph.weightedSum(logs, weights)));
  graph.weightedSum(both, [0.5, 0.5]);
}

/** The mean of both mixtures, in the label's unit. */
function mixValues(graph: PredictionGraph, sums: readonly Value[], { mixer, target }: EnsembleFile): void {
  const half = sums.map((_, n) => ((mixer.shares[n] ?? 0) + (mixer.weights[n] ?? 0)) / 2);
  const mixed = graph.weightedSum(sums, sums.length === 1 ? [1] : half);
  graph.affine(mixed, [target?.std ?? 1], [target?.mean ?? 0]);
}
