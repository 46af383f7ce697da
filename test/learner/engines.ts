// Two engines side by side: what tests of their agreement share.

import fc from "fast-check";
import type { Engine, EngineOptions } from "../../src/learner/engine.ts";
import { GRADIENT_OPTIMIZERS } from "../../src/learner/optimizer.ts";
import { PRECISIONS, type Vector } from "../../src/learner/precision.ts";
import type { Random } from "../../src/learner/random.ts";
import { ACTIVATIONS } from "../../src/learner/topology.ts";

/** Any network that the engines take, small enough to try thousands of. */
export const engineOptions: fc.Arbitrary<EngineOptions> = fc
  .record({
    features: fc.integer({ min: 1, max: 20 }),
    hidden: fc.array(fc.integer({ min: 1, max: 37 }), { maxLength: 3 }),
    activations: fc.array(fc.constantFrom(...ACTIVATIONS), { minLength: 4, maxLength: 4 }),
    head: fc.constantFrom("sigmoid", "softmax", "mse"),
    classes: fc.integer({ min: 3, max: 19 }),
    kind: fc.constantFrom(...GRADIENT_OPTIMIZERS),
    momentum: fc.constantFrom(0, 0.9),
    nesterov: fc.boolean(),
    decay: fc.constantFrom(0.9, 0.5, 0),
    beta1: fc.constantFrom(0.9, 0),
    beta2: fc.constantFrom(0.999, 0.9),
    epsilon: fc.constantFrom(1e-8, 0.01, 1e-300, 0),
    l2: fc.constantFrom(0, 0.01),
    clipNorm: fc.constantFrom(Number.POSITIVE_INFINITY, 10, 0.1),
    scaled: fc.boolean(),
    batchMax: fc.integer({ min: 1, max: 64 }),
    precision: fc.constantFrom(...PRECISIONS),
  })
  .map(({ features, hidden, activations, head, classes, scaled, batchMax, precision, ...optimizer }) => {
    const inner = activations.slice(0, hidden.length);
    return {
      topology: {
        units: [features, ...hidden, head === "softmax" ? classes : 1],
        activations: [...inner, head === "mse" ? (activations[3] ?? "identity") : head],
        loss: head === "mse" ? "mse" : "cross-entropy",
      },
      optimizer,
      scaled,
      batchMax,
      precision,
    };
  });

/** Draws parameters for an engine. */
export function drawParameters({ parameters }: Engine, random: Random): void {
  for (let p = 0; p < parameters.length; p++) parameters[p] = random.normal() * 0.7;
}

/** Draws a mini-batch; some of the features are as large as `magnitude`, as large or as small as a double may be. */
export function drawRows({ topology }: EngineOptions, engine: Engine, random: Random, magnitude: number): void {
  const { inputs, labels, sampleWeights, outputCount } = engine;
  const features = topology.units[0] ?? 1;
  // The first feature is a constant; others are a zero of either sign now and then.
  const draw = () => {
    const kind = random.uint32() % 16;
    return kind === 0 ? 0 : kind === 1 ? -0 : random.normal() * (kind < 6 ? magnitude : 1);
  };
  for (let i = 0; i < inputs.length; i++) inputs[i] = i % features === 0 ? 1e-13 : draw();
  for (let r = 0; r < labels.length; r++) {
    labels[r] = topology.loss === "mse" ? random.normal() : random.uint32() % Math.max(2, outputCount);
    // A class that there is not, where several are told apart: both undo the step.
    if (outputCount > 1 && random.uint32() % 200 === 0) labels[r] = outputCount;
    sampleWeights[r] = random.uint32() % 2 === 0 ? 1 : 2 * random.uniform();
  }
}

/** Gives one engine the mini-batch of another. */
export function copyRows(to: Engine, from: Engine): void {
  to.inputs.set(from.inputs);
  to.labels.set(from.labels);
  to.sampleWeights.set(from.sampleWeights);
}

/** Names what a step shows and leaves behind, for the first `rows` rows. */
export function traceOf(engine: Engine, rows: number): Readonly<Record<string, Vector>> {
  const { parameters, gradients, moments, powers, scaler, outputs, outputCount, cost, undone } = engine;
  return {
    parameters,
    gradients,
    powers,
    outputs: outputs.subarray(0, rows * outputCount),
    cost: Float64Array.of(cost),
    undone: Float64Array.of(undone ? 1 : 0),
    ...(scaler === null ? {} : { scaler: scaler.state }),
    ...Object.fromEntries(moments.map((moment, m) => [`moment ${m}`, moment])),
  };
}

/** Finds the first number whose bits differ; which NaN a number is does not count. */
export function firstDifference(
  left: Readonly<Record<string, Vector>>,
  right: Readonly<Record<string, Vector>>,
): string | null {
  for (const [name, values] of Object.entries(left)) {
    const others = right[name];
    if (others?.length !== values.length) return `${name}: ${others?.length} numbers for ${values.length}`;
    // Object.is tells −0 from 0, and takes all NaN for one.
    const index = values.findIndex((value, i) => !Object.is(value, others[i]));
    if (index >= 0) return `${name}[${index}]: ${values[index]} and ${others[index]}`;
  }
  return null;
}
