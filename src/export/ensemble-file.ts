// The model file of an ensemble, version 2: its members, and what mixes them. As version 1 it carries what predictions need,
// and not what training remembers: that begins with the prior's variances.

import { RivuletError } from "../error.ts";
import type { EngineChoice } from "../learner/engines.ts";
import type { EnsembleEngine } from "../learner/ensemble/ensemble-engine.ts";
import { COVARIANCES, type Covariance, type FilterOptions } from "../learner/kalman/filter-layout.ts";
import type { FilterNetwork } from "../learner/kalman/filter-network.ts";
import { Learner } from "../learner/learner.ts";
import { inputsOf, type LearnerConfig, outputsOf } from "../learner/learner-config.ts";
import { ACTIVATIONS } from "../learner/topology.ts";
import type { ModelFile, ModelFileLayer } from "./model-file.ts";
import {
  arrayAt,
  choiceAt,
  FORMAT,
  type Head,
  headAt,
  invalid,
  layerAt,
  numbersAt,
  objectAt,
  positiveAt,
  type Training,
  weightsOf,
} from "./places.ts";

const MEMBERS_MAX = 1000;
const NOISE_MAX = 0.1;

export interface EnsembleFileMember {
  /** Before the first layer: cos(frequencies · x + phases), and behind them x. */
  readonly fourier?: {
    /** (features, inputs): frequencies[k][i] leads from input i to feature k. */
    readonly frequencies: readonly (readonly number[])[];
    readonly phases: readonly number[];
  };
  /** The last of them gives the logits, or the standardized value: it has no activation. */
  readonly layers: readonly ModelFileLayer[];
  /** Whether its inputs are multiplied by `relevance`. */
  readonly relevant: boolean;
  /** How training goes on. */
  readonly noise: number;
  readonly covariance: Covariance;
}

export interface EnsembleFile extends Omit<ModelFile, "version" | "layers"> {
  readonly version: 2;
  readonly members: readonly EnsembleFileMember[];
  /** (I). */
  readonly relevance: readonly number[];
  /** The prediction is the mean of two mixtures of the members' logits: by shares, which sum up to 1, and by weights. */
  readonly mixer: { readonly shares: readonly number[]; readonly weights: readonly number[] };
  /** Mean and deviation of the values that are predicted; null of classes. */
  readonly target: { readonly mean: number; readonly std: number; readonly count?: number } | null;
}

/** Writes the members of an ensemble, and what mixes them. */
export function ensemblePartsOf(
  engine: EnsembleEngine,
): Pick<EnsembleFile, "members" | "relevance" | "mixer" | "target"> {
  const { networks, mixer, relevance, labelScaler } = engine;
  const rest = (values: Float64Array) => ofNetworks(values, networks.length);
  return {
    members: networks.map(memberOf),
    relevance: [...relevance.factors],
    mixer: { shares: rest(mixer.shares), weights: rest(mixer.stacking.weights) },
    target:
      labelScaler === null
        ? null
        : {
            mean: labelScaler.mean[0] ?? 0,
            std: labelScaler.std[0] ?? 1,
            ...(labelScaler.frozen ? {} : { count: labelScaler.count }),
          },
  };
}

/** Takes the weights of the first `count` members; whatever others had is shared out among them. */
function ofNetworks(weights: Float64Array, count: number): readonly number[] {
  const own = [...weights.subarray(0, count)];
  if (weights.length === count) return own;
  const shared = weights.subarray(count).reduce((sum, weight) => sum + weight, 0) / count;
  return own.map((weight) => weight + shared);
}

function memberOf({ options, layout, parameters, features }: FilterNetwork): EnsembleFileMember {
  const { relevance, noise, covariance } = options;
  const count = features?.phases.length ?? 0;
  const inputs = (features?.frequencies.length ?? 0) / Math.max(1, count);
  return {
    ...(features === null
      ? {}
      : {
          fourier: {
            frequencies: Array.from({ length: count }, (_, k) =>
              Array.from({ length: inputs }, (_, i) => features.frequencies[i * count + k] ?? Number.NaN),
            ),
            phases: [...features.phases],
          },
        }),
    layers: weightsOf(layout, parameters),
    relevant: relevance,
    noise,
    covariance,
  };
}

/** Makes a learner that starts from the file. */
export function ensembleLearnerOf(
  file: EnsembleFile,
  { optimizer: _, ...training }: Training,
  engine: EngineChoice = "auto",
): Learner {
  const config: LearnerConfig = {
    features: file.features,
    label: file.label,
    classes: file.classes ?? null,
    ...(file.categorical === undefined ? {} : { categorical: file.categorical }),
    network: { hidden: [], activation: [], output: outputOf(file), loss: file.loss, init: "he", seed: 1 },
    ensemble: file.members.map(optionsOf),
    scale: file.scaler === null ? "none" : "standard",
    optimizer: { kind: "ekf", learningRate: 1 },
    ...training,
  };
  const learner = new Learner(config, engine);
  const { ensemble } = learner.engine;
  if (ensemble === null) throw new Error("members make an ensemble");
  ensemble.networks.forEach((network, n) => {
    const member = file.members[n];
    if (member !== undefined) fill(network, member);
  });
  ensemble.relevance.factors.set(file.relevance);
  ensemble.mixer.import(file.mixer.shares, file.mixer.weights);
  const { target } = file;
  if (target !== null) ensemble.labelScaler?.import([target.mean], [target.std], target.count ?? null);
  return learner;
}

function outputOf({
  loss,
  classes = null,
}: Pick<EnsembleFile, "loss"> & { readonly classes?: readonly string[] | null }) {
  return loss === "mse" ? "identity" : outputsOf({ classes }) > 1 ? "softmax" : "sigmoid";
}

function optionsOf({ fourier, layers, relevant, noise, covariance }: EnsembleFileMember): FilterOptions {
  const hidden = layers.slice(0, -1);
  return {
    hidden: hidden.map(({ biases }) => biases.length),
    activation: hidden.map(({ activation }) => choiceAt(activation, ACTIVATIONS, "activation")),
    ...(fourier === undefined ? {} : { fourier: { count: fourier.phases.length, gamma: 1 } }),
    covariance,
    noise,
    relevance: relevant,
  };
}

function fill({ layout, parameters, features }: FilterNetwork, { layers, fourier }: EnsembleFileMember): void {
  layout.layers.forEach(({ units, weightsOffset, biasesOffset }, l) => {
    layers[l]?.weights.forEach((row, j) => {
      row.forEach((weight, i) => {
        parameters[weightsOffset + i * units + j] = weight;
      });
    });
    parameters.set(layers[l]?.biases ?? [], biasesOffset);
  });
  if (features === null || fourier === undefined) return;
  const count = fourier.phases.length;
  fourier.frequencies.forEach((row, k) => {
    row.forEach((frequency, i) => {
      features.frequencies[i * count + k] = frequency;
    });
  });
  features.phases.set(fourier.phases);
}

/** Reads what version 2 has of its own. Throws `model-file-invalid`, naming the first place that is wrong. */
export function ensembleFileAt(file: Readonly<Record<string, unknown>>): EnsembleFile {
  const head: Head = headAt(file);
  const width = inputsOf(head);
  const outputs = outputsOf({ classes: head.classes ?? null });
  const members = arrayAt(file["members"], "members").map((value, n) =>
    memberAt(value, width, outputs, `members[${n}]`),
  );
  if (members.length === 0 || members.length > MEMBERS_MAX) {
    throw invalid(`members has ${members.length} of them; 1 to ${MEMBERS_MAX} are allowed`);
  }
  const mixer = objectAt(file["mixer"], "mixer");
  const shares = numbersAt(mixer["shares"], "mixer.shares", members.length);
  if (shares.some((share) => share < 0 || share > 1)) throw invalid("mixer.shares has a number outside of 0 to 1");
  const weights = numbersAt(mixer["weights"], "mixer.weights", members.length);
  const relevance = numbersAt(file["relevance"], "relevance", width);
  return {
    format: FORMAT,
    version: 2,
    ...head,
    members,
    relevance,
    mixer: { shares, weights },
    target: targetAt(file["target"], head),
  };
}

function memberAt(value: unknown, inputs: number, outputs: number, path: string): EnsembleFileMember {
  const member = objectAt(value, path);
  const fourier = member["fourier"] == null ? null : fourierAt(member["fourier"], inputs, `${path}.fourier`);
  let width = inputs + (fourier?.phases.length ?? 0);
  const layers = arrayAt(member["layers"], `${path}.layers`).map((layer, l) => {
    const parsed = layerAt(layer, width, `${path}.layers[${l}]`);
    width = parsed.biases.length;
    return parsed;
  });
  const last = layers.at(-1);
  if (last === undefined) throw invalid(`${path}.layers is empty`);
  if (last.biases.length !== outputs || last.activation !== "identity") {
    throw invalid(`the last of ${path}.layers has ${outputs} units, and the activation identity`);
  }
  if (layers.slice(0, -1).some(({ activation }) => activation === "softmax")) {
    throw invalid(`softmax is no activation of ${path}`);
  }
  const noise = member["noise"];
  if (typeof noise !== "number" || !(noise >= 0 && noise <= NOISE_MAX)) {
    throw invalid(`${path}.noise is no number from 0 to ${NOISE_MAX}`);
  }
  if (typeof member["relevant"] !== "boolean") throw invalid(`${path}.relevant is neither true nor false`);
  return {
    ...(fourier === null ? {} : { fourier }),
    layers,
    relevant: member["relevant"],
    noise,
    covariance: choiceAt(member["covariance"], COVARIANCES, `${path}.covariance`),
  };
}

function fourierAt(value: unknown, inputs: number, path: string): NonNullable<EnsembleFileMember["fourier"]> {
  const fourier = objectAt(value, path);
  const phases = numbersAt(fourier["phases"], `${path}.phases`);
  const frequencies = arrayAt(fourier["frequencies"], `${path}.frequencies`).map((row, k) =>
    numbersAt(row, `${path}.frequencies[${k}]`, inputs),
  );
  if (phases.length === 0 || frequencies.length !== phases.length) {
    throw invalid(`${path} has ${frequencies.length} frequencies and ${phases.length} phases`);
  }
  return { frequencies, phases };
}

function targetAt(value: unknown, { loss }: Head): EnsembleFile["target"] {
  if (loss !== "mse") {
    if (value != null) throw invalid("target goes with mse");
    return null;
  }
  const target = objectAt(value, "target");
  const [mean = 0] = numbersAt([target["mean"]], "target.mean");
  const std = positiveAt(target["std"], "target.std");
  const count = target["count"];
  if (count == null) return { mean, std };
  if (typeof count !== "number" || !Number.isInteger(count) || count < 0) {
    throw invalid("target.count is no whole number from 0 on");
  }
  return { mean, std, count };
}

/** Refuses to write down what no file has room for. */
export function assertWritable(learner: Learner): void {
  if (learner.config.neighbours === undefined) return;
  throw new RivuletError("usage", "the rows that the ensemble keeps are in no exported model", {
    hint: "A model with `ensemble.neighbours: 0` can be exported, and predicts elsewhere as it does here.",
  });
}

/** Refuses an ensemble where one network is asked for. */
export function onlyNetwork(what: string): RivuletError {
  return new RivuletError("usage", `${what} takes a single network, and this is an ensemble`, {
    hint: "A model with `learner: network` has one; config/plain.yaml shows it.",
  });
}
