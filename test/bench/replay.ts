// What averaged weights and replay add to a single network, and what they cost: config/plain.yaml with each of them, on every
// stream of a folder.

import type { LearnerConfig } from "../../src/learner/learner-config.ts";
import { median } from "./report.ts";
import { configFor, mean, type Outcome, readStreams, run, type Stream, streamOptions } from "./streams.ts";

type Past = Pick<LearnerConfig, "averaging" | "replay">;

const averaging = { decay: 0.99 };
const window = (rows: number, batches = 4) => ({ kind: "window", rows, batches, size: 8 }) as const;

const variants: readonly (readonly [string, Past])[] = [
  ["config/plain.yaml", {}],
  ["averaging", { averaging }],
  ["window of 1000, 4 × 8", { replay: window(1000) }],
  ["window of 100, 4 × 8", { replay: window(100) }],
  ["window of 100, 1 × 8", { replay: window(100, 1) }],
  ["reservoir of 1000, 4 × 8", { replay: { ...window(1000), kind: "reservoir" } }],
  ["averaging, window of 1000, 4 × 8", { averaging, replay: window(1000) }],
  ["averaging, window of 100, 4 × 8", { averaging, replay: window(100) }],
  ["averaging, window of 100, 1 × 8", { averaging, replay: window(100, 1) }],
];

/** Prints the mean accuracy of every variant on every stream, and speed and state on those of two inputs. */
export function benchReplay(args: readonly string[] = []): void {
  const { data, seeds, only } = streamOptions(args);
  const streams = readStreams(data).filter(({ name }) => only === null || name === only);
  if (streams.length === 0) return console.log(`there is no CSV in ${data}; name a folder with --data`);
  console.log(`mean accuracy of ${seeds} seeds, ${data}; samples/s and state: at two inputs`);
  console.log(
    ["".padEnd(36), ...streams.map(({ name }) => name.padStart(10)), "     mean  samples/s    state"].join(""),
  );
  const outcomes = variants.map(() => streams.map((): Outcome[] => []));
  // Variants take turns, so that what else the machine does concerns all of them.
  for (let seed = 1; seed <= seeds; seed++) {
    for (const [s, stream] of streams.entries()) {
      for (const [v, [, past]] of variants.entries()) {
        outcomes[v]?.[s]?.push(run({ ...configFor(stream, "network", seed), ...past }, stream));
      }
    }
  }
  for (const [v, [name]] of variants.entries()) console.log(lineOf(name, streams, outcomes[v] ?? []));
}

function lineOf(name: string, streams: readonly Stream[], outcomes: readonly (readonly Outcome[])[]): string {
  const scores = outcomes.map((ofStream) => mean(ofStream.map(({ score }) => score)));
  const small = outcomes.filter((_, s) => streams[s]?.features === 2).flat();
  const speed = median(small.map(({ samplesPerSecond }) => samplesPerSecond));
  const bytes = Math.max(0, ...small.map(({ stateBytes }) => stateBytes));
  return [
    name.padEnd(36),
    ...scores.map((score) => score.toFixed(4).padStart(10)),
    mean(scores).toFixed(4).padStart(9),
    Math.round(speed).toLocaleString("en-US").padStart(11),
    `${(bytes / 1000).toFixed(1)} kB`.padStart(9),
  ].join("");
}
