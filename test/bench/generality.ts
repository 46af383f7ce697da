// How the untouched default learns streams that nobody chose it by, beside the plain network and what is simpler.

import { BASELINES, baselineScore } from "./baselines.ts";
import { generatedStreams } from "./generated-streams.ts";
import { configFor, mean, run, streamOptions } from "./streams.ts";

/** Prints the mean accuracy of every generated stream: a seed draws the stream and the initial weights. */
export function benchGenerality(args: readonly string[] = []): void {
  const { seeds, only } = streamOptions(args);
  const numbers = Array.from({ length: seeds }, (_, s) => s + 1);
  const names = Object.keys(BASELINES);
  const header = ["default", "samples/s", "state", "plain", ...names].map((name) => name.padStart(10));
  console.log(`mean accuracy of ${seeds} seeds\n${"".padEnd(28)}${header.join(" ")}`);
  for (const { name } of generatedStreams(1)) {
    if (only !== null && name !== only) continue;
    const streams = numbers.flatMap((seed) => generatedStreams(seed).filter((stream) => stream.name === name));
    const outcomes = streams.map((stream, s) => run(configFor(stream, "ensemble", s + 1), stream));
    const plain = streams.map((stream, s) => run(configFor(stream, "network", s + 1), stream).score);
    const cells = [
      mean(outcomes.map(({ score }) => score)).toFixed(4),
      Math.round(mean(outcomes.map(({ samplesPerSecond }) => samplesPerSecond))).toLocaleString("en-US"),
      `${Math.round((outcomes[0]?.stateBytes ?? 0) / 1000)} kB`,
      mean(plain).toFixed(4),
      ...Object.values(BASELINES).map((begin) =>
        mean(streams.map((stream) => baselineScore(begin, stream))).toFixed(4),
      ),
    ];
    console.log(`${name.padEnd(28)}${cells.map((cell, c) => cell.padStart(header[c]?.length ?? 0)).join(" ")}`);
  }
}
