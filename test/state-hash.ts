// Trains learners of many kinds and prints a hash of the bits of each: the same lines on every machine. test/arm64.ts
// compares what an emulated arm64 prints with what this machine does.

import { createHash, type Hash } from "node:crypto";
import { cos, exp, log, log1p, sigmoid, tanh } from "../src/learner/elementary.ts";
import type { EngineKind } from "../src/learner/engine.ts";
import { defaultMembers } from "../src/learner/ensemble/members.ts";
import { REPLAY_KINDS } from "../src/learner/experience-replay.ts";
import { Learner } from "../src/learner/learner.ts";
import { categoriesOf, type LearnerConfig } from "../src/learner/learner-config.ts";
import type { OptimizerConfig } from "../src/learner/optimizer.ts";
import { PRECISIONS } from "../src/learner/precision.ts";
import { Random } from "../src/learner/random.ts";
import { ACTIVATIONS } from "../src/learner/topology.ts";
import { STREAMS, streamRows } from "../src/sample/streams.ts";

const STEPS = 300;
const ROWS = 6;
const POINTS = 20_000;
const STREAM_ROWS = 3000;

const optimizers: readonly OptimizerConfig[] = [
  { kind: "sgd", learningRate: 0.1, l2: 0.001 },
  { kind: "sgd", learningRate: 0.05, momentum: 0.9, schedule: { kind: "exponential", steps: 100, factor: 0.5 } },
  { kind: "sgd", learningRate: 0.05, momentum: 0.9, nesterov: true, clipNorm: 0.5 },
  { kind: "adagrad", learningRate: 0.3 },
  { kind: "rmsprop", learningRate: 0.01, schedule: { kind: "inverse", steps: 50 } },
  { kind: "adam", learningRate: 0.01, clipNorm: 1, schedule: { kind: "step", steps: 50, factor: 0.5 } },
];

function hashOf(fill: (hash: Hash) => void): string {
  const hash = createHash("sha256");
  fill(hash);
  return hash.digest("hex").slice(0, 32);
}

/** Hashes the state, the costs and a prediction of a learner after a seeded run: of both engines, which must agree. */
function trained(config: LearnerConfig, steps = STEPS): string {
  const [wasm, reference] = (["wasm", "reference"] as const).map((engine) => trainedBy(engine, config, steps));
  if (wasm === undefined || wasm !== reference) throw new Error(`the engines differ on ${JSON.stringify(config)}`);
  return wasm;
}

function trainedBy(engine: EngineKind, config: LearnerConfig, steps: number): string {
  const learner = new Learner(config, engine);
  const random = new Random(11);
  const costs = new Float64Array(steps);
  const rows = config.batch.size;
  const { raw } = learner;
  const { labels, sampleWeights } = learner.engine;
  const categories = categoriesOf(config);
  const isUntidy = config.categorical !== undefined;
  const draw = (i: number) => {
    if (isUntidy && random.uint32() % 10 === 0) return Number.NaN;
    const one = categories[i % categories.length] ?? null;
    if (one !== null) return random.uint32() % (one === "hashed" ? 2 ** 32 : one.length);
    return random.normal() * (i % 3 === 0 ? 1e3 : 1);
  };
  for (let k = 0; k < steps; k++) {
    for (let i = 0; i < raw.length; i++) raw[i] = draw(i);
    for (let r = 0; r < rows; r++) {
      labels[r] = config.network.loss === "mse" ? random.normal() : random.uint32() % (config.classes?.length ?? 2);
      sampleWeights[r] = 0.5 + random.uniform();
    }
    learner.step(1 + (k % rows));
    costs[k] = learner.engine.cost;
  }
  // The sign of a NaN, which a network that has diverged predicts, is the processor's own.
  const outputs = learner
    .outputsFor(config.features.map((_, i) => [1, -2, 3][i % 3] ?? 0))
    .map((output) => (Number.isNaN(output) ? Number.NaN : output));
  const hash = hashOf((sum) => sum.update(learner.save()).update(costs).update(Float64Array.from(outputs)));
  learner.release();
  return hash;
}

for (const optimizer of optimizers) {
  for (const [activation, precision] of ACTIVATIONS.flatMap((name) =>
    PRECISIONS.map((width) => [name, width] as const),
  )) {
    for (const [output, loss, classes] of [
      ["sigmoid", "cross-entropy", null],
      ["softmax", "cross-entropy", ["a", "b", "c"]],
      ["identity", "mse", null],
    ] as const) {
      const network = {
        hidden: [7, 5],
        activation: [activation, activation],
        output,
        loss,
        init: "he",
        seed: 2,
      } as const;
      const common = { features: ["a", "b", "c"], label: "y", optimizer, batch: { size: ROWS } };
      const state = trained({ ...common, classes, network, scale: "standard", precision });
      console.log(
        `${optimizer.kind} ${Object.keys(optimizer).slice(2).join(" ")} ${activation} ${output} ${precision} ${state}`,
      );
    }
  }
}

// Gaps, categories and weights that follow the classes, with a scaler and without.
for (const scale of ["standard", "none"] as const) {
  const network = {
    hidden: [7],
    activation: ["tanh"],
    output: "softmax",
    loss: "cross-entropy",
    init: "he",
    seed: 4,
  } as const;
  const config: LearnerConfig = {
    features: ["a", "b", "c"],
    label: "y",
    classes: ["a", "b", "c"],
    categorical: { b: ["red", "green"], c: 5 },
    classWeights: "balanced",
    network,
    scale,
    optimizer: { kind: "adagrad", learningRate: 0.01 },
    batch: { size: ROWS },
  };
  console.log(`untidy ${scale} ${trained(config)}`);
}

// Averaged weights, and rows that are trained once more.
for (const [precision, kind] of PRECISIONS.flatMap((width) => REPLAY_KINDS.map((name) => [width, name] as const))) {
  const network = { hidden: [7], activation: ["tanh"], output: "softmax", loss: "cross-entropy", init: "he" } as const;
  const config: LearnerConfig = {
    features: ["a", "b", "c"],
    label: "y",
    classes: ["a", "b", "c"],
    network: { ...network, seed: 6 },
    scale: "standard",
    precision,
    optimizer: { kind: "adam", learningRate: 0.01 },
    averaging: { decay: 0.95 },
    replay: { kind, rows: 200, batches: 2, size: 5 },
    batch: { size: ROWS },
  };
  console.log(`averaged ${kind} ${precision} ${trained(config)}`);
}

// Filters and ensembles.
for (const precision of PRECISIONS) {
  for (const [output, loss, classes] of [
    ["sigmoid", "cross-entropy", null],
    ["softmax", "cross-entropy", ["a", "b", "c"]],
    ["identity", "mse", null],
  ] as const) {
    const network = { hidden: [6], activation: ["tanh"], output, loss, init: "he", seed: 5 } as const;
    const optimizer = { kind: "ekf", learningRate: 1 } as const;
    const common = { features: ["a", "b", "c"], label: "y", classes, scale: "standard", precision } as const;
    const batch = { size: ROWS };
    console.log(`ekf ${output} ${precision} ${trained({ ...common, network, optimizer, batch })}`);
    const ensemble = defaultMembers(3, classes?.length ?? 1);
    console.log(`ensemble ${output} ${precision} ${trained({ ...common, network, ensemble, optimizer, batch })}`);
    const kept = { ...common, network, ensemble, neighbours: 100, optimizer, batch };
    console.log(`ensemble, neighbours ${output} ${precision} ${trained(kept)}`);
  }
}

// Layers wide enough for the loops of the compiled engine, and mini-batches of one row.
for (const precision of PRECISIONS) {
  for (const [features, hidden, batch] of [
    [21, [256, 70], 5],
    [3, [9], 1],
  ] as const) {
    const names = Array.from({ length: features }, (_, i) => `x${i}`);
    const classes = Array.from({ length: 21 }, (_, i) => `c${i}`);
    const network = {
      hidden,
      activation: hidden.map(() => "tanh" as const),
      output: "softmax",
      loss: "cross-entropy",
      init: "he",
      seed: 3,
    } as const;
    const optimizer = { kind: "adam", learningRate: 0.01, clipNorm: 1, l2: 0.001 } as const;
    const config = { features: names, label: "y", classes, network, scale: "standard", optimizer, precision } as const;
    console.log(
      `${features}-${hidden.join("-")}-21 ${batch} ${precision} ${trained({ ...config, batch: { size: batch } }, 20)}`,
    );
  }
}

for (const [name, f] of Object.entries({ cos, exp, log, log1p, sigmoid, tanh })) {
  const random = new Random(5);
  const values = Float64Array.from({ length: POINTS }, () =>
    f((random.uniform() - 0.5) * 10 ** (random.uniform() * 6 - 3)),
  );
  console.log(`${name} ${hashOf((hash) => hash.update(values))}`);
}

for (const { kind } of STREAMS) {
  const rows = streamRows(kind, 3, new Random(1));
  const hash = hashOf((sum) => {
    for (let i = 0; i < STREAM_ROWS; i++) sum.update(Float64Array.from(rows.next().value.features));
  });
  console.log(`stream ${kind} ${hash}`);
}
