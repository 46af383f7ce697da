import * as ort from "onnxruntime-web/wasm";
import { beforeAll, describe, expect, it } from "vitest";
import { predictionGraph } from "../../src/export/ensemble-graph.ts";
import { anyModelFileOf } from "../../src/export/model-file.ts";
import { onnxOf } from "../../src/export/onnx.ts";
import type { PredictionGraph } from "../../src/export/prediction-graph.ts";
import { Random } from "../../src/learner/random.ts";
import { evaluateGraph } from "./evaluate-graph.ts";
import { randomEnsemble, randomModel, randomRow } from "./random-models.ts";

const ROWS = 20;
const NETWORKS = 25;
const ENSEMBLES = 15;

beforeAll(() => {
  ort.env.wasm.numThreads = 1;
});

/** Runs a model over rows, all at once. */
async function run(graph: PredictionGraph, rows: readonly (readonly number[])[]) {
  const session = await ort.InferenceSession.create(onnxOf(graph));
  const features = new ort.Tensor("float64", Float64Array.from(rows.flat()), [rows.length, rows[0]?.length ?? 0]);
  return session.run({ features });
}

describe("a model in ONNX", () => {
  it.each(Array.from({ length: NETWORKS + ENSEMBLES }, (_, i) => i + 1))(
    "predicts in onnxruntime what it predicts here, to 1e-9: seed %i",
    async (seed) => {
      const learner = randomModel(seed, seed > NETWORKS);
      const { config } = learner;
      const random = new Random(1000 + seed);
      const rows = Array.from({ length: ROWS }, () => randomRow(config, random));
      const graph = predictionGraph(anyModelFileOf(learner));
      const isRegression = config.network.loss === "mse";
      const { probability, value, label } = await run(graph, rows);
      const outputs = (isRegression ? value : probability)?.data as Float64Array;
      const labels = label?.data as BigInt64Array | undefined;
      const { width } = graph.output;
      expect(outputs).toHaveLength(ROWS * width);
      rows.forEach((row, r) => {
        const ours = [...learner.outputsFor(row)];
        ours.forEach((output, k) => {
          const theirs = outputs[r * width + k] ?? Number.NaN;
          expect(Math.abs(theirs - output), `row ${row}, output ${k}: ${theirs}, ours ${output}`).toBeLessThan(1e-9);
        });
        if (isRegression) return;
        const winner = width > 1 ? ours.indexOf(Math.max(...ours)) : Number((ours[0] ?? 0) >= 0.5);
        expect(Number(labels?.[r])).toBe(winner);
      });
      expect(label === undefined).toBe(isRegression);
    },
  );

  it("holds what an ensemble is made of", async () => {
    for (const seed of [1, 2, 3]) {
      const graph = randomEnsemble(seed);
      const random = new Random(seed);
      const rows = Array.from({ length: ROWS }, () => graph.meaning.features.map(() => 3 * random.normal()));
      const { probability } = await run(graph, rows);
      const outputs = probability?.data as Float64Array;
      const wanted = rows.flatMap((row) => evaluateGraph(graph, row));
      expect(Math.max(...wanted) - Math.min(...wanted)).toBeGreaterThan(0.1);
      wanted.forEach((output, i) => {
        expect(Math.abs((outputs[i] ?? Number.NaN) - output)).toBeLessThan(1e-9);
      });
    }
  });
});
