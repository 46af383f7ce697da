import { expect, it } from "vitest";
import { Random } from "../../src/learner/random.ts";

it("repeats its sequence for the same seed and from a saved state", () => {
  const a = new Random(42);
  const first = Array.from({ length: 5 }, () => a.uint32());
  const b = new Random(42);
  expect(Array.from({ length: 5 }, () => b.uint32())).toEqual(first);
  expect(Array.from({ length: 5 }, () => new Random(43).uint32())).not.toEqual(first);
  const c = new Random(0);
  c.state.set(a.state);
  expect([c.normal(), c.uniform()]).toEqual([a.normal(), a.uniform()]);
});

it("is xoshiro128**: the reference program's numbers for the state 1, 2, 3, 4", () => {
  const random = new Random(0);
  random.state.set([1, 2, 3, 4]);
  expect([random.uint32(), random.uint32(), random.uint32(), random.uint32()]).toEqual([11520, 0, 5927040, 70819200]);
});

it("draws uniform and normal numbers with the right moments", () => {
  const random = new Random(1);
  const count = 100_000;
  let sum = 0;
  let normals = 0;
  let squares = 0;
  for (let i = 0; i < count; i++) {
    const u = random.uniform();
    expect(u >= 0 && u < 1).toBe(true);
    sum += u;
    const z = random.normal();
    normals += z;
    squares += z * z;
  }
  expect(sum / count).toBeCloseTo(0.5, 2);
  expect(normals / count).toBeCloseTo(0, 1);
  expect(squares / count).toBeCloseTo(1, 1);
});
