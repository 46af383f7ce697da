import { describe, expect, it } from "vitest";
import { Random } from "../../src/learner/random.ts";
import { createRows, type Rows, SAMPLE } from "../../src/sample/rows.ts";
import { bytesOfRow, Ring } from "../../src/stream/ring.ts";
import { RingBudget } from "../../src/stream/ring-budget.ts";

const ROW = bytesOfRow(1);
/** With little room for each at first. */
const unlimited = () => new RingBudget(1e9, 1e9 / (16 * 256 * ROW));
const inUse = () => true;

/** Makes rows of one feature whose values are their sequences. */
function rowsFrom(first: number, count: number): Rows {
  const rows = createRows(1, count);
  rows.rows = count;
  for (let r = 0; r < count; r++) {
    rows.features[r] = first + r;
    rows.labels[r] = -(first + r);
    rows.ids[r] = `id-${first + r}`;
  }
  rows.hasIds = true;
  return rows;
}

function append(ring: Ring, count: number): void {
  ring.append(rowsFrom(ring.head + 1, count), 0, count);
}

/** Reads back what every row that is in use is. */
function held(ring: Ring): readonly (readonly [feature: number, label: number, id: string | null])[] {
  return Array.from({ length: ring.used }, (_, u) => {
    const slot = ring.slotOf(ring.released + 1 + u);
    return [ring.features[slot] ?? Number.NaN, ring.labels[slot] ?? Number.NaN, ring.ids[slot] ?? null];
  });
}

const expected = (ring: Ring) =>
  Array.from({ length: ring.used }, (_, u) => {
    const sequence = ring.released + 1 + u;
    return [sequence, -sequence, `id-${sequence}`];
  });

describe("a ring", () => {
  it("is small until more rows come, and never larger than it may be", () => {
    const ring = new Ring(1, 5000, 0, unlimited(), inUse);
    expect(ring.capacity).toBeLessThan(1000);
    expect(ring.makeRoom(1500)).toBe(true);
    append(ring, 1500);
    expect(ring.makeRoom(3500)).toBe(true);
    append(ring, 3500);
    expect(ring.capacity).toBe(5000);
    expect(ring.makeRoom(1, true)).toBe(false);
    expect(held(ring)).toEqual(expected(ring));
  });

  it("holds every row at its sequence however often it grows and shrinks", () => {
    const random = new Random(7);
    for (let round = 0; round < 50; round++) {
      const ring = new Ring(1, 4000, random.uint32() % 10_000, unlimited(), inUse);
      for (let turn = 0; turn < 30; turn++) {
        const count = random.uint32() % 700;
        if (ring.makeRoom(count)) append(ring, count);
        if (random.uint32() % 3 > 0) ring.released += random.uint32() % (ring.used + 1);
        if (random.uint32() % 4 === 0) ring.shrink();
        expect(held(ring)).toEqual(expected(ring));
      }
    }
  });

  it("leaves views of former arrays as they were", () => {
    const ring = new Ring(1, 4000, 0, unlimited(), inUse);
    append(ring, 100);
    const view = ring.features.subarray(ring.slotOf(1), ring.slotOf(1) + 100);
    const before = [...view];
    expect(ring.makeRoom(2000)).toBe(true);
    ring.released = 100;
    append(ring, 2000);
    expect([...view]).toEqual(before);
  });

  it("tells the oldest row that it still has, in use or not", () => {
    const ring = new Ring(1, 4000, 0, unlimited(), inUse);
    append(ring, 200);
    ring.released = 200;
    expect(ring.makeRoom(300)).toBe(true);
    append(ring, 300);
    for (let sequence = Math.max(ring.begin, ring.head - ring.capacity) + 1; sequence <= ring.head; sequence++)
      expect(ring.features[ring.slotOf(sequence)]).toBe(sequence);
    expect(ring.begin).toBe(0);
    ring.released = ring.head;
    ring.shrink();
    expect(ring.head - ring.begin).toBe(ring.capacity);
    expect(ring.kinds[ring.slotOf(ring.head)]).toBe(SAMPLE);
  });
});

describe("rings that share a budget", () => {
  it("begin with what is asked for as the newest rows where they are few, and within it where they are many", () => {
    const few = new Ring(1, 8000, 0, new RingBudget(32e6, 1), inUse);
    expect(few.capacity).toBeGreaterThanOrEqual(1000);
    const budget = new RingBudget(32e6, 1000);
    const many = Array.from({ length: 1000 }, () => new Ring(64, 8000, 0, budget, inUse));
    expect(many.reduce((sum, { bytes }) => sum + bytes, 0)).toBeLessThan(32e6);
  });

  it("take no more than it, and those that hold rows in vain give them back", () => {
    const budget = new RingBudget(3000 * ROW, 1);
    const [one, other] = [new Ring(1, 8000, 0, budget, inUse), new Ring(1, 8000, 0, budget, inUse)];
    expect(one.makeRoom(2500)).toBe(true);
    append(one, 2500);
    expect(other.makeRoom(1000)).toBe(false);
    one.released = one.head;
    expect(other.makeRoom(1000)).toBe(true);
    append(other, 1000);
    expect(one.bytes + other.bytes).toBeLessThanOrEqual(3000 * ROW);
    expect(held(other)).toEqual(expected(other));
  });

  it("take what a message needs where waiting would free nothing", () => {
    const budget = new RingBudget(300 * ROW, 10);
    let willFree = true;
    const rings = Array.from({ length: 10 }, () => new Ring(1, 8000, 0, budget, () => willFree));
    const [ring] = rings;
    if (ring === undefined) throw new Error("there is no ring");
    append(ring, 3);
    expect(ring.makeRoom(1000)).toBe(false);
    willFree = false;
    expect(ring.makeRoom(1000)).toBe(true);
    expect(ring.capacity).toBe(1003);
  });
});
