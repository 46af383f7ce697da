// Reads the YAML text of a configuration into a plain tree, and remembers on which line each key stands. Aliases are
// refused (a few of them can stand for gigabytes), and so is deep nesting (it exhausts the parser's stack, which V8 does
// not always survive).

import { isCollection, isMap, isNode, isScalar, Lexer, LineCounter, Parser, parseDocument, visit } from "yaml";
import { type ConfigFault, formatPath, type KeyPath } from "./config-faults.ts";

export const CONFIG_BYTES_MAX = 1_048_576;
const NESTING_MAX = 64;
const FORBIDDEN_KEYS: readonly string[] = ["__proto__", "constructor", "prototype"];

/** Is a mapping of the file, without a prototype. */
export type Tree = { [key: string]: unknown };

/** Holds what a text says. `root` is null where the text is so wrong that nothing else can be said about it. */
export interface ConfigText {
  readonly root: Tree | null;
  readonly faults: readonly ConfigFault[];
  /** Tells the line (from 1) of a key, or of the nearest key above it; null where the text has none of them. */
  lineOf(path: KeyPath): number | null;
}

/** Reads the text; every fault of the text itself is in `faults`. */
export function readConfigText(text: string): ConfigText {
  const broken = (message: string, line: number | null = null): ConfigText => ({
    root: null,
    faults: [{ path: "", line, source: null, message }],
    lineOf: () => null,
  });
  if (Buffer.byteLength(text) > CONFIG_BYTES_MAX) return broken(`is longer than ${CONFIG_BYTES_MAX} bytes`);
  const deep = tooDeepAt(text);
  if (deep !== null) return broken(`is nested deeper than ${NESTING_MAX} levels`, deep);
  const counter = new LineCounter();
  const document = parseDocument(text, {
    lineCounter: counter,
    prettyErrors: false,
    stringKeys: true,
    // Looked for below, where the path of the key is known.
    uniqueKeys: false,
    logLevel: "error",
  });
  const faults: ConfigFault[] = [...document.errors, ...document.warnings].map(({ pos, message }) => {
    const { line, col } = counter.linePos(pos[0]);
    return { path: "", line, source: null, message: `column ${col}: ${message}` };
  });
  const line = (node: unknown) => (isNode(node) && node.range ? counter.linePos(node.range[0]).line : null);
  const report: Report = (path, node, message) =>
    faults.push({ path: formatPath(path), line: line(node), source: null, message });
  visit(document, {
    Alias: (_, node) => report([], node, "aliases are not taken; write the value out"),
  });
  // A text that is no good YAML may have shifted what belongs where: nothing else is said about it.
  if (faults.length > 0) return { root: null, faults, lineOf: () => null };
  const root = plain(document.contents, [], report) ?? {};
  if (!isTree(root)) return broken("is no mapping of keys to values", 1);
  return { root, faults, lineOf: (path) => lineOf(document.contents, path, line) };
}

/** Tells whether a value is a mapping. */
export function isTree(value: unknown): value is Tree {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Tells the line where nesting becomes too deep, or null. This parser keeps its own stack, so it cannot run out of one. */
function tooDeepAt(text: string): number | null {
  const parser = new Parser();
  let line = 1;
  for (const token of new Lexer().lex(text)) {
    for (const _ of parser.next(token));
    if (parser.stack.length > NESTING_MAX) return line;
    line += token.split("\n").length - 1;
  }
  return null;
}

type Report = (path: KeyPath, node: unknown, message: string) => void;

function plain(node: unknown, path: KeyPath, report: Report): unknown {
  if (isScalar(node)) return node.value;
  if (!isCollection(node)) return null;
  if (!isMap(node)) return node.items.map((item, i) => plain(item, [...path, i], report));
  const tree: Tree = Object.create(null);
  for (const { key, value } of node.items) {
    const name = keyOf(key);
    const at = [...path, name];
    if (FORBIDDEN_KEYS.includes(name)) report(at, key, "unknown key");
    else if (name in tree) report(at, key, "this key is there twice");
    else tree[name] = plain(value, at, report);
  }
  return tree;
}

function keyOf(key: unknown): string {
  return String(isScalar(key) ? key.value : key);
}

function lineOf(contents: unknown, path: KeyPath, line: (node: unknown) => number | null): number | null {
  let node = contents;
  let found: number | null = null;
  for (const step of path) {
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => keyOf(key) === step);
      if (pair === undefined) return found;
      found = line(pair.key);
      node = pair.value;
    } else if (isCollection(node) && typeof step === "number") {
      node = node.items[step];
      found = line(node) ?? found;
    } else return found;
  }
  return found;
}
