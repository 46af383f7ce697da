// The meaning of JSON payloads, written down a second time on top of JSON.parse: slow, and short enough to be believed.
import type { RefusalCode, SampleSchema } from "../../src/sample/rows.ts";

interface Row {
  readonly features: readonly number[];
  readonly label: number;
  readonly weight: number;
  readonly time: number;
  readonly id: string | null;
  /** 0 a sample, 1 a question, 2 an answer. */
  readonly kind: number;
  /** Source, epoch and seq, or null. */
  readonly number: readonly [string, string, number] | null;
}

export type Expected = { readonly kind: "rows"; readonly rows: readonly Row[] } | { readonly kind: RefusalCode };

const NAME = /^[A-Za-z0-9._-]{1,64}$/;
const utf8 = new TextDecoder("utf-8", { fatal: true });

class Refuse {
  readonly code: RefusalCode;
  constructor(code: RefusalCode) {
    this.code = code;
  }
}

/** Says what a decoder must make of a payload. */
export function expectedOf(
  payload: Uint8Array,
  schema: SampleSchema,
  rowsMax: number,
  topicSource: string | null,
): Expected {
  try {
    const objects = objectsOf(parse(payload), schema);
    if (objects.length > rowsMax) return { kind: "too-large" };
    return { kind: "rows", rows: objects.map((object) => rowOf(object, schema, topicSource)) };
  } catch (error) {
    if (error instanceof Refuse) return { kind: error.code };
    throw error;
  }
}

/** Says which numbers a payload settles, taken or refused: row, source, epoch and seq of each row that has a valid one. */
export function numbersOf(
  payload: Uint8Array,
  schema: SampleSchema,
  topicSource: string | null,
): readonly (readonly [number, string, string, number])[] {
  return orNothing(() =>
    objectsOf(parse(payload), schema).flatMap((object, r) => {
      const number = orNothing(() => [numberOf(object, topicSource)])[0] ?? null;
      return number === null ? [] : [[r, ...number] as const];
    }),
  );
}

function orNothing<T>(run: () => readonly T[]): readonly T[] {
  try {
    return run();
  } catch (error) {
    if (error instanceof Refuse) return [];
    throw error;
  }
}

/** Says what a decoder must make of packed rows; `first` is the number of the first one. */
export function expectedOfPacked(
  payload: Uint8Array,
  schema: SampleSchema,
  rowsMax: number,
  precision: "f32" | "f64",
  first: { readonly source: string; readonly epoch: string; readonly seq: number } | null,
): Expected {
  try {
    const bytes = Buffer.from(payload);
    const size = precision === "f32" ? 4 : 8;
    const width = schema.features.length + 1;
    if (bytes.length % (size * width) !== 0) throw new Refuse("wrong-length");
    const count = bytes.length / size / width;
    if (count > rowsMax) throw new Refuse("too-large");
    const values = Array.from({ length: count * width }, (_, i) =>
      size === 4 ? bytes.readFloatLE(i * size) : bytes.readDoubleLE(i * size),
    );
    if (first !== null && first.seq + count > Number.MAX_SAFE_INTEGER) throw new Refuse("number-invalid");
    const rows = Array.from({ length: count }, (_, r): Row => {
      const row = values.slice(r * width, (r + 1) * width);
      const features = row.slice(0, -1).map((cell, i) => packedOf(cell, schema.categories?.[i] ?? null));
      const number = first === null ? null : ([first.source, first.epoch, first.seq + r] as const);
      return { features, label: labelOf(row.at(-1), schema), weight: 1, time: Number.NaN, id: null, kind: 0, number };
    });
    return { kind: "rows", rows };
  } catch (error) {
    if (error instanceof Refuse) return { kind: error.code };
    throw error;
  }
}

/** Tells whether brackets and braces outside of texts are nested deeper than a decoder goes. */
export function isDeep(payload: Uint8Array): boolean {
  const text = new TextDecoder("latin1").decode(payload).replace(/"(?:[^"\\]|\\.)*"/g, '""');
  let depth = 0;
  for (const sign of text) {
    if (sign === "[" || sign === "{") depth++;
    if (sign === "]" || sign === "}") depth--;
    if (depth > 32) return true;
  }
  return false;
}

type Fields = ReadonlyMap<string, unknown>;

function parse(payload: Uint8Array): unknown {
  try {
    const text = utf8.decode(payload);
    if (text.startsWith("[".repeat(33))) throw new Refuse("too-deep");
    try {
      return JSON.parse(text);
    } catch {
      const lines = text.split("\n").filter((line) => !/^[ \t\r]*$/.test(line));
      if (lines.length < 2) throw new Refuse("not-json");
      const values = lines.map((line): unknown => JSON.parse(line));
      if (!values.every(isObject)) throw new Refuse("not-json");
      return values;
    }
  } catch (error) {
    throw error instanceof Refuse ? error : new Refuse("not-json");
  }
}

function objectsOf(value: unknown, schema: SampleSchema): readonly Fields[] {
  if (Array.isArray(value)) {
    if (!value.every(isObject)) throw new Refuse("not-json");
    return value.map((object: object) => new Map(Object.entries(object)));
  }
  if (!isObject(value)) throw new Refuse("not-json");
  const known = [...schema.features, schema.label, "id", "weight", "ts", "source", "epoch", "seq"];
  const fields = Object.entries(value).filter(([name]) => known.includes(name));
  const columns = fields.flatMap(([, field]) => (Array.isArray(field) ? [field.length] : []));
  if (columns.length === 0) return [new Map(fields)];
  if (columns.some((length) => length !== columns[0])) throw new Refuse("columns-uneven");
  return Array.from({ length: columns[0] ?? 0 }, (_, r) => {
    const cells = fields.map(([name, field]): [string, unknown] => {
      if (Array.isArray(field)) return [name, field[r]];
      return [name, name === "seq" && typeof field === "number" ? field + r : field];
    });
    return new Map(cells);
  });
}

function rowOf(row: Fields, schema: SampleSchema, topicSource: string | null): Row {
  const number = numberOf(row, topicSource);
  const id = row.get("id") ?? null;
  const label = row.get(schema.label) ?? null;
  const cells = schema.features.map((name) => row.get(name) ?? null);
  if (id !== null) {
    const isId = typeof id === "string" && id !== "" && id.isWellFormed() && new TextEncoder().encode(id).length <= 64;
    if (!isId) throw new Refuse("id-invalid");
  }
  const kind = id === null ? 0 : label === null ? 1 : cells.every((cell) => cell === null) ? 2 : 0;
  const weight = row.get("weight") ?? 1;
  if (typeof weight !== "number" || !Number.isFinite(weight) || weight <= 0) throw new Refuse("weight-invalid");
  const time = row.get("ts") ?? null;
  if (time !== null && (typeof time !== "number" || !Number.isFinite(time))) throw new Refuse("ts-invalid");
  const features = kind === 2 ? cells.map(() => Number.NaN) : featuresOf(cells, schema);
  const target = kind === 1 ? Number.NaN : labelOf(label, schema);
  return { features, label: target, weight, time: time ?? Number.NaN, id, kind, number };
}

function numberOf(row: Fields, topicSource: string | null): Row["number"] {
  const seq = row.get("seq") ?? null;
  const epoch = row.get("epoch") ?? null;
  const source = row.get("source") ?? topicSource;
  const isName = (name: unknown) => typeof name === "string" && NAME.test(name);
  if (seq === null && epoch === null && (source === null || isName(source))) return null;
  const isSeq = typeof seq === "number" && Number.isSafeInteger(seq) && seq >= 0 && seq < Number.MAX_SAFE_INTEGER;
  if (!isName(source) || !isName(epoch) || !isSeq) throw new Refuse("number-invalid");
  return [String(source), String(epoch), seq === 0 ? 0 : seq];
}

function featuresOf(cells: readonly unknown[], { mayMiss, categories }: SampleSchema): readonly number[] {
  const isGap = (cell: unknown) => cell === null && mayMiss === true;
  const features = cells.map((cell, i) => (isGap(cell) ? Number.NaN : categoryOf(cell, categories?.[i] ?? null)));
  if (features.every(Number.isNaN)) throw new Refuse("feature-missing");
  return features;
}

function packedOf(cell: number, categories: readonly string[] | "hashed" | null): number {
  return categories === null ? featureOf(cell) : categoryOf(featureOf(cell), categories);
}

function categoryOf(cell: unknown, categories: readonly string[] | "hashed" | null): number {
  if (categories === null || cell === null || typeof cell === "object") return featureOf(cell);
  if (typeof cell === "string") {
    if (categories === "hashed") return fnv(cell);
    if (!categories.includes(cell)) throw new Refuse("category-unknown");
    return categories.indexOf(cell);
  }
  const number = Number(cell);
  if (!Number.isFinite(number)) throw new Refuse("not-finite");
  const end = categories === "hashed" ? 4294967296 : categories.length;
  if (!Number.isInteger(number) || number < 0 || number >= end) throw new Refuse("category-unknown");
  return number === 0 ? 0 : number;
}

/** FNV-1a as it is told: xor with the byte, times the prime, modulo 2³². */
function fnv(text: string): number {
  return Number(
    Buffer.from(text).reduce((hash, byte) => ((hash ^ BigInt(byte)) * 16777619n) % 4294967296n, 2166136261n),
  );
}

function featureOf(cell: unknown): number {
  if (cell === null) throw new Refuse("feature-missing");
  if (typeof cell === "boolean") return Number(cell);
  if (typeof cell !== "number") throw new Refuse("feature-invalid");
  if (!Number.isFinite(cell)) throw new Refuse("not-finite");
  if (Math.abs(cell) > 1e12) throw new Refuse("out-of-range");
  return cell;
}

function labelOf(label: unknown, { classes, labelKind }: SampleSchema): number {
  if (label === null) throw new Refuse("label-missing");
  if (typeof label === "boolean") return Number(label);
  const index = typeof label === "string" && classes !== null ? classes.indexOf(label) : -1;
  if (index >= 0) return index;
  if (typeof label !== "number") throw new Refuse("label-invalid");
  if (!Number.isFinite(label)) throw new Refuse("not-finite");
  if (labelKind === "binary" && label !== 0 && label !== 1) throw new Refuse("label-invalid");
  if (labelKind === "index" && !classes?.some((_, index) => index === label)) throw new Refuse("label-invalid");
  return label;
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
