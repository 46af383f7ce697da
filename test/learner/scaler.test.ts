import { describe, expect, it } from "vitest";
import { Random } from "../../src/learner/random.ts";
import { Scaler, Z_MAX } from "../../src/learner/scaler.ts";

function learnAll(scaler: Scaler, values: readonly number[]): void {
  for (const value of values) scaler.learn(Float64Array.of(value), 1);
}

describe("the scaler", () => {
  const random = new Random(4);
  const values = Array.from({ length: 500 }, () => 3 + 2 * random.normal());

  it("learns mean and deviation, whatever the sizes of the batches", () => {
    const one = new Scaler(1);
    learnAll(one, values);
    const mean = values.reduce((sum, x) => sum + x, 0) / values.length;
    const std = Math.sqrt(values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / values.length);
    expect(one.mean[0]).toBeCloseTo(mean, 10);
    expect(one.std[0]).toBeCloseTo(std, 10);
    const batched = new Scaler(1);
    batched.learn(Float64Array.from(values.slice(0, 123)), 123);
    batched.learn(Float64Array.from(values.slice(123)), 377);
    expect(batched.state).toEqual(one.state);
  });

  it("takes a constant feature's deviation for 1", () => {
    const scaler = new Scaler(1);
    learnAll(scaler, [7e9, 7e9, 7e9]);
    const z = new Float64Array(1);
    scaler.standardize(z, Float64Array.of(7e9 + 2), 1);
    expect(z[0]).toBe(2);
  });

  it("is not blinded by one absurd value among ordinary ones", () => {
    const scaler = new Scaler(1);
    learnAll(scaler, values);
    const before = scaler.std[0] ?? 0;
    learnAll(scaler, [1e6]);
    expect(scaler.std[0]).toBeLessThan(2 * before);
    expect(scaler.clipped).toBe(1);
  });

  it("clips what it hands on", () => {
    const scaler = new Scaler(1);
    learnAll(scaler, values);
    const z = new Float64Array(2);
    scaler.standardize(z, Float64Array.of(1e12, -1e12), 2);
    expect([...z]).toEqual([Z_MAX, -Z_MAX]);
  });

  it("keeps imported statistics as they are, unless a count came with them", () => {
    const frozen = new Scaler(1);
    frozen.import([2], [0.3], null);
    learnAll(frozen, values);
    expect([frozen.mean[0], frozen.std[0]]).toEqual([2, 0.3]);
    const going = new Scaler(1);
    going.import([2], [0.3], 10);
    learnAll(going, [5]);
    expect(going.count).toBe(11);
    expect(going.mean[0]).toBeCloseTo(2 + 3 / 11, 12);
  });
});
