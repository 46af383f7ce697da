import type { ResolvedOptimizer } from "../optimizer.ts";
import type { Layout, OutputActivation, Topology } from "../topology.ts";
import { type Code, i32, op, type Value } from "./assembler.ts";
import type { Constants } from "./constants.ts";
import type { Lanes } from "./lanes.ts";
import type { MemoryMap } from "./memory-map.ts";

/** Bytes of an f64. */
export const DOUBLE = 8;
/** Vectors of a loop that is written out. */
const COPIES_MAX = 8;
/** Pairs of numbers that go through the elementary functions side by side: the chains of fewer leave the unit waiting. */
export const PAIRS_AT_ONCE = 4;

/** A size: known when the code is emitted, or a number that it finds out. */
export type Count = number | Value;

/** Puts a size on the stack. */
export function countValue(count: Count): Value {
  return typeof count === "number" ? i32(count) : count;
}

/** What every part of a function is emitted with. */
export interface Frame {
  readonly code: Code;
  readonly lanes: Lanes;
  readonly constants: Constants;
  readonly map: MemoryMap;
  readonly topology: Topology;
  readonly layout: Layout;
  readonly optimizer: ResolvedOptimizer;
  readonly scaled: boolean;
  /** The activations that are functions of the module, in their order. */
  readonly curves: readonly OutputActivation[];
  /** Where the engine's part of the memory begins. */
  readonly base: Value;
  /** Rows of the mini-batch: known where it never has more than 1. */
  readonly rows: 1 | Value;
  /** Rows of the largest mini-batch. */
  readonly rowsMax: number;
}

/** Points `index` numbers of `width` bytes behind `pointer`. */
export function behind(pointer: Value, index: Value, width: number): Value {
  return op("i32.add", pointer, op("i32.mul", index, i32(width)));
}

/** Goes through `bytes` bytes from the engine's base on, `step` at a time; the last step may reach beyond them. */
export function eachStep({ code, base }: Frame, bytes: Value, step: number, body: (pointer: Value) => void): void {
  code.loop(base, code.keep("i32", op("i32.add", base, bytes)), step, body);
}

/** Goes through the rows of the mini-batch. */
export function eachRow({ code, rows }: Frame, body: (row: Value) => void): void {
  if (rows === 1) body(i32(0));
  else code.loop(i32(0), countValue(rows), 1, body);
}

/** Goes through a known number of bytes, `step` at a time: a few steps are written out. */
export function eachKnownStep(
  frame: Frame,
  bytes: number,
  step: number,
  body: (pointer: Value, offset: number) => void,
): void {
  if (bytes > step * COPIES_MAX) eachStep(frame, i32(bytes), step, (pointer) => body(pointer, 0));
  else for (let offset = 0; offset < bytes; offset += step) body(frame.base, offset);
}

/** Numbers side by side: `count` of them, or one where an odd one is left, from `pointer` and the known index on. */
export interface Pair {
  /** Index of the first, beyond the known one: null for none. */
  readonly index: Value | null;
  readonly known: number;
  readonly count: 1 | 2;
}

/** Goes through `count` numbers by two; the last one alone where it is odd. */
export function eachPair(code: Code, count: number, body: (pair: Pair) => void): void {
  const whole = count - (count % 2);
  if (whole > 2 * COPIES_MAX) {
    code.loop(i32(0), i32(whole), 2, (index) => body({ index, known: 0, count: 2 }));
  } else {
    for (let known = 0; known < whole; known += 2) body({ index: null, known, count: 2 });
  }
  if (whole < count) body({ index: null, known: whole, count: 1 });
}

/** Points at the pair, of numbers of `width` bytes, without what is known of it: that is `pair.known * width`. */
export function pairAt(pointer: Value, { index }: Pair, width: number): Value {
  return index === null ? pointer : behind(pointer, index, width);
}
