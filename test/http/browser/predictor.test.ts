import { describe, expect, it } from "vitest";
import { anyModelFileOf } from "../../../src/export/model-file.ts";
import type { LearnedFile } from "../../../src/http/browser/answers.ts";
import { planeOf } from "../../../src/http/browser/plane.ts";
import { predictorOf } from "../../../src/http/browser/predictor.ts";
import { LEVELS, SurfaceGrid } from "../../../src/http/browser/surface-grid.ts";
import { defaultMembers } from "../../../src/learner/ensemble/members.ts";
import { Learner } from "../../../src/learner/learner.ts";
import type { LearnerConfig } from "../../../src/learner/learner-config.ts";
import { Random } from "../../../src/learner/random.ts";

const BASE: LearnerConfig = {
  features: ["x1", "x2"],
  label: "y",
  classes: null,
  network: { hidden: [8], activation: ["relu"], output: "sigmoid", loss: "cross-entropy", init: "he", seed: 3 },
  scale: "standard",
  optimizer: { kind: "adagrad", learningRate: 0.3 },
  batch: { size: 8 },
};
const CASES: readonly (readonly [what: string, config: LearnerConfig, label: (random: Random) => number])[] = [
  ["two classes", BASE, (random) => Math.floor(random.uniform() * 2)],
  [
    "four classes",
    {
      ...BASE,
      classes: ["a", "b", "c", "d"],
      network: { ...BASE.network, hidden: [6, 5], activation: ["tanh", "leaky-relu"], output: "softmax" },
    },
    (random) => Math.floor(random.uniform() * 4),
  ],
  [
    "a value, without a scaler",
    { ...BASE, scale: "none", network: { ...BASE.network, output: "identity", loss: "mse" } },
    (random) => random.normal(),
  ],
  [
    "categories, and gaps",
    { ...BASE, features: ["x1", "colour", "plant"], categorical: { colour: ["red", "green"], plant: 4 } },
    (random) => Math.floor(random.uniform() * 2),
  ],
  ["an ensemble of two classes", ensembleConfig(null, BASE.network), (random) => Math.floor(random.uniform() * 2)],
  [
    "an ensemble of three classes",
    ensembleConfig(["a", "b", "c"], { ...BASE.network, output: "softmax" }),
    (random) => Math.floor(random.uniform() * 3),
  ],
  [
    "an ensemble, of a value",
    ensembleConfig(null, { ...BASE.network, output: "identity", loss: "mse" }),
    (random) => 5 + random.normal(),
  ],
  [
    "one network of waves",
    {
      ...BASE,
      network: { ...BASE.network, hidden: [], activation: [], fourier: { count: 8, gamma: 1 } },
      optimizer: { kind: "ekf", learningRate: 1 },
    },
    (random) => Math.floor(random.uniform() * 2),
  ],
];

describe("the predictor of the browser", () => {
  it.each(CASES)("predicts what the daemon does, bit for bit: %s", (_, config, label) => {
    const random = new Random(11);
    const learner = new Learner(config);
    const row = () =>
      config.features.map((name) => {
        if (random.uniform() < 0.1) return Number.NaN;
        if (name === "colour") return Math.floor(random.uniform() * 2);
        return name === "plant" ? Math.floor(random.uniform() * 1000) : 3 * random.normal();
      });
    for (let step = 0; step < 50; step++) {
      for (let r = 0; r < 8; r++) {
        learner.raw.set(row(), r * config.features.length);
        learner.engine.labels[r] = label(random);
      }
      learner.step(8);
    }
    const predictor = predictorOf(JSON.parse(JSON.stringify(anyModelFileOf(learner))) as LearnedFile);
    expect(predictor.outputCount).toBe(learner.engine.outputCount);
    const rows = Array.from({ length: 40 }, row);
    predictor.rows.set(rows.flat());
    const outputs = [...predictor.predict(rows.length).subarray(0, rows.length * predictor.outputCount)];
    expect(outputs).toEqual(rows.flatMap((values) => [...learner.outputsFor(values)]));
  });
});

describe("a surface", () => {
  it("is what the model says at each point, whatever the pieces that it is computed in", () => {
    const learner = new Learner({ ...BASE, features: ["x1", "x2", "x3"] });
    const predictor = predictorOf(anyModelFileOf(learner));
    const plane = planeOf(predictor, [], { x: 2, y: 0 }, null);
    if (plane === null) throw new Error("there are numbers");
    const grid = new SurfaceGrid();
    const side = LEVELS[0];
    grid.begin(side);
    for (let most = 1; !grid.isDone; most = (most * 7) % 251) grid.advance(predictor, plane, most);
    const at = ({ min, max }: { min: number; max: number }, i: number) => min + i * ((max - min) / (side - 1));
    for (const [x, y] of [
      [0, 0],
      [side - 1, 0],
      [3, side - 1],
      [11, 17],
    ] as const) {
      const row = [at(plane.yRange, y), plane.held[1] ?? Number.NaN, at(plane.xRange, x)];
      expect(grid.values[y * side + x]).toBe(Math.fround(learner.predict(row)));
    }
  });
});

function ensembleConfig(classes: LearnerConfig["classes"], network: LearnerConfig["network"]): LearnerConfig {
  return {
    ...BASE,
    classes,
    network: { ...network, hidden: [], activation: [] },
    optimizer: { kind: "ekf", learningRate: 1 },
    ensemble: defaultMembers(2, classes?.length ?? 1),
  };
}
