import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Heap } from "../../../src/learner/wasm/heap.ts";

interface Part {
  readonly address: number;
  readonly bytes: number;
}

describe("the heap", () => {
  it("deals out parts that do not touch one another, and has all of them again when all came back", () => {
    const heap = new Heap();
    let rounds = 0;
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 300_000 }), { minLength: 1, maxLength: 20 }),
        fc.nat(),
        (sizes, seed) => {
          const parts: Part[] = [];
          sizes.forEach((bytes, i) => {
            const address = heap.allocate(bytes);
            expect(address % 64).toBe(0);
            expect(address + bytes).toBeLessThanOrEqual(heap.memory.buffer.byteLength);
            const content = new Uint8Array(heap.memory.buffer, address, bytes);
            expect(content.every((byte) => byte === 0)).toBe(true);
            content.fill(0xff);
            for (const other of parts) {
              expect(address >= other.address + other.bytes || other.address >= address + bytes).toBe(true);
            }
            parts.push({ address, bytes });
            const [freed] = (seed + i) % 3 === 0 ? parts.splice((seed + i) % parts.length, 1) : [];
            if (freed !== undefined) heap.release(freed.address, freed.bytes);
          });
          for (const { address, bytes } of parts) heap.release(address, bytes);
          // All holes have become one again: what is as large as all of the memory fits without growth.
          const size = heap.memory.buffer.byteLength;
          const all = heap.allocate(size - 64);
          expect(all).toBe(64);
          expect(heap.memory.buffer.byteLength).toBe(size);
          heap.release(all, size - 64);
          rounds++;
        },
      ),
      { seed: 2, numRuns: 50 },
    );
    expect(rounds).toBe(50);
  });

  it("grows by what is missing behind its last hole", () => {
    const heap = new Heap();
    heap.release(heap.allocate(2_000_000), 2_000_000);
    const before = heap.memory.buffer.byteLength;
    heap.allocate(before + 2 ** 20);
    expect(heap.memory.buffer.byteLength - before).toBeLessThan(2 ** 21);
  });
});
