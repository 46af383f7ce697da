// One commit as one blob for all models: a directory, then each model's entries. The layout, byte by byte, stands in
// DESIGN.md.

import { RivuletError } from "../error.ts";
import type { Command, CutsEntry, Decision, Entry } from "../learner/entry.ts";
import type { Section } from "../learner/transaction.ts";
import { ByteReader } from "./byte-reader.ts";
import type { ByteWriter } from "./byte-writer.ts";
import { byColumns, byRows, directoryByRows } from "./commit-columns.ts";
import { packed, unpacked, unpackedHead } from "./packed.ts";
import { readRows, writeRows } from "./rows-codec.ts";

const MAGIC = 0x4a56; // "VJ"
const VERSION = 1;
const HEAD_BYTES = 8;
const DIRECTORY_BYTES = 36;
/** With fewer sections a commit fits a few pages anyway, or is a flood, of which nothing is to be gained for its time. */
const PACKED_SECTIONS_MIN = 8;

const ENTRY = { rows: 1, cuts: 2, command: 3, config: 4, decision: 5 } as const;

/** Tells where one model's part of a commit lies. */
export interface DirectoryEntry {
  /** Number of the model in the table of models. */
  readonly model: number;
  readonly firstSequence: number;
  readonly rows: number;
  readonly firstOrdinal: number;
  readonly ordinals: number;
  /** From the beginning of the blob. */
  readonly offset: number;
  readonly bytes: number;
}

/** Writes the sections of a commit; their models are numbered by `numberModels`, when it is known which numbers they have. */
export function encodeCommit(writer: ByteWriter, sections: readonly Section[]): void {
  writer.reset();
  writeHead(writer, sections.length);
  const directory = writer.length;
  for (const section of sections) {
    const { firstSequence, rows, firstOrdinal, ordinals } = section;
    writeDirectoryEntry(writer, {
      model: 0,
      firstSequence,
      rows,
      firstOrdinal,
      ordinals,
      offset: 0,
      bytes: 0,
    });
  }
  sections.forEach((section, s) => {
    const offset = writer.length;
    writer.varint(section.entries.length);
    for (const entry of section.entries) writeEntry(writer, entry);
    const at = directory + s * DIRECTORY_BYTES + DIRECTORY_BYTES - 8;
    writer.putU32(at, offset);
    writer.putU32(at + 4, writer.length - offset);
  });
}

/** Puts the numbers of the models into the directory of a commit, section by section. */
export function numberModels(blob: Uint8Array, models: readonly number[]): void {
  const view = new DataView(blob.buffer, blob.byteOffset, blob.byteLength);
  models.forEach((model, s) => {
    view.setUint32(HEAD_BYTES + s * DIRECTORY_BYTES, model, true);
  });
}

/** Makes of a commit what is stored: that of many models is mostly what they have in common, and deflates well. */
export function packCommit(blob: Uint8Array, sections: number): Uint8Array {
  return sections < PACKED_SECTIONS_MIN ? blob : packed(byColumns(blob, DIRECTORY_BYTES));
}

/** Undoes `packCommit`. Throws `journal-damaged`. */
export function unpackCommit(stored: Uint8Array, what: string): Uint8Array {
  return sound(() => byRows(unpacked(stored), DIRECTORY_BYTES), what);
}

/** Reads the directory out of the first bytes of what is stored: sections themselves need not be there. Throws `journal-damaged`. */
export function readDirectoryHead(head: Uint8Array, what: string): readonly DirectoryEntry[] {
  return readDirectory(
    sound(() => directoryByRows(unpackedHead(head), DIRECTORY_BYTES), what),
    what,
    false,
  );
}

function sound(unpack: () => Uint8Array, what: string): Uint8Array {
  try {
    return unpack();
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new ByteReader(new Uint8Array(), what).damaged("it cannot be unpacked");
  }
}

/** Writes a commit again with the sections of some models only, whose bytes stay as they are; returns how many there are. */
export function encodeSome(
  writer: ByteWriter,
  blob: Uint8Array,
  isKept: (model: number) => boolean,
  what: string,
): number {
  const kept = readDirectory(blob, what).filter((entry) => isKept(entry.model));
  writer.reset();
  writeHead(writer, kept.length);
  let offset = writer.length + kept.length * DIRECTORY_BYTES;
  for (const entry of kept) {
    writeDirectoryEntry(writer, { ...entry, offset });
    offset += entry.bytes;
  }
  for (const entry of kept) writer.raw(blob.subarray(entry.offset, entry.offset + entry.bytes));
  return kept.length;
}

/** Reads the directory of a commit, or of its first bytes where it is not `whole`. Throws `journal-damaged`. */
export function readDirectory(blob: Uint8Array, what: string, whole = true): readonly DirectoryEntry[] {
  const reader = new ByteReader(blob, what);
  if (reader.u16() !== MAGIC) throw reader.damaged("it does not begin as a commit does");
  const version = reader.u16();
  if (version !== VERSION) throw reader.damaged(`version ${version} is unknown`);
  const sections = reader.u32();
  if (sections * DIRECTORY_BYTES > reader.rest) throw reader.damaged("its directory is too long");
  return Array.from({ length: sections }, () => {
    const entry = {
      model: reader.u32(),
      firstSequence: reader.f64(),
      rows: reader.u32(),
      firstOrdinal: reader.f64(),
      ordinals: reader.u32(),
      offset: reader.u32(),
      bytes: reader.u32(),
    };
    if (whole && entry.offset + entry.bytes > blob.length) throw reader.damaged("a section lies outside of it");
    return entry;
  });
}

/** Reads one model's section. The columns are owned by the caller. Throws `journal-damaged`. */
export function decodeSection(blob: Uint8Array, entry: DirectoryEntry, model: string, what: string): Section {
  const reader = new ByteReader(blob.subarray(entry.offset, entry.offset + entry.bytes), `${what}, model ${model},`);
  const entries: Entry[] = [];
  let sequence = entry.firstSequence;
  for (let count = reader.count(1); count > 0; count--) {
    const next = readEntry(reader, sequence, entry.firstSequence + entry.rows - sequence);
    if (next.type === "rows") sequence += next.rows;
    entries.push(next);
  }
  if (reader.rest !== 0) throw reader.damaged("bytes are left over");
  if (sequence !== entry.firstSequence + entry.rows)
    throw reader.damaged("its rows are not as many as the directory says");
  const { firstSequence, rows, firstOrdinal, ordinals } = entry;
  return { model, firstSequence, rows, firstOrdinal, ordinals, entries };
}

function writeHead(writer: ByteWriter, sections: number): void {
  writer.u16(MAGIC);
  writer.u16(VERSION);
  writer.u32(sections);
}

function writeDirectoryEntry(writer: ByteWriter, entry: DirectoryEntry): void {
  writer.u32(entry.model);
  writer.f64(entry.firstSequence);
  writer.u32(entry.rows);
  writer.f64(entry.firstOrdinal);
  writer.u32(entry.ordinals);
  writer.u32(entry.offset);
  writer.u32(entry.bytes);
}

function writeEntry(writer: ByteWriter, entry: Entry): void {
  writer.u8(ENTRY[entry.type]);
  switch (entry.type) {
    case "rows":
      return writeRows(writer, entry);
    case "cuts":
      return writeCuts(writer, entry);
    case "command":
      return writer.text(JSON.stringify(entry.command));
    case "config":
      writer.text(entry.config);
      writer.text(entry.hash);
      return writer.varint(entry.numerics);
    case "decision":
      return writer.text(JSON.stringify(entry.decision));
  }
}

function readEntry(reader: ByteReader, firstSequence: number, rowsMax: number): Entry {
  const type = reader.u8();
  switch (type) {
    case ENTRY.rows:
      return readRows(reader, firstSequence, rowsMax);
    case ENTRY.cuts:
      return readCuts(reader);
    case ENTRY.command:
      return { type: "command", command: readJson<Command>(reader) };
    case ENTRY.config:
      return { type: "config", config: reader.text(), hash: reader.text(), numerics: reader.varint() };
    case ENTRY.decision:
      return { type: "decision", decision: readJson<Decision>(reader) };
    default:
      throw reader.damaged(`an entry has the unknown type ${type}`);
  }
}

function readJson<T>(reader: ByteReader): T {
  try {
    return JSON.parse(reader.text()) as T;
  } catch (error) {
    throw error instanceof RivuletError ? error : reader.damaged("an entry is no JSON");
  }
}

function writeCuts(writer: ByteWriter, { firstStep, firstSequence, count, rows, costs, undone }: CutsEntry): void {
  writer.varint(firstStep);
  writer.varint(firstSequence);
  writer.varint(count);
  for (let i = 0; i < count; i++) writer.varint(2 * (rows[i] ?? 0) + (undone[i] ?? 0));
  for (let i = 0; i < count; i++) writer.f64(costs[i] ?? Number.NaN);
}

function readCuts(reader: ByteReader): CutsEntry {
  const firstStep = reader.varint();
  const firstSequence = reader.varint();
  const count = reader.count(9);
  const rows = new Uint32Array(count);
  const costs = new Float64Array(count);
  const undone = new Uint8Array(count);
  for (let i = 0; i < count; i++) {
    const packed = reader.varint();
    rows[i] = Math.floor(packed / 2);
    undone[i] = packed % 2;
  }
  for (let i = 0; i < count; i++) costs[i] = reader.f64();
  return { type: "cuts", firstStep, firstSequence, count, rows, costs, undone };
}
