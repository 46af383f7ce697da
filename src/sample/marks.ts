// Exactly once for numbered rows: which numbers of a producer are settled, that is trained or refused. Everything here is
// a pure function of the calls of `settle`, in their order, so marks are a fold of the journal like all state.

import { RivuletError } from "../error.ts";

/** Numbers above the mark that are accepted out of order. */
export const WINDOW = 1024;
/** Epochs of a source that are remembered; a remembered epoch is never new. */
export const EPOCHS_MAX = 8;
/** Sources of a model that are remembered; the one that was silent longest is forgotten first. */
export const SOURCES_MAX = 4096;

const VERSION = 1;
const WORDS = WINDOW / 32;

/** Tells how far a producer's numbers are settled. */
export interface Mark {
  readonly source: string;
  readonly epoch: string;
  /** Every number up to this one is settled; −1 before the first. */
  readonly seq: number;
  /** Numbers that were given up as missing. */
  readonly gaps: number;
}

interface Epoch {
  /** The first number that is not settled. */
  next: number;
  gaps: number;
  /** Settled numbers of [next, next + WINDOW), at number mod WINDOW. */
  readonly above: Uint32Array;
  aboveCount: number;
}

/**
 * Remembers settled numbers by source and epoch. Numbers begin at 0; one that is first seen WINDOW or more above that was
 * joined in the middle, and begins there.
 */
export class Marks {
  #sources = new Map<string, Map<string, Epoch>>();

  /** Tells whether a number was settled before. */
  settled(source: string, epoch: string, seq: number): boolean {
    const known = this.#sources.get(source)?.get(epoch);
    if (known === undefined) return false;
    if (seq < known.next) return true;
    return seq < known.next + WINDOW && has(known, seq);
  }

  /** Settles `rows` numbers from `seq` on; those that are settled stay so. Returns how many numbers were newly given up as missing. */
  settle(source: string, epoch: string, seq: number, rows: number): number {
    const known = this.#epoch(source, epoch, seq);
    const before = known.gaps;
    if (seq === known.next && known.aboveCount === 0) known.next += rows;
    else for (let number = seq; number < seq + rows; number++) settleOne(known, number);
    return known.gaps - before;
  }

  /** Lists the newest epoch of each source. */
  *newest(): Generator<Mark> {
    for (const [source, epochs] of this.#sources) {
      const [epoch, known] = [...epochs].at(-1) ?? [];
      if (epoch !== undefined && known !== undefined) yield { source, epoch, seq: known.next - 1, gaps: known.gaps };
    }
  }

  /** Writes everything remembered; equal histories give equal bytes. */
  serialize(): Uint8Array {
    const bytes: number[] = [];
    const view = new DataView(new ArrayBuffer(8));
    const put = (count: number) => {
      for (let i = 0; i < count; i++) bytes.push(view.getUint8(i));
    };
    const u32 = (value: number) => {
      view.setUint32(0, value, true);
      put(4);
    };
    const f64 = (value: number) => {
      view.setFloat64(0, value, true);
      put(8);
    };
    const text = (value: string) => {
      bytes.push(value.length);
      for (let i = 0; i < value.length; i++) bytes.push(value.charCodeAt(i));
    };
    u32(VERSION);
    u32(this.#sources.size);
    for (const [source, epochs] of this.#sources) {
      text(source);
      bytes.push(epochs.size);
      for (const [epoch, { next, gaps, above, aboveCount }] of epochs) {
        text(epoch);
        f64(next);
        f64(gaps);
        u32(aboveCount);
        if (aboveCount > 0) for (const word of above) u32(word);
      }
    }
    return Uint8Array.from(bytes);
  }

  /** Takes over what `serialize` wrote. Throws `state-damaged`. */
  restore(bytes: Uint8Array): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    let at = 0;
    const take = (count: number) => {
      if (at + count > bytes.length) throw damaged("they end too early");
      at += count;
      return at - count;
    };
    const u32 = () => view.getUint32(take(4), true);
    const f64 = () => view.getFloat64(take(8), true);
    const text = () => {
      const length = view.getUint8(take(1));
      const from = take(length);
      return String.fromCharCode(...bytes.subarray(from, from + length));
    };
    const version = u32();
    if (version !== VERSION) throw damaged(`version ${version} is unknown`);
    const sources = new Map<string, Map<string, Epoch>>();
    for (let count = u32(); count > 0; count--) {
      const source = text();
      const epochs = new Map<string, Epoch>();
      for (let left = view.getUint8(take(1)); left > 0; left--) {
        const epoch = text();
        const known: Epoch = { next: f64(), gaps: f64(), aboveCount: u32(), above: new Uint32Array(WORDS) };
        if (known.aboveCount > 0) for (let w = 0; w < WORDS; w++) known.above[w] = u32();
        epochs.set(epoch, known);
      }
      sources.set(source, epochs);
    }
    if (at !== bytes.length) throw damaged("there are bytes after them");
    this.#sources = sources;
  }

  #epoch(source: string, epoch: string, seq: number): Epoch {
    const epochs = this.#sources.get(source) ?? new Map<string, Epoch>();
    // Set anew, so that the order of the map is the order of use.
    this.#sources.delete(source);
    this.#sources.set(source, epochs);
    if (this.#sources.size > SOURCES_MAX) forgetFirst(this.#sources);
    let known = epochs.get(epoch);
    if (known === undefined) {
      known = { next: seq < WINDOW ? 0 : seq, gaps: 0, above: new Uint32Array(WORDS), aboveCount: 0 };
      epochs.set(epoch, known);
      if (epochs.size > EPOCHS_MAX) forgetFirst(epochs);
    }
    return known;
  }
}

function settleOne(epoch: Epoch, number: number): void {
  if (number < epoch.next) return;
  // The window slides so far that the number fits in; what is missing below it is given up.
  while (number >= epoch.next + WINDOW) {
    if (epoch.aboveCount === 0) {
      const target = number - WINDOW + 1;
      epoch.gaps += target - epoch.next;
      epoch.next = target;
    } else advance(epoch);
  }
  if (!has(epoch, number)) {
    epoch.above[wordOf(number)] = (epoch.above[wordOf(number)] ?? 0) | bitOf(number);
    epoch.aboveCount++;
  }
  while (epoch.aboveCount > 0 && has(epoch, epoch.next)) advance(epoch);
}

/** Moves the mark by one number, which is a gap where it is not settled. */
function advance(epoch: Epoch): void {
  if (has(epoch, epoch.next)) {
    epoch.above[wordOf(epoch.next)] = (epoch.above[wordOf(epoch.next)] ?? 0) & ~bitOf(epoch.next);
    epoch.aboveCount--;
  } else epoch.gaps++;
  epoch.next++;
}

function has(epoch: Epoch, number: number): boolean {
  return ((epoch.above[wordOf(number)] ?? 0) & bitOf(number)) !== 0;
}

function wordOf(number: number): number {
  return (number % WINDOW) >> 5;
}

function bitOf(number: number): number {
  return 1 << (number % 32);
}

function forgetFirst<K>(map: Map<K, unknown>): void {
  for (const key of map.keys()) {
    map.delete(key);
    return;
  }
}

function damaged(how: string): RivuletError {
  return new RivuletError("state-damaged", `the marks of a saved state are damaged: ${how}`, {
    hint: "An older snapshot and the journal after it give the same state.",
  });
}
