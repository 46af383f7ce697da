// A block of rows within a commit. Columns take the smallest form in which every value survives the round trip exactly.

import type { Numbering, RowKind, RowsEntry } from "../learner/entry.ts";
import type { ByteReader } from "./byte-reader.ts";
import type { ByteWriter } from "./byte-writer.ts";
import { readColumn, writeColumn } from "./column-codec.ts";

const ROW_KINDS: readonly RowKind[] = ["sample", "question", "answer"];

/** Which optional columns a block of rows has. */
const HAS = { labels: 1, weights: 2, predictions: 4, times: 8, ids: 16, numbering: 32 } as const;

/** A constant column takes nine bytes for any number of rows, so the count itself must be bounded. */
const VALUES_MAX = 2 ** 27;

/** Writes a block of rows, column by column. */
export function writeRows(writer: ByteWriter, entry: RowsEntry): void {
  const { rows, features, labels, weights, predictions, times, ids, numbering } = entry;
  const width = rows === 0 ? 0 : features.length / rows;
  const outputs = predictions === null || rows === 0 ? 0 : predictions.length / rows;
  writer.u8(ROW_KINDS.indexOf(entry.rowKind));
  writer.u8(
    (labels === null ? 0 : HAS.labels) |
      (weights === null ? 0 : HAS.weights) |
      (predictions === null ? 0 : HAS.predictions) |
      (times === null ? 0 : HAS.times) |
      (ids === null ? 0 : HAS.ids) |
      (numbering.length === 0 ? 0 : HAS.numbering),
  );
  writer.varint(rows);
  writer.varint(width);
  for (let i = 0; i < width; i++) writeColumn(writer, features, i, width, rows);
  if (labels !== null) writeColumn(writer, labels, 0, 1, rows);
  if (weights !== null) writeColumn(writer, weights, 0, 1, rows);
  if (predictions !== null) {
    writer.varint(outputs);
    for (let k = 0; k < outputs; k++) writeColumn(writer, predictions, k, outputs, rows);
  }
  if (times !== null) writeColumn(writer, times, 0, 1, rows);
  if (ids !== null) for (let r = 0; r < rows; r++) writeId(writer, ids[r] ?? null);
  if (numbering.length > 0) writeNumbering(writer, numbering);
}

/** Reads what `writeRows` wrote: at most `rowsMax` rows, of which the first has a sequence. Throws `journal-damaged`. */
export function readRows(reader: ByteReader, firstSequence: number, rowsMax: number): RowsEntry {
  const rowKind = ROW_KINDS[reader.u8()];
  if (rowKind === undefined) throw reader.damaged("rows of an unknown kind");
  const has = reader.u8();
  const rows = reader.varint();
  if (!(rows <= rowsMax)) throw reader.damaged("it has more rows than the directory says");
  const width = reader.count(1);
  const features = new Float64Array(checked(reader, rows * width));
  for (let i = 0; i < width; i++) readColumn(reader, features, i, width, rows);
  const column = (bit: number) => {
    if ((has & bit) === 0) return null;
    const values = new Float64Array(checked(reader, rows));
    readColumn(reader, values, 0, 1, rows);
    return values;
  };
  const labels = column(HAS.labels);
  const weights = column(HAS.weights);
  let predictions: Float64Array | null = null;
  if ((has & HAS.predictions) !== 0) {
    const outputs = reader.count(1);
    predictions = new Float64Array(checked(reader, rows * outputs));
    for (let k = 0; k < outputs; k++) readColumn(reader, predictions, k, outputs, rows);
  }
  const times = column(HAS.times);
  const ids = (has & HAS.ids) === 0 ? null : readIds(reader, rows);
  const numbering = (has & HAS.numbering) === 0 ? [] : readNumbering(reader, rows);
  return { type: "rows", rowKind, firstSequence, rows, features, labels, weights, predictions, times, ids, numbering };
}

function checked(reader: ByteReader, values: number): number {
  if (values > VALUES_MAX) throw reader.damaged(`${values} values are more than a commit can have`);
  return values;
}

/** 0 is no id; else the length in bytes plus 1. */
function writeId(writer: ByteWriter, id: string | null): void {
  if (id === null) return writer.varint(0);
  const bytes = Buffer.from(id, "utf8");
  writer.varint(bytes.length + 1);
  writer.raw(bytes);
}

function readIds(reader: ByteReader, rows: number): (string | null)[] {
  if (rows > reader.rest) throw reader.damaged(`${rows} ids do not fit into ${reader.rest} bytes`);
  return Array.from({ length: rows }, () => readId(reader));
}

function readId(reader: ByteReader): string | null {
  const length = reader.varint();
  return length === 0 ? null : Buffer.from(reader.raw(length - 1)).toString("utf8");
}

/** Names are written once for each run of them: an empty source stands for the same source and epoch as before. */
function writeNumbering(writer: ByteWriter, numbering: readonly Numbering[]): void {
  writer.varint(numbering.length);
  let source = "";
  let epoch = "";
  let offset = 0;
  for (const run of numbering) {
    writer.varint(run.offset - offset);
    writer.varint(run.rows);
    const same = run.source === source && run.epoch === epoch;
    writer.text(same ? "" : run.source);
    if (!same) writer.text(run.epoch);
    writer.varint(run.seq);
    ({ source, epoch } = run);
    offset = run.offset + run.rows;
  }
}

function readNumbering(reader: ByteReader, rows: number): Numbering[] {
  let source = "";
  let epoch = "";
  let at = 0;
  return Array.from({ length: reader.count(4) }, () => {
    const offset = at + reader.varint();
    const count = reader.varint();
    at = offset + count;
    if (at > rows) throw reader.damaged("a run of numbers goes beyond its rows");
    const name = reader.text();
    if (name !== "") {
      source = name;
      epoch = reader.text();
    }
    return { offset, rows: count, source, epoch, seq: reader.varint() };
  });
}
