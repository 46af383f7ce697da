import { explain } from "../evaluate/explain.ts";
import type { Importance } from "../evaluate/importance.ts";
import { columnsOf } from "../learner/learner-config.ts";
import type { ModelState } from "../stream/model-state.ts";
import { configInForce } from "../stream/model-state.ts";
import { compareLearnerConfig } from "./config.ts";
import { type Prediction, type Predictor, predictRow, rowOf } from "./predict.ts";
import { liveModel } from "./resolve-model.ts";
import type { Rooms } from "./rooms.ts";
import { withScores } from "./score-thread.ts";
import { LAST_ROWS } from "./verb-backtest.ts";
import { findSnapshot, loadSnapshot, topologyDiffers } from "./verb-snapshots.ts";
import type { OnProgress } from "./verbs.ts";

/** Orders in which each feature's values are dealt out anew. */
const PERMUTATIONS = 5;
const SEED = 1;

/** Tells what a feature did to a prediction. */
export interface FeatureEffect {
  readonly feature: string;
  /** As it was given; null is missing. */
  readonly value: number | string | null;
  /** As the network was given it: scaled, or filled in, or 1 for a category. */
  readonly input: number;
  /** Of the explained number with respect to the input. */
  readonly gradient: number;
  /** Gradient × input. */
  readonly contribution: number;
}

export interface Explained extends Prediction {
  /** Null is the live state. */
  readonly snapshot: number | null;
  readonly explains: {
    readonly kind: "logit" | "value";
    /** The class whose logit it is, by its name where classes have one: of two the second, of several the one predicted. */
    readonly class: number | string | null;
    readonly value: number;
  };
  /** In the order of the features. */
  readonly features: readonly FeatureEffect[];
  /** What the contributions leave of the value: biases, and what bends. */
  readonly rest: number;
}

export interface Importances {
  readonly model: string;
  /** Null is the live state. */
  readonly snapshot: number | null;
  readonly rows: { readonly count: number; readonly from: number | null; readonly to: number | null };
  readonly seed: number;
  readonly permutations: number;
  /** The mean loss as it is. */
  readonly loss: number | null;
  /** The most important first. */
  readonly features: readonly (Importance & { readonly feature: string })[];
}

/** Values in the order of the features; null is missing, a text names a category. */
type Values = readonly (number | string | null)[];

interface Params {
  readonly name?: string | undefined;
  readonly snapshot?: string | undefined;
}

/** Predicts for values in the order of the features, and tells what each of them did to it. Throws `usage`. */
export async function explainValues(
  rooms: Rooms,
  { name, snapshot, values }: Params & { readonly values: Values },
): Promise<Explained> {
  if (snapshot === undefined) return explained(liveModel(rooms.models, name), values, null);
  const { record, saved, learner } = await loadSnapshot(rooms, name, snapshot);
  const { model, step, sequence } = record;
  const state = { config: configInForce(saved.config, saved.configHash), learner, step, sequence };
  return explained({ name: model, state, durableSequence: sequence }, values, record.id);
}

function explained(predictor: Predictor, values: Values, snapshot: number | null): Explained {
  const { learner } = predictor.state;
  const row = rowOf(predictor, values);
  const prediction = predictRow(predictor, row);
  const { output, value, inputs, gradients } = explain(learner, row);
  const { features, classes, network } = learner.config;
  const effects = columnsOf(learner.config).map(({ first, width }, i) => {
    // A category has an input each, of which one is 1 and the others say nothing.
    const given = Array.from({ length: width }, (_, w) => first + w);
    const at = width === 1 ? first : given.find((input) => inputs[input] !== 0);
    const [input, gradient] = at === undefined ? [0, 0] : [inputs[at] ?? 0, gradients[at] ?? 0];
    return { feature: features[i] ?? "", value: values[i] ?? null, input, gradient, contribution: gradient * input };
  });
  const winner = learner.engine.outputCount > 1 ? output : 1;
  return {
    ...prediction,
    snapshot,
    explains:
      network.loss === "mse"
        ? { kind: "value", class: null, value }
        : { kind: "logit", class: classes?.[winner] ?? winner, value },
    features: effects,
    rest: effects.reduce((rest, { contribution }) => rest - contribution, value),
  };
}

/** Measures what each feature is worth to the live state, or to a snapshot, on the newest labelled rows. */
export async function measureImportance(
  rooms: Rooms,
  {
    name,
    snapshot,
    last,
    seed = SEED,
  }: Params & { readonly last?: number | undefined; readonly seed?: number | undefined },
  onProgress: OnProgress,
): Promise<Importances> {
  const model = liveModel(rooms.models, name);
  const record = snapshot === undefined ? null : await findSnapshot(rooms, model.name, snapshot);
  return withScores(rooms, model, last ?? LAST_ROWS, async ({ live, rows, ask }) => {
    const learner = record === null ? live.learner : await comparable(rooms, record.id, live);
    const loss = await ask("measure", learner, seed, PERMUTATIONS);
    const measured: (Importance & { readonly feature: string })[] = [];
    const { features } = live.config.learner;
    for (const [f, feature] of features.entries()) {
      await onProgress({ features: f, of: features.length });
      measured.push({ feature, ...(await ask("importance", f)) });
    }
    measured.sort((a, b) => (b.increase ?? 0) - (a.increase ?? 0));
    return {
      model: model.name,
      snapshot: record?.id ?? null,
      rows: { count: rows.rows, from: rows.from, to: rows.to },
      seed,
      permutations: PERMUTATIONS,
      loss,
      features: measured,
    };
  });
}

async function comparable({ store }: Rooms, id: number, live: Pick<ModelState, "config">): Promise<Uint8Array> {
  const { config, learner, model } = await store.state(id);
  const difference = compareLearnerConfig(config, live.config.json);
  if (difference !== "same" && difference.kind === "refused") throw topologyDiffers(id, model);
  return learner;
}
