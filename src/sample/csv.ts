// CSV as DESIGN §4 has it: a header, columns by name, a decimal point, an empty cell for what is missing.

import { CsvRecords, csvInvalid } from "./csv-records.ts";

/** Says which columns to take; null takes them from the header, the last one that is no feature being the label. */
export interface CsvColumns {
  readonly features: readonly string[] | null;
  readonly label: string | null;
}

/** Is the header of a CSV file, and what is taken of it. */
export interface CsvHeader {
  readonly features: readonly string[];
  readonly label: string;
  /** Columns that nobody asked for. */
  readonly ignoredColumns: readonly string[];
}

/** Is one row of a CSV file: the cells that were asked for, as text. */
export interface CsvRow {
  readonly features: readonly string[];
  readonly label: string;
  /** Line of the file on which it begins, from 1. */
  readonly line: number;
}

/** Is a CSV file, read. */
export interface CsvTable extends CsvHeader {
  readonly rows: readonly CsvRow[];
}

/** Reads a CSV file piece by piece. */
export interface CsvReader {
  /** Takes the next piece, as text or as UTF-8; it may end anywhere. Throws `csv-invalid` with the line. */
  push(piece: string | Uint8Array): void;
  /** Ends the file and tells its header. Throws `csv-invalid`. */
  end(): CsvHeader;
}

/** Makes a reader that hands on every row as soon as it is whole. */
export function createCsvReader(columns: CsvColumns, onRow: (row: CsvRow) => void): CsvReader {
  let header: CsvHeader | null = null;
  let width = 0;
  let indices: readonly number[] = [];
  let labelIndex = 0;
  const records = new CsvRecords((cells, line) => {
    if (header === null) {
      const names = cells.map((name) => name.trim());
      header = headerOf(names, columns);
      width = names.length;
      indices = header.features.map((name) => names.indexOf(name));
      labelIndex = names.indexOf(header.label);
      return;
    }
    if (cells.length !== width) throw csvInvalid(line, `${cells.length} cells where the header has ${width}`);
    onRow({ features: indices.map((index) => cells[index] ?? ""), label: cells[labelIndex] ?? "", line });
  });
  return {
    push: (piece) => records.push(piece),
    end: () => {
      records.end();
      if (header === null) throw csvInvalid(1, "the file is empty; a header is needed");
      return header;
    },
  };
}

/** Reads a whole CSV text. Throws `csv-invalid` with the line. */
export function readCsv(text: string, columns: CsvColumns): CsvTable {
  const rows: CsvRow[] = [];
  const reader = createCsvReader(columns, (row) => rows.push(row));
  reader.push(text);
  return { ...reader.end(), rows };
}

function headerOf(names: readonly string[], columns: CsvColumns): CsvHeader {
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) throw csvInvalid(1, `the header has the column ${JSON.stringify(twice)} twice`);
  const label = columns.label ?? names.findLast((name) => columns.features?.includes(name) !== true) ?? "";
  const features = columns.features ?? names.filter((name) => name !== label);
  for (const name of [...features, label]) {
    if (name === "") throw csvInvalid(1, "the header has a column without a name");
    if (names.includes(name)) continue;
    throw csvInvalid(1, `the header has no column ${JSON.stringify(name)}; it has ${names.join(", ")}`);
  }
  return { features, label, ignoredColumns: names.filter((name) => name !== label && !features.includes(name)) };
}

/** Matches a number as a cell has it. */
export const NUMERIC = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/;
const SHOWN_CHARACTERS_MAX = 80;

/** Reads a cell as a number with a decimal point; an empty one is missing, which is NaN. Throws `csv-invalid`. */
export function numberOf(cell: string, column: string, line: number): number {
  const text = cell.trim();
  if (text === "") return Number.NaN;
  const value = NUMERIC.test(text) ? Number(text) : Number.NaN;
  if (Number.isFinite(value)) return value;
  const came = JSON.stringify(text.slice(0, SHOWN_CHARACTERS_MAX));
  throw csvInvalid(line, `column ${column} has ${came} where a number with a decimal point belongs`);
}

/** Writes cells as one line of CSV; NaN, a missing value, is an empty cell. */
export function formatCsvRow(cells: readonly (string | number)[]): string {
  const line = cells.map((cell) => (typeof cell === "number" ? formatNumber(cell) : quoteIfNeeded(cell))).join(",");
  // A line with nothing on it would be no record.
  return line === "" && cells.length > 0 ? '""\n' : `${line}\n`;
}

/** Writes a number so that reading gives the same bits. */
function formatNumber(value: number): string {
  if (Number.isNaN(value)) return "";
  return Object.is(value, -0) ? "-0" : String(value);
}

function quoteIfNeeded(cell: string): string {
  return /[",;\t\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;
}
