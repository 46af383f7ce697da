// The kinds of values that the configuration is written in. Each key carries its meaning and its limit with it, so that
// the faults, the editors' schema and the README's table all say the same. Zod is used in its small form: the other one
// binds its methods to each of hundreds of schemas, which takes longer than all else that is read at the start.

import * as z from "zod/mini";

/** Longest path. */
export const PATH_CHARACTERS_MAX = 4096;
/** Matches a host name or an address. */
export const HOST = /^[^\s/@]{1,253}$/;
const DURATION_UNITS_MS: ReadonlyMap<string, number> = new Map([
  ["ms", 1],
  ["s", 1000],
  ["m", 60_000],
  ["h", 3_600_000],
  ["d", 86_400_000],
]);
const SIZE_UNITS_BYTES: ReadonlyMap<string, number> = new Map([
  ["B", 1],
  ["kB", 1e3],
  ["MB", 1e6],
  ["GB", 1e9],
  ["TB", 1e12],
  ["KiB", 2 ** 10],
  ["MiB", 2 ** 20],
  ["GiB", 2 ** 30],
  ["TiB", 2 ** 40],
]);
const DURATION = /^\d{1,15}(\.\d{1,6})?(ms|s|m|h|d)$/;
const SIZE = /^\d{1,15}(\.\d{1,6})?(B|kB|MB|GB|TB|KiB|MiB|GiB|TiB)$/;
const EVERY = /^([1-9]\d{0,11} steps?|\d{1,15}(\.\d{1,6})?(ms|s|m|h|d))$/;
/** Slack for decimals such as 1.001s, which no binary fraction hits exactly. */
const WHOLE_TOLERANCE = 1e-6;

/** Describes a key: what it means, and which values it takes. */
export type KeyMeta = {
  readonly description: string;
  readonly limit: string;
};

/** Reads a duration such as `50ms` or `1.5h` in ms; null when it is none, or no whole number of ms. */
export function parseDuration(text: string): number | null {
  return DURATION.test(text) ? quantity(text, DURATION_UNITS_MS) : null;
}

/** Reads a size such as `16MB` or `1MiB` in bytes; null when it is none, or no whole number of bytes. */
export function parseSize(text: string): number | null {
  return SIZE.test(text) ? quantity(text, SIZE_UNITS_BYTES) : null;
}

function quantity(text: string, units: ReadonlyMap<string, number>): number | null {
  const unit = text.replace(/^[\d.]+/, "");
  const value = Number(text.slice(0, text.length - unit.length)) * (units.get(unit) ?? Number.NaN);
  const whole = Math.round(value);
  return Number.isSafeInteger(whole) && Math.abs(value - whole) < WHOLE_TOLERANCE ? whole : null;
}

function within(value: number | null, min: number | null, max: number | null): boolean {
  return value !== null && min !== null && max !== null && value >= min && value <= max;
}

/** Takes what `schema` takes; where the key is not written, it is as if `fallback` were. */
export function key<T extends z.core.$ZodType>(schema: T, fallback: z.input<T>, meta: KeyMeta): z.ZodMiniPrefault<T> {
  return documented(z.prefault(schema, fallback as z.core.util.NoUndefined<z.input<T>>), meta);
}

/** Takes a mapping of these keys, and no other; where the group is not written, each key is what it is by default. */
export function group<T extends z.core.$ZodShape>(shape: T, description: string) {
  const schema = z.strictObject(shape);
  return documented(z.prefault(schema, {} as z.core.util.NoUndefined<z.input<typeof schema>>), { description });
}

/** Documents a schema that is nobody else's. */
export function documented<T extends z.core.$ZodType>(schema: T, meta: Partial<KeyMeta> & { title?: string }): T {
  z.globalRegistry.add(schema, meta);
  return schema;
}

/** Takes a duration between two others; its value is in ms. */
export function duration(description: string, min: string, max: string, fallback: string) {
  const isWithin = (text: string) => within(parseDuration(text), parseDuration(min), parseDuration(max));
  const text = z.string().check(z.regex(DURATION), z.refine(isWithin));
  const milliseconds = z.transform((text: string) => parseDuration(text) ?? 0);
  return key(z.pipe(text, milliseconds), fallback, {
    description,
    limit: `a duration (ms, s, m, h, d) from ${min} to ${max}`,
  });
}

/** Takes a size between two others, or a plain number of bytes; its value is in bytes. */
export function size(description: string, min: string, max: string, fallback: string) {
  const bytesOf = (value: string | number) => (typeof value === "number" ? value : parseSize(value));
  const isWithin = (value: string | number) => within(bytesOf(value), parseSize(min), parseSize(max));
  const written = z.union([z.int(), z.string().check(z.regex(SIZE))]).check(z.refine(isWithin));
  const bytes = z.transform((value: string | number) => bytesOf(value) ?? 0);
  return key(z.pipe(written, bytes), fallback, {
    description,
    limit: `a size (such as 16MB, 1MiB, or plain bytes) from ${min} to ${max}`,
  });
}

/** Takes a period, or a number of steps. */
export function every(description: string, min: string, max: string, fallback: string) {
  const isWithin = (text: string) =>
    text.includes(" ") || within(parseDuration(text), parseDuration(min), parseDuration(max));
  const text = z.string().check(z.regex(EVERY), z.refine(isWithin));
  const period = z.transform((text: string) =>
    text.includes(" ") ? { steps: Number.parseInt(text, 10) } : { ms: parseDuration(text) ?? 0 },
  );
  return key(z.pipe(text, period), fallback, {
    description,
    limit: `a duration (ms, s, m, h, d) from ${min} to ${max}, or \`N steps\` with N from 1`,
  });
}

/** Takes a whole number; `unit` is its plural, or empty. */
export function whole(description: string, unit: string, min: number, max: number, fallback: number) {
  const limit = unit === "" ? `a whole number from ${min} to ${max}` : `${min} to ${max} ${unit}`;
  return key(z.int().check(z.minimum(min), z.maximum(max)), fallback, { description, limit });
}

/** Documents a key that takes one of some words. */
export function words(description: string, list: readonly string[]): KeyMeta {
  return { description, limit: list.join(", ") };
}

/** Takes the path of a file, or null for none. */
export function file(description: string) {
  const path = z.string().check(z.minLength(1), z.maxLength(PATH_CHARACTERS_MAX));
  return key(z.nullable(path), null, { description, limit: "a path, or null for none" });
}
