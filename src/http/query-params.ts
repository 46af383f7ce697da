// Query strings hold texts only. What a verb takes says which of them are numbers and which are lists; whether they are
// right is for the verb's own schema to say.

import * as z from "zod/mini";
import { RivuletError } from "../error.ts";

interface Shape {
  readonly type?: string | readonly string[];
  readonly anyOf?: readonly Shape[];
  readonly items?: Shape;
  readonly properties?: Readonly<Record<string, Shape>>;
}

const shapes = new WeakMap<z.core.$ZodType, Shape>();

/** Reads a query string as a verb's parameters. A list is a parameter given several times. Throws `usage`. */
export function readQuery(schema: z.core.$ZodType, query: URLSearchParams): Record<string, unknown> {
  const shape = shapeOf(schema);
  const params: Record<string, unknown> = Object.create(null);
  for (const key of new Set(query.keys())) {
    const texts = query.getAll(key);
    const wanted = Object.hasOwn(shape.properties ?? {}, key) ? shape.properties?.[key] : undefined;
    if (wanted !== undefined && typesOf(wanted).includes("array")) {
      params[key] = texts.map((text) => (wanted.items === undefined ? scalar(text) : typedValue(text, wanted.items)));
    } else if (texts.length > 1) throw new RivuletError("usage", `${key} is there ${texts.length} times`);
    else params[key] = wanted === undefined ? texts[0] : typedValue(texts[0] ?? "", wanted);
  }
  return params;
}

/** Describes what a verb takes as JSON Schema. */
export function shapeOf(schema: z.core.$ZodType): Shape {
  let shape = shapes.get(schema);
  if (shape === undefined) {
    shape = z.toJSONSchema(schema, { io: "input", unrepresentable: "any" }) as Shape;
    shapes.set(schema, shape);
  }
  return shape;
}

function typesOf({ type, anyOf }: Shape): readonly string[] {
  const own = type === undefined ? [] : typeof type === "string" ? [type] : type;
  return [...own, ...(anyOf ?? []).flatMap(typesOf)];
}

function typedValue(text: string, shape: Shape): unknown {
  const types = typesOf(shape);
  if (types.length === 0) return scalar(text);
  if (types.includes("null") && text === "") return null;
  const isNumber = types.includes("number") || types.includes("integer");
  const number = Number(text);
  return isNumber && text.trim() !== "" && Number.isFinite(number) ? number : text;
}

/** Reads a text as the command line does: a number, a text, or nothing. */
function scalar(text: string): number | string | null {
  if (text.trim() === "") return null;
  const number = Number(text);
  return Number.isFinite(number) ? number : text;
}
