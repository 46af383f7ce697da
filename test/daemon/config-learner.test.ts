import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { compareLearnerConfig, learnerConfigJson, parseConfig } from "../../src/daemon/config.ts";
import { RivuletError } from "../../src/error.ts";
import { defaultMembers } from "../../src/learner/ensemble/members.ts";

function learnerOf(yaml: string) {
  const model = parseConfig(`models: { a: { learner: network, ${yaml} } }`).models["a"];
  if (model === undefined) throw new Error("the configuration has a model a");
  return learnerConfigJson(model);
}

function compare(before: string, after: string) {
  return compareLearnerConfig(learnerOf(before).json, learnerOf(after).json);
}

describe("the learner-relevant configuration", () => {
  it("is canonical JSON: sorted keys, no blanks, every choice spelt out", () => {
    const { json, hash, learner } = learnerOf("network: { hidden: [3, 2] }");
    expect(json).toBe(
      '{"batch":{"size":4},"classes":null,"features":["x1","x2"],"label":"y","network":{"activation":["relu","relu"],' +
        '"hidden":[3,2],"init":"he","loss":"cross-entropy","output":"sigmoid","seed":1},' +
        '"optimizer":{"kind":"adagrad","learningRate":0.3},"scale":"standard"}',
    );
    expect(hash).toBe(createHash("sha256").update(json).digest("hex"));
    expect(JSON.parse(json)).toEqual(learner);
  });

  it("is the same however the choices were written", () => {
    const short = learnerOf("network: { hidden: [3, 2] }");
    const long = learnerOf(
      "batch: { size: 4 }, network: { output: sigmoid, activation: [relu, relu], hidden: [3, 2] }",
    );
    expect(long).toEqual(short);
    expect(learnerOf("network: { loss: mse }").learner.network.output).toBe("identity");
  });

  it("leaves out when to snapshot, what to keep, and how long a batch may wait", () => {
    const policies =
      "snapshot: { every: 1 step }, journal: { keepRows: 5 }, history: { keepSteps: 5 }, batch: { maxAge: 1s }";
    expect(learnerOf(policies)).toEqual(learnerOf(""));
  });
});

describe("what learns", () => {
  const chosen = (yaml: string) => parseConfig(`models: { a: { ${yaml} } }`).models["a"]?.learner;
  const many = `features: [${Array.from({ length: 65 }, (_, i) => `f${i}`).join()}]`;

  it.each([
    ["", "ensemble"],
    ["features: [a, b, c], batch: { size: 8 }", "ensemble"],
    ["network: { loss: mse, seed: 3 }", "ensemble"],
    ["network: {}, optimizer: {}", "ensemble"],
    ["network: { hidden: [2] }", "network"],
    ["network: { activation: tanh }", "network"],
    ["optimizer: { kind: adam }", "network"],
    ["optimizer: { kind: adam }, learner: ensemble", "ensemble"],
    ["learner: network", "network"],
    [many, "network"],
    ["categorical: { x1: 65 }", "network"],
    ["categorical: { x1: [a, b, c] }", "ensemble"],
  ])("of { %s } it is the %s", (yaml, learner) => expect(chosen(yaml)).toBe(learner));

  it("is told by a variable as well", () => {
    const config = parseConfig(null, { env: { RIVULET_MODELS__DEFAULT__OPTIMIZER__KIND: "adam" } });
    expect(config.models["default"]?.learner).toBe("network");
  });

  it("keeps rows for their neighbourhood where that is asked for", () => {
    const learner = (yaml: string) => {
      const model = parseConfig(`models: { a: { ${yaml} } }`).models["a"];
      if (model === undefined) throw new Error("a model");
      return learnerConfigJson(model).learner;
    };
    expect(learner("ensemble: { neighbours: 500 }").neighbours).toBe(500);
    expect(Object.keys(learner("label: y"))).not.toContain("neighbours");
  });

  it("is refused where an ensemble would know too much of too many inputs", () => {
    expect(() => parseConfig(`models: { a: { learner: ensemble, ${many} } }`)).toThrow(
      "allowed with 65 inputs: network",
    );
  });

  it("spells the members out, which follow the inputs and the outputs, and tells a drift only", () => {
    const of = (yaml: string) => {
      const model = parseConfig(`models: { a: { ${yaml} } }`).models["a"];
      if (model === undefined) throw new Error("the configuration has a model a");
      return learnerConfigJson(model).learner;
    };
    const learner = of("classes: [a, b, c], features: [u, v, w]");
    expect(learner.ensemble).toEqual(defaultMembers(3, 3));
    expect(learner.network).toMatchObject({ hidden: [], output: "softmax" });
    expect(learner.watch).toEqual({ policy: "event" });
    expect(of("drift: { policy: background }").watch).toEqual({ policy: "background" });
    expect(of("learner: network").watch).toBeUndefined();
  });

  it("cannot change under a trained model", () => {
    const [one, other] = ["", "learner: network"].map((yaml) => {
      const model = parseConfig(`models: { a: { ${yaml} } }`).models["a"];
      if (model === undefined) throw new Error("the configuration has a model a");
      return learnerConfigJson(model).json;
    });
    expect(compareLearnerConfig(one ?? "", other ?? "")).toMatchObject({ kind: "refused" });
  });
});

describe("a configuration held against the stored one", () => {
  it("is the same when it is", () => expect(compare("", "batch: { maxAge: 1s }")).toBe("same"));

  it.each([
    ["optimizer: { learningRate: 0.1 }", "optimizer.learningRate", 0.3, 0.1],
    ["batch: { size: 8 }", "batch.size", 4, 8],
    ["averaging: { decay: 0.99 }", "averaging.decay", undefined, 0.99],
    ["missing: refuse", "missing", undefined, "refuse"],
    ["classWeights: balanced", "classWeights", undefined, "balanced"],
    ["classWeights: [1, 5]", "classWeights", undefined, [1, 5]],
    ["network: { seed: 2 }", "network.seed", 1, 2],
    ["network: { init: glorot }", "network.init", "he", "glorot"],
  ])("is tunable with %s", (after, path, from, to) =>
    expect(compare("", after)).toEqual({ kind: "tunable", changes: [{ path, from, to }] }),
  );

  it.each([
    ["optimizer: { kind: sgd, learningRate: 0.3 }", "optimizer.kind", "adagrad", "sgd"],
    ["scale: none", "scale", "standard", "none"],
  ])("is a new generation with %s", (after, path, from, to) =>
    expect(compare("", after)).toEqual({ kind: "generation", changes: [{ path, from, to }] }),
  );

  it.each([
    ["network: { hidden: [2] }", "network.hidden"],
    ["network: { activation: tanh }", "network.activation"],
    ["features: [x2, x1]", "features"],
    ["features: [x1, x2, x3]", "features"],
    ["label: z", "label"],
    ["classes: [ok, worn]", "classes"],
    ["categorical: { x1: [a, b] }", "categorical.x1"],
  ])("is refused with %s", (after, path) =>
    expect(compare("", after)).toMatchObject({ kind: "refused", changes: [{ path }] }),
  );

  it("is refused with another loss, or another output", () => {
    expect(compare("", "network: { loss: mse, output: sigmoid }")).toMatchObject({ kind: "refused" });
    expect(compare("network: { loss: mse }", "network: { loss: mse, output: tanh }")).toMatchObject({
      kind: "refused",
    });
  });

  it("is as strict as its strictest change, and tells all of them", () => {
    const tuned = "batch: { size: 8 }, optimizer: { kind: sgd, learningRate: 0.3 }";
    expect(compare("", tuned)).toMatchObject({ kind: "generation", changes: [{}, {}] });
    expect(compare("", `${tuned}, label: z`)).toMatchObject({ kind: "refused", changes: [{}, {}, {}] });
  });

  it("goes on with other moments, schedule, decay and clipping", () => {
    for (const optimizer of ["l2: 0.01", "clipNorm: 1", "schedule: { kind: step }"]) {
      expect(compare("", `optimizer: { ${optimizer} }`)).toMatchObject({ kind: "tunable" });
    }
    expect(compare("optimizer: { kind: sgd }", "optimizer: { kind: sgd, momentum: 0.9 }")).toMatchObject({
      kind: "tunable",
    });
  });

  it.each([
    ["{ kind: window, batches: 1, size: 3 }", "tunable"],
    ["{ kind: window, rows: 10 }", "generation"],
    ["{ kind: reservoir }", "generation"],
    ["{ kind: none }", "generation"],
  ])("that replays a window goes on with %s as %s", (replay, kind) => {
    expect(compare("replay: { kind: window }", `replay: ${replay}`)).toMatchObject({ kind });
  });

  it("does not differ in how nothing is replayed", () =>
    expect(compare("", "replay: { rows: 5, batches: 1, size: 1 }, averaging: { decay: 0 }")).toBe("same"));

  it("does not differ in what its optimizer does not use", () => {
    expect(compare("", "optimizer: { beta1: 0.5, momentum: 0.9, epsilon: 1, schedule: { steps: 3 } }")).toBe("same");
  });

  it("has a learning rate that goes with its optimizer", () => {
    const rates = ["adagrad", "sgd", "rmsprop", "adam"].map(
      (kind) => learnerOf(`optimizer: { kind: ${kind} }`).learner.optimizer,
    );
    expect(rates.map(({ learningRate }) => learningRate)).toEqual([0.3, 0.1, 0.01, 0.01]);
    expect(rates.map((rate) => Object.keys(rate))).toEqual(rates.map(() => ["kind", "learningRate"]));
  });

  it("is refused where a key is there that this release does not know", () => {
    const { json } = learnerOf("");
    expect(compareLearnerConfig(json.replace("{", '{"apparatus":{"kind":1},'), json)).toEqual({
      kind: "refused",
      changes: [{ path: "apparatus.kind", from: 1, to: undefined }],
    });
  });

  it("cannot be held against damage", () => {
    expect(() => compareLearnerConfig("{", "{}")).toThrow(RivuletError);
  });
});
