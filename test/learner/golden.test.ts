import { describe, expect, it } from "vitest";
import { learnerOf, modelFileOf } from "../../src/export/model-file.ts";
import { initialModel, relativeError, toleranceAt, trajectories } from "../golden/trajectories.ts";

describe.each(trajectories)("golden run $name", (trajectory) => {
  it.each(["reference", "wasm"] as const)("follows the independent program's costs and parameters: %s", (engine) => {
    const { x, y, batchSize, learningRate } = trajectory;
    const training = { optimizer: { kind: "sgd", learningRate }, batch: { size: batchSize } } as const;
    const learner = learnerOf(initialModel(trajectory), training, engine);
    const { raw } = learner;
    const { labels } = learner.engine;
    const last = trajectory.after.at(-1)?.step ?? 0;
    let at = 0;
    for (let step = 1; step <= last; step++) {
      const rows = Math.min(batchSize, x.length - at);
      for (let r = 0; r < rows; r++) {
        raw.set(x[at + r] ?? [], r * (x[0]?.length ?? 0));
        labels[r] = y[at + r] ?? Number.NaN;
      }
      at = (at + rows) % x.length;
      learner.step(rows);
      const expected = trajectory.after.find((point) => point.step === step);
      if (expected === undefined) continue;
      expect(relativeError(learner.engine.cost, expected.cost), `cost at ${step}`).toBeLessThan(toleranceAt(step));
      modelFileOf(learner).layers.forEach((layer, l) => {
        const want = expected.parameters[l];
        [...layer.weights.flat(), ...layer.biases].forEach((value, p) => {
          const reference = [...(want?.weights.flat() ?? []), ...(want?.biases ?? [])][p] ?? Number.NaN;
          expect(relativeError(value, reference), `layer ${l} parameter ${p} at ${step}`).toBeLessThan(
            toleranceAt(step),
          );
        });
      });
    }
    x.forEach((row, i) => {
      expect(relativeError(learner.predict(row), trajectory.predictions[i] ?? Number.NaN)).toBeLessThan(1e-6);
    });
  });
});
