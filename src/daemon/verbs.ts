// Every verb, once: its parameters (validated here, at the edge), what it answers, and how. The control socket and the
// commands that run without a daemon both come through `answer`.

import * as z from "zod/mini";
import { RivuletError } from "../error.ts";
import type { AnyModelFile } from "../export/model-file.ts";
import { FEATURES_MAX } from "./config-schema.ts";
import { type Diagnosis, doctor } from "./doctor.ts";
import { type Prediction, predict } from "./predict.ts";
import type { Rooms } from "./rooms.ts";
import { type Backtest, BEST, backtest, rollbackTo, SNAPSHOTS_MAX } from "./verb-backtest.ts";
import { type BackupMade, backup } from "./verb-backup.ts";
import { type ConfigChecked, checkConfigOf } from "./verb-config.ts";
import { type Explained, explainValues, type Importances, measureImportance } from "./verb-explain.ts";
import { importModel } from "./verb-import.ts";
import { exportJournal, type JournalExported } from "./verb-journal.ts";
import { type Recent, recentSamples, showModel } from "./verb-live.ts";
import { deleteModel, listModels, type ModelLine, resetModel } from "./verb-models.ts";
import { type History, history, type Quarantine, quarantine, type Status, status } from "./verb-queries.ts";
import {
  diffSnapshots,
  EXPORT_FORMATS,
  type Exported,
  exportSnapshot,
  listSnapshots,
  type SnapshotDetails,
  type SnapshotDifference,
  type SnapshotLine,
  showSnapshot,
  tagSnapshot,
  takeSnapshot,
} from "./verb-snapshots.ts";
import { type Verified, verify } from "./verify.ts";

/** Tells the asker how far a long verb is, or hands over a piece of its output; resolves when the asker has room for more. */
export type OnProgress = (progress: unknown) => Promise<void>;

/** Samples that one answer lists. */
const RECENT_MAX = 1000;

/** What is wrong, in English. */
const words = z.locales.en();

const name = z.optional(z.string());
const id = z.int().check(z.positive());
const idOrTag = z.string().check(z.minLength(1));
const position = z.optional(z.int().check(z.nonnegative()));
const last = z.optional(z.int().check(z.minimum(1)));
const seed = z.optional(z.int().check(z.minimum(0), z.maximum(0xffff_ffff)));
// Too many are refused before each is looked at: each that is no number would make an issue of its own.
const values = z.pipe(
  z.array(z.unknown()).check(z.maxLength(FEATURES_MAX)),
  z.array(z.nullable(z.union([z.number(), z.string()]))),
);

const params = {
  status: z.strictObject({}),
  history: z.strictObject({
    name,
    from: position,
    to: position,
    points: z.optional(z.int().check(z.minimum(1), z.maximum(100_000))),
  }),
  quarantine: z.strictObject({
    limit: z.optional(z.int().check(z.minimum(1), z.maximum(1000))),
    before: z.optional(id),
  }),
  "snapshots-list": z.strictObject({
    name,
    limit: z.optional(z.int().check(z.minimum(1), z.maximum(1000))),
    before: z.optional(id),
  }),
  "snapshots-show": z.strictObject({ name, snapshot: idOrTag }),
  "snapshots-diff": z.strictObject({ name, a: idOrTag, b: idOrTag }),
  "snapshots-tag": z.strictObject({ name, snapshot: idOrTag, tag: z.string() }),
  "snapshots-take": z.strictObject({ name }),
  "snapshots-export": z.strictObject({ name, snapshot: idOrTag, format: z._default(z.enum(EXPORT_FORMATS), "json") }),
  rollback: z.strictObject({ name, snapshot: idOrTag }),
  backtest: z.strictObject({
    name,
    last,
    snapshots: z.optional(z.array(idOrTag).check(z.minLength(1), z.maxLength(SNAPSHOTS_MAX))),
  }),
  predict: z.strictObject({ name, values }),
  explain: z.strictObject({ name, values, snapshot: z.optional(idOrTag) }),
  importance: z.strictObject({ name, last, seed, snapshot: z.optional(idOrTag) }),
  "journal-export": z.strictObject({
    name,
    from: position,
    to: position,
    limit: z.optional(z.int().check(z.positive())),
    format: z.enum(["csv", "ndjson"]),
  }),
  verify: z.strictObject({ name, from: z.optional(idOrTag), to: z.optional(idOrTag) }),
  model: z.strictObject({ name, id: z.optional(idOrTag) }),
  recent: z.strictObject({ name, count: z.optional(z.int().check(z.minimum(1), z.maximum(RECENT_MAX))) }),
  "models-list": z.strictObject({}),
  "models-reset": z.strictObject({ name: z.string() }),
  "models-import": z.strictObject({ name, model: z.record(z.string(), z.unknown()) }),
  "models-delete": z.strictObject({ name: z.string() }),
  "config-check": z.strictObject({}),
  doctor: z.strictObject({}),
  backup: z.strictObject({ file: z.optional(z.string().check(z.minLength(1), z.maxLength(4096))) }),
} as const;

/** Lists the verbs that change something. */
export const MUTATING: readonly string[] = [
  "snapshots-tag",
  "snapshots-take",
  "rollback",
  "models-reset",
  "models-import",
  "models-delete",
];

/** Lists the verbs that change no model, and that only who may change one may ask for over MQTT. */
export const GUARDED: readonly string[] = ["backup"];

interface Results {
  status: Status;
  history: History;
  quarantine: Quarantine;
  "snapshots-list": readonly SnapshotLine[];
  "snapshots-show": SnapshotDetails;
  "snapshots-diff": SnapshotDifference;
  "snapshots-tag": SnapshotLine;
  "snapshots-take": SnapshotLine;
  "snapshots-export": Exported;
  rollback: SnapshotLine;
  backtest: Backtest;
  predict: Prediction;
  explain: Explained;
  importance: Importances;
  "journal-export": JournalExported;
  verify: Verified;
  model: AnyModelFile;
  recent: Recent;
  "models-list": readonly ModelLine[];
  "models-reset": SnapshotLine;
  "models-import": SnapshotLine;
  "models-delete": ModelLine;
  "config-check": ConfigChecked;
  doctor: Diagnosis;
  backup: BackupMade;
}

export type Verb = keyof typeof params;
type Params<V extends Verb> = z.infer<(typeof params)[V]>;
/** Tells what each verb takes and answers. */
export type Verbs = {
  readonly [V in Verb]: { readonly params: z.input<(typeof params)[V]>; readonly result: Results[V] };
};

const handlers: {
  readonly [V in Verb]: (rooms: Rooms, params: Params<V>, onProgress: OnProgress) => Results[V] | Promise<Results[V]>;
} = {
  status,
  history,
  quarantine,
  "snapshots-list": listSnapshots,
  "snapshots-show": showSnapshot,
  "snapshots-diff": diffSnapshots,
  "snapshots-tag": tagSnapshot,
  "snapshots-take": takeSnapshot,
  "snapshots-export": exportSnapshot,
  rollback: rollbackTo,
  backtest,
  predict,
  explain: explainValues,
  importance: measureImportance,
  "journal-export": exportJournal,
  verify,
  model: showModel,
  recent: recentSamples,
  "models-list": listModels,
  "models-reset": resetModel,
  "models-import": importModel,
  "models-delete": deleteModel,
  "config-check": checkConfigOf,
  doctor,
  backup,
};

/** Tells whether a verb that changes something takes its time to find out what: the stream must not wait for it. */
export function deliberates(verb: string, params: Readonly<Record<string, unknown>>): boolean {
  return verb === "rollback" && params["snapshot"] === BEST;
}

/** Lists every verb. */
export const VERBS: readonly string[] = Object.keys(handlers);

/** Gives the schema of what a verb takes. */
export function schemaOf(verb: string): z.core.$ZodType {
  return params[known(verb)];
}

/** Checks what a verb is given, and puts its defaults in. Throws `unknown-verb`, `usage`. */
export function checkParams(verb: string, given: unknown): Readonly<Record<string, unknown>> {
  return check(known(verb), given);
}

/** Answers a verb. Throws `unknown-verb`, `usage` where the parameters are not right, and whatever the verb itself does. */
export async function answer(rooms: Rooms, verb: string, given: unknown, onProgress: OnProgress): Promise<unknown> {
  return run(rooms, known(verb), given, onProgress);
}

function run<V extends Verb>(
  rooms: Rooms,
  verb: V,
  given: unknown,
  onProgress: OnProgress,
): Results[V] | Promise<Results[V]> {
  return handlers[verb](rooms, check(verb, given), onProgress);
}

function known(verb: string): Verb {
  if (Object.hasOwn(handlers, verb)) return verb as Verb;
  throw new RivuletError("unknown-verb", `there is no verb ${verb}`, { hint: `Known: ${VERBS.join(", ")}.` });
}

function check<V extends Verb>(verb: V, given: unknown): Params<V> {
  const parsed = params[verb].safeParse(given ?? {}, { error: words.localeError });
  if (!parsed.success) throw new RivuletError("usage", `${verb}: ${z.prettifyError(parsed.error)}`);
  return parsed.data as Params<V>;
}
