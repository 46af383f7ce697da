import { beginGraph, transposed } from "./inputs-graph.ts";
import type { ModelFile, ModelFileLayer } from "./model-file.ts";
import type { PredictionGraph, Value } from "./prediction-graph.ts";

/** Makes the graph of what a network's model file predicts. */
export function networkGraph(file: ModelFile): PredictionGraph {
  const { graph, inputs } = beginGraph(file);
  layersOn(graph, inputs, file.layers);
  return graph;
}

/** Adds layers, one behind the other. */
export function layersOn(graph: PredictionGraph, inputs: Value, layers: readonly ModelFileLayer[]): Value {
  let value = inputs;
  for (const { weights, biases, activation } of layers) {
    value = graph.affine(value, transposed(weights), biases);
    if (activation === "softmax") value = graph.softmax(value);
    else if (activation !== "identity") value = graph.apply(value, activation);
  }
  return value;
}
