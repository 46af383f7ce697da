// Splits CSV into records as RFC 4180 has it, fed in pieces that may end anywhere: `,` `;` or tab between the cells, quotes
// where needed, CRLF or LF, a byte order mark at the most. https://www.rfc-editor.org/rfc/rfc4180

import { RivuletError } from "../error.ts";

const DELIMITERS = [",", ";", "\t"] as const;
/** Longest record, so that a quote that is never closed does not swallow the world. */
const RECORD_CHARACTERS_MAX = 1_048_576;

/** Takes one record: its cells, and the line of the file on which it begins, from 1. */
export type OnRecord = (cells: readonly string[], line: number) => void;

/** Says that a CSV file is not as it must be. */
export function csvInvalid(line: number, what: string): RivuletError {
  return new RivuletError("csv-invalid", `line ${line}: ${what}`, {
    hint: "A CSV file needs a header, the same number of cells on each line, and numbers with a decimal point.",
  });
}

/** Splits what is pushed into records. Throws `csv-invalid` with the line. */
export class CsvRecords {
  readonly #onRecord: OnRecord;
  readonly #decoder = new TextDecoder("utf-8", { fatal: true });
  /** What is not a whole record yet. */
  #rest = "";
  #line = 1;
  /** Where in `#rest` the search for the record's end goes on, and whether that is inside of quotes. */
  #searched = 0;
  #inQuotes = false;
  #isFirst = true;
  #delimiter = "";

  constructor(onRecord: OnRecord) {
    this.#onRecord = onRecord;
  }

  /** Takes the next piece, as text or as UTF-8; throws what `onRecord` throws, too. */
  push(piece: string | Uint8Array): void {
    const text = typeof piece === "string" ? piece : this.#decode(piece);
    this.#rest += text;
    if (this.#isFirst && this.#rest !== "") {
      if (this.#rest.startsWith("\uFEFF")) this.#rest = this.#rest.slice(1);
      this.#isFirst = false;
    }
    this.#drain();
  }

  /** Ends the file, and with it a last record that has no line end. */
  end(): void {
    this.#rest += this.#decode();
    this.#drain();
    if (this.#rest !== "") this.#emit(this.#rest.endsWith("\r") ? this.#rest.slice(0, -1) : this.#rest);
    this.#rest = "";
  }

  #decode(piece?: Uint8Array): string {
    try {
      return piece === undefined ? this.#decoder.decode() : this.#decoder.decode(piece, { stream: true });
    } catch {
      throw csvInvalid(this.#line, "the file is no UTF-8");
    }
  }

  /** Hands on every record that is whole. */
  #drain(): void {
    let from = 0;
    let at = this.#searched;
    for (; at < this.#rest.length; at++) {
      const character = this.#rest[at];
      if (character === '"') this.#inQuotes = !this.#inQuotes;
      if (character !== "\n" || this.#inQuotes) continue;
      const record = this.#rest.slice(from, this.#rest[at - 1] === "\r" && at > from ? at - 1 : at);
      from = at + 1;
      this.#emit(record);
      this.#line++;
    }
    this.#rest = this.#rest.slice(from);
    this.#searched = at - from;
    if (this.#rest.length > RECORD_CHARACTERS_MAX) {
      const why = this.#inQuotes ? "a quote is never closed" : "the line never ends";
      throw csvInvalid(this.#line, `${why}, or is over ${RECORD_CHARACTERS_MAX} characters`);
    }
  }

  #emit(record: string): void {
    if (this.#delimiter === "") this.#delimiter = delimiterOf(record);
    const line = this.#line;
    if (record.includes('"')) {
      const cells = this.#quotedCells(record);
      this.#line += record.split("\n").length - 1;
      this.#onRecord(cells, line);
      // An empty line is no record.
    } else if (record !== "") this.#onRecord(record.split(this.#delimiter), line);
  }

  #quotedCells(record: string): readonly string[] {
    const cells: string[] = [];
    for (let at = 0; ; at++) {
      if (record[at] === '"') {
        const { cell, end } = this.#quotedCell(record, at);
        cells.push(cell);
        at = end;
      } else {
        const found = record.indexOf(this.#delimiter, at);
        const cell = record.slice(at, found < 0 ? record.length : found);
        if (cell.includes('"')) throw csvInvalid(this.#line, "a quote stands inside of a cell that is not quoted");
        cells.push(cell);
        at += cell.length;
      }
      if (at === record.length) return cells;
      if (record[at] !== this.#delimiter) throw csvInvalid(this.#line, "text follows a closing quote");
    }
  }

  #quotedCell(record: string, from: number): { readonly cell: string; readonly end: number } {
    let cell = "";
    for (let at = from + 1; ; ) {
      const quote = record.indexOf('"', at);
      if (quote < 0) throw csvInvalid(this.#line, "a quote is never closed");
      cell += record.slice(at, quote);
      if (record[quote + 1] !== '"') return { cell, end: quote + 1 };
      cell += '"';
      at = quote + 2;
    }
  }
}

/** Finds what separates the header's cells, quoted ones left out: what comes most often, a comma if none does. */
function delimiterOf(header: string): string {
  const bare = header.replace(/"[^"]*"/g, "");
  const counts = DELIMITERS.map((delimiter) => bare.split(delimiter).length - 1);
  return DELIMITERS[counts.indexOf(Math.max(...counts))] ?? ",";
}
