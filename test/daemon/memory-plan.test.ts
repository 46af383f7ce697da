import { expect, it } from "vitest";
import { parseConfig } from "../../src/daemon/config.ts";
import { learnerConfigOf } from "../../src/daemon/config-learner.ts";
import { memoryPlan } from "../../src/daemon/memory-plan.ts";
import { engineOptionsOf } from "../../src/learner/learner-config.ts";
import { memoryMapOf } from "../../src/learner/wasm/memory-map.ts";

it("has room for every engine, and once more for the largest: that of a model that is changed or verified", () => {
  const { models, intake } = parseConfig(
    "models: { small: { learner: network }, large: { network: { hidden: [300] } } }",
    { cwd: "/" },
  );
  const plan = memoryPlan(models, intake);
  const engineOf = (name: string) => {
    const model = models[name];
    if (model === undefined) throw new Error(`there is no model ${name}`);
    const options = engineOptionsOf(learnerConfigOf(model));
    return memoryMapOf(options).bytes;
  };
  const [small, large] = [engineOf("small"), engineOf("large")];
  expect(plan.models["small"]?.engineBytes).toBe(small);
  expect(plan.spareBytes).toBe(large);
  expect(plan.enginesBytes).toBe(small + 2 * large);
  const held = memoryPlan(
    parseConfig("models: { small: { learner: network, replay: { kind: window, rows: 500 } } }", { cwd: "/" }).models,
    intake,
  );
  // Two features, label and weight; and how many came. Eight rows are replayed at once, four come.
  expect(held.models["small"]?.engineBytes).toBeGreaterThanOrEqual(small + 8 * (1 + 500 * 4));
  expect(held.models["small"]?.engineBytes).toBeLessThan(small + 8 * 500 * 4 + 8192);
  const rings = Object.values(plan.models).reduce((sum, { ringBytes }) => sum + ringBytes, 0);
  expect(plan.totalBytes).toBe(plan.enginesBytes + rings);
});
