// What the operators of a prediction graph mean, with the mathematics of the platform: the oracle of the exporters.
import {
  type ElementFunction,
  type Operator,
  operandsOf,
  type PredictionGraph,
} from "../../src/export/prediction-graph.ts";

/** Computes what a graph predicts for one row (F). */
export function evaluateGraph({ nodes, output }: PredictionGraph, row: readonly number[]): readonly number[] {
  const values = new Map<number, readonly number[]>();
  for (const { operator, value } of nodes) {
    const operands = operandsOf(operator).map(({ id }) => values.get(id) ?? []);
    values.set(value.id, compute(operator, operands, row, value.width));
  }
  return values.get(output.id) ?? [];
}

function compute(
  operator: Operator,
  operands: readonly (readonly number[])[],
  row: readonly number[],
  width: number,
): readonly number[] {
  const [x = []] = operands;
  const at = (values: readonly number[], i: number) => values[i] ?? Number.NaN;
  switch (operator.kind) {
    case "features":
      return row;
    case "slice":
      return x.slice(operator.first, operator.first + width);
    case "one-hot": {
      const chosen = operator.isHashed ? at(x, 0) % width : at(x, 0);
      return operator.rest.map((rest, i) => (i === chosen ? 1 : rest));
    }
    case "join":
      return operands.flat();
    case "fill-missing":
      return x.map((value, i) => (Number.isNaN(value) ? at(operator.by, i) : value));
    case "standardize":
      return x.map((value, i) => (value - at(operator.mean, i)) / at(operator.std, i));
    case "clip":
      return x.map((value) => Math.min(Math.max(value, operator.low), operator.high));
    case "affine":
      return operator.biases.map((bias, j) =>
        x.reduce((sum, value, i) => sum + value * at(operator.weights, i * width + j), bias),
      );
    case "apply":
      return x.map((value) => apply(operator.function, value));
    case "softmax": {
      const powers = x.map((value) => Math.exp(value - Math.max(...x)));
      const sum = powers.reduce((a, b) => a + b, 0);
      return powers.map((power) => power / sum);
    }
    case "weighted-sum":
      return x.map((_, i) => operands.reduce((sum, part, m) => sum + at(operator.weights, m) * at(part, i), 0));
  }
}

function apply(name: ElementFunction, x: number): number {
  switch (name) {
    case "relu":
      return Math.max(x, 0);
    case "leaky-relu":
      return x > 0 ? x : 0.01 * x;
    case "tanh":
      return Math.tanh(x);
    case "sigmoid":
      return 1 / (1 + Math.exp(-x));
    case "exp":
      return Math.exp(x);
    case "log":
      return Math.log(x);
    case "cos":
      return Math.cos(x);
  }
}
