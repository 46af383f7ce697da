import { RivuletError } from "../../error.ts";
import { webAssembly } from "./web-assembly.ts";

const PAGE_BYTES = 65_536;
/** 4 GiB: what 32-bit addresses reach. */
export const PAGES_MAX = 65_536;
/** What all engines of a process share. A page is left for how parts are aligned. */
export const HEAP_BYTES_MAX = (PAGES_MAX - 1) * PAGE_BYTES;
/** Alignment of a part: a cache line. */
const LINE_BYTES = 64;
/** Memory grows by so many pages at least. */
const GROWTH_PAGES = 16;

interface Hole {
  readonly address: number;
  readonly bytes: number;
}

/**
 * Deals out parts of one WebAssembly memory. It is shared memory because that grows without detaching the views that others
 * hold; nothing but the thread that made it touches it.
 */
export class Heap {
  readonly memory = new (webAssembly().Memory)({ initial: 1, maximum: PAGES_MAX, shared: true });
  /** Free parts in the order of their addresses; no two of them touch. */
  #holes: readonly Hole[] = [{ address: LINE_BYTES, bytes: PAGE_BYTES - LINE_BYTES }];

  /** Takes a part and fills it with zeros. Throws `memory-exceeded`. */
  allocate(bytes: number): number {
    const wanted = Math.ceil(bytes / LINE_BYTES) * LINE_BYTES;
    const hole = this.#holes.find((candidate) => candidate.bytes >= wanted) ?? this.#grow(wanted);
    const rest = { address: hole.address + wanted, bytes: hole.bytes - wanted };
    this.#holes = this.#holes.flatMap((other) => (other !== hole ? [other] : rest.bytes > 0 ? [rest] : []));
    new Uint8Array(this.memory.buffer, hole.address, wanted).fill(0);
    return hole.address;
  }

  /** Gives a part back that `allocate` took with the same size. */
  release(address: number, bytes: number): void {
    const freed = { address, bytes: Math.ceil(bytes / LINE_BYTES) * LINE_BYTES };
    const ordered = [...this.#holes, freed].sort((a, b) => a.address - b.address);
    const joined: Hole[] = [];
    for (const hole of ordered) {
      const last = joined.at(-1);
      if (last !== undefined && last.address + last.bytes === hole.address) {
        joined[joined.length - 1] = { address: last.address, bytes: last.bytes + hole.bytes };
      } else joined.push(hole);
    }
    this.#holes = joined;
  }

  /** Makes the last hole large enough, or a new one behind everything. */
  #grow(bytes: number): Hole {
    const end = this.memory.buffer.byteLength;
    const last = this.#holes.at(-1);
    const atEnd = last !== undefined && last.address + last.bytes === end ? last.bytes : 0;
    const needed = Math.ceil((bytes - atEnd) / PAGE_BYTES);
    const pages = Math.max(needed, Math.min(GROWTH_PAGES, PAGES_MAX - end / PAGE_BYTES));
    try {
      this.memory.grow(pages);
    } catch (cause) {
      throw new RivuletError("memory-exceeded", `there is no memory for another ${bytes} bytes of a network`, {
        hint: "Fewer or smaller models need less; `rivulet config check` prints the plan.",
        cause,
      });
    }
    this.release(end, pages * PAGE_BYTES);
    const hole = this.#holes.at(-1);
    if (hole === undefined) throw new Error("a memory that grew has a hole at its end");
    return hole;
  }
}

let shared: Heap | null = null;

/** Returns the heap of the process. */
export function sharedHeap(): Heap {
  shared ??= new Heap();
  return shared;
}
