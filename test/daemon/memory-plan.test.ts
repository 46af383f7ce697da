import { expect, it } from "vitest";
import { parseConfig } from "../../src/daemon/config.ts";
import { learnerConfigOf } from "../../src/daemon/config-learner.ts";
import { memoryPlan } from "../../src/daemon/memory-plan.ts";
import { EnsembleEngine } from "../../src/learner/ensemble/ensemble-engine.ts";
import { BEHIND, ReferenceKernels } from "../../src/learner/kalman/kernels.ts";
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

/** Counts what the shared memory would give: lines of 64 bytes, with room to read behind the numbers. */
class CountingKernels extends ReferenceKernels {
  bytes = 0;

  override vector(length: number) {
    this.#take(length, this.precision === "f32" ? 4 : 8);
    return super.vector(length);
  }

  override singles(length: number) {
    this.#take(length, 4);
    return super.singles(length);
  }

  #take(length: number, width: number): void {
    this.bytes += Math.ceil(((length + BEHIND) * width + 64) / 64) * 64;
  }
}

it.each([
  ["features: [a]", "f64"],
  ["features: [a, b], ensemble: { neighbours: 10 }", "f64"],
  ["features: [a, b, c, d, e, f, g, h], classes: [u, v, w], ensemble: { neighbours: 777 }", "f32"],
  ["features: [a], categorical: { a: 50 }", "f64"],
  [
    "features: [a, b], optimizer: { kind: ekf, covariance: units }, network: { fourier: { count: 9, gamma: 1 } }",
    "f64",
  ],
] as const)("covers what filters take: { %s }, %s", (yaml, precision) => {
  const { models, intake } = parseConfig(`models: { a: { precision: ${precision}, ${yaml} } }`, { cwd: "/" });
  const [model] = Object.values(models);
  if (model === undefined) throw new Error("there is a model");
  const kernels = new CountingKernels(precision);
  new EnsembleEngine(engineOptionsOf(learnerConfigOf(model)), kernels);
  const planned = memoryPlan(models, intake).models["a"]?.engineBytes ?? 0;
  expect(planned).toBeGreaterThanOrEqual(kernels.bytes);
  expect(planned).toBeLessThan(1.25 * kernels.bytes + 20_000);
});
