import { describe, expect, it } from "vitest";
import { learnerOf, type ModelFile, modelFileOf, parseModelFile } from "../../src/export/model-file.ts";
import { Learner } from "../../src/learner/learner.ts";

const file: ModelFile = {
  format: "rivulet-model",
  version: 1,
  features: ["x1", "x2"],
  label: "y",
  loss: "cross-entropy",
  layers: [
    {
      weights: [
        [0.1, -0.2],
        [0.3, 1 / 3],
        [5e-324, -0],
      ],
      biases: [0, 1, -1],
      activation: "tanh",
    },
    { weights: [[1, 2, 3]], biases: [0.5], activation: "sigmoid" },
  ],
  scaler: { mean: [1, 2], std: [0.5, 4], count: 10 },
};
const training = { optimizer: { kind: "sgd" as const, learningRate: 0.1 }, batch: { size: 2 } };

describe("the model file", () => {
  it("comes back from a learner as it went in, digit for digit", () => {
    const parsed = parseModelFile(JSON.stringify(file));
    expect(modelFileOf(learnerOf(parsed, training))).toEqual({ ...file, layers: parsed.layers });
  });

  it("keeps a scaler without a count frozen", () => {
    const frozen = { ...file, scaler: { mean: [1, 2], std: [0.5, 4] } };
    const learner = learnerOf(parseModelFile(JSON.stringify(frozen)), training);
    learner.raw.set([9, 9, 9, 9]);
    learner.step(2);
    expect(modelFileOf(learner).scaler).toEqual(frozen.scaler);
  });

  it("gives the same predictions on both sides of the file", () => {
    const learner = learnerOf(file, training);
    learner.raw.set([1, 2, 3, 4]);
    learner.step(2);
    const again = learnerOf(parseModelFile(JSON.stringify(modelFileOf(learner))), training);
    expect(again.predict([0.3, -7])).toBe(learner.predict([0.3, -7]));
  });

  it("holds what features are categories, and what is put where something is missing", () => {
    for (const scale of ["standard", "none"] as const) {
      const learner = new Learner({
        features: ["x", "colour", "plant"],
        label: "y",
        classes: null,
        categorical: { colour: ["red", "green"], plant: 3 },
        network: { hidden: [4], activation: ["tanh"], output: "sigmoid", loss: "cross-entropy", init: "he", seed: 1 },
        scale,
        ...training,
      });
      for (let k = 0; k < 20; k++) {
        learner.raw.set([k % 5, k % 2, k, Number.NaN, Number.NaN, 7]);
        learner.step(2);
      }
      const written = modelFileOf(learner);
      expect(written.layers[0]?.weights[0]).toHaveLength(6);
      const parsed = parseModelFile(JSON.stringify(written));
      const again = learnerOf(parsed, training);
      expect(modelFileOf(again)).toEqual(written);
      for (const row of [
        [2, 1, 4],
        [Number.NaN, 0, Number.NaN],
        [1, Number.NaN, 2],
      ]) {
        expect(again.predict(row)).toBe(learner.predict(row));
      }
      again.step(2);
      const resumed = learnerOf(parsed, training);
      resumed.restore(again.save());
      expect(resumed.save()).toEqual(again.save());
    }
  });

  it.each([
    ["a category of no feature", { categorical: { z: ["a"] } }, "no feature"],
    ["categories that the first layer has no inputs for", { categorical: { x1: ["a", "b"] } }, "scaler.mean"],
    ["no hashes at all", { categorical: { x1: 0 } }, "categorical.x1"],
    ["means beside a scaler", { means: [0, 0] }, "means"],
  ])("is refused with %s", (_, change, told) => {
    expect(() => parseModelFile(JSON.stringify({ ...file, ...change }))).toThrow(told);
  });

  it("holds several classes, with their names", () => {
    const head = {
      weights: [
        [1, 2, 3],
        [0, 0, 1],
        [1, 0, 0],
      ],
      biases: [0, 0, 1],
      activation: "softmax" as const,
    };
    const several: ModelFile = { ...file, classes: ["a", "b", "c"], layers: [...file.layers.slice(0, 1), head] };
    const learner = learnerOf(parseModelFile(JSON.stringify(several)), training);
    expect(modelFileOf(learner)).toEqual({ ...several, layers: parseModelFile(JSON.stringify(several)).layers });
    for (const wrong of [
      { ...several, classes: ["a", "b"] },
      { ...several, classes: undefined },
      { ...several, loss: "mse" },
      { ...file, layers: [{ ...file.layers[0], activation: "softmax" }, file.layers[1]] },
    ]) {
      expect(() => parseModelFile(JSON.stringify(wrong))).toThrow(/not valid/);
    }
  });

  const layer = file.layers[0];
  it.each([
    ["no JSON", "{", "no JSON"],
    ["no object", "[]", "no object"],
    ["another format", { ...file, format: "onnx" }, "format is"],
    ["a later version", { ...file, version: 3 }, "this program reads 1 and 2"],
    ["no features", { ...file, features: [] }, "features is empty"],
    ["a feature twice", { ...file, features: ["x1", "x1"] }, "twice"],
    ["a nameless feature", { ...file, features: ["x1", ""] }, "a name belongs"],
    ["no label", { ...file, label: undefined }, "label is absent"],
    ["an unknown loss", { ...file, loss: "hinge" }, "allowed are cross-entropy, mse"],
    ["no layers", { ...file, layers: [] }, "layers is empty"],
    [
      "an unknown activation",
      { ...file, layers: [{ ...layer, activation: "gelu" }, file.layers[1]] },
      "allowed are relu",
    ],
    [
      "a short row",
      { ...file, layers: [{ ...layer, weights: [[1], [1, 2], [1, 2]] }, file.layers[1]] },
      "has 1 numbers where 2 belong",
    ],
    ["a missing bias", { ...file, layers: [{ ...layer, biases: [1, 2] }, file.layers[1]] }, "one a bias"],
    [
      "a weight that is no number",
      {
        ...file,
        layers: [
          {
            ...layer,
            weights: [
              [1, "2"],
              [1, 2],
              [1, 2],
            ],
          },
          file.layers[1],
        ],
      },
      "finite number",
    ],
    ["two outputs", { ...file, layers: [layer] }, "has 3 units where one belongs"],
    [
      "cross-entropy without a sigmoid",
      { ...file, layers: [layer, { ...file.layers[1], activation: "identity" }] },
      "sigmoid",
    ],
    ["a deviation of 0", { ...file, scaler: { mean: [1, 2], std: [0, 1] } }, "above 0"],
    ["a scaler of another size", { ...file, scaler: { mean: [1], std: [1] } }, "has 1 numbers where 2 belong"],
    ["a count that is none", { ...file, scaler: { mean: [1, 2], std: [1, 1], count: -1 } }, "scaler.count"],
  ])("refuses %s", (_, value, message) => {
    const text = typeof value === "string" ? value : JSON.stringify(value);
    expect(() => parseModelFile(text)).toThrow(
      expect.objectContaining({ code: "model-file-invalid", message: expect.stringContaining(message) }),
    );
  });
});
