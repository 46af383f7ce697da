// A prediction graph as a header in C99: constant tables and a function, for a program that has no room for more. It
// includes nothing but <stdint.h>, allocates nothing, and calls no function of a library.

import { LEAKY_SLOPE } from "../learner/activation.ts";
import { type CFunction, functionsInC } from "./c-functions.ts";
import { numberInC, numbersInC } from "./c-numbers.ts";
import {
  type ElementFunction,
  type Node,
  type Operator,
  operandsOf,
  type PredictionGraph,
  type Value,
} from "./prediction-graph.ts";

const FLOAT_MAX = 3.4028234663852886e38;

/**
 * Writes a graph as a header whose names begin with `rivulet_<name>_`. Numbers are doubles, or floats where RIVULET_F32 is
 * defined before it is included.
 */
export function cHeaderOf(graph: PredictionGraph, name: string): string {
  const prefix = `rivulet_${name.replaceAll(/[^A-Za-z0-9]/g, "_")}_`;
  const guard = `${prefix}H`.toUpperCase();
  const { features, isProbability } = graph.meaning;
  const writer = new BodyWriter(graph);
  for (const node of graph.nodes) writer.write(node);
  const result = writer.nameOf(graph.output);
  const text = `${describe(graph)}
#ifndef ${guard}
#define ${guard}

#include <stdint.h>
${writer.isForDoubleOnly ? "#ifdef RIVULET_F32\n#error a number of this model is beyond the range of float\n#endif\n" : ""}
#ifdef RIVULET_F32
typedef float P_real;
#else
typedef double P_real;
#endif

enum { P_FEATURES = ${features.length}, P_OUTPUTS = ${graph.output.width} };

${functionsInC(writer.functions)}
${writer.tables.join("\n")}

/* Predicts: P_FEATURES numbers in, P_OUTPUTS numbers out. */
static inline void P_predict(const P_real *features, P_real *outputs)
{
${writer.lines.map((line) => `  ${line}`).join("\n")}
  for (int i = 0; i < P_OUTPUTS; i++) outputs[i] = ${result}[i];
}
${isProbability ? classFunction(graph.output.width) : ""}
#endif
`;
  return text.replaceAll(/\bP_/g, prefix);
}

function describe({ meaning, output }: PredictionGraph): string {
  const { features, label, classes, categorical, isProbability } = meaning;
  const comment = (text: string) => asciiOf(text).replaceAll("*/", "* /").replaceAll("/*", "/ *");
  const kind = (feature: string) =>
    comment(kindOf(Object.hasOwn(categorical, feature) ? categorical[feature] : undefined));
  const lines = [
    "Made by rivulet: what a model predicts.",
    "features: NaN where one is missing, a category by its number:",
    ...features.map((feature, i) => `  [${i}] ${comment(JSON.stringify(feature))}${kind(feature)}`),
    isProbability
      ? `outputs: the probability of ${output.width > 1 ? "each class" : "class 1"} of ${comment(JSON.stringify(label))}`
      : `output: ${comment(JSON.stringify(label))}`,
    ...(classes ?? []).map((name, k) => `  class ${k}: ${comment(JSON.stringify(name))}`),
    "Compile it without -ffast-math, which takes NaN for a number.",
  ];
  return `/* ${lines.join("\n * ")}\n */`;
}

/** Says what is given for a feature that is no number. */
function kindOf(given: readonly string[] | number | undefined): string {
  if (given === undefined) return "";
  if (typeof given === "number") return `: FNV-1a (32 bits) of its UTF-8, or that modulo ${given}, which a float holds`;
  return `: ${given.map((name, k) => `${k} ${JSON.stringify(name)}`).join(", ")}`;
}

function asciiOf(text: string): string {
  return text.replaceAll(/[^ -~]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

function classFunction(width: number): string {
  if (width === 1) {
    return `
/* The likelier class: 0 or 1. */
static inline int P_class(const P_real *outputs)
{
  return outputs[0] >= (P_real)0.5;
}
`;
  }
  return `
/* The likeliest class, counted from 0. */
static inline int P_class(const P_real *outputs)
{
  int best = 0;
  for (int k = 1; k < P_OUTPUTS; k++) if (outputs[k] > outputs[best]) best = k;
  return best;
}
`;
}

/** Collects tables and statements. What is used but once is overwritten by the operator that uses it, to save the stack. */
class BodyWriter {
  readonly tables: string[] = [];
  readonly lines: string[] = [];
  readonly functions = new Set<CFunction>();
  isForDoubleOnly = false;
  readonly #names = new Map<number, string>();
  readonly #uses = new Map<number, number>();

  constructor({ nodes }: PredictionGraph) {
    for (const { operator } of nodes) {
      for (const { id } of operandsOf(operator)) this.#uses.set(id, (this.#uses.get(id) ?? 0) + 1);
    }
  }

  /** Tells which array holds a value. */
  nameOf({ id }: Value): string {
    const name = this.#names.get(id);
    if (name === undefined) throw new Error(`value ${id} is used before it is computed`);
    return name;
  }

  /** Writes what computes one value. */
  write({ operator, value }: Node): void {
    switch (operator.kind) {
      case "features":
        this.#names.set(value.id, "features");
        return;
      case "slice":
        this.#names.set(value.id, `(${this.nameOf(operator.of)} + ${operator.first})`);
        return;
      case "one-hot":
        return this.#oneHot(operator, value);
      case "join": {
        const to = this.#declare(value);
        let at = 0;
        for (const part of operator.of) {
          this.lines.push(`for (int i = 0; i < ${part.width}; i++) ${to}[${at} + i] = ${this.nameOf(part)}[i];`);
          at += part.width;
        }
        return;
      }
      case "fill-missing":
        return this.#each(
          operator.of,
          value,
          (x) => `${x} != ${x} ? ${this.#table(value, "fill", operator.by)}[i] : ${x}`,
        );
      case "standardize":
        return this.#standardize(operator, value);
      case "clip": {
        const [low, high] = [this.#constant(operator.low), this.#constant(operator.high)];
        return this.#each(operator.of, value, (x) => `${x} < ${low} ? ${low} : ${x} > ${high} ? ${high} : ${x}`);
      }
      case "affine":
        return this.#affine(operator, value);
      case "apply":
        return this.#each(operator.of, value, (x) => this.#applied(operator.function, x));
      case "softmax":
        return this.#softmax(operator.of, value);
      case "weighted-sum":
        return this.#weightedSum(operator, value);
    }
  }

  #oneHot({ of, isHashed, rest }: Extract<Operator, { kind: "one-hot" }>, value: Value): void {
    const to = this.#declare(value);
    const x = `${this.nameOf(of)}[0]`;
    const table = this.#table(value, "rest", rest);
    this.lines.push(`for (int i = 0; i < ${value.width}; i++) ${to}[i] = ${table}[i];`);
    if (isHashed) {
      // A hash has 32 bits, which a float does not hold.
      this.lines.push(`if (${x} >= 0 && ${x} < (P_real)4294967296.0) ${to}[(uint32_t)${x} % ${value.width}u] = 1;`);
    } else {
      this.lines.push(`if (${x} >= 0 && ${x} < ${value.width}) ${to}[(int)${x}] = 1;`);
    }
  }

  /** In float x − mean would lose what x and the mean have in common, so the mean is taken off in two parts. */
  #standardize({ of, mean, std }: Extract<Operator, { kind: "standardize" }>, value: Value): void {
    const high = this.#table(value, "mean", mean.map(Math.fround));
    const rest = this.#table(
      value,
      "mean_rest",
      mean.map((number) => number - Math.fround(number)),
    );
    const deviation = this.#table(value, "std", std);
    this.#each(of, value, (x) => `(${x} - ${high}[i] - ${rest}[i]) / ${deviation}[i]`);
  }

  #affine({ of, weights, biases }: Extract<Operator, { kind: "affine" }>, value: Value): void {
    const table = this.#table(value, "weights", weights);
    const start = this.#table(value, "biases", biases);
    const to = this.#declare(value);
    const { width } = value;
    this.lines.push(
      `for (int j = 0; j < ${width}; j++) ${to}[j] = ${start}[j];`,
      `for (int i = 0; i < ${of.width}; i++)`,
      `  for (int j = 0; j < ${width}; j++) ${to}[j] += ${this.nameOf(of)}[i] * ${table}[i * ${width} + j];`,
    );
  }

  #applied(name: ElementFunction, x: string): string {
    switch (name) {
      case "relu":
        return `${x} > 0 ? ${x} : 0`;
      case "leaky-relu":
        return `${x} > 0 ? ${x} : ${this.#constant(LEAKY_SLOPE)} * ${x}`;
      case "tanh":
      case "sigmoid":
      case "exp":
      case "log":
      case "cos":
        this.functions.add(name);
        return `P_${name}(${x})`;
    }
  }

  #softmax(of: Value, value: Value): void {
    this.functions.add("exp");
    const [largest, sum] = [`largest${value.id}`, `sum${value.id}`];
    const x = this.nameOf(of);
    this.lines.push(
      `P_real ${largest} = ${x}[0], ${sum} = 0;`,
      `for (int i = 1; i < ${value.width}; i++) if (${x}[i] > ${largest}) ${largest} = ${x}[i];`,
    );
    this.#each(of, value, (each) => `P_exp(${each} - ${largest})`);
    const to = this.nameOf(value);
    this.lines.push(
      `for (int i = 0; i < ${value.width}; i++) ${sum} += ${to}[i];`,
      `for (int i = 0; i < ${value.width}; i++) ${to}[i] /= ${sum};`,
    );
  }

  #weightedSum({ of, weights }: Extract<Operator, { kind: "weighted-sum" }>, value: Value): void {
    const to = this.#declare(value);
    const terms = of.map((part, m) => `${this.#constant(weights[m] ?? Number.NaN)} * ${this.nameOf(part)}[i]`);
    this.lines.push(`for (int i = 0; i < ${value.width}; i++) ${to}[i] = ${terms.join(" + ")};`);
  }

  /** Writes a loop over single numbers. */
  #each(of: Value, value: Value, expression: (x: string) => string): void {
    const from = this.nameOf(of);
    const isOurs = /^v\d+$/.test(from);
    if (isOurs && this.#uses.get(of.id) === 1) this.#names.set(value.id, from);
    const to = this.#names.get(value.id) ?? this.#declare(value);
    this.lines.push(`for (int i = 0; i < ${value.width}; i++) ${to}[i] = ${expression(`${from}[i]`)};`);
  }

  #declare(value: Value): string {
    const name = `v${value.id}`;
    this.#names.set(value.id, name);
    this.lines.push(`P_real ${name}[${value.width}];`);
    return name;
  }

  #table({ id }: Value, what: string, values: readonly number[]): string {
    const name = `P_${what}${id}`;
    for (const value of values) this.#look(value);
    this.tables.push(`static const P_real ${name}[] = ${numbersInC(values)};`);
    return name;
  }

  #constant(value: number): string {
    this.#look(value);
    return `(P_real)${value < 0 ? `(${numberInC(value)})` : numberInC(value)}`;
  }

  #look(value: number): void {
    if (Math.abs(value) > FLOAT_MAX) this.isForDoubleOnly = true;
  }
}
