// The members that an ensemble has by itself. test/bench/ablation.ts shows what each kind of them adds; DESIGN.md says how they
// were chosen.

import type { Covariance, FilterOptions } from "../kalman/filter-layout.ts";

/** Units of a network under one covariance; of one with a covariance for each layer, which costs less; of one of many inputs. */
const UNITS = 10;
const UNITS_LAYERED = 16;
const UNITS_WIDE = 24;
/** Fourier features of most members, and inputs beyond which all have the fewer. */
const FEATURES = 64;
const FEATURES_FEW = 32;
const INPUTS_WIDE = 16;
/** Inputs that the default members are for. */
export const ENSEMBLE_INPUTS_MAX = 64;
/** Fewest and most rows that may be kept for their neighbourhood. */
export const NEIGHBOURS_MIN = 10;
export const NEIGHBOURS_MAX = 10_000;
/** With fewer units than this under one covariance, one for each layer is better. */
const UNITS_MIN = 6;
/** Weights that a network of UNITS has with one input and one output, or nearly so: what its covariance may cost. */
const WEIGHTS_MAX = 12 * UNITS;

/** Lists the default members for so many inputs and outputs. */
export function defaultMembers(inputs: number, outputs: number): readonly FilterOptions[] {
  const full = Math.floor((WEIGHTS_MAX - outputs) / (inputs + 1 + outputs));
  const isWide = inputs > INPUTS_WIDE;
  const units = isWide ? UNITS_WIDE : UNITS_LAYERED;
  const features = isWide ? FEATURES_FEW : FEATURES;
  const layered = (noise: number, relevance: boolean) => tanhNetwork(units, "layers", noise, relevance);
  const network = (noise: number, relevance: boolean): FilterOptions =>
    full >= UNITS_MIN ? tanhNetwork(Math.min(UNITS, full), "full", noise, relevance) : layered(noise, relevance);
  return [
    network(1e-4, false),
    network(1e-4, true),
    network(1e-3, true),
    network(1e-5, true),
    layered(1e-4, false),
    fourier(features, 1, 1e-3, true),
    fourier(features, 2, 1e-5, false),
    fourier(features, 1, 1e-4, true),
    fourier(features, 2, 1e-5, true),
    LINEAR,
  ];
}

/** Forgets within tens of rows: for labels that come in runs. */
const LINEAR: FilterOptions = { hidden: [], activation: [], covariance: "full", noise: 0.03, relevance: false };

function tanhNetwork(
  units: number,
  covariance: FilterOptions["covariance"],
  noise: number,
  relevance: boolean,
): FilterOptions {
  return { hidden: [units], activation: ["tanh"], covariance, noise, relevance };
}

function fourier(count: number, gamma: number, noise: number, relevance: boolean): FilterOptions {
  return { hidden: [], activation: [], fourier: { count, gamma }, covariance: "full", noise, relevance };
}

/** What is said of covariances. */
const SHARED: Readonly<Record<Covariance, string>> = { full: "", units: " decoupled", layers: " layered" };

/** Says in few words what a member is. */
export function nameOf({ hidden, fourier: features, covariance, noise, relevance }: FilterOptions): string {
  const kind =
    features === undefined ? (hidden.length === 0 ? "linear" : "tanh") : `fourier ${features.count} γ${features.gamma}`;
  const units = hidden.length === 0 ? "" : ` ${hidden.join("-")}${SHARED[covariance]}`;
  return `${kind}${units} ε${noise}${relevance ? " relevant" : ""}`;
}
