import { RivuletError } from "../error.ts";
import { FEATURE_ABS_MAX } from "../sample/rows.ts";
import type { Model } from "../stream/model.ts";
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

/** Predicts for values in the order of the model's features. Throws `usage` where they are not right. */
export function predict(
  { models }: Pick<Rooms, "models">,
  { name, values }: { name?: string | undefined; values: readonly (number | null)[] },
): Prediction {
  const model = liveModel(models, name);
  const { features } = model.state.config.learner;
  if (values.length !== features.length) {
    throw new RivuletError("usage", `${values.length} values came; model ${model.name} takes ${features.join(", ")}`);
  }
  return predictRow(
    model,
    values.map((value) => value ?? Number.NaN),
  );
}

/** Predicts for an object with the model's features; other fields are passed over. Throws `usage`. */
export function predictObject(model: Model, row: Readonly<Record<string, unknown>>): Prediction {
  const values = model.state.config.learner.features.map((feature) => {
    const value = Object.hasOwn(row, feature) ? row[feature] : undefined;
    if (typeof value === "number") return value;
    if (typeof value === "boolean") return value ? 1 : 0;
    if (value == null) return Number.NaN;
    throw new RivuletError("usage", `feature ${feature} is ${JSON.stringify(value).slice(0, 80)}; a number is needed`);
  });
  return predictRow(model, values);
}

/** Predicts for values of which NaN is missing. */
function predictRow(model: Model, values: readonly number[]): Prediction {
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
export function predictionOf({ name, state, durableSequence }: Model, outputs: readonly number[]): Prediction {
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
