// Writes rows in every form that a model takes: the same rows mean the same whatever the form.

import type { Random } from "../../src/learner/random.ts";
import { oneIn, pick, shuffled } from "./draw.ts";
import { featuresOf, labelOf, type SimModel } from "./sim-models.ts";

/** Names consecutive rows of a sender. */
export interface Rows {
  readonly model: SimModel;
  /** Stands in x1. */
  readonly sender: number;
  /** The numbers of the rows, which stand in x2. */
  readonly first: number;
  readonly last: number;
}

/** Says how a sender numbers its rows: row `number` has the seq `number - base`. */
export interface Numbering {
  readonly source: string;
  readonly epoch: string;
  readonly base: number;
}

export interface Written {
  readonly topic: string;
  readonly payload: string | Buffer;
}

/** Writes rows in a form drawn by chance. `shuffle` lets rows of a message stand in any order, and twice. */
export function written(random: Random, rows: Rows, numbering: Numbering | null, shuffle: boolean): Written {
  const topic = `rivulet/${rows.model.name}/sample`;
  switch (pick(random, ["columns", "columns", "array", "lines", "topic", "f32", "f64"] as const)) {
    case "columns":
      return { topic, payload: columns(rows, numbering, numbering?.source ?? null) };
    case "topic":
      return { topic: `${topic}/${numbering?.source ?? "somebody"}`, payload: columns(rows, numbering, null) };
    case "array":
      return { topic, payload: `[${objects(random, rows, numbering, shuffle).join(",")}]` };
    case "lines":
      return { topic, payload: objects(random, rows, numbering, shuffle).join(oneIn(random, 2) ? "\n" : "\r\n \n") };
    case "f32":
      return packed(rows, numbering, "f32");
    case "f64":
      return packed(rows, numbering, "f64");
  }
}

/** Writes one row with a label that its model refuses; its number can be read all the same. */
export function spoiled(random: Random, rows: Rows, { source, epoch, base }: Numbering): Written {
  const { model, sender, first } = rows;
  if (oneIn(random, 3)) {
    const bytes = packedRow(model, sender, first, "f64");
    bytes.writeDoubleLE(Number.NaN, bytes.length - 8);
    return { topic: `rivulet/${model.name}/f64/${source}/${epoch}/${first - base}`, payload: bytes };
  }
  const fields = model.features.map((name, i) => `"${name}":${featuresOf(model, sender, first)[i]}`);
  const numbers = `"source":"${source}","epoch":"${epoch}","seq":${first - base}`;
  return {
    topic: `rivulet/${model.name}/sample`,
    payload: `{${fields.join(",")},"y":${model.badLabel},${numbers}}`,
  };
}

function numbersOf({ first, last }: Rows): number[] {
  return Array.from({ length: last - first + 1 }, (_, r) => first + r);
}

function columns(rows: Rows, numbering: Numbering | null, source: string | null): string {
  const { model, sender, first } = rows;
  const numbers = numbersOf(rows);
  const fields = model.features.map((name, i): [string, unknown] => {
    // What is the same in all rows may stand once.
    if (i === 0) return [name, sender];
    return [name, numbers.map((number) => featuresOf(model, sender, number)[i])];
  });
  const numbered = numbering === null ? {} : { epoch: numbering.epoch, seq: first - numbering.base };
  return JSON.stringify({
    ...Object.fromEntries(fields),
    y: numbers.map(labelOf),
    ...(source === null ? {} : { source }),
    ...numbered,
  });
}

function objects(random: Random, rows: Rows, numbering: Numbering | null, shuffle: boolean): readonly string[] {
  const { model, sender } = rows;
  const texts = numbersOf(rows).map((number) => {
    const values = featuresOf(model, sender, number);
    const fields = Object.fromEntries(model.features.map((name, i) => [name, values[i]]));
    const { source, epoch, base } = numbering ?? {};
    return JSON.stringify({
      ...fields,
      y: labelOf(number),
      source,
      epoch,
      seq: base === undefined ? undefined : number - base,
    });
  });
  if (!shuffle) return texts;
  return shuffled(random, oneIn(random, 2) ? texts : [...texts, pick(random, texts)]);
}

function packed(rows: Rows, numbering: Numbering | null, precision: "f32" | "f64"): Written {
  const { model, sender, first } = rows;
  const numbered = numbering === null ? "" : `/${numbering.source}/${numbering.epoch}/${first - numbering.base}`;
  return {
    topic: `rivulet/${model.name}/${precision}${numbered}`,
    payload: Buffer.concat(numbersOf(rows).map((number) => packedRow(model, sender, number, precision))),
  };
}

function packedRow(model: SimModel, sender: number, number: number, precision: "f32" | "f64"): Buffer {
  const values = [...featuresOf(model, sender, number), labelOf(number)];
  const size = precision === "f32" ? 4 : 8;
  const bytes = Buffer.alloc(values.length * size);
  for (const [i, value] of values.entries()) {
    if (size === 4) bytes.writeFloatLE(value, i * size);
    else bytes.writeDoubleLE(value, i * size);
  }
  return bytes;
}
