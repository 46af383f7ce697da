// The members that an ensemble has by itself. test/bench/ablation.ts shows what each kind of them adds; DESIGN.md says how they
// were chosen.

import type { FilterOptions } from "../kalman/filter-layout.ts";

/** Units of a network, and of one with a covariance for each unit, which costs less. */
const UNITS = 10;
const UNITS_DECOUPLED = 16;
/** Entries of the covariances of all its units, or nearly so, and the fewest units. */
const ENTRIES_MAX = 12_000;
const UNITS_DECOUPLED_MIN = 4;
/** Inputs that the default members are for. */
export const ENSEMBLE_INPUTS_MAX = 64;
/** With fewer units than this under one covariance, one for each unit is better. */
const UNITS_MIN = 6;
/** Weights that a network of UNITS has with one input and one output, or nearly so: what its covariance may cost. */
const WEIGHTS_MAX = 12 * UNITS;

/** Lists the default members for so many inputs and outputs. */
export function defaultMembers(inputs: number, outputs: number): readonly FilterOptions[] {
  const full = Math.floor((WEIGHTS_MAX - outputs) / (inputs + 1 + outputs));
  const affordable = Math.floor((2 * ENTRIES_MAX) / ((inputs + 1) * (inputs + 1)));
  const units = Math.max(UNITS_DECOUPLED_MIN, Math.min(UNITS_DECOUPLED, affordable));
  const decoupled = (noise: number, relevance: boolean) => tanhNetwork(units, "units", noise, relevance);
  const network = (noise: number, relevance: boolean): FilterOptions =>
    full >= UNITS_MIN ? tanhNetwork(Math.min(UNITS, full), "full", noise, relevance) : decoupled(noise, relevance);
  return [
    network(1e-4, false),
    network(1e-4, true),
    network(1e-3, true),
    network(1e-5, true),
    decoupled(1e-4, false),
    fourier(32, 1, 1e-3, false),
    fourier(64, 2, 1e-5, false),
    fourier(64, 1, 1e-4, true),
    fourier(64, 2, 1e-5, true),
    LINEAR,
  ];
}

const LINEAR: FilterOptions = { hidden: [], activation: [], covariance: "full", noise: 1e-3, relevance: false };

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

/** Says in few words what a member is. */
export function nameOf({ hidden, fourier: features, covariance, noise, relevance }: FilterOptions): string {
  const kind =
    features === undefined ? (hidden.length === 0 ? "linear" : "tanh") : `fourier ${features.count} γ${features.gamma}`;
  const units = hidden.length === 0 ? "" : ` ${hidden.join("-")}${covariance === "units" ? " decoupled" : ""}`;
  return `${kind}${units} ε${noise}${relevance ? " relevant" : ""}`;
}
