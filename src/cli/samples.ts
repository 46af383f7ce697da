// Where `publish` takes its rows from: a CSV file, or a generated stream.

import { randomBytes } from "node:crypto";
import type { Config, ModelConfig } from "../daemon/config.ts";
import { RivuletError } from "../error.ts";
import { Random } from "../learner/random.ts";
import { readCsv } from "../sample/csv.ts";
import {
  featuresMinOf,
  isStreamKind,
  STREAMS,
  type StreamKind,
  type StreamRow,
  streamRows,
} from "../sample/streams.ts";
import { NAME } from "../sample/topic.ts";
import { readText } from "./training-set.ts";

const DIGITS = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/;

interface Source {
  readonly stream?: string;
  readonly seed: number;
  readonly count?: number;
  readonly source?: string;
  readonly epoch?: string;
}

/** Holds JSON samples; `rows` is null where they have no end. */
export interface Samples {
  readonly payloads: Iterable<string>;
  readonly rows: number | null;
}

type Value = number | string | undefined;

/** Finds a model of the configuration, or the only one. Throws `usage`. */
export function modelOf(
  config: Config,
  wanted: string | undefined,
): { readonly name: string; readonly model: ModelConfig } {
  const names = Object.keys(config.models);
  const name = wanted ?? (names.length === 1 ? names[0] : undefined);
  const model = name === undefined ? undefined : config.models[name];
  if (name !== undefined && model !== undefined) return { name, model };
  throw new RivuletError("usage", `the configuration has the models ${names.join(", ")}`, {
    hint: "Choose one with --name.",
  });
}

/** Opens a file or a stream for a model, once the options are right. Throws `usage`, `csv-invalid`, `file-unreadable`. */
export function samplesOf(file: string | undefined, model: ModelConfig, options: Source): Samples {
  const { stream, count, seed } = options;
  if ((file === undefined) === (stream === undefined)) {
    throw new RivuletError("usage", "either a CSV file or --stream KIND is needed");
  }
  checkNumbering(options);
  const write = sampleWriter(model, options);
  if (file !== undefined) {
    const table = readCsv(readText(file), { features: model.features, label: model.label });
    const rows = table.rows.slice(0, count);
    const payloads = rows.map(({ features, label }, seq) => write(features.map(cellValue), cellValue(label), seq));
    return { payloads, rows: rows.length };
  }
  const kind = kindOf(stream ?? "", model);
  const rows = streamRows(kind, model.features.length, new Random(seed));
  return { payloads: written(rows, model, write, count ?? Number.POSITIVE_INFINITY), rows: count ?? null };
}

function* written(
  rows: Iterator<StreamRow>,
  model: ModelConfig,
  write: ReturnType<typeof sampleWriter>,
  count: number,
): Generator<string> {
  for (let seq = 0; seq < count; seq++) {
    const { features, label } = rows.next().value;
    yield write(features, model.classes?.[label] ?? label, seq);
  }
}

/** Refuses what the daemon would refuse of every row, and an epoch that would number nothing. */
function checkNumbering({ source, epoch }: Source): void {
  if (source === undefined && epoch !== undefined) {
    throw new RivuletError("usage", "--epoch names a numbering, and without --source the rows have no numbers", {
      hint: "Name the producer with --source.",
    });
  }
  for (const [option, name] of Object.entries({ "--source": source, "--epoch": epoch })) {
    if (name === undefined || NAME.test(name)) continue;
    throw new RivuletError(
      "usage",
      `${option} is ${JSON.stringify(name)}; 1 to 64 letters, digits, dots, underscores and hyphens are needed`,
    );
  }
}

/** Writes one row as a JSON sample, with its number where a source is named. */
function sampleWriter({ features, label }: ModelConfig, { source, epoch }: Source) {
  const numbering = source === undefined ? {} : { source, epoch: epoch ?? randomBytes(8).toString("hex") };
  return (values: readonly Value[], target: Value, seq: number): string => {
    const fields = [...features.map((feature, i) => [feature, values[i]] as const), [label, target] as const];
    const numbered = source === undefined ? {} : { ...numbering, seq };
    return JSON.stringify({ ...Object.fromEntries(fields.filter(([, value]) => value !== undefined)), ...numbered });
  };
}

function kindOf(name: string, { features }: ModelConfig): StreamKind {
  if (!isStreamKind(name)) {
    throw new RivuletError("usage", `there is no stream ${name}`, {
      hint: `There are: ${STREAMS.map(({ kind }) => kind).join(", ")}.`,
    });
  }
  const least = featuresMinOf(name);
  if (features.length >= least) return name;
  throw new RivuletError("usage", `the stream ${name} has ${least} features, the model only ${features.length}`);
}

/** Reads a cell as a number where it is one, as a name elsewhere; an empty one is missing. The daemon decides what it takes. */
function cellValue(cell: string): Value {
  const text = cell.trim();
  if (text === "") return undefined;
  return DIGITS.test(text) ? Number(text) : text;
}
