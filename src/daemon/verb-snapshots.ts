import { RivuletError } from "../error.ts";
import { cHeaderOf } from "../export/c-header.ts";
import { assertWritable } from "../export/ensemble-file.ts";
import { predictionGraph } from "../export/ensemble-graph.ts";
import { type AnyModelFile, anyModelFileOf } from "../export/model-file.ts";
import { onnxOf } from "../export/onnx.ts";
import type { Standing } from "../learner/engine.ts";
import { Learner } from "../learner/learner.ts";
import type { SavedState, SnapshotReason } from "../learner/transaction.ts";
import type { SnapshotRecord } from "../store/store.ts";
import type { Action } from "../stream/flow.ts";
import type { Model } from "../stream/model.ts";
import { configInForce } from "../stream/model-state.ts";
import { type Change, compareLearnerConfig } from "./config.ts";
import { liveModel, storedModel } from "./resolve-model.ts";
import type { Rooms } from "./rooms.ts";

const LIST_LIMIT = 50;

/** Describes a snapshot, as every verb shows it. */
export interface SnapshotLine {
  readonly id: number;
  readonly model: string;
  readonly parent: number | null;
  readonly reason: SnapshotReason;
  readonly step: number;
  readonly sequence: number;
  /** RFC 3339, UTC. */
  readonly createdAt: string;
  readonly cost: number | null;
  readonly metrics: Readonly<Record<string, number | null>> | null;
  readonly tags: readonly string[];
  /** Of both states together. */
  readonly bytes: number;
}

export interface SnapshotDetails extends SnapshotLine {
  readonly checksum: string;
  readonly numerics: number;
  /** The learner-relevant configuration that was in force. */
  readonly config: unknown;
  readonly parameters: number;
  /** How the members of an ensemble stood then; null of a network. */
  readonly members: readonly Standing[] | null;
  /** The network that it holds. */
  readonly network: AnyModelFile;
}

export interface SnapshotDifference {
  readonly a: SnapshotLine;
  readonly b: SnapshotLine;
  /** Whether the learner states are the same bit for bit. */
  readonly identical: boolean;
  readonly steps: number;
  readonly rows: number;
  readonly cost: number | null;
  /** Distance of the parameters, all and layer by layer; null where the topologies differ. */
  readonly parameters: {
    readonly euclidean: number;
    readonly largest: number;
    readonly layers: readonly number[];
  } | null;
  readonly config: readonly Change[];
}

export const EXPORT_FORMATS = ["json", "onnx", "c"] as const;

/** Is a network for other programs; the bytes of ONNX travel as base64. */
export type Exported =
  | AnyModelFile
  | { readonly format: "onnx"; readonly base64: string }
  | { readonly format: "c"; readonly text: string };

export async function listSnapshots(
  { store, models }: Rooms,
  { name, limit, before }: { name?: string | undefined; limit?: number | undefined; before?: number | undefined },
): Promise<readonly SnapshotLine[]> {
  const model = await storedModel(store, models, name);
  const page = { model, limit: limit ?? LIST_LIMIT, ...(before === undefined ? {} : { before }) };
  return (await store.snapshots(page)).map(lineOf);
}

export async function showSnapshot(
  rooms: Rooms,
  params: { name?: string | undefined; snapshot: string },
): Promise<SnapshotDetails> {
  const { record, saved, learner } = await loadSnapshot(rooms, params.name, params.snapshot);
  return {
    ...lineOf(record),
    checksum: record.checksum,
    numerics: saved.numerics,
    config: JSON.parse(saved.config),
    parameters: learner.engine.layout.parameterCount,
    members: learner.engine.ensemble?.standings ?? null,
    network: anyModelFileOf(learner),
  };
}

export async function diffSnapshots(
  rooms: Rooms,
  params: { name?: string | undefined; a: string; b: string },
): Promise<SnapshotDifference> {
  const a = await loadSnapshot(rooms, params.name, params.a);
  const b = await loadSnapshot(rooms, params.name, params.b);
  const difference = compareLearnerConfig(a.saved.config, b.saved.config);
  const comparable = difference === "same" || difference.kind !== "refused";
  const distances = Float64Array.from(a.learner.engine.parameters, (value, p) =>
    Math.abs(value - (b.learner.engine.parameters[p] ?? Number.NaN)),
  );
  const euclidean = (values: Float64Array) => Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
  return {
    a: lineOf(a.record),
    b: lineOf(b.record),
    identical: Buffer.compare(a.saved.learner, b.saved.learner) === 0,
    steps: b.record.step - a.record.step,
    rows: b.record.sequence - a.record.sequence,
    cost: a.record.cost === null || b.record.cost === null ? null : b.record.cost - a.record.cost,
    parameters: comparable
      ? {
          euclidean: euclidean(distances),
          largest: distances.reduce((largest, value) => Math.max(largest, value), 0),
          layers: a.learner.engine.layout.layers.map(({ weightsOffset, biasesOffset, units }) =>
            euclidean(distances.subarray(weightsOffset, biasesOffset + units)),
          ),
        }
      : null,
    config: difference === "same" ? [] : difference.changes,
  };
}

export async function tagSnapshot(
  rooms: Rooms,
  params: { name?: string | undefined; snapshot: string; tag: string },
): Promise<SnapshotLine> {
  const record = await findSnapshot(rooms, params.name, params.snapshot);
  const { id } = record;
  const tags = [...new Set([...record.tags, params.tag])].sort();
  await rooms.store.tag(id, params.tag, rooms.record(lineOf({ ...record, tags })));
  return lineById(rooms, id);
}

/** Gives the network of a snapshot as a model file. */
export async function snapshotFile(
  rooms: Rooms,
  params: { name?: string | undefined; snapshot: string },
): Promise<AnyModelFile> {
  return anyModelFileOf((await loadSnapshot(rooms, params.name, params.snapshot)).learner);
}

/** Gives a snapshot to other programs. Throws `usage` where it keeps rows, which they have no room for. */
export async function exportSnapshot(
  rooms: Rooms,
  params: { name?: string | undefined; snapshot: string; format: (typeof EXPORT_FORMATS)[number] },
): Promise<Exported> {
  const { record, learner } = await loadSnapshot(rooms, params.name, params.snapshot);
  assertWritable(learner);
  const file = anyModelFileOf(learner);
  switch (params.format) {
    case "json":
      return file;
    case "onnx":
      return { format: "onnx", base64: Buffer.from(onnxOf(predictionGraph(file))).toString("base64") };
    case "c":
      return { format: "c", text: cHeaderOf(predictionGraph(file), record.model) };
  }
}

export function takeSnapshot(rooms: Rooms, { name }: { name?: string | undefined }): Promise<SnapshotLine> {
  return act(rooms, liveModel(rooms.models, name), { kind: "take" });
}

export async function rollback(
  rooms: Rooms,
  params: { name?: string | undefined; snapshot: string },
): Promise<SnapshotLine> {
  const model = liveModel(rooms.models, params.name);
  const record = await findSnapshot(rooms, model.name, params.snapshot);
  const saved = await rooms.store.state(record.id);
  const difference = compareLearnerConfig(saved.config, model.state.config.json);
  if (difference !== "same" && difference.kind === "refused") {
    throw topologyDiffers(record.id, model.name);
  }
  return act(rooms, model, {
    kind: "rollback",
    target: { id: record.id, checksum: record.checksum, learner: saved.learner },
  });
}

/** Sends an action into the pipeline and waits until it is durable. */
export async function act(rooms: Rooms, model: Model, action: Action): Promise<SnapshotLine> {
  const snapshot = await new Promise<number>((reply) =>
    rooms.command({
      kind: "command",
      model,
      action,
      request: (made, at) => rooms.record(lineToBe(made, at)),
      reply,
    }),
  );
  return lineById(rooms, snapshot);
}

async function lineById({ store }: Pick<Rooms, "store">, id: number): Promise<SnapshotLine> {
  const record = await store.snapshot(id);
  if (record === null) throw unknown(String(id));
  return lineOf(record);
}

/** Finds a model's snapshot by its id or tag. Throws `unknown-model`, `unknown-snapshot`. */
export async function findSnapshot(
  { store, models }: Rooms,
  name: string | undefined,
  idOrTag: string,
): Promise<SnapshotRecord> {
  const model = await storedModel(store, models, name);
  const record = await store.findSnapshot(model, idOrTag);
  if (record === null) throw unknown(idOrTag, model);
  return record;
}

/** Reads a snapshot and makes a learner of it. */
export async function loadSnapshot(rooms: Rooms, name: string | undefined, idOrTag: string) {
  const record = await findSnapshot(rooms, name, idOrTag);
  const saved = await rooms.store.state(record.id);
  // It is looked at, not trained: what the reference engine takes of memory is collected by itself.
  const learner = new Learner(configInForce(saved.config, saved.configHash).learner, "reference");
  learner.resume(saved.learner, saved.numerics);
  return { record, saved, learner };
}

function lineOf(record: Omit<SnapshotLine, "createdAt"> & { readonly createdAtMs: number }): SnapshotLine {
  const { id, model, parent, reason, step, sequence, createdAtMs, cost, metrics, tags, bytes } = record;
  return {
    id,
    model,
    parent,
    reason,
    step,
    sequence,
    createdAt: new Date(createdAtMs).toISOString(),
    cost,
    metrics,
    tags,
    bytes,
  };
}

/** Describes the snapshot that a state is about to be, committed at `at`. */
function lineToBe({ model, step, sequence, cost, learner, monitor, snapshot }: SavedState, at: number): SnapshotLine {
  if (snapshot === null) throw new Error("a recovery checkpoint is no snapshot");
  const { id, parent, reason, metrics } = snapshot;
  const bytes = learner.length + monitor.length;
  return lineOf({ id, model, parent, reason, step, sequence, createdAtMs: at, cost, metrics, tags: [], bytes });
}

/** Makes the error of a snapshot that its model cannot take over. */
export function topologyDiffers(id: number, model: string): RivuletError {
  return new RivuletError(
    "topology-differs",
    `snapshot ${id} holds another topology or other features than model ${model} has now`,
    {
      hint: "`rivulet snapshots diff` tells what differs; `rivulet snapshots export` still gives its network.",
    },
  );
}

function unknown(idOrTag: string, model?: string): RivuletError {
  return new RivuletError(
    "unknown-snapshot",
    `there is no snapshot ${idOrTag}${model === undefined ? "" : ` of model ${model}`}`,
    {
      hint: "`rivulet snapshots list` tells those that are there.",
    },
  );
}
