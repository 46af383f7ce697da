import { RivuletError } from "../error.ts";
import { categoriesOf } from "../learner/learner-config.ts";
import { type Categories, categoriesAllowed, isCategory, numberOfCategory } from "../sample/category.ts";
import { FEATURE_ABS_MAX } from "../sample/rows.ts";
import type { Model } from "../stream/model.ts";
import type { ModelState } from "../stream/model-state.ts";
import { liveModel } from "./resolve-model.ts";
import type { Rooms } from "./rooms.ts";

/** Is what a model says of one row of features, as it stands now. */
export interface Prediction {
  readonly model: string;
  /** Probability of class 1, or the value; of more than two classes the probability of each. */
  readonly prediction: number | readonly number[];
  /** The likelier class, by its name where classes have one; null in regression. */
  readonly class: number | string | null;
  readonly step: number;
  /** The last row trained, and the last row that is durable: a prediction may run ahead of the commit. */
  readonly sequence: number;
  readonly durableSequence: number;
}

/** Is what a prediction comes from: a live model, or a learner of former times. */
export type Predictor = Pick<Model, "name" | "durableSequence"> & {
  readonly state: Pick<ModelState, "config" | "learner" | "step" | "sequence">;
};

/** Predicts for values in the order of the model's features. Throws `usage` where they are not right. */
export function predict(
  { models }: Pick<Rooms, "models">,
  { name, values }: { name?: string | undefined; values: readonly (number | string | null)[] },
): Prediction {
  const model = liveModel(models, name);
  return predictRow(model, rowOf(model, values));
}

/** Makes a row of values in the order of the features, NaN where one is missing. Throws `usage` where they are not right. */
export function rowOf({ name, state }: Predictor, values: readonly (number | string | null)[]): readonly number[] {
  const { learner } = state.config;
  const { features } = learner;
  if (values.length !== features.length) {
    throw new RivuletError("usage", `${values.length} values came; model ${name} takes ${features.join(", ")}`);
  }
  return categoriesOf(learner).map((categories, i) => numberFor(values[i], categories, features[i] ?? ""));
}

/** Predicts for an object with the model's features; other fields are passed over. Throws `usage`. */
export function predictObject(model: Model, row: Readonly<Record<string, unknown>>): Prediction {
  const { learner } = model.state.config;
  const categories = categoriesOf(learner);
  const values = learner.features.map((feature, i) => {
    return numberFor(Object.hasOwn(row, feature) ? row[feature] : undefined, categories[i] ?? null, feature);
  });
  return predictRow(model, values);
}

/** Reads a value as the journal would have it; NaN is missing. Throws `usage`. */
function numberFor(value: unknown, categories: Categories | null, feature: string): number {
  if (value == null) return Number.NaN;
  const number = typeof value === "boolean" ? Number(value) : value;
  if (categories === null) {
    if (typeof number === "number") return number;
  } else if (typeof number === "string") {
    const category = numberOfCategory(number, categories);
    if (category !== null) return category;
  } else if (typeof number === "number" && isCategory(number, categories)) return number;
  const needed = categories === null ? "a number" : categoriesAllowed(categories);
  throw new RivuletError(
    "usage",
    `feature ${feature} is ${JSON.stringify(value).slice(0, 80)}; needed: ${needed.slice(0, 200)}`,
  );
}

/** Predicts for values of which NaN is missing. Throws `usage` where they may not, or one is too large. */
export function predictRow(model: Predictor, values: readonly number[]): Prediction {
  const { state } = model;
  const { features, missing } = state.config.learner;
  const lacking = values.findIndex(Number.isNaN);
  if (lacking >= 0 && (missing === "refuse" || values.every(Number.isNaN))) {
    throw new RivuletError("usage", `feature ${features[lacking]} is missing`);
  }
  const outlier = values.findIndex((value) => Math.abs(value) > FEATURE_ABS_MAX);
  if (outlier >= 0) {
    throw new RivuletError("usage", `feature ${features[outlier]} is ${values[outlier]}; allowed: up to ±1e12`);
  }
  return predictionOf(model, [...state.learner.outputsFor(values)]);
}

/** Puts a model's outputs (K) into words, with its position as it is now. */
export function predictionOf({ name, state, durableSequence }: Predictor, outputs: readonly number[]): Prediction {
  const { network, classes } = state.config.learner;
  const [first = 0] = outputs;
  const winner = outputs.length > 1 ? outputs.indexOf(Math.max(...outputs)) : first >= 0.5 ? 1 : 0;
  return {
    model: name,
    prediction: outputs.length > 1 ? outputs : first,
    class: network.loss === "mse" ? null : (classes?.[winner] ?? winner),
    step: state.step,
    sequence: state.sequence,
    durableSequence,
  };
}
