// A prediction as a graph of operators over one row: what the exporters write, in ONNX or C, without knowing what was
// exported. A network is a chain; the members of an ensemble fork from the same inputs and are joined by the mixer.

import type { Categorical } from "../learner/learner-config.ts";

/** Is what an operator gives: `width` numbers a row. */
export interface Value {
  /** Position in the graph's `nodes`. */
  readonly id: number;
  readonly width: number;
}

/** Are functions of one number; leaky-relu has the slope of the learner. */
export const FUNCTIONS = ["relu", "leaky-relu", "tanh", "sigmoid", "exp", "log", "cos"] as const;
export type ElementFunction = (typeof FUNCTIONS)[number];

export type Operator =
  /** The row as it comes (F): NaN where a feature is missing, the number of a category. */
  | { readonly kind: "features" }
  /** Numbers `first` to `first + width` of another value. */
  | { readonly kind: "slice"; readonly of: Value; readonly first: number }
  /** 1 at the input of a category, `rest` elsewhere; of hashes the remainder counts. NaN is no category. */
  | { readonly kind: "one-hot"; readonly of: Value; readonly isHashed: boolean; readonly rest: readonly number[] }
  | { readonly kind: "join"; readonly of: readonly Value[] }
  /** `by` where NaN is. */
  | { readonly kind: "fill-missing"; readonly of: Value; readonly by: readonly number[] }
  /** (x − mean) / std. */
  | {
      readonly kind: "standardize";
      readonly of: Value;
      readonly mean: readonly number[];
      readonly std: readonly number[];
    }
  | { readonly kind: "clip"; readonly of: Value; readonly low: number; readonly high: number }
  /** biases (U) + x (I) · weights (I, U), row-major. */
  | {
      readonly kind: "affine";
      readonly of: Value;
      readonly weights: readonly number[];
      readonly biases: readonly number[];
    }
  | { readonly kind: "apply"; readonly of: Value; readonly function: ElementFunction }
  /** Over all numbers of the row, the largest taken off first. */
  | { readonly kind: "softmax"; readonly of: Value }
  /** Σ weights[i] · of[i]; all are of one width. */
  | { readonly kind: "weighted-sum"; readonly of: readonly Value[]; readonly weights: readonly number[] };

/** Is one operator with what it gives. */
export interface Node {
  readonly operator: Operator;
  readonly value: Value;
}

/** Says what a prediction is about. */
export interface Meaning {
  readonly features: readonly string[];
  readonly label: string;
  readonly classes: readonly string[] | null;
  /** Features that are no numbers: their categories, or into how many a hash is divided. */
  readonly categorical: Categorical;
  /** Whether the output is a probability, of class 1 or of each class; else it is a value. */
  readonly isProbability: boolean;
}

/** Collects operators in an order in which they can be computed. */
export class PredictionGraph {
  readonly meaning: Meaning;
  readonly nodes: Node[] = [];
  /** The row as it comes. */
  readonly features: Value;
  #output: Value;

  constructor(meaning: Meaning) {
    this.meaning = meaning;
    this.features = this.#push({ kind: "features" }, meaning.features.length);
    this.#output = this.features;
  }

  /** The value added last: the prediction. */
  get output(): Value {
    return this.#output;
  }

  slice(of: Value, first: number, width: number): Value {
    if (first < 0 || first + width > of.width) throw new Error(`a slice ends at ${first + width} of ${of.width}`);
    return this.#push({ kind: "slice", of, first }, width);
  }

  oneHot(of: Value, rest: readonly number[], isHashed: boolean): Value {
    assertWidth(of.width, 1);
    return this.#push({ kind: "one-hot", of, isHashed, rest }, rest.length);
  }

  join(of: readonly Value[]): Value {
    return this.#push(
      { kind: "join", of },
      of.reduce((sum, { width }) => sum + width, 0),
    );
  }

  fillMissing(of: Value, by: readonly number[]): Value {
    assertWidth(by.length, of.width);
    return this.#push({ kind: "fill-missing", of, by }, of.width);
  }

  standardize(of: Value, mean: readonly number[], std: readonly number[]): Value {
    assertWidth(mean.length, of.width);
    assertWidth(std.length, of.width);
    return this.#push({ kind: "standardize", of, mean, std }, of.width);
  }

  clip(of: Value, low: number, high: number): Value {
    return this.#push({ kind: "clip", of, low, high }, of.width);
  }

  affine(of: Value, weights: readonly number[], biases: readonly number[]): Value {
    assertWidth(weights.length, of.width * biases.length);
    return this.#push({ kind: "affine", of, weights, biases }, biases.length);
  }

  apply(of: Value, name: ElementFunction): Value {
    return this.#push({ kind: "apply", of, function: name }, of.width);
  }

  softmax(of: Value): Value {
    return this.#push({ kind: "softmax", of }, of.width);
  }

  weightedSum(of: readonly Value[], weights: readonly number[]): Value {
    const width = of[0]?.width ?? 0;
    for (const part of of) assertWidth(part.width, width);
    assertWidth(weights.length, of.length);
    return this.#push({ kind: "weighted-sum", of, weights }, width);
  }

  #push(operator: Operator, width: number): Value {
    if (width < 1) throw new Error(`${operator.kind} gives nothing`);
    const value = { id: this.nodes.length, width };
    this.nodes.push({ operator, value });
    this.#output = value;
    return value;
  }
}

/** Lists what an operator is computed from. */
export function operandsOf(operator: Operator): readonly Value[] {
  if (operator.kind === "features") return [];
  return operator.kind === "join" || operator.kind === "weighted-sum" ? operator.of : [operator.of];
}

function assertWidth(width: number, wanted: number): void {
  if (width !== wanted) throw new Error(`${width} numbers came where ${wanted} belong`);
}
