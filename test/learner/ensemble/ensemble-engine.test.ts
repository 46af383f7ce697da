import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Engine, EngineOptions } from "../../../src/learner/engine.ts";
import { createEngine } from "../../../src/learner/engines.ts";
import { defaultMembers } from "../../../src/learner/ensemble/members.ts";
import { COVARIANCES, type FilterOptions } from "../../../src/learner/kalman/filter-layout.ts";
import { Learner } from "../../../src/learner/learner.ts";
import type { LearnerConfig } from "../../../src/learner/learner-config.ts";
import { PRECISIONS, type Vector } from "../../../src/learner/precision.ts";
import { Random } from "../../../src/learner/random.ts";
import { ACTIVATIONS } from "../../../src/learner/topology.ts";
import { copyRows, drawRows, firstDifference } from "../engines.ts";

const SEED = 12;
const STEPS = 12;
const MAGNITUDES = [1, 1, 1, 1e6, 1e160, 1e308];

const member: fc.Arbitrary<FilterOptions> = fc
  .record({
    hidden: fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 2 }),
    activations: fc.array(fc.constantFrom(...ACTIVATIONS), { minLength: 2, maxLength: 2 }),
    features: fc.option(fc.record({ count: fc.integer({ min: 1, max: 13 }), gamma: fc.constantFrom(0.5, 2) })),
    covariance: fc.constantFrom(...COVARIANCES),
    noise: fc.constantFrom(0, 1e-5, 1e-2),
    relevance: fc.boolean(),
  })
  .map(({ hidden, activations, features, ...rest }) => ({
    ...rest,
    hidden,
    activation: activations.slice(0, hidden.length),
    ...(features === null ? {} : { fourier: features }),
  }));

const ensembleOptions: fc.Arbitrary<EngineOptions> = fc
  .record({
    features: fc.integer({ min: 1, max: 7 }),
    head: fc.constantFrom("sigmoid", "softmax", "mse"),
    classes: fc.integer({ min: 3, max: 6 }),
    members: fc.array(member, { minLength: 1, maxLength: 4 }),
    scaled: fc.boolean(),
    batchMax: fc.integer({ min: 1, max: 5 }),
    precision: fc.constantFrom(...PRECISIONS),
    kept: fc.constantFrom(0, 0, 10, 13),
  })
  .map(({ features, head, classes, kept, ...rest }) => ({
    ...rest,
    ...(kept === 0 ? {} : { neighbours: kept }),
    topology: {
      units: [features, head === "softmax" ? classes : 1],
      activations: [head === "mse" ? "identity" : head],
      loss: head === "mse" ? "mse" : "cross-entropy",
    },
    optimizer: { kind: "ekf" },
  }));

/** Names what a step shows and leaves behind. */
function traceOf(engine: Engine, rows: number): Readonly<Record<string, Vector>> {
  const state = (engine.ensemble?.vectors ?? []).map(({ tag, member, values }) => [
    `${tag} ${member}`,
    values instanceof Uint32Array ? Float64Array.from(values) : values,
  ]);
  return {
    ...Object.fromEntries(state),
    outputs: engine.outputs.subarray(0, rows * engine.outputCount),
    cost: Float64Array.of(engine.cost),
    undone: Float64Array.of(engine.undone ? 1 : 0),
    ...(engine.scaler === null ? {} : { scaler: engine.scaler.state }),
  };
}

const copyOf = (trace: Readonly<Record<string, Vector>>) =>
  Object.fromEntries(Object.entries(trace).map(([name, values]) => [name, values.slice()]));

/** Runs both engines on the same rows; tells the first difference, and that a step which was undone left nothing. */
function compare(
  options: EngineOptions,
  seed: number,
): { readonly difference: string | null; readonly undone: number } {
  const random = new Random(seed);
  const engines = [createEngine(options, "reference"), createEngine(options, "wasm")] as const;
  let undone = 0;
  try {
    for (const engine of engines) engine.ensemble?.draw(new Random(seed));
    for (let step = 0; step < STEPS; step++) {
      const [reference, wasm] = engines;
      drawRows(options, reference, random, MAGNITUDES[random.uint32() % MAGNITUDES.length] ?? 1);
      copyRows(wasm, reference);
      const rows = 1 + (random.uint32() % options.batchMax);
      const learningRate = 1 + (random.uint32() % 8);
      const { outputs: _, cost: __, undone: ___, ...before } = copyOf(traceOf(reference, rows));
      for (const engine of engines) {
        engine.rows = rows;
        engine.learningRate = learningRate;
        engine.step();
      }
      const after = traceOf(reference, rows);
      const difference = firstDifference(after, traceOf(wasm, rows));
      if (difference !== null) return { difference: `step ${step} of ${rows} rows: ${difference}`, undone };
      if (reference.undone) {
        undone++;
        const left = firstDifference(before, after);
        if (left !== null) return { difference: `step ${step} was undone, but ${left}`, undone };
      }
      for (const engine of engines) engine.forward();
      const predicted = firstDifference(traceOf(reference, rows), traceOf(wasm, rows));
      if (predicted !== null) return { difference: `prediction after step ${step}: ${predicted}`, undone };
    }
    return { difference: null, undone };
  } finally {
    for (const engine of engines) engine.release();
  }
}

describe("an ensemble", () => {
  it("has the same bits by either kind of kernels, at every step, and undoes a step exactly", () => {
    let undone = 0;
    fc.assert(
      fc.property(ensembleOptions, fc.nat(), (options, seed) => {
        const result = compare(options, seed);
        undone += result.undone;
        expect(result.difference).toBeNull();
      }),
      { seed: SEED, numRuns: 200 },
    );
    expect(undone).toBeGreaterThan(30);
    expect(undone).toBeLessThan(1500);
  });

  it.each([
    [2, 1],
    [5, 1],
    [3, 4],
    [40, 1],
    [12, 11],
  ])("has the same bits with the default members of %i inputs and %i outputs", (features, outputs) => {
    const options: EngineOptions = {
      topology: {
        units: [features, outputs],
        activations: [outputs > 1 ? "softmax" : "sigmoid"],
        loss: "cross-entropy",
      },
      optimizer: { kind: "ekf" },
      members: defaultMembers(features, outputs),
      scaled: true,
      batchMax: 4,
    };
    expect(compare(options, 5).difference).toBeNull();
  });
});

const base: LearnerConfig = {
  features: ["x1", "x2"],
  label: "y",
  classes: null,
  network: { hidden: [], activation: [], output: "sigmoid", loss: "cross-entropy", init: "he", seed: 1 },
  ensemble: defaultMembers(2, 1),
  scale: "standard",
  optimizer: { kind: "ekf", learningRate: 1 },
  batch: { size: 4 },
};

const clouds: LearnerConfig = {
  ...base,
  classes: ["east", "north", "west"],
  network: { ...base.network, output: "softmax" },
  ensemble: defaultMembers(2, 3),
};

const values: LearnerConfig = { ...base, network: { ...base.network, output: "identity", loss: "mse" } };

/** Trains on seeded rows: a ring of class 1, three sectors, or the distance in units of a thousand. */
function teach(learner: Learner, random: Random, steps: number): number {
  const { raw, engine, config } = learner;
  let cost = 0;
  for (let k = 0; k < steps; k++) {
    for (let r = 0; r < 4; r++) {
      const [x1, x2] = [random.normal(), random.normal()];
      raw[2 * r] = 7 + x1;
      raw[2 * r + 1] = 1000 * x2;
      const far = x1 * x1 + x2 * x2;
      const sector = x1 > Math.abs(x2) ? 0 : x2 > 0 ? 1 : 2;
      engine.labels[r] =
        config.network.loss === "mse" ? 5000 + 1000 * far : config.classes ? sector : far > 1.4 ? 1 : 0;
    }
    learner.step(4);
    cost = k < steps - 100 ? 0 : cost + engine.cost / 100;
  }
  return cost;
}

describe.each([
  ["two classes", base, 0.12],
  ["three classes", clouds, 0.15],
  ["values", values, 8000],
] as const)("a learner of %s", (_, config, costMax) => {
  it("learns what no line tells apart", () => {
    const learner = new Learner(config);
    expect(teach(learner, new Random(2), 600)).toBeLessThan(costMax);
    learner.release();
  });

  it("goes on from what was saved, to the same bits, with either kind of kernels", () => {
    const learner = new Learner(config, "wasm");
    const random = new Random(2);
    teach(learner, random, 120);
    const saved = learner.save();
    const other = new Learner({ ...config, network: { ...config.network, seed: 77 } }, "reference");
    other.restore(saved);
    expect([...other.save()]).toEqual([...saved]);
    const twin = new Random(0);
    twin.state.set(random.state);
    teach(learner, random, 40);
    teach(other, twin, 40);
    expect([...other.save()]).toEqual([...learner.save()]);
    expect(other.outputsFor([7.3, 400])).toEqual(learner.outputsFor([7.3, 400]));
    for (const either of [learner, other]) either.release();
  });

  it("begins anew with other weights, and keeps what is known of the inputs", () => {
    const learner = new Learner(config);
    teach(learner, new Random(2), 50);
    const scaler = learner.engine.scaler?.state.slice();
    const before = learner.engine.parameters.slice();
    learner.begin();
    expect(learner.engine.scaler?.state).toEqual(scaler);
    expect(learner.engine.parameters).not.toEqual(before);
    expect(learner.engine.ensemble?.standings.map(({ loss }) => loss)).toEqual(defaultMembers(2, 1).map(() => null));
    learner.release();
  });
});

describe("what is known of members", () => {
  it("tells each one's loss and weight", () => {
    const learner = new Learner(base);
    teach(learner, new Random(2), 300);
    const standings = learner.engine.ensemble?.standings ?? [];
    expect(standings).toHaveLength(defaultMembers(2, 1).length);
    for (const { loss } of standings) {
      expect(loss).toBeGreaterThan(0);
      expect(loss).toBeLessThan(1);
    }
    expect(standings.reduce((sum, { weight }) => sum + weight, 0)).toBeGreaterThan(0.5);
    learner.release();
  });

  it("tells weights by which what the members say of a value makes what is predicted", () => {
    const learner = new Learner(values);
    teach(learner, new Random(2), 300);
    const { ensemble } = learner.engine;
    if (ensemble === null) throw new Error("it is an ensemble");
    for (const row of [
      [7, 0],
      [8, 1500],
      [5.5, -700],
    ]) {
      const [predicted = Number.NaN] = learner.outputsFor(row);
      const { standings, networks, labelScaler } = ensemble;
      const mixed = standings.reduce((sum, { weight }, n) => sum + weight * (networks[n]?.sums[0] ?? Number.NaN), 0);
      const [mean = 0, std = 1] = [labelScaler?.mean[0], labelScaler?.std[0]];
      expect(mean + std * mixed).toBeCloseTo(predicted, 8);
    }
    learner.release();
  });

  it("finds the inputs that matter, and those that are noise", () => {
    const features = ["a", "b", "c", "d"];
    const learner = new Learner({ ...base, features, ensemble: defaultMembers(4, 1), batch: { size: 1 } });
    const random = new Random(5);
    for (let k = 0; k < 1500; k++) {
      for (let i = 0; i < 4; i++) learner.raw[i] = random.normal();
      const [a, b] = [learner.raw[0] ?? 0, learner.raw[1] ?? 0];
      learner.engine.labels[0] = a * a + b * b > 1.4 ? 1 : 0;
      learner.step(1);
    }
    const { relevance } = learner.engine as unknown as { readonly relevance: { readonly factors: Float64Array } };
    const [a = 0, b = 0, c = 0, d = 0] = relevance.factors;
    expect(Math.min(a, b)).toBeGreaterThan(2 * Math.max(c, d));
    learner.release();
  });

  it("weighs a sample's weight as so many samples, or nearly so", () => {
    const [once, twice] = [new Learner(base), new Learner(base)];
    const fill = (learner: Learner, rows: number) => {
      for (let r = 0; r < rows; r++) {
        learner.raw.set([0.5, -0.5], 2 * r);
        learner.engine.labels[r] = 1;
      }
    };
    fill(once, 1);
    once.engine.sampleWeights[0] = 2;
    once.step(1);
    fill(twice, 2);
    twice.step(2);
    const light = new Learner(base);
    fill(light, 1);
    light.step(1);
    const [of, weighed, doubled] = [light, once, twice].map((learner) => learner.predict([0.5, -0.5]));
    expect(weighed).toBeGreaterThan(of ?? 1);
    expect(Math.abs((weighed ?? 0) - (doubled ?? 0))).toBeLessThan(0.1);
    for (const learner of [once, twice, light]) learner.release();
  });
});
