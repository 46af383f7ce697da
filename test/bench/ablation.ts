// What each ingredient of the default ensemble adds: one after another is left out, on every stream.

import type { FilterOptions } from "../../src/learner/kalman/filter-layout.ts";
import type { LearnerConfig } from "../../src/learner/learner-config.ts";
import { configFor, mean, readStreams, run, type Stream, streamOptions, untidy } from "./streams.ts";

type Change = (members: readonly FilterOptions[]) => readonly FilterOptions[];

const isFourier = ({ fourier }: FilterOptions) => fourier !== undefined;
const isLinear = ({ fourier, hidden }: FilterOptions) => fourier === undefined && hidden.length === 0;
const isNetwork = (member: FilterOptions) => !isFourier(member) && !isLinear(member);

/** Rows that a variant keeps. */
const NEIGHBOURS = 1000;

const variants: readonly (readonly [string, Change])[] = [
  ["the default", (members) => members],
  ["without relevance", (members) => members.map((member) => ({ ...member, relevance: false }))],
  ["relevance everywhere", (members) => members.map((member) => ({ ...member, relevance: true }))],
  ["without Fourier features", (members) => members.filter((member) => !isFourier(member))],
  ["without networks", (members) => members.filter((member) => !isNetwork(member))],
  ["without the linear member", (members) => members.filter((member) => !isLinear(member))],
  ["without the layered network", (members) => members.filter(({ covariance }) => covariance === "full")],
  ["one ε for all: 1e-4", (members) => members.map((member) => ({ ...member, noise: 1e-4 }))],
  ["nothing forgotten: ε 0", (members) => members.map((member) => ({ ...member, noise: 0 }))],
  ["one network, 10 tanh", (members) => members.filter(isNetwork).slice(0, 1)],
  ["one of Fourier features", (members) => members.filter(isFourier).slice(1, 2)],
  ["one linear member", (members) => members.filter(isLinear)],
];

function changed(config: LearnerConfig, change: Change): LearnerConfig {
  return { ...config, ensemble: change(config.ensemble ?? []) };
}

/** Prints the mean accuracy of every variant on every stream. */
export function benchAblation(args: readonly string[] = []): void {
  const { data, seeds, only } = streamOptions(args);
  const read = readStreams(data);
  const noisy = read.filter(({ name }) => name === "bananas").flatMap((stream) => untidy(stream).slice(0, 1));
  const streams = [...read, ...noisy].filter(({ name }) => only === null || name === only);
  console.log(`mean accuracy of ${seeds} seeds, ${data}`);
  console.log(["".padEnd(32), ...streams.map(({ name }) => name.padStart(22))].join(""));
  const line = (name: string, configOf: (stream: Stream, seed: number) => LearnerConfig) => {
    const cells = streams.map((stream) => {
      const scores = Array.from({ length: seeds }, (_, s) => run(configOf(stream, s + 1), stream).score);
      return mean(scores).toFixed(4).padStart(22);
    });
    console.log([name.padEnd(32), ...cells].join(""));
  };
  for (const [name, change] of variants)
    line(name, (stream, seed) => changed(configFor(stream, "ensemble", seed), change));
  const title = `with the nearest of ${NEIGHBOURS} rows`;
  line(title, (stream, seed) => ({ ...configFor(stream, "ensemble", seed), neighbours: NEIGHBOURS }));
  line("config/plain.yaml", (stream, seed) => configFor(stream, "network", seed));
}
