// Decodes every JSON form of DESIGN §4 in one pass over the bytes, without an object a row: a row's values are noted by
// field, and checked when the row is complete, because the last of equal keys wins. Columns are read row by row, with a
// cursor in each. After the first fault only the rows' numbers are read on, so that a refusal settles all of them.

import { FieldTable, UNKNOWN } from "./field-table.ts";
import { RowWriter } from "./json-row.ts";
import { JsonScanner } from "./json-scanner.ts";
import { ARRAY, BRACE, BRACE_END, BRACKET, BRACKET_END, COMMA, END, NUMBER, QUOTE } from "./json-token.ts";
import { Malformed } from "./malformed.ts";
import { NumberRuns } from "./number-runs.ts";
import { RowValues } from "./row-values.ts";
import {
  type Decoded,
  type NumberRun,
  type RefusalCode,
  type Rows,
  type SampleLimits,
  type SampleSchema,
  SHOWN_CHARACTERS_MAX,
} from "./rows.ts";

const utf8 = new TextDecoder("utf-8", { fatal: true });

/** Decodes an object, an array of objects, columns, or lines of objects; what it returns is on loan until the next message. */
export class JsonDecoder {
  readonly #rowsMax: number;
  readonly #out: Rows;
  readonly #accepted: Decoded;
  readonly #scanner = new JsonScanner();
  readonly #fields: FieldTable;
  readonly #values: RowValues;
  readonly #runs = new NumberRuns();
  readonly #writer: RowWriter;
  /** (fields) 1 where the field is a column; where its next value begins is in `tos`. */
  readonly #isColumn: Uint8Array;
  /** (fields) 1 where the column's numbers are in the rows already. */
  readonly #isThere: Uint8Array;
  /** (fields + 1) the field that came after each one last time; at the end the one that came first. */
  readonly #following: Uint32Array;
  #rows = 0;

  constructor(schema: SampleSchema, limits: SampleLimits, out: Rows) {
    this.#rowsMax = limits.rowsMax;
    this.#out = out;
    this.#accepted = { kind: "rows", rows: out };
    this.#values = new RowValues(schema, this.#scanner);
    this.#fields = new FieldTable(this.#values.names);
    this.#writer = new RowWriter(schema, limits.rowsMax, this.#values, this.#runs, out);
    this.#isColumn = new Uint8Array(this.#values.names.length);
    this.#isThere = new Uint8Array(this.#isColumn.length);
    this.#following = new Uint32Array(this.#isColumn.length + 1);
  }

  /** Decodes a payload; `source` is that of the topic, for rows that name none. */
  decode(payload: Uint8Array, source: string | null): Decoded {
    const scanner = this.#scanner;
    this.#rows = 0;
    this.#out.ignoredFields = 0;
    this.#writer.begin();
    this.#runs.begin(source);
    try {
      scanner.begin(payload);
      this.#message();
    } catch (error) {
      if (!(error instanceof Malformed)) throw error;
      // What cannot be read tells no numbers.
      return refused(error.code, `row ${this.#rows}, byte ${scanner.at}: ${error.detail}`, []);
    }
    if (scanner.wide && !isUtf8(payload)) return refused("not-json", "the payload is no UTF-8", []);
    const numbering = this.#runs.taken;
    if (this.#rows > this.#rowsMax) {
      return refused("too-large", `${this.#rows} rows; at most ${this.#rowsMax} are allowed`, numbering);
    }
    const { fault } = this.#writer;
    if (fault !== null) return refused(fault.code, fault.detail, numbering);
    this.#out.rows = this.#rows;
    this.#out.numbering = numbering;
    return this.#accepted;
  }

  #message(): void {
    const scanner = this.#scanner;
    const first = scanner.space();
    if (first === END) throw new Malformed("not-json", "the payload is empty");
    if (first === BRACE) return this.#lines();
    if (first !== BRACKET) this.#stranger("an object or an array");
    this.#array();
    if (scanner.space() !== END) scanner.fail();
  }

  #array(): void {
    const scanner = this.#scanner;
    scanner.open();
    if (scanner.empty(BRACKET_END)) return;
    do {
      if (scanner.space() !== BRACE) this.#stranger("an object");
      this.#object();
      this.#finishRow();
    } while (scanner.next(BRACKET_END));
  }

  /** Reads one object, which may be one of columns, or several, each on a line of its own. */
  #lines(): void {
    const scanner = this.#scanner;
    scanner.lines = 0;
    this.#object();
    let inside = scanner.lines;
    if (scanner.space() === END) {
      if (!(this.#values.arrays && this.#columns())) this.#finishRow();
      return;
    }
    do {
      // Another object follows: there must be a line end between the two, and none inside of them.
      if (inside > 0 || scanner.lines === 0 || scanner.space() !== BRACE) scanner.fail();
      this.#finishRow();
      scanner.lines = 0;
      this.#object();
      inside = scanner.lines;
    } while (scanner.space() !== END);
    if (inside > 0) scanner.fail();
    this.#finishRow();
  }

  /** Notes the values of an object by field. */
  #object(): void {
    const scanner = this.#scanner;
    this.#values.clear();
    scanner.open();
    if (scanner.empty(BRACE_END)) return;
    let previous = this.#isColumn.length;
    do {
      const f = this.#key(previous);
      if (f !== UNKNOWN) previous = f;
      if (this.#rows === 0 && f !== UNKNOWN && f <= this.#values.label && scanner.space() === BRACKET) this.#column(f);
      else scanner.value();
      if (f === UNKNOWN) this.#out.ignoredFields++;
      else this.#values.note(f);
    } while (scanner.next(BRACE_END));
  }

  /**
   * Reads an array of the first object, and puts its numbers where they belong if it is a column. If it is none, the rows
   * that it was put in are not written yet.
   */
  #column(f: number): void {
    const { features, labels } = this.#out;
    const { label } = this.#values;
    const isThere =
      f < label
        ? this.#scanner.column(features, f, label, this.#rowsMax)
        : this.#scanner.column(labels, 0, 1, this.#rowsMax);
    this.#isThere[f] = isThere ? 1 : 0;
  }

  /** Reads a key; first tries the one that came after `previous` last time, for producers hardly ever change their order. */
  #key(previous: number): number {
    const scanner = this.#scanner;
    const fields = this.#fields;
    const guess = this.#following[previous]!;
    if (scanner.space() === QUOTE && scanner.tryKey(fields.quoted[guess]!)) return guess;
    scanner.key();
    const { bytes, from, to } = scanner;
    const f = scanner.escaped
      ? fields.findText(scanner.textOf(from, to))
      : fields.find(bytes, from + 1, to - 1, scanner.hash);
    if (f !== UNKNOWN) this.#following[previous] = f;
    return f;
  }

  /** Reads the rows of an object whose known fields have arrays; returns false where none has. */
  #columns(): boolean {
    const { kinds, numbers, froms, tos, seq } = this.#values;
    const rows = this.#columnRows();
    if (rows === UNKNOWN) return false;
    // How the rows of uneven columns belong together is not known, nor are their numbers.
    if (this.#writer.fault !== null) return true;
    for (let f = 0; f < kinds.length; f++) if (this.#isColumn[f] === 1) tos[f] = froms[f]!;
    const isFirstSeq = kinds[seq] === NUMBER;
    const firstSeq = numbers[seq]!;
    for (let r = 0; r < rows; r++) {
      for (let f = 0; f < kinds.length; f++) if (this.#isColumn[f] === 1) this.#advance(f, r);
      // One number for a whole message is that of its first row.
      if (isFirstSeq) numbers[seq] = firstSeq + r;
      this.#finishRow();
    }
    return true;
  }

  /** Marks the columns and tells how many values they have; UNKNOWN where there is no column. */
  #columnRows(): number {
    const { kinds, counts, names } = this.#values;
    let rows = UNKNOWN;
    for (let f = 0; f < kinds.length; f++) {
      this.#isColumn[f] = kinds[f] === ARRAY ? 1 : 0;
      if (kinds[f] !== ARRAY) continue;
      const count = counts[f]!;
      if (rows === UNKNOWN) rows = count;
      else if (count !== rows) {
        this.#writer.refuse("columns-uneven", `column ${names[f]} has ${count} values, another one ${rows}`);
      }
    }
    return rows;
  }

  /** Notes a column's value of row `r`, the next one. Its syntax was checked when the object was read. */
  #advance(f: number, r: number): void {
    const { kinds, numbers, label } = this.#values;
    if (f <= label && this.#isThere[f] === 1) {
      kinds[f] = NUMBER;
      numbers[f] = f < label ? this.#out.features[r * label + f]! : this.#out.labels[r]!;
      return;
    }
    const scanner = this.#scanner;
    scanner.at = this.#values.tos[f]!;
    const byte = scanner.space();
    // The bracket that opens comes before the first value only.
    if (byte === BRACKET || byte === COMMA) scanner.at++;
    scanner.value();
    this.#values.note(f);
  }

  #finishRow(): void {
    this.#writer.write(this.#rows);
    this.#rows++;
  }

  /** Ends with a value that no form of a message has here. */
  #stranger(belongs: string): never {
    const scanner = this.#scanner;
    scanner.value();
    const came = scanner.show(scanner.from, scanner.to, SHOWN_CHARACTERS_MAX);
    throw new Malformed("not-json", `${came} where ${belongs} belongs`);
  }
}

function isUtf8(payload: Uint8Array): boolean {
  try {
    utf8.decode(payload);
    return true;
  } catch {
    return false;
  }
}

function refused(code: RefusalCode, detail: string, numbering: readonly NumberRun[]): Decoded {
  return { kind: "refused", code, detail, numbering };
}
