// The saved form of marks, little-endian, unpadded: version u32, sources u32; a source: name, epochs u8; an epoch: name,
// first f64, next f64, gaps f64, flags u8 (1: `above` follows, 2: `below` follows), bitmaps of 32 u32 each. A name: its
// length u8 and that many ASCII bytes. Sources and epochs stand in their order, the one to be forgotten first in front.

import { RivuletError } from "../error.ts";
import { type Epoch, isEmpty, WORDS } from "./epoch.ts";
import { NAME } from "./topic.ts";

/** Epochs of a source that are remembered; a remembered epoch is never new, and the one that came first is forgotten first. */
export const EPOCHS_MAX = 8;
/** Sources of a model that are remembered; the one that was silent longest is forgotten first. */
export const SOURCES_MAX = 4096;

const VERSION = 1;
const BITMAP_BYTES = 4 * WORDS;
/** Numbers and flags of an epoch. */
const EPOCH_BYTES = 3 * 8 + 1;
const ABOVE = 1;
const BELOW = 2;

/** Is everything that marks remember: epochs by source. */
export type Sources = Map<string, Map<string, Epoch>>;

/** Writes marks into new bytes; equal histories give equal bytes. */
export function encodeMarks(sources: Sources): Uint8Array {
  const bytes = new Uint8Array(encodedBytes(sources));
  const view = new DataView(bytes.buffer);
  let at = 0;
  const u8 = (value: number) => {
    bytes[at++] = value;
  };
  const u32 = (value: number) => {
    view.setUint32(at, value, true);
    at += 4;
  };
  const f64 = (value: number) => {
    view.setFloat64(at, value, true);
    at += 8;
  };
  const name = (value: string) => {
    u8(value.length);
    for (let i = 0; i < value.length; i++) u8(value.charCodeAt(i));
  };
  u32(VERSION);
  u32(sources.size);
  for (const [source, epochs] of sources) {
    name(source);
    u8(epochs.size);
    for (const [epochName, { first, next, gaps, above, below }] of epochs) {
      name(epochName);
      for (const value of [first, next, gaps]) f64(value);
      u8((isEmpty(above) ? 0 : ABOVE) | (below === null ? 0 : BELOW));
      if (!isEmpty(above)) for (const word of above) u32(word);
      if (below !== null) for (const word of below) u32(word);
    }
  }
  return bytes;
}

function encodedBytes(sources: Sources): number {
  let bytes = 4 + 4;
  for (const [source, epochs] of sources) {
    bytes += 1 + source.length + 1;
    for (const [name, { above, below }] of epochs) {
      const bitmaps = (isEmpty(above) ? 0 : 1) + (below === null ? 0 : 1);
      bytes += 1 + name.length + EPOCH_BYTES + bitmaps * BITMAP_BYTES;
    }
  }
  return bytes;
}

/** Reads what `encodeMarks` wrote. Throws `state-damaged`. */
export function decodeMarks(bytes: Uint8Array): Sources {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  const take = (count: number) => {
    if (at + count > bytes.length) throw damaged("they end too early");
    at += count;
    return at - count;
  };
  const u8 = () => view.getUint8(take(1));
  const u32 = () => view.getUint32(take(4), true);
  const whole = (what: string) => {
    const value = view.getFloat64(take(8), true);
    if (!Number.isSafeInteger(value) || value < 0) throw damaged(`${what} is ${value}`);
    return value;
  };
  const name = () => {
    const length = u8();
    const from = take(length);
    const text = String.fromCharCode(...bytes.subarray(from, from + length));
    if (!NAME.test(text)) throw damaged("a name is none");
    return text;
  };
  const bitmap = () => {
    const words = new Uint32Array(WORDS);
    for (let w = 0; w < WORDS; w++) words[w] = u32();
    // What is empty is not written, so that equal marks have equal bytes.
    if (isEmpty(words)) throw damaged("a bitmap is empty");
    return words;
  };
  const epoch = (): Epoch => {
    const first = whole("a first number");
    const next = whole("a mark");
    const gaps = whole("a count of gaps");
    if (next < first) throw damaged(`a mark is ${next}, before the first number ${first}`);
    const flags = u8();
    if (flags > (ABOVE | BELOW)) throw damaged(`flags are ${flags}`);
    const above = (flags & ABOVE) === 0 ? new Uint32Array(WORDS) : bitmap();
    return { first, next, gaps, above, below: (flags & BELOW) === 0 ? null : bitmap() };
  };
  const named = <T>(count: number, limit: number, what: string, read: () => T) => {
    if (count > limit) throw damaged(`${count} ${what}; at most ${limit} are remembered`);
    const map = new Map<string, T>();
    for (let i = 0; i < count; i++) {
      const key = name();
      if (map.has(key)) throw damaged(`two ${what} have one name`);
      map.set(key, read());
    }
    return map;
  };
  const version = u32();
  if (version !== VERSION) throw damaged(`version ${version} is unknown`);
  const sources = named(u32(), SOURCES_MAX, "sources", () => named(u8(), EPOCHS_MAX, "epochs", epoch));
  if (at !== bytes.length) throw damaged("there are bytes after them");
  return sources;
}

function damaged(how: string): RivuletError {
  return new RivuletError("state-damaged", `the marks of a saved state are damaged: ${how}`, {
    hint: "An older snapshot and the journal after it give the same state.",
  });
}
