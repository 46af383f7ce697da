// CSV as RFC 4180 has it: a header, `,` `;` or tab between the cells, quotes where needed, CRLF or LF, a BOM at the most.

import { RivuletError } from "../error.ts";

const DELIMITERS = [",", ";", "\t"] as const;
/** Longest cell, so that a quote that is never closed does not swallow the world. */
const CELL_CHARACTERS_MAX = 65_536;

/** Is one line of a CSV file. */
export interface CsvRecord {
  readonly cells: readonly string[];
  /** Line of the file on which it begins, from 1. */
  readonly line: number;
}

/** Parses a CSV text. The first record is the header. Throws `csv-invalid` with the line. */
export function* parseCsv(text: string): Generator<CsvRecord> {
  const start = text.charCodeAt(0) === 0xfeff ? 1 : 0;
  const delimiter = delimiterOf(text.slice(start, endOfLine(text, start)));
  let cells: string[] = [];
  let line = 1;
  let recordLine = 1;
  let at = start;
  while (at < text.length) {
    const cell = text[at] === '"' ? quoted(text, at, line) : plain(text, at, delimiter);
    cells.push(cell.text);
    line += cell.lines;
    at = cell.end;
    if (text[at] === delimiter) {
      at++;
      // A delimiter at the very end of the text is followed by one more, empty, cell.
      if (at < text.length) continue;
      cells.push("");
    }
    if (at < text.length && text[at] !== "\n" && text[at] !== "\r") throw invalid(line, "text follows a closing quote");
    if (text[at] === "\r") at++;
    if (text[at] === "\n") at++;
    // An empty line is no record.
    if (cells.length > 1 || cells[0] !== "") yield { cells, line: recordLine };
    cells = [];
    line++;
    recordLine = line;
  }
}

interface Cell {
  readonly text: string;
  readonly end: number;
  readonly lines: number;
}

function plain(text: string, from: number, delimiter: string): Cell {
  let end = from;
  while (end < text.length && text[end] !== delimiter && text[end] !== "\n" && text[end] !== "\r") end++;
  return { text: text.slice(from, end), end, lines: 0 };
}

function quoted(text: string, from: number, line: number): Cell {
  let value = "";
  let lines = 0;
  for (let at = from + 1; ; ) {
    const quote = text.indexOf('"', at);
    if (quote < 0 || value.length > CELL_CHARACTERS_MAX) throw invalid(line, "a quote is never closed");
    const piece = text.slice(at, quote);
    lines += piece.split("\n").length - 1;
    value += piece;
    if (text[quote + 1] !== '"') return { text: value, end: quote + 1, lines };
    value += '"';
    at = quote + 2;
  }
}

function endOfLine(text: string, from: number): number {
  const end = text.indexOf("\n", from);
  return end < 0 ? text.length : end;
}

function delimiterOf(header: string): string {
  const counts = DELIMITERS.map((delimiter) => header.replace(/"[^"]*"/g, "").split(delimiter).length - 1);
  const most = Math.max(...counts);
  return DELIMITERS[counts.indexOf(most)] ?? ",";
}

/** Says which columns to take; null takes them from the header, the last one being the label. */
export interface CsvColumns {
  readonly features: readonly string[] | null;
  readonly label: string | null;
}

/** Is a CSV file, read: the columns that were asked for, as text. */
export interface CsvTable {
  readonly features: readonly string[];
  readonly label: string;
  /** Columns that nobody asked for. */
  readonly ignoredColumns: readonly string[];
  readonly rows: readonly { readonly features: readonly string[]; readonly label: string; readonly line: number }[];
}

/** Reads a CSV text with a header, columns by name. Throws `csv-invalid`. */
export function readCsv(text: string, columns: CsvColumns): CsvTable {
  const records = parseCsv(text);
  const first = records.next();
  if (first.done === true) throw invalid(1, "the file is empty; a header is needed");
  const header = first.value.cells.map((name) => name.trim());
  const twice = header.find((name, i) => header.indexOf(name) !== i);
  if (twice !== undefined) throw invalid(1, `the header has the column ${JSON.stringify(twice)} twice`);
  const label = columns.label ?? header.at(-1) ?? "";
  const features = columns.features ?? header.filter((name) => name !== label);
  const indexOf = (name: string) => {
    const index = header.indexOf(name);
    if (index < 0) throw invalid(1, `the header has no column ${JSON.stringify(name)}; it has ${header.join(", ")}`);
    return index;
  };
  const indices = features.map(indexOf);
  const labelIndex = indexOf(label);
  const rows: { features: string[]; label: string; line: number }[] = [];
  for (const { cells, line } of records) {
    if (cells.length !== header.length)
      throw invalid(line, `${cells.length} cells where the header has ${header.length}`);
    rows.push({ features: indices.map((index) => cells[index] ?? ""), label: cells[labelIndex] ?? "", line });
  }
  const ignoredColumns = header.filter((name) => name !== label && !features.includes(name));
  return { features, label, ignoredColumns, rows };
}

const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/;

/** Reads a cell as a number with a decimal point; an empty one is missing, which is NaN. Throws `csv-invalid`. */
export function numberOf(cell: string, column: string, line: number): number {
  const text = cell.trim();
  if (text === "") return Number.NaN;
  const value = NUMBER.test(text) ? Number(text) : Number.NaN;
  if (!Number.isFinite(value)) {
    throw invalid(
      line,
      `column ${column} has ${JSON.stringify(text.slice(0, 80))} where a number with a decimal point belongs`,
    );
  }
  return value;
}

/** Writes cells as one line of CSV. */
export function formatCsvRow(cells: readonly (string | number)[]): string {
  return `${cells.map((cell) => (typeof cell === "number" ? String(cell) : quoteIfNeeded(cell))).join(",")}\n`;
}

function quoteIfNeeded(cell: string): string {
  return /[",;\t\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;
}

function invalid(line: number, what: string): RivuletError {
  return new RivuletError("csv-invalid", `line ${line}: ${what}`, {
    hint: "A CSV file needs a header, the same number of cells on each line, and numbers with a decimal point.",
  });
}
