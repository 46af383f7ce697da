// Valid messages as trees, and what makes of them messages of any kind: nodes dropped, repeated, renamed, wrapped, moved,
// replaced. What is written down in the end may be no JSON at all.

import fc from "fast-check";
import type { SampleSchema } from "../../src/sample/rows.ts";

/** Is a piece of JSON: text that is written as it stands, or what has children. */
export type Tree =
  | { readonly kind: "text"; text: string }
  | { readonly kind: "array"; items: Tree[] }
  | { readonly kind: "object"; entries: { name: string; value: Tree }[] };

/** Is a message in one of the JSON forms: several documents are lines. */
export interface Message {
  readonly documents: readonly Tree[];
  readonly form: "object" | "array" | "columns" | "lines";
}

const text = (value: string): Tree => ({ kind: "text", text: value });

/** Draws a message that is accepted; its rows may be numbered by `source`. */
export function validMessage(
  schema: SampleSchema,
  rowsMax: number,
  source: fc.Arbitrary<string>,
): fc.Arbitrary<Message> {
  const label =
    schema.classes === null
      ? fc.constantFrom("0", "1", "true", "1.0", "-0")
      : fc.constantFrom(...schema.classes.map((name) => JSON.stringify(name)), "0", "1");
  const number = fc.oneof(
    fc.double({ min: -1e12, max: 1e12, noNaN: true }).map(String),
    fc.constantFrom("-0", "0e0", "1E+2", "5e-324", "1e-400", "1e12", "-1e12", "0.1e1", "false", "123456789012"),
  );
  // The first one is always there: of a row without any nothing is accepted.
  const valueFor = (i: number) => {
    const categories = schema.categories?.[i] ?? null;
    if (categories === null) return number;
    const numbers = fc.constantFrom("0", "-0", "1e0", "true");
    if (categories === "hashed")
      return fc.oneof(
        fc.string().map((name) => JSON.stringify(name)),
        numbers,
      );
    return fc.oneof(fc.constantFrom(...categories.map((name) => JSON.stringify(name))), numbers);
  };
  const feature = (i: number) =>
    schema.mayMiss === true && i > 0
      ? fc.oneof({ weight: 3, arbitrary: valueFor(i) }, { weight: 1, arbitrary: fc.constant("null") })
      : valueFor(i);
  const extras = fc.record({
    weight: fc.option(fc.constantFrom("1", "0.5", "2e3", "5e-324"), { nil: null, freq: 3 }),
    ts: fc.option(fc.constantFrom("1700000000000", "-1", "0.5"), { nil: null, freq: 3 }),
    id: fc.option(fc.constantFrom('"a"', '"\\u00e9"', `"${"x".repeat(64)}"`), { nil: null, freq: 3 }),
  });
  const numbering = fc.option(
    fc.record({
      source: source.map((name) => JSON.stringify(name)),
      epoch: fc.constantFrom('"e"', '"e.1-_"'),
      seq: fc.constantFrom(0, 7, 2 ** 31, 2 ** 53 - 20),
    }),
    { nil: null },
  );
  const rows = fc.array(fc.tuple(...schema.features.map((_, i) => feature(i)), label), {
    minLength: 1,
    maxLength: rowsMax,
  });
  const form = fc.constantFrom("object", "array", "columns", "lines");
  return fc.record({ rows, extras, numbering, form }).map(({ rows, extras, numbering, form }) => {
    const names = [...schema.features, schema.label];
    const more = Object.entries(extras).flatMap(([name, value]) =>
      value === null ? [] : [{ name, value: text(value) }],
    );
    const numbers = (r: number) =>
      numbering === null
        ? []
        : [
            { name: "source", value: text(numbering.source) },
            { name: "epoch", value: text(numbering.epoch) },
            { name: "seq", value: text(String(numbering.seq + r)) },
          ];
    const object = (values: readonly string[], r: number): Tree => ({
      kind: "object",
      entries: [
        ...names.map((name, i) => ({ name, value: text(values[i] ?? "0") })),
        ...structuredClone(more),
        ...numbers(r),
      ],
    });
    switch (form) {
      case "object":
        return { form, documents: [object(rows[0] ?? [], 0)] };
      case "array":
        return { form, documents: [{ kind: "array", items: rows.map(object) }] };
      case "lines":
        return { form, documents: rows.map(object) };
      default: {
        const column = (i: number): Tree => ({ kind: "array", items: rows.map((row) => text(row[i] ?? "0")) });
        const entries = [
          ...names.map((name, i) => ({ name, value: column(i) })),
          ...structuredClone(more),
          ...numbers(0),
        ];
        return { form: "columns", documents: [{ kind: "object", entries }] };
      }
    }
  });
}

/** What is put in the place of a value. */
export const HOSTILE: readonly string[] = [
  ...[
    "null",
    "true",
    "false",
    "{}",
    "[]",
    "[[]]",
    '""',
    '"1"',
    "NaN",
    "Infinity",
    "-",
    "+1",
    "01",
    ".5",
    "1.",
    "0x1",
    "tru",
    "",
  ],
  ...[
    "-0",
    "-0.0e-0",
    "1e999",
    "-1e999",
    "1e-999",
    "5e-324",
    "2.2250738585072011e-308",
    "1.7976931348623159e308",
    "1e12",
  ],
  ...[
    "1.0000000000000002e12",
    "9007199254740993",
    "9007199254740991",
    "1".repeat(400),
    `0.${"0".repeat(400)}1`,
    "1e+0000000001",
  ],
  ...[
    "1E400000000000000000000",
    "123456789012345678e-18",
    '"\\ud800"',
    '"\\udfff\\ud800"',
    '"\\ud83d\\ude00"',
    '"\ufeff"',
    '"\\u0000"',
  ],
  ...[
    '"\\x41"',
    '"\t"',
    '"__proto__"',
    '{"__proto__":1}',
    '"ok"',
    '"\\u006fk"',
    `"${"é".repeat(33)}"`,
    `"${"x".repeat(65)}"`,
  ],
  ...["[1,]", '{"a":1,}', '{"a"}', "[1 2]", "//", "'x'", "\u00a0", "\u2028", "\v", "undefined", '[{"x":[{}]}]'],
  ...[`${"[".repeat(5000)}${"]".repeat(5000)}`, `${'{"a":'.repeat(5000)}1${"}".repeat(5000)}`, "[".repeat(31)],
];
const NAMES = ["__proto__", "constructor", "toString", "id", "weight", "ts", "source", "epoch", "seq", "foo", ""];

/** Is one change of a message: what, where (an index among all places), and with what. */
export interface Change {
  readonly what: "drop" | "repeat" | "rename" | "replace" | "wrap" | "move" | "swap" | "extend" | "empty";
  readonly at: number;
  readonly from: number;
  readonly value: string;
  readonly name: string;
  readonly levels: number;
}

/** Draws a change. */
export function change(schema: SampleSchema): fc.Arbitrary<Change> {
  return fc.record({
    what: fc.constantFrom("drop", "repeat", "rename", "replace", "replace", "wrap", "move", "swap", "extend", "empty"),
    at: fc.nat(),
    from: fc.nat(),
    value: fc.constantFrom(...HOSTILE),
    name: fc.constantFrom(...schema.features, schema.label, ...NAMES),
    levels: fc.oneof(
      { weight: 4, arbitrary: fc.constant(1) },
      { weight: 1, arbitrary: fc.constantFrom(2, 29, 30, 31, 32, 33) },
    ),
  });
}

/** Changes a message, one change after another. */
export function changed({ documents }: Message, changes: readonly Change[]): readonly Tree[] {
  const root: { kind: "array"; items: Tree[] } = { kind: "array", items: structuredClone([...documents]) };
  for (const one of changes) apply(root, one);
  return root.items;
}

/** Is where a tree stands: in an array or under a name. */
interface Place {
  readonly parent: Exclude<Tree, { kind: "text" }>;
  readonly index: number;
}

function placesIn(tree: Tree): Place[] {
  if (tree.kind === "text") return [];
  const children = tree.kind === "array" ? tree.items : tree.entries.map(({ value }) => value);
  return children.flatMap((child, index) => [{ parent: tree, index }, ...placesIn(child)]);
}

function apply(root: Tree, { what, at, from, value, name, levels }: Change): void {
  const places = placesIn(root);
  const place = places[at % Math.max(1, places.length)];
  const other = places[from % Math.max(1, places.length)];
  if (place === undefined || other === undefined) return;
  const here = treeAt(place);
  switch (what) {
    case "drop":
      listOf(place).splice(place.index, 1);
      return;
    case "repeat":
      insert(place, nameAt(place) ?? name, structuredClone(here));
      return;
    case "rename":
      if (place.parent.kind === "object") place.parent.entries.splice(place.index, 1, { name, value: here });
      return;
    case "replace":
      return put(place, text(value));
    case "wrap": {
      let wrapped = here;
      for (let level = 0; level < levels; level++) {
        wrapped =
          (at + level) % 2 === 0
            ? { kind: "array", items: [wrapped] }
            : { kind: "object", entries: [{ name, value: wrapped }] };
      }
      return put(place, wrapped);
    }
    case "move":
      return insert(other, name, structuredClone(here));
    case "swap": {
      const there = structuredClone(treeAt(other));
      put(other, structuredClone(here));
      return put(place, there);
    }
    case "extend":
      return insert(place, name, text(value));
    case "empty":
      return put(place, here.kind === "array" ? { kind: "array", items: [] } : { kind: "object", entries: [] });
  }
}

function listOf({ parent }: Place): unknown[] {
  return parent.kind === "array" ? parent.items : parent.entries;
}

function nameAt({ parent, index }: Place): string | undefined {
  return parent.kind === "object" ? parent.entries[index]?.name : undefined;
}

function treeAt({ parent, index }: Place): Tree {
  return (parent.kind === "array" ? parent.items[index] : parent.entries[index]?.value) ?? text("");
}

function put({ parent, index }: Place, tree: Tree): void {
  if (parent.kind === "array") parent.items[index] = tree;
  else parent.entries.splice(index, 1, { name: parent.entries[index]?.name ?? "", value: tree });
}

function insert({ parent, index }: Place, name: string, tree: Tree): void {
  if (parent.kind === "array") parent.items.splice(index, 0, tree);
  else parent.entries.splice(index, 0, { name, value: tree });
}

/** Says how a message is written. */
export interface Manner {
  /** Stands around every sign. */
  readonly space: string;
  /** Writes names with escapes that mean the same. */
  readonly escaped: boolean;
  readonly between: string;
  readonly begin: string;
}

/** Draws a manner of writing; most of them change nothing of what is meant. */
export const manner: fc.Arbitrary<Manner> = fc.record({
  space: fc.oneof(
    { weight: 6, arbitrary: fc.constant("") },
    { weight: 2, arbitrary: fc.constantFrom(" ", "\t\r ", "\n", "\u00a0") },
  ),
  escaped: fc.oneof({ weight: 5, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) }),
  between: fc.constantFrom("\n", "\n", "\r\n", "\n\n \n", " ", ",\n"),
  begin: fc.oneof(
    { weight: 6, arbitrary: fc.constant("") },
    { weight: 1, arbitrary: fc.constantFrom("\ufeff", "\ufeff\ufeff", "\n", "\u0000") },
  ),
});

/** Writes documents down. */
export function writtenAs(documents: readonly Tree[], { space, escaped, between, begin }: Manner): string {
  const key = (name: string) => (escaped ? `"${[...unitsOf(name)].join("")}"` : JSON.stringify(name));
  const write = (tree: Tree): string => {
    switch (tree.kind) {
      case "text":
        return tree.text;
      case "array":
        return `[${space}${tree.items.map(write).join(`${space},${space}`)}]`;
      case "object":
        return `{${tree.entries.map(({ name, value }) => `${space}${key(name)}${space}:${space}${write(value)}`).join(",")}${space}}`;
    }
  };
  return begin + documents.map(write).join(between);
}

/** Gives the UTF-16 units of a text as escapes. */
function unitsOf(name: string): readonly string[] {
  return Array.from({ length: name.length }, (_, i) => `\\u${name.charCodeAt(i).toString(16).padStart(4, "0")}`);
}
