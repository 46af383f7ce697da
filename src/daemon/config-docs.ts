// What the schema tells about its keys: for editors (JSON Schema), for the README (a table), and for the faults.

import { z } from "zod";
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

let docs: KeyDoc | null = null;

/** Reads the documentation out of the schema: once, and only when asked, for it takes as long as all the rest. */
export function configDocs(): KeyDoc {
  docs ??= z.toJSONSchema(configSchema, { io: "input" }) as KeyDoc;
  return docs;
}

/** Finds what is known about a path: the key itself, or the list that an item stands in; null for an unknown key. */
export function keyDocAt(path: readonly (string | number)[]): KeyEntry | null {
  let doc = configDocs();
  const known: string[] = [];
  for (const step of path) {
    if (typeof step === "number") break;
    const open = typeof doc.additionalProperties === "object" ? doc.additionalProperties : undefined;
    const next = doc.properties !== undefined && Object.hasOwn(doc.properties, step) ? doc.properties[step] : open;
    if (next === undefined) return null;
    known.push(step);
    doc = next;
  }
  return { path: known, doc };
}

/** Lists every key that takes a value, for the models of these names. */
export function keyEntries(models: readonly string[]): readonly KeyEntry[] {
  const entries: KeyEntry[] = [];
  const walk = (doc: KeyDoc, path: readonly string[]) => {
    const { properties, additionalProperties } = doc;
    if (properties !== undefined) for (const [key, child] of Object.entries(properties)) walk(child, [...path, key]);
    else if (typeof additionalProperties === "object")
      for (const name of models) walk(additionalProperties, [...path, name]);
    else entries.push({ path, doc });
  };
  walk(configDocs(), []);
  return entries;
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
  const walk = ({ properties, additionalProperties }: KeyDoc, indent: string) => {
    const models = typeof additionalProperties === "object" ? { default: additionalProperties } : {};
    for (const [key, doc] of Object.entries(properties ?? models)) {
      const isGroup = doc.properties !== undefined || typeof doc.additionalProperties === "object";
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
  return Array.isArray(value) ? `[${value.map(plainYaml).join(", ")}]` : String(value);
}
