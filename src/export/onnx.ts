// A prediction graph as an ONNX model (https://github.com/onnx/onnx, onnx.proto; operators of set 13), all in double.
// Attributes of ONNX are of single precision, so numbers that matter are never written as one: a leaky ReLU is the larger
// of x and slope · x.

import { LEAKY_SLOPE } from "../learner/activation.ts";
import { bytesOf } from "../learner/state-block.ts";
import type { ElementFunction, Node, Operator, PredictionGraph, Value } from "./prediction-graph.ts";
import { bytes, type Field, integer, joined, message, text } from "./protobuf.ts";

const IR_VERSION = 7;
const OPERATOR_SET = 13;
const TYPE = { int64: 7, double: 11 } as const;
const ATTRIBUTE_INT = 2;
/** Says that the first dimension, the rows, is open. */
const ROWS = "N";

type Tensor = { readonly shape: readonly number[]; readonly type: keyof typeof TYPE; readonly bytes: Uint8Array };

/**
 * Writes a graph as an ONNX model. Input `features` (N, F) double: NaN where one is missing, a category by its number.
 * Outputs `probability` (N, 1 or K) and `label` (N) int64, the index of the likelier class; or in regression `value` (N, 1).
 */
export function onnxOf(graph: PredictionGraph): Uint8Array {
  const { meaning, nodes, output } = graph;
  const writer = new GraphWriter();
  for (const node of nodes) writer.write(node, node.value === output ? outputName(graph) : valueName(node.value));
  const outputs = [valueInfo(outputName(graph), "double", [ROWS, output.width])];
  if (meaning.isProbability) {
    writer.label(outputName(graph), output.width);
    outputs.push(valueInfo("label", "int64", [ROWS]));
  }
  const { features, label, classes, categorical } = meaning;
  const notes = { features, label, ...(classes === null ? {} : { classes }), categorical };
  return joined([
    integer(1, IR_VERSION),
    text(2, "rivulet"),
    message(8, [text(1, ""), integer(2, OPERATOR_SET)]),
    message(7, [
      ...writer.nodes,
      text(2, "rivulet"),
      ...writer.initializers,
      message(11, valueInfo("features", "double", [ROWS, features.length])),
      ...outputs.map((info) => message(12, info)),
    ]),
    ...Object.entries(notes).map(([key, value]) => message(14, [text(1, key), text(2, JSON.stringify(value))])),
  ]);
}

/** Collects the nodes and constants of a graph. */
class GraphWriter {
  readonly nodes: Field[] = [];
  readonly initializers: Field[] = [];
  #constants = 0;

  /** Writes what computes one value, under a name. */
  write({ operator, value }: Node, name: string): void {
    switch (operator.kind) {
      case "features":
        return;
      case "slice": {
        const { of, first } = operator;
        const [from, to, axis] = [first, first + value.width, 1].map((at) => this.#index(at));
        return this.#node("Slice", [valueName(of), from!, to!, axis!], name);
      }
      case "one-hot":
        return this.#oneHot(operator, name);
      case "join":
        return this.#node("Concat", operator.of.map(valueName), name, { axis: 1 });
      case "fill-missing": {
        const missing = `${name}_missing`;
        this.#node("IsNaN", [valueName(operator.of)], missing);
        return this.#node("Where", [missing, this.#numbers(operator.by), valueName(operator.of)], name);
      }
      case "standardize": {
        const centred = `${name}_centred`;
        this.#node("Sub", [valueName(operator.of), this.#numbers(operator.mean)], centred);
        return this.#node("Div", [centred, this.#numbers(operator.std)], name);
      }
      case "clip":
        return this.#node(
          "Clip",
          [valueName(operator.of), this.#number(operator.low), this.#number(operator.high)],
          name,
        );
      case "affine": {
        const { of, weights, biases } = operator;
        const product = `${name}_product`;
        this.#node("MatMul", [valueName(of), this.#numbers(weights, [of.width, biases.length])], product);
        return this.#node("Add", [product, this.#numbers(biases)], name);
      }
      case "apply":
        return this.#apply(operator.function, valueName(operator.of), name);
      case "softmax":
        return this.#node("Softmax", [valueName(operator.of)], name, { axis: 1 });
      case "weighted-sum":
        return this.#weightedSum(operator, name);
    }
  }

  /** Writes the index of the likelier class. */
  label(probability: string, width: number): void {
    if (width > 1) return this.#node("ArgMax", [probability], "label", { axis: 1, keepdims: 0 });
    this.#node("GreaterOrEqual", [probability, this.#number(0.5)], "label_is_1");
    this.#node("Cast", ["label_is_1"], "label_of_row", { to: TYPE.int64 });
    this.#node("Squeeze", ["label_of_row", this.#index(1)], "label");
  }

  #oneHot({ of, isHashed, rest }: Extract<Operator, { kind: "one-hot" }>, name: string): void {
    let number = valueName(of);
    if (isHashed) {
      const remainder = `${name}_remainder`;
      this.#node("Mod", [number, this.#number(rest.length)], remainder, { fmod: 1 });
      number = remainder;
    }
    const chosen = `${name}_chosen`;
    this.#node("Equal", [number, this.#numbers(rest.map((_, i) => i))], chosen);
    this.#node("Where", [chosen, this.#number(1), this.#numbers(rest)], name);
  }

  #apply(name: ElementFunction, of: string, to: string): void {
    switch (name) {
      case "relu":
        return this.#node("Relu", [of], to);
      case "leaky-relu": {
        const flat = `${to}_flat`;
        this.#node("Mul", [of, this.#number(LEAKY_SLOPE)], flat);
        return this.#node("Max", [of, flat], to);
      }
      case "tanh":
        return this.#node("Tanh", [of], to);
      case "sigmoid":
        return this.#node("Sigmoid", [of], to);
      case "exp":
        return this.#node("Exp", [of], to);
      case "log":
        return this.#node("Log", [of], to);
      case "cos":
        return this.#node("Cos", [of], to);
    }
  }

  #weightedSum({ of, weights }: Extract<Operator, { kind: "weighted-sum" }>, name: string): void {
    const parts = of.map((value, i) => {
      const part = `${name}_part${i}`;
      this.#node("Mul", [valueName(value), this.#number(weights[i] ?? Number.NaN)], part);
      return part;
    });
    this.#node("Sum", parts, name);
  }

  #node(
    operator: string,
    inputs: readonly string[],
    output: string,
    attributes: Readonly<Record<string, number>> = {},
  ): void {
    this.nodes.push(
      message(1, [
        ...inputs.map((input) => text(1, input)),
        text(2, output),
        text(4, operator),
        ...Object.entries(attributes).map(([name, value]) =>
          message(5, [text(1, name), integer(3, value), integer(20, ATTRIBUTE_INT)]),
        ),
      ]),
    );
  }

  #numbers(values: readonly number[], shape: readonly number[] = [values.length]): string {
    return this.#constant({ shape, type: "double", bytes: bytesOf(Float64Array.from(values)) });
  }

  #number(value: number): string {
    return this.#numbers([value], []);
  }

  #index(value: number): string {
    return this.#constant({ shape: [1], type: "int64", bytes: bytesOf(Uint32Array.of(value, 0)) });
  }

  #constant(tensor: Tensor): string {
    const name = `c${this.#constants++}`;
    const { shape, type, bytes: raw } = tensor;
    const dims = shape.map((length) => integer(1, length));
    this.initializers.push(message(5, [...dims, integer(2, TYPE[type]), text(8, name), bytes(9, raw)]));
    return name;
  }
}

function valueName({ id }: Value): string {
  return id === 0 ? "features" : `v${id}`;
}

function outputName({ meaning }: PredictionGraph): string {
  return meaning.isProbability ? "probability" : "value";
}

function valueInfo(name: string, type: keyof typeof TYPE, shape: readonly (number | string)[]): readonly Field[] {
  const dimensions = shape.map((length) =>
    message(1, [typeof length === "number" ? integer(1, length) : text(2, length)]),
  );
  return [text(1, name), message(2, [message(1, [integer(1, TYPE[type]), message(2, dimensions)])])];
}
