// What is wrong with a configuration, in words for the one who wrote it: where, what came, what is allowed, and what was
// probably meant.

import type { z } from "zod/mini";
import { keyDocAt, knownPaths, wordsOf } from "./config-docs.ts";

/** Leads to a value: keys, and indices of list items. */
export type KeyPath = readonly (string | number)[];

/** Says one thing that is wrong. */
export interface ConfigFault {
  /** Such as `models.default.features[1]`; empty where no key is meant. */
  readonly path: string;
  /** Line of the file, from 1; null where it did not come from there. */
  readonly line: number | null;
  /** The environment variable or option that it came from; null for the file. */
  readonly source: string | null;
  readonly message: string;
}

/** Says what is wrong with a value, before it is known where the value came from. */
export interface Finding {
  readonly path: KeyPath;
  readonly message: string;
}

const SHOWN_CHARACTERS_MAX = 60;
const SHOWN_ITEMS_MAX = 4;
/** More letters wrong than this, and it is another word. */
const DISTANCE_MAX = 3;

/** Writes a fault as one line. */
export function formatFault({ path, line, source, message }: ConfigFault): string {
  const place = source ?? (line === null ? "" : `line ${line}`);
  if (path === "") return place === "" ? message : `${place}: ${message}`;
  return `${path}${place === "" ? "" : ` (${place})`}: ${message}`;
}

/** Writes a path as `models.default.features[1]`. */
export function formatPath(path: KeyPath): string {
  return path.reduce<string>((text, step) => {
    if (typeof step === "number") return `${text}[${step}]`;
    const key = clip(step);
    return text === "" ? key : `${text}.${key}`;
  }, "");
}

/** Writes a value as it came, shortened, and without the password that an address may hold. */
export function show(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(clip(value.replace(/\/\/[^/]*@/, "//…@")));
  if (Array.isArray(value)) {
    const items = value.slice(0, SHOWN_ITEMS_MAX).map((item) => (Array.isArray(item) ? "a list" : show(item)));
    return `[${items.join(", ")}${value.length > SHOWN_ITEMS_MAX ? ", …" : ""}]`;
  }
  if (value === null) return "nothing";
  return typeof value === "object" ? "a mapping" : String(value);
}

function clip(text: string): string {
  return text.length > SHOWN_CHARACTERS_MAX ? `${text.slice(0, SHOWN_CHARACTERS_MAX)}…` : text;
}

/** Finds the word that was probably meant, or null. */
export function nearest(word: string, known: readonly string[]): string | null {
  let best: string | null = null;
  let least = Math.min(DISTANCE_MAX, Math.max(1, Math.floor(word.length / 2))) + 1;
  for (const candidate of known) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase(), least);
    if (distance < least) {
      best = candidate;
      least = distance;
    }
  }
  return best;
}

/** Counts the letters to insert, delete or replace (Levenshtein 1966); `enough` where it is that many or more. */
function editDistance(a: string, b: string, enough: number): number {
  if (Math.abs(a.length - b.length) >= enough) return enough;
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replace = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replace, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return Math.min(enough, row[b.length] ?? enough);
}

/** Completes a fault with what was probably meant. */
export function didYouMean(message: string, meant: string | null): string {
  return meant === null ? message : `${message}; did you mean ${meant}?`;
}

/** Turns what the schema found into findings, one a key. */
export function findingsOf(issues: readonly z.core.$ZodIssue[], tree: unknown): readonly Finding[] {
  const findings = new Map<string, Finding>();
  const add = (path: KeyPath, message: string) => {
    const key = JSON.stringify(path);
    if (!findings.has(key)) findings.set(key, { path, message });
  };
  for (const issue of issues) {
    const path = issue.path.map((step) => (typeof step === "number" ? step : String(step)));
    if (issue.code === "unrecognized_keys") {
      for (const key of issue.keys) add([...path, key], unknownKey([...path, key]));
    } else if (issue.code === "invalid_key") {
      add(path, `no name for a model; allowed: ${keyDocAt(path.slice(0, -1))?.doc.limit ?? ""}`);
    } else add(path, wrongValue(valueAt(tree, path), path));
  }
  return [...findings.values()];
}

/** Says that a key is unknown, and which was probably meant: a neighbour, else the same word at another place. */
export function unknownKey(path: KeyPath): string {
  const parent = path.slice(0, -1);
  const word = String(path.at(-1));
  const neighbours = Object.keys(keyDocAt(parent)?.doc.properties ?? {});
  const neighbour = nearest(word, neighbours);
  if (neighbour !== null) return didYouMean("unknown key", formatPath([...parent, neighbour]));
  const model = path[0] === "models" && path.length > 2 ? String(path[1]) : "default";
  const elsewhere = knownPaths([model]).find((known) => known.includes(word));
  if (elsewhere !== undefined) {
    return didYouMean("unknown key", formatPath(elsewhere.slice(0, elsewhere.indexOf(word) + 1)));
  }
  return `unknown key; known here: ${neighbours.join(", ")}`;
}

function wrongValue(value: unknown, path: KeyPath): string {
  const found = keyDocAt(path);
  if (found === null) return `came ${show(value)}`;
  const { doc } = found;
  const allowed = doc.limit ?? "a mapping (write {} for all defaults)";
  const known = wordsOf(doc);
  const strays = [value].flat().filter((word) => typeof word === "string" && !known.includes(word));
  const meant = typeof strays[0] === "string" ? nearest(strays[0], known) : null;
  return didYouMean(`came ${show(value)}; allowed: ${allowed}`, meant);
}

/** Reads the value at a path of a tree; undefined where there is none. */
export function valueAt(tree: unknown, path: KeyPath): unknown {
  let value = tree;
  for (const step of path) {
    if (typeof value !== "object" || value === null) return undefined;
    value = Object.hasOwn(value, step) ? Reflect.get(value, step) : undefined;
  }
  return value;
}
