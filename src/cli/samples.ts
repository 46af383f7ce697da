// Where `publish` takes its rows from: a CSV file, or a generated stream.

import type { Row } from "../client/row-text.ts";
import type { Config, ModelConfig } from "../daemon/config.ts";
import { RivuletError } from "../error.ts";
import { Random } from "../learner/random.ts";
import { NUMERIC, readCsv } from "../sample/csv.ts";
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

interface Source {
  readonly stream?: string;
  readonly seed: number;
  readonly count?: number;
  readonly qos: number;
  readonly source?: string;
  readonly epoch?: string;
  readonly outbox?: string;
}

/** Holds samples; `count` is null where they have no end. */
export interface Samples {
  readonly rows: Iterable<Row>;
  readonly count: number | null;
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
  if (file !== undefined) {
    const table = readCsv(readText(file), { features: model.features, label: model.label });
    const rows = table.rows.slice(0, count);
    return {
      rows: rows.map(({ features, label }) => sample(model, features.map(cellValue), cellValue(label))),
      count: rows.length,
    };
  }
  const kind = kindOf(stream ?? "", model);
  const rows = streamRows(kind, model.features.length, new Random(seed));
  return { rows: generated(rows, model, count ?? Number.POSITIVE_INFINITY), count: count ?? null };
}

function* generated(rows: Iterator<StreamRow>, model: ModelConfig, count: number): Generator<Row> {
  for (let i = 0; i < count; i++) {
    const { features, label } = rows.next().value;
    yield sample(model, features, model.classes?.[label] ?? label);
  }
}

/** Refuses what the daemon would refuse of every row, and an epoch that would number nothing. */
function checkNumbering({ source, epoch, outbox, qos }: Source): void {
  const needless = epoch !== undefined ? "--epoch names a numbering" : "--outbox holds numbered rows";
  if (source === undefined && (epoch !== undefined || outbox !== undefined)) {
    throw new RivuletError("usage", `${needless}, and without --source the rows have no numbers`, {
      hint: "Name the producer with --source.",
    });
  }
  if (source !== undefined && qos !== 1) {
    throw new RivuletError("usage", `--qos is ${qos}; rows with numbers are sent with 1, until they are committed`);
  }
  for (const [option, name] of Object.entries({ "--source": source, "--epoch": epoch })) {
    if (name === undefined || NAME.test(name)) continue;
    throw new RivuletError(
      "usage",
      `${option} is ${JSON.stringify(name)}; 1 to 64 letters, digits, dots, underscores and hyphens are needed`,
    );
  }
}

/** Names the values of one row; those that are missing are left out. */
function sample({ features, label }: ModelConfig, values: readonly Value[], target: Value): Row {
  const fields = [...features.map((feature, i) => [feature, values[i]] as const), [label, target] as const];
  return Object.fromEntries(fields.filter((field): field is [string, number | string] => field[1] !== undefined));
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
  return NUMERIC.test(text) ? Number(text) : text;
}
