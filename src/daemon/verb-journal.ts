import { setImmediate } from "node:timers/promises";
import { RivuletError } from "../error.ts";
import type { RowsEntry } from "../learner/entry.ts";
import { categoriesOf, type LearnerConfig } from "../learner/learner-config.ts";
import { type Categories, nameOfCategory } from "../sample/category.ts";
import { formatCsvRow } from "../sample/csv.ts";
import type { StoreThread } from "../store/store-thread.ts";
import { configInForce } from "../stream/model-state.ts";
import { sectionsFrom } from "./journal-reader.ts";
import { storedModel } from "./resolve-model.ts";
import type { Rooms } from "./rooms.ts";
import type { OnProgress } from "./verbs.ts";

export interface JournalExported {
  readonly model: string;
  readonly rows: number;
  /** Sequences of the first and the last row; null when there was none. */
  readonly from: number | null;
  readonly to: number | null;
  /** Sequence of the row after the last one, where `limit` kept it out; else null. */
  readonly next: number | null;
}

interface Params {
  readonly name?: string | undefined;
  readonly from?: number | undefined;
  readonly to?: number | undefined;
  readonly limit?: number | undefined;
  readonly format: "csv" | "ndjson";
}

/** Hands over the journal's rows, in order, as pieces of text `{text}` through `onProgress`. */
export async function exportJournal(
  { store, models }: Rooms,
  params: Params,
  onProgress: OnProgress,
): Promise<JournalExported> {
  const model = await storedModel(store, models, params.name);
  const { learner } = configInForce(models.get(model)?.state.config.json ?? (await storedConfig(store, model)), "");
  const { features, label } = learner;
  const categories = categoriesOf(learner);
  const first = Math.max(1, params.from ?? 1);
  const last = params.to ?? Number.POSITIVE_INFINITY;
  if (params.format === "csv") await onProgress({ text: formatCsvRow(["sequence", ...features, label]) });
  const limit = params.limit ?? Number.POSITIVE_INFINITY;
  const exported = {
    model,
    rows: 0,
    from: null as number | null,
    to: null as number | null,
    next: null as number | null,
  };
  const start = await store.commitForSequence(model, first);
  for await (const section of sectionsFrom(store, model, start)) {
    if (section.firstSequence > last || exported.next !== null) break;
    let text = "";
    for (const entry of section.entries) {
      if (entry.type !== "rows") continue;
      for (let r = 0; r < entry.rows; r++) {
        const sequence = entry.firstSequence + r;
        if (sequence < first || sequence > last || exported.next !== null) continue;
        if (exported.rows === limit) {
          exported.next = sequence;
          continue;
        }
        // A table for training has labelled rows only.
        if (params.format === "csv" && entry.rowKind === "question") continue;
        text += params.format === "csv" ? csvLine(entry, r, categories) : jsonLine(entry, r, learner);
        exported.rows++;
        exported.from ??= sequence;
        exported.to = sequence;
      }
    }
    if (text !== "") await onProgress({ text });
    await setImmediate();
  }
  return exported;
}

/** Reads the configuration of a model that is not live, from its newest good state. */
async function storedConfig(store: StoreThread, model: string): Promise<string> {
  for (const id of await store.recoveryStateIds(model)) {
    const saved = await store.recoveryState(id);
    if (saved !== null) return saved.config;
  }
  throw new RivuletError("state-damaged", `no saved state of model ${model} is good, so nothing names its features`);
}

function outputsOf({ predictions, rows }: RowsEntry): number {
  return (predictions?.length ?? 0) / rows;
}

type CategoriesOfAll = readonly (Categories | null)[];

/** Gives a row's features as they came: names where they have some, null where they are missing. */
function valuesOf(
  { features }: RowsEntry,
  r: number,
  categories: CategoriesOfAll,
): readonly (number | string | null)[] {
  return categories.map((one, i) => {
    const value = features[r * categories.length + i] ?? Number.NaN;
    return Number.isNaN(value) ? null : one === null ? value : nameOfCategory(value, one);
  });
}

function csvLine(entry: RowsEntry, r: number, categories: CategoriesOfAll): string {
  const values = valuesOf(entry, r, categories).map((value) => value ?? "");
  const cells: (number | string)[] = [entry.firstSequence + r, ...values];
  cells.push(cell(entry.labels?.[r]));
  return formatCsvRow(cells);
}

/** A missing value is an empty cell. */
function cell(value: number | undefined): number | string {
  return value === undefined || Number.isNaN(value) ? "" : value;
}

function jsonLine(entry: RowsEntry, r: number, learner: LearnerConfig): string {
  const { features, label } = learner;
  const row: Record<string, unknown> = { sequence: entry.firstSequence + r };
  valuesOf(entry, r, categoriesOf(learner)).forEach((value, i) => {
    row[features[i] ?? ""] = value;
  });
  if (entry.labels !== null) row[label] = entry.labels[r];
  if (entry.rowKind !== "sample") {
    const made = [...(entry.predictions ?? [])].slice(r * outputsOf(entry), (r + 1) * outputsOf(entry));
    Object.assign(row, { kind: entry.rowKind, prediction: made.length === 1 ? made[0] : made });
  }
  const weight = entry.weights?.[r];
  if (weight !== undefined && weight !== 1) row["weight"] = weight;
  const time = entry.times?.[r];
  if (time !== undefined && !Number.isNaN(time)) row["ts"] = time;
  const id = entry.ids?.[r];
  if (id != null) row["id"] = id;
  const run = entry.numbering.find(({ offset, rows }) => r >= offset && r < offset + rows);
  if (run !== undefined) Object.assign(row, { source: run.source, epoch: run.epoch, seq: run.seq + r - run.offset });
  return `${JSON.stringify(row)}\n`;
}
