// The serialised form of a state: a header, then sections, each with a four-letter tag, the member of the ensemble that
// it belongs to, and its bytes. Unpadded little-endian. Sections are found by tag, so that later releases may add some.

import { RivuletError } from "../error.ts";
import type { Vector } from "./precision.ts";

const MAGIC = 0x54535652; // "RVST"
const VERSION = 2;
const HEADER_BYTES = 8;
const SECTION_HEADER_BYTES = 12;

export interface StateSection {
  /** Four ASCII letters. */
  readonly tag: string;
  /** Index of the ensemble's member, 0 for what they share. */
  readonly member: number;
  readonly bytes: Uint8Array;
}

/** Writes sections, in the order given, into a new block owned by the caller. */
export function encodeStateBlock(sections: readonly StateSection[]): Uint8Array {
  let length = HEADER_BYTES;
  for (const section of sections) length += SECTION_HEADER_BYTES + section.bytes.length;
  const block = new Uint8Array(length);
  const view = new DataView(block.buffer);
  view.setUint32(0, MAGIC, true);
  view.setUint16(4, VERSION, true);
  view.setUint16(6, sections.length, true);
  let at = HEADER_BYTES;
  for (const { tag, member, bytes } of sections) {
    for (let i = 0; i < 4; i++) view.setUint8(at + i, tag.charCodeAt(i));
    view.setUint16(at + 4, member, true);
    view.setUint16(at + 6, 0, true);
    view.setUint32(at + 8, bytes.length, true);
    block.set(bytes, at + SECTION_HEADER_BYTES);
    at += SECTION_HEADER_BYTES + bytes.length;
  }
  return block;
}

/** Reads a block; the sections are views into it. Throws `state-damaged`. */
export function decodeStateBlock(block: Uint8Array): readonly StateSection[] {
  const view = new DataView(block.buffer, block.byteOffset, block.byteLength);
  if (block.length < HEADER_BYTES || view.getUint32(0, true) !== MAGIC) throw damaged("is no state block");
  if (view.getUint16(4, true) !== VERSION) throw damaged(`has the unknown version ${view.getUint16(4, true)}`);
  const sections: StateSection[] = [];
  let at = HEADER_BYTES;
  for (let count = view.getUint16(6, true); count > 0; count--) {
    if (at + SECTION_HEADER_BYTES > block.length) throw damaged("ends within a section's header");
    const tag = String.fromCharCode(...block.subarray(at, at + 4));
    const length = view.getUint32(at + 8, true);
    const from = at + SECTION_HEADER_BYTES;
    if (from + length > block.length) throw damaged(`ends within section ${tag}`);
    sections.push({ tag, member: view.getUint16(at + 4, true), bytes: block.subarray(from, from + length) });
    at = from + length;
  }
  if (at !== block.length) throw damaged("has bytes after its last section");
  return sections;
}

/** Finds the bytes of a section. Throws `state-damaged` where it is absent. */
export function sectionOf(sections: readonly StateSection[], tag: string, member: number): Uint8Array {
  const section = sections.find((candidate) => candidate.tag === tag && candidate.member === member);
  if (section === undefined) throw damaged(`lacks section ${tag} of member ${member}`);
  return section.bytes;
}

/** Copies numbers into new little-endian bytes. */
export function bytesOf(values: Vector | Uint32Array): Uint8Array {
  const bytes = new Uint8Array(values.byteLength);
  const view = new DataView(bytes.buffer);
  if (values instanceof Float64Array) for (let i = 0; i < values.length; i++) view.setFloat64(8 * i, values[i]!, true);
  else if (values instanceof Float32Array)
    for (let i = 0; i < values.length; i++) view.setFloat32(4 * i, values[i]!, true);
  else for (let i = 0; i < values.length; i++) view.setUint32(4 * i, values[i]!, true);
  return bytes;
}

/**
 * Fills numbers from just as many little-endian ones; a network takes those of either precision. Throws
 * `state-damaged`.
 */
export function fillFrom(values: Vector | Uint32Array, bytes: Uint8Array, tag: string): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const width = values.length === 0 ? values.BYTES_PER_ELEMENT : bytes.length / values.length;
  const other = values instanceof Uint32Array ? 4 : 12 - values.BYTES_PER_ELEMENT;
  if ((width !== values.BYTES_PER_ELEMENT && width !== other) || bytes.length !== width * values.length) {
    throw damaged(`has ${bytes.length} bytes in section ${tag} where ${values.byteLength} belong`);
  }
  if (values instanceof Uint32Array) for (let i = 0; i < values.length; i++) values[i] = view.getUint32(4 * i, true);
  else if (width === 8) for (let i = 0; i < values.length; i++) values[i] = view.getFloat64(8 * i, true);
  else for (let i = 0; i < values.length; i++) values[i] = view.getFloat32(4 * i, true);
}

function damaged(what: string): RivuletError {
  return new RivuletError("state-damaged", `the state ${what}`, {
    hint: "An older snapshot and the journal after it give the same state; see `rivulet snapshots list`.",
  });
}
