import type { DriftPolicy } from "../evaluate/adaptation.ts";
import type { MonitorReading } from "../evaluate/monitor.ts";
import { type Worth, worthOf } from "../evaluate/worth.ts";
import type { EngineKind, Standing } from "../learner/engine.ts";
import type { Precision } from "../learner/precision.ts";
import type { BrokerStatus } from "../mqtt/broker.ts";
import type { QuarantineCount, QuarantineRecord, StoreStatus } from "../store/store.ts";
import type { Model } from "../stream/model.ts";
import type { Durations } from "./durations.ts";
import { storedModel } from "./resolve-model.ts";
import type { Reloaded, Rooms } from "./rooms.ts";
import { version } from "./version.ts";

const POINTS = 500;
const QUARANTINE_LIMIT = 50;

/** Tells how everything is. */
export interface Status {
  readonly version: string;
  readonly pid: number;
  readonly startedAt: string;
  readonly data: string;
  /** Null where no broker runs: a command opened the store for itself. */
  readonly broker: (BrokerStatus & { readonly prefix: string }) | null;
  /** What came of the last reload of the configuration; null before the first. */
  readonly reloaded: (Omit<Reloaded, "at"> & { readonly at: string }) | null;
  readonly store: Omit<StoreStatus, "newestAtMs" | "unreadable"> & {
    readonly commits: number;
    readonly committedRows: number;
    /** How long commits took, since the daemon started. */
    readonly commitTimes: CommitTimes;
    /** Why nothing can be committed at present; null while all is well. */
    readonly failure: string | null;
  };
  readonly models: Readonly<Record<string, ModelStatus>>;
}

export interface CommitTimes {
  readonly count: number;
  readonly sumSeconds: number;
  /** Upper bounds of the buckets, and how many commits were at most as long as each. */
  readonly boundsSeconds: readonly number[];
  readonly cumulative: readonly number[];
}

export interface ModelStatus {
  readonly features: readonly string[];
  readonly label: string;
  readonly step: number;
  /** The last row trained, and the last row that is durable. */
  readonly sequence: number;
  readonly durableSequence: number;
  readonly pending: number;
  readonly cost: number | null;
  /** Scores of its predictions, each made before the row was trained; null where the configuration wants none. */
  readonly metrics: MonitorReading | null;
  /** Whether it is better than what needs no network; null where that cannot be told yet. */
  readonly worth: Worth | null;
  readonly drift: {
    readonly policy: DriftPolicy;
    /** Factor of the learning rate, above 1 after a drift. */
    readonly boost: number;
    /** States of former concepts that can be gone back to. */
    readonly candidates: number;
    /** Whether a fresh learner runs beside it. */
    readonly challenged: boolean;
  };
  readonly undone: number;
  /** Values that were missing in the rows trained. */
  readonly missing: number;
  /** Questions that wait for their label, and those that were given up because too many came after them. */
  readonly questions: { readonly open: number; readonly expired: number };
  /** How each member of an ensemble fares; null of a network. */
  readonly members: readonly Standing[] | null;
  /** What trains it: the compiled engine, or the reference; and in what precision. */
  readonly engine: EngineKind;
  readonly precision: Precision;
  /** Fields of samples that the model does not know, since the daemon started. */
  readonly ignoredFields: number;
  /** Messages refused since the model exists, by code. */
  readonly refused: Readonly<Record<string, number>>;
  readonly newestSnapshot: number | null;
}

export interface History {
  readonly model: string;
  /** How each member of an ensemble fares at present; null of a network. */
  readonly members: readonly Standing[] | null;
  readonly from: number;
  readonly to: number;
  readonly points: readonly {
    readonly step: number;
    readonly sequence: number;
    readonly at: string;
    readonly cost: number | null;
    readonly min: number | null;
    readonly max: number | null;
  }[];
}

export interface Quarantine {
  readonly counts: readonly QuarantineCount[];
  readonly messages: readonly (Omit<QuarantineRecord, "head" | "atMs"> & {
    readonly at: string;
    /** The first bytes of the payload, read as UTF-8. */
    readonly head: string;
  })[];
}

export async function status(rooms: Rooms): Promise<Status> {
  const { broker, config, counters, store } = rooms;
  const { newestAtMs: _, unreadable, ...stored } = await store.status();
  // Who asks for the status of a store that cannot be read wants to be told just that.
  const counts = unreadable === null ? await store.quarantineCounts() : [];
  const reloaded = rooms.reloaded();
  return {
    version,
    pid: process.pid,
    startedAt: new Date(rooms.startedAt).toISOString(),
    data: config.data,
    broker: broker === null ? null : { ...broker.status(), prefix: config.mqtt.prefix },
    reloaded: reloaded === null ? null : { ...reloaded, at: new Date(reloaded.at).toISOString() },
    store: {
      ...stored,
      commits: counters.commits,
      committedRows: counters.committedRows,
      commitTimes: commitTimesOf(rooms.commitTimes),
      failure: rooms.failure()?.message ?? unreadable,
    },
    models: Object.fromEntries([...rooms.models.values()].map((model) => [model.name, modelStatus(model, counts)])),
  };
}

function commitTimesOf({ count, sumSeconds, bounds, cumulative }: Durations): CommitTimes {
  return { count, sumSeconds, boundsSeconds: bounds, cumulative };
}

function modelStatus(model: Model, counts: readonly QuarantineCount[]): ModelStatus {
  const { name, state, durableSequence, pending, newestSnapshot, ignoredFields } = model;
  const { features, label, precision = "f64" } = state.config.learner;
  const { step, sequence, cost, undone, missing, questions, adaptation } = state;
  const metrics = state.monitor?.read() ?? null;
  const refused = Object.fromEntries(
    counts.filter((count) => count.model === name).map(({ code, count }) => [code, count]),
  );
  return {
    features,
    label,
    step,
    sequence,
    durableSequence,
    pending,
    cost,
    metrics,
    worth: metrics === null ? null : worthOf(metrics),
    drift: {
      policy: adaptation.policy,
      boost: adaptation.rate,
      candidates: adaptation.candidates,
      challenged: adaptation.challenged,
    },
    undone,
    missing,
    questions: { open: questions.open, expired: questions.expired },
    members: state.learner.engine.ensemble?.standings ?? null,
    engine: state.learner.engine.kind,
    precision,
    ignoredFields,
    refused,
    newestSnapshot,
  };
}

export async function history(
  { store, models }: Rooms,
  params: {
    name?: string | undefined;
    from?: number | undefined;
    to?: number | undefined;
    points?: number | undefined;
  },
): Promise<History> {
  const model = await storedModel(store, models, params.name);
  const newest = models.get(model)?.state.step ?? (await store.snapshots({ model, limit: 1 }))[0]?.step ?? 0;
  const from = params.from ?? 1;
  const to = params.to ?? newest;
  const points = await store.history({ model, from, to, points: params.points ?? POINTS });
  return {
    model,
    members: models.get(model)?.state.learner.engine.ensemble?.standings ?? null,
    from,
    to,
    points: points.map(({ step, sequence, atMs, cost, min, max }) => ({
      step,
      sequence,
      at: new Date(atMs).toISOString(),
      cost: finite(cost),
      min: finite(min),
      max: finite(max),
    })),
  };
}

export async function quarantine(
  { store }: Rooms,
  { limit, before }: { limit?: number | undefined; before?: number | undefined },
): Promise<Quarantine> {
  const page = { limit: limit ?? QUARANTINE_LIMIT, ...(before === undefined ? {} : { before }) };
  const [counts, messages] = await Promise.all([store.quarantineCounts(), store.quarantine(page)]);
  return {
    counts,
    messages: messages.map(({ head, atMs, ...record }) => ({
      ...record,
      at: new Date(atMs).toISOString(),
      head: Buffer.from(head).toString("utf8"),
    })),
  };
}

/** JSON has no NaN: an undone step's cost is null. */
function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}
