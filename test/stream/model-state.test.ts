import { describe, expect, it } from "vitest";
import { createEngine } from "../../src/learner/engines.ts";
import { engineOptionsOf } from "../../src/learner/learner-config.ts";
import { ModelState } from "../../src/stream/model-state.ts";
import { inForce, learnerConfig } from "./model-bench.ts";

/** Where the next engine of a kind would be: further on, where something was not given back. */
function nextPlace(): number {
  const engine = createEngine(engineOptionsOf(learnerConfig), "wasm");
  engine.release();
  return engine.parameters.byteOffset;
}

describe("the memory of a model's engines", () => {
  it("is given back with every reset and change of configuration, and at the end", () => {
    const before = nextPlace();
    const state = new ModelState(inForce(learnerConfig));
    for (let k = 0; k < 300; k++) {
      state.reset(inForce(learnerConfig));
      state.configure(
        inForce({ ...learnerConfig, optimizer: { kind: k % 2 === 0 ? "adam" : "sgd", learningRate: 0.1 } }),
      );
    }
    state.release();
    expect(nextPlace()).toBe(before);
  });
});
