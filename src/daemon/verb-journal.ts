import { setImmediate } from "node:timers/promises";
import type { RowsEntry } from "../learner/entry.ts";
import { formatCsvRow } from "../sample/csv.ts";
import { configInForce } from "../stream/model-state.ts";
import { sectionsFrom } from "./open-model.ts";
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
  const model = storedModel(store, models, params.name);
  const newest = store.recoveryStates(model).next().value;
  const { features, label } = configOf(models.get(model)?.state.config.json ?? newest?.config);
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
  for (const { section } of sectionsFrom(store, model, store.commitForSequence(model, first))) {
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
        text += params.format === "csv" ? csvLine(entry, r, features.length) : jsonLine(entry, r, features, label);
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

function configOf(json: string | undefined): { readonly features: readonly string[]; readonly label: string } {
  return json === undefined ? { features: [], label: "y" } : configInForce(json, "").learner;
}

function csvLine(entry: RowsEntry, r: number, features: number): string {
  const cells: (number | string)[] = [entry.firstSequence + r];
  for (let i = 0; i < features; i++) cells.push(cell(entry.features[r * features + i]));
  cells.push(cell(entry.labels?.[r]));
  return formatCsvRow(cells);
}

/** A missing value is an empty cell. */
function cell(value: number | undefined): number | string {
  return value === undefined || Number.isNaN(value) ? "" : value;
}

function jsonLine(entry: RowsEntry, r: number, features: readonly string[], label: string): string {
  const row: Record<string, unknown> = { sequence: entry.firstSequence + r };
  features.forEach((feature, i) => {
    row[feature] = entry.features[r * features.length + i];
  });
  row[label] = entry.labels?.[r];
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
