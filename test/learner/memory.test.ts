import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { engineBytes } from "../../src/learner/memory.ts";
import { OPTIMIZERS } from "../../src/learner/optimizer.ts";
import { type EngineOptions, ReferenceEngine } from "../../src/learner/reference-engine.ts";
import { ACTIVATIONS } from "../../src/learner/topology.ts";

const options = fc
  .record({
    features: fc.integer({ min: 1, max: 20 }),
    hidden: fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 4 }),
    outputs: fc.constantFrom(1, 3, 10),
    activation: fc.constantFrom(...ACTIVATIONS),
    kind: fc.constantFrom(...OPTIMIZERS),
    momentum: fc.constantFrom(0, 0.9),
    scaled: fc.boolean(),
    batchMax: fc.integer({ min: 1, max: 64 }),
  })
  .map(({ features, hidden, outputs, activation, kind, momentum, scaled, batchMax }): EngineOptions => {
    const head = outputs > 1 ? ("softmax" as const) : ("sigmoid" as const);
    const topology = {
      units: [features, ...hidden, outputs],
      activations: [...hidden.map(() => activation), head],
      loss: "cross-entropy" as const,
    };
    return { topology, optimizer: { kind, momentum }, scaled, batchMax };
  });

/** Adds up every buffer of its own that a constructor allocates. */
function allocatedBytes(build: () => unknown): number {
  const real = globalThis.Float64Array;
  let bytes = 0;
  const counting: Float64ArrayConstructor = new Proxy(real, {
    construct(target, args: [number], newTarget): object {
      if (typeof args[0] === "number") bytes += args[0] * real.BYTES_PER_ELEMENT;
      return Reflect.construct(target, args, newTarget === counting ? target : newTarget);
    },
  });
  globalThis.Float64Array = counting;
  try {
    build();
  } finally {
    globalThis.Float64Array = real;
  }
  return bytes;
}

describe("the memory plan", () => {
  it("counts every buffer that an engine allocates", () => {
    fc.assert(
      fc.property(options, (engine) => {
        expect(allocatedBytes(() => new ReferenceEngine(engine))).toBe(engineBytes(engine));
      }),
      { seed: 1 },
    );
  });
});
