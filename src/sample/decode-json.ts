import {
  type Decoded,
  FEATURE_ABS_MAX,
  type NumberRun,
  type RefusalCode,
  type Rows,
  type SampleLimits,
  type SampleSchema,
} from "./rows.ts";
import { NAME } from "./topic.ts";

/** Deepest nesting of a payload; a row needs three levels. */
const DEPTH_MAX = 32;
const ID_BYTES_MAX = 64;
const SHOWN_CHARACTERS_MAX = 80;
const RESERVED: readonly string[] = ["source", "epoch", "seq", "id", "weight", "ts"];

const utf8 = new TextDecoder("utf-8", { fatal: true });
const encoder = new TextEncoder();

/** Is how a field of row r is read: from the row's own object, or from a column. */
type Field = (name: string, r: number) => unknown;

/** Ends the decoding of a message; caught where the message is decoded, nowhere else. */
class Refuse {
  readonly code: RefusalCode;
  readonly detail: string;
  constructor(code: RefusalCode, detail: string) {
    this.code = code;
    this.detail = detail;
  }
}

/** Decodes an object, an array of objects, columns, or lines of objects. */
export function decodeJson(
  payload: Uint8Array,
  schema: SampleSchema,
  limits: SampleLimits,
  out: Rows,
  source: string | null,
): Decoded {
  let numbering: readonly NumberRun[] = [];
  try {
    const { rows, field, ignored } = tabulate(parse(payload), schema);
    if (rows > limits.rowsMax) throw new Refuse("too-large", `${rows} rows; at most ${limits.rowsMax} are allowed`);
    numbering = numbersOf(rows, field, source);
    fill(out, rows, field, schema);
    out.rows = rows;
    out.numbering = numbering;
    out.ignoredFields = ignored;
    return { kind: "rows", rows: out };
  } catch (error) {
    if (!(error instanceof Refuse)) throw error;
    return { kind: "refused", code: error.code, detail: error.detail, numbering };
  }
}

function parse(payload: Uint8Array): unknown {
  if (isTooDeep(payload)) throw new Refuse("too-deep", `nested deeper than ${DEPTH_MAX} levels`);
  let text: string;
  try {
    text = utf8.decode(payload);
  } catch {
    throw new Refuse("not-json", "the payload is no UTF-8");
  }
  try {
    return JSON.parse(text);
  } catch {
    return parseLines(text);
  }
}

function parseLines(text: string): unknown {
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  if (lines.length < 2) throw new Refuse("not-json", lines.length === 0 ? "the payload is empty" : show(text));
  return lines.map((line, l) => {
    try {
      const value: unknown = JSON.parse(line);
      if (isObject(value)) return value;
    } catch {
      // Refused below, with the line.
    }
    throw new Refuse("not-json", `row ${l}: ${show(line)}`);
  });
}

/** Counts brackets outside of strings: a parser of any kind could be made to run out of stack otherwise. */
function isTooDeep(payload: Uint8Array): boolean {
  let depth = 0;
  let inString = false;
  for (let i = 0; i < payload.length; i++) {
    const byte = payload[i];
    if (inString) {
      if (byte === 0x5c) i++;
      else if (byte === 0x22) inString = false;
    } else if (byte === 0x22) inString = true;
    else if (byte === 0x7b || byte === 0x5b) {
      if (++depth > DEPTH_MAX) return true;
    } else if (byte === 0x7d || byte === 0x5d) depth--;
  }
  return false;
}

/** Turns what came into rows: how many, how to read their fields, and how many fields nobody knows. */
function tabulate(value: unknown, schema: SampleSchema): { rows: number; field: Field; ignored: number } {
  const known = new Set([...schema.features, schema.label, ...RESERVED]);
  const unknownIn = (object: Fields) => Object.keys(object).reduce((count, key) => count + (known.has(key) ? 0 : 1), 0);
  if (Array.isArray(value)) {
    const objects = value.map((row: unknown, r): Fields => {
      if (!isObject(row)) throw new Refuse("not-json", `row ${r}: ${show(row)} where an object belongs`);
      return row;
    });
    const ignored = objects.reduce((count, object) => count + unknownIn(object), 0);
    return { rows: objects.length, ignored, field: (name, r) => get(objects[r], name) };
  }
  if (!isObject(value)) throw new Refuse("not-json", `${show(value)} where an object or an array belongs`);
  let rows: number | null = null;
  for (const name of known) {
    const column = get(value, name);
    if (!Array.isArray(column)) continue;
    if (rows !== null && column.length !== rows) {
      throw new Refuse("columns-uneven", `column ${name} has ${column.length} values, another one ${rows}`);
    }
    rows = column.length;
  }
  const columns = rows !== null;
  const field: Field = (name, r) => {
    const cell = get(value, name);
    if (Array.isArray(cell)) return cell[r];
    // One number for a whole message is that of its first row.
    return columns && name === "seq" && typeof cell === "number" ? cell + r : cell;
  };
  return { rows: rows ?? 1, ignored: unknownIn(value), field };
}

function fill(out: Rows, rows: number, field: Field, schema: SampleSchema): void {
  const width = schema.features.length;
  out.hasWeights = false;
  out.hasTimes = false;
  out.hasIds = false;
  for (let r = 0; r < rows; r++) {
    const id = idOf(field("id", r), r);
    const label = field(schema.label, r) ?? null;
    if (id !== null && label === null)
      throw new Refuse("not-supported-yet", `row ${r} is a question: it has an id and no label`);
    if (id !== null && schema.features.every((feature) => field(feature, r) == null)) {
      throw new Refuse("not-supported-yet", `row ${r} is an answer: it has an id and a label, and no features`);
    }
    for (let i = 0; i < width; i++) {
      const name = schema.features[i] ?? "";
      out.features[r * width + i] = featureOf(field(name, r), r, name);
    }
    out.labels[r] = labelOf(label, r, schema);
    out.ids[r] = id;
    out.weights[r] = weightOf(field("weight", r), r);
    out.times[r] = timeOf(field("ts", r), r);
    out.hasIds ||= id !== null;
    out.hasWeights ||= out.weights[r] !== 1;
    out.hasTimes ||= !Number.isNaN(out.times[r]);
  }
}

function featureOf(value: unknown, r: number, name: string): number {
  if (value == null) throw new Refuse("feature-missing", `row ${r} has no ${name}`);
  if (typeof value === "boolean") return value ? 1 : 0;
  if (typeof value !== "number")
    throw new Refuse("feature-invalid", `row ${r}, ${name}: ${show(value)} where a number belongs`);
  if (!Number.isFinite(value)) throw new Refuse("not-finite", `row ${r}, ${name}: ${value}`);
  if (Math.abs(value) > FEATURE_ABS_MAX) {
    throw new Refuse("out-of-range", `row ${r}, ${name}: ${value}; at most ±${FEATURE_ABS_MAX} is allowed`);
  }
  return value;
}

function labelOf(value: unknown, r: number, { label, classes, labelKind }: SampleSchema): number {
  if (value === null) throw new Refuse("label-missing", `row ${r} has no ${label}`);
  const allowed =
    classes !== null ? `${classes.join(" or ")}, or 0 or 1` : labelKind === "binary" ? "0 or 1" : "a finite number";
  const invalid = () => new Refuse("label-invalid", `row ${r}, ${label}: ${show(value)}; ${allowed} is allowed`);
  if (typeof value === "boolean") return value ? 1 : 0;
  if (typeof value === "string" && classes !== null) {
    const index = classes.indexOf(value);
    if (index < 0) throw invalid();
    return index;
  }
  if (typeof value !== "number") throw invalid();
  if (!Number.isFinite(value)) throw new Refuse("not-finite", `row ${r}, ${label}: ${value}`);
  if (labelKind === "binary" && value !== 0 && value !== 1) throw invalid();
  return value;
}

function weightOf(value: unknown, r: number): number {
  if (value == null) return 1;
  if (typeof value === "number" && Number.isFinite(value) && value > 0) return value;
  throw new Refuse("weight-invalid", `row ${r}: ${show(value)}; a finite number above 0 is allowed`);
}

function timeOf(value: unknown, r: number): number {
  if (value == null) return Number.NaN;
  if (typeof value === "number" && Number.isFinite(value)) return value;
  throw new Refuse("ts-invalid", `row ${r}: ${show(value)}; milliseconds since 1970 are allowed`);
}

function idOf(value: unknown, r: number): string | null {
  if (value == null) return null;
  if (typeof value === "string" && value !== "" && encoder.encode(value).length <= ID_BYTES_MAX) return value;
  throw new Refuse("id-invalid", `row ${r}: ${show(value)}; a text of 1 to ${ID_BYTES_MAX} bytes is allowed`);
}

/** Reads the numbers of all rows, joined into runs. */
function numbersOf(rows: number, field: Field, topicSource: string | null): readonly NumberRun[] {
  const runs: { offset: number; rows: number; source: string; epoch: string; seq: number }[] = [];
  for (let r = 0; r < rows; r++) {
    const seq = field("seq", r) ?? null;
    const epoch = field("epoch", r) ?? null;
    const source = field("source", r) ?? topicSource;
    if (seq === null && epoch === null && (source === null || isName(source))) continue;
    if (
      !isName(source) ||
      !isName(epoch) ||
      typeof seq !== "number" ||
      !Number.isSafeInteger(seq) ||
      seq < 0 ||
      seq >= Number.MAX_SAFE_INTEGER
    ) {
      throw new Refuse(
        "number-invalid",
        `row ${r}: source ${show(source)}, epoch ${show(epoch)}, seq ${show(seq)}; numbers need a source and an epoch of 1 to 64 letters, digits, dots, underscores and hyphens, and a whole seq ≥ 0`,
      );
    }
    const last = runs.at(-1);
    const goesOn =
      last !== undefined &&
      last.source === source &&
      last.epoch === epoch &&
      last.seq + last.rows === seq &&
      last.offset + last.rows === r;
    if (goesOn) last.rows++;
    else runs.push({ offset: r, rows: 1, source, epoch, seq });
  }
  return runs;
}

type Fields = Readonly<Record<string, unknown>>;

function isName(value: unknown): value is string {
  return typeof value === "string" && NAME.test(value);
}

function isObject(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Reads an own field: what objects inherit is nobody's data. */
function get(object: Fields | undefined, name: string): unknown {
  return object !== undefined && Object.hasOwn(object, name) ? object[name] : undefined;
}

function show(value: unknown): string {
  const text =
    typeof value === "string"
      ? JSON.stringify(value.slice(0, SHOWN_CHARACTERS_MAX))
      : (JSON.stringify(value) ?? "nothing");
  return text.length > SHOWN_CHARACTERS_MAX ? `${text.slice(0, SHOWN_CHARACTERS_MAX)}…` : text;
}
