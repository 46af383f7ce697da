import { createDetector } from "../../src/evaluate/create-detector.ts";
import { DETECTORS, type DetectorKind, DRIFT } from "../../src/evaluate/detector.ts";
import {
  type Alarms,
  alarmsOf,
  errorsOf,
  families,
  judge,
  medianDelay,
  naive,
  type Tally,
  yardsticks,
} from "../evaluate/drift-streams.ts";

const SEEDS = 100;

function ours(kind: DetectorKind): () => Alarms {
  return () => {
    const detector = createDetector(kind);
    return (value) => detector.update(value) === DRIFT;
  };
}

const contenders: readonly (readonly [string, () => Alarms])[] = [
  ...DETECTORS.flatMap((kind): readonly (readonly [string, () => Alarms])[] => [
    [`Rivulet ${kind}`, ours(kind)],
    [`River ${kind}`, yardsticks[kind]],
  ]),
  ["an alarm every 100 samples", naive],
];

/** Measures how soon detectors tell a drift, and how often there is none, on 100 streams of each family. */
export function benchDrift(): void {
  for (const family of families) {
    console.log(`\ndrift, ${family.name}, ${SEEDS} seeds`);
    console.log(
      `${"".padEnd(28)} ${"median delay".padStart(12)} ${"found".padStart(10)} ${"false alarms per 100k".padStart(22)}`,
    );
    for (const [name, make] of contenders) {
      const tally: Tally = { delays: [], drifts: 0, falseAlarms: 0, values: 0 };
      for (let seed = 1; seed <= SEEDS; seed++) judge(tally, family, alarmsOf(errorsOf(family, seed), make()));
      const delay = tally.delays.length === 0 ? "–" : String(medianDelay(tally));
      const found = `${tally.delays.length} of ${tally.drifts}`;
      const rate = ((tally.falseAlarms / tally.values) * 1e5).toFixed(2);
      console.log(`${name.padEnd(28)} ${delay.padStart(12)} ${found.padStart(10)} ${rate.padStart(22)}`);
    }
  }
}
