import { Learner } from "../../src/learner/learner.ts";
import type { LearnerConfig } from "../../src/learner/learner-config.ts";
import { Random } from "../../src/learner/random.ts";
import { median, report } from "./report.ts";

const ROUNDS = 7;
const ROUND_MS = 150;

const base: LearnerConfig = {
  features: ["x1", "x2"],
  label: "y",
  classes: null,
  network: { hidden: [2], activation: ["relu"], output: "sigmoid", loss: "cross-entropy", init: "he", seed: 1 },
  scale: "none",
  optimizer: { kind: "sgd", learningRate: 0.01 },
  batch: { size: 32 },
};

const cases: readonly (readonly [string, LearnerConfig])[] = [
  ["learner, 2-2-1, SGD, batch 32, no scaler", base],
  [
    "learner, 2-32-1, Adagrad, batch 4, scaler (default)",
    {
      ...base,
      network: { ...base.network, hidden: [32] },
      scale: "standard",
      optimizer: { kind: "adagrad", learningRate: 0.3 },
      batch: { size: 4 },
    },
  ],
];

/** Measures training samples a second of whole learners, schedule and scaler included. */
export function benchLearner(): void {
  const learners = cases.map(([, config]) => prepared(config));
  const rates = cases.map((): number[] => []);
  for (let round = 0; round < ROUNDS; round++) {
    learners.forEach((learner, c) => {
      rates[c]?.push(samplesPerSecond(learner));
    });
  }
  cases.forEach(([name], c) => {
    report(name, median(rates[c] ?? []), "samples/s");
  });
}

function prepared(config: LearnerConfig): Learner {
  const learner = new Learner(config);
  const random = new Random(1);
  const { raw } = learner;
  const { labels } = learner.engine;
  for (let i = 0; i < raw.length; i++) raw[i] = random.normal();
  for (let r = 0; r < labels.length; r++) labels[r] = random.uint32() & 1;
  return learner;
}

function samplesPerSecond(learner: Learner): number {
  const rows = learner.config.batch.size;
  const from = performance.now();
  let steps = 0;
  while (performance.now() - from < ROUND_MS) {
    for (let i = 0; i < 200; i++) learner.step(rows);
    steps += 200;
  }
  return (steps * rows * 1000) / (performance.now() - from);
}
