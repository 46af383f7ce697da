// What the schema tells about its keys: for editors (JSON Schema), for the README (a table), and for the faults.

import * as z from "zod/mini";
import { configSchema } from "./config-schema.ts";

/** Describes a key, or a group of keys, in words of JSON Schema; `limit` is ours. */
export interface KeyDoc {
  readonly description?: string;
  readonly limit?: string;
  readonly default?: unknown;
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly KeyDoc[];
  readonly items?: KeyDoc;
  readonly properties?: Readonly<Record<string, KeyDoc>>;
  readonly additionalProperties?: boolean | KeyDoc;
}

/** Describes one key that takes a value. */
export interface KeyEntry {
  readonly path: readonly string[];
  readonly doc: KeyDoc;
}

/** Gives what each value of a map of groups is, such as a model; null of anything else, a map of plain values too. */
function groupOf({ additionalProperties }: KeyDoc): KeyDoc | null {
  return typeof additionalProperties === "object" && additionalProperties.properties !== undefined
    ? additionalProperties
    : null;
}

let docs: KeyDoc | null = null;

/** Reads the documentation out of the schema: once, and only when asked, for it takes as long as all the rest. */
export function configDocs(): KeyDoc {
  docs ??= z.toJSONSchema(configSchema, { io: "input" }) as KeyDoc;
  return docs;
}

/** Finds what is known about a path: the key itself, or the list or map that an item stands in; null for an unknown key. */
export function keyDocAt(path: readonly (string | number)[]): KeyEntry | null {
  let doc = configDocs();
  const found: string[] = [];
  for (const step of path) {
    if (typeof step === "number") break;
    if (typeof doc.additionalProperties === "object" && groupOf(doc) === null) break;
    const known = doc.properties !== undefined && Object.hasOwn(doc.properties, step);
    const next = known ? doc.properties?.[step] : groupOf(doc);
    if (next == null) return null;
    found.push(step);
    doc = next;
  }
  return { path: found, doc };
}

/**
 * Lists every key that takes a value, for the models of these names. What is known about a key is read out of the schema when
 * it is asked for: to set three keys the other hundred need not be described.
 */
export function keyEntries(models: readonly string[]): readonly KeyEntry[] {
  const entries: KeyEntry[] = [];
  const walk = (schema: z.core.$ZodType, path: readonly string[]) => {
    const bare = withDefault(schema);
    const group = bare instanceof z.ZodMiniRecord ? withDefault(bare.def.valueType) : null;
    if (bare instanceof z.ZodMiniObject)
      for (const [key, child] of Object.entries<z.core.$ZodType>(bare.def.shape)) walk(child, [...path, key]);
    else if (group instanceof z.ZodMiniObject) for (const name of models) walk(group, [...path, name]);
    else
      entries.push({
        path,
        get doc() {
          return z.toJSONSchema(schema, { io: "input" }) as KeyDoc;
        },
      });
  };
  walk(configSchema, []);
  return entries;
}

/** Gives the schema of what is written where the default does not stand. */
function withDefault(schema: z.core.$ZodType): z.core.$ZodType {
  return schema instanceof z.ZodMiniPrefault ? withDefault(schema.def.innerType) : schema;
}

/** Lists the paths of every key that takes a value. */
export function knownPaths(models: readonly string[]): readonly (readonly string[])[] {
  return keyEntries(models).map(({ path }) => path);
}

/** Lists the words that a key takes, alone or in a list. */
export function wordsOf(doc: KeyDoc): readonly string[] {
  const own = (doc.enum ?? []).filter((word) => typeof word === "string");
  const items = doc.items === undefined ? [] : wordsOf(doc.items);
  return [...new Set([...own, ...items, ...(doc.anyOf ?? []).flatMap(wordsOf)])];
}

/** Lists the types of JSON that a key takes. */
export function typesOf(doc: KeyDoc): readonly string[] {
  return [...(doc.type === undefined ? [] : [doc.type]), ...(doc.anyOf ?? []).flatMap(typesOf)];
}

/** Writes the JSON Schema for editors: what config/schema.json holds. */
export function configSchemaJson(): string {
  const schema = z.toJSONSchema(configSchema, {
    io: "input",
    override: ({ jsonSchema }) => {
      const { description, limit } = jsonSchema;
      if (description === undefined || typeof limit !== "string") return;
      // Editors show descriptions only, and strict ones complain about a keyword that is not of JSON Schema.
      delete jsonSchema["limit"];
      jsonSchema.description = `${description}. Allowed: ${limit}.`;
    },
  });
  return `${JSON.stringify(schema, null, 2)}\n`;
}

/** Writes the configuration that spells every default out: what config/default.yaml holds. */
export function configYaml(): string {
  const lines = [
    "# yaml-language-server: $schema=schema.json",
    "# The defaults of Rivulet, every key spelt out. Copy what you want to change; what you leave out stays as it is here.",
    "# Durations: ms, s, m, h, d. Sizes: plain bytes, or kB, MB, GB, TB (powers of 1000), KiB, MiB, GiB, TiB (of 1024).",
  ];
  const walk = (parent: KeyDoc, indent: string) => {
    const group = groupOf(parent);
    for (const [key, doc] of Object.entries(parent.properties ?? (group === null ? {} : { default: group }))) {
      const isGroup = doc.properties !== undefined || groupOf(doc) !== null;
      lines.push("", `${indent}# ${doc.description}.`);
      if (doc.limit !== undefined) lines.push(`${indent}# Allowed: ${doc.limit}.`);
      lines.push(`${indent}${key}:${isGroup ? "" : ` ${plainYaml(doc.default)}`}`);
      if (isGroup) walk(doc, `${indent}  `);
    }
  };
  walk(configDocs(), "");
  return `${lines.join("\n").replaceAll(/:\n\n/g, ":\n")}\n`;
}

/** Writes the README's table of every key: its default, its limit and its meaning. */
export function configTable(): string {
  const rows = keyEntries(["NAME"]).map(({ path, doc }) => [
    `\`${path.join(".")}\``,
    `\`${plainYaml(doc.default)}\``,
    doc.limit ?? "",
    doc.description ?? "",
  ]);
  const lines = [["key", "default", "allowed", "meaning"], ["---", "---", "---", "---"], ...rows];
  return `${lines.map((cells) => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`).join("\n")}\n`;
}

function plainYaml(value: unknown): string {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return JSON.stringify(value);
  return Array.isArray(value) ? `[${value.map(plainYaml).join(", ")}]` : String(value);
}
