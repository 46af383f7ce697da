import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Engine } from "../../../src/learner/engine.ts";
import { memoryMapOf } from "../../../src/learner/wasm/memory-map.ts";
import { WasmEngine } from "../../../src/learner/wasm/wasm-engine.ts";
import { engineOptions } from "../engines.ts";

/** Every vector that an engine shows. */
function vectorsOf(engine: Engine) {
  const { parameters, gradients, moments, powers, scaler, inputs, labels, sampleWeights, outputs } = engine;
  const scalers = scaler === null ? [] : [scaler.state];
  return [parameters, gradients, ...moments, powers, ...scalers, inputs, labels, sampleWeights, outputs];
}

describe("the memory map", () => {
  it("has room for every vector of an engine, none over another", () => {
    fc.assert(
      fc.property(engineOptions, (options) => {
        const engine = new WasmEngine(options);
        const places = vectorsOf(engine)
          .filter(({ length }) => length > 0)
          .map(({ byteOffset, byteLength }) => ({ from: byteOffset, to: byteOffset + byteLength }))
          .sort((a, b) => a.from - b.from);
        engine.release();
        const first = places[0]?.from ?? Number.NaN;
        const last = places.at(-1)?.to ?? Number.NaN;
        expect(last - first).toBeLessThanOrEqual(memoryMapOf(options).bytes);
        for (const [i, place] of places.entries()) {
          expect(place.from % 8).toBe(0);
          if (i > 0) expect(place.from).toBeGreaterThanOrEqual(places[i - 1]?.to ?? Number.NaN);
        }
      }),
      { seed: 1 },
    );
  });
});
