import type { CommitTimes, History, Status } from "../daemon/verb-queries.ts";

/** Is what was asked of the daemon at one moment. */
export interface Look {
  /** Of a clock that does not jump. */
  readonly atMs: number;
  readonly status: Status;
  readonly histories: readonly History[];
}

/** Says what happened between two looks, and how things are at the second. */
export interface TopReading {
  readonly seconds: number;
  readonly version: string;
  readonly data: string;
  readonly startedAt: string;
  readonly broker: Status["broker"];
  readonly failure: string | null;
  readonly fileBytes: number;
  readonly rowsPerSecond: number;
  readonly commits: {
    readonly perSecond: number;
    /** Null where none was made meanwhile. */
    readonly meanMs: number | null;
    /** An upper bound: that of the bucket which the 99th percentile is in; null where none was, or it is in the last one. */
    readonly p99Ms: number | null;
  };
  readonly models: readonly ModelReading[];
}

export interface ModelReading {
  readonly name: string;
  readonly rowsPerSecond: number;
  readonly stepsPerSecond: number;
  readonly step: number;
  readonly pending: number;
  readonly cost: number | null;
  /** Accuracy on the newest rows, or r2 of values. */
  readonly quality: number | null;
  readonly isAccuracy: boolean;
  readonly drifts: number;
  /** Rows since the last drift; null where there was none. */
  readonly rowsSinceDrift: number | null;
  readonly refused: number;
  /** Oldest first. */
  readonly costs: readonly (number | null)[];
}

/** Computes what happened between two looks at the same daemon. */
export function readingBetween(before: Look, now: Look): TopReading {
  const seconds = Math.max(1e-3, (now.atMs - before.atMs) / 1000);
  const { version, data, startedAt, broker, store } = now.status;
  // A daemon that was started anew counts from 0.
  const former = before.status.startedAt === startedAt ? before.status : now.status;
  const models = Object.entries(now.status.models).map(([name, model]): ModelReading => {
    const then = former.models[name] ?? model;
    const { metrics } = model;
    const window = metrics?.window;
    const isAccuracy = window === undefined || "accuracy" in window;
    const lastDriftAt = metrics?.drift.lastDriftAt ?? 0;
    return {
      name,
      rowsPerSecond: (model.sequence - then.sequence) / seconds,
      stepsPerSecond: (model.step - then.step) / seconds,
      step: model.step,
      pending: model.pending,
      cost: model.cost,
      quality: window === undefined ? null : "accuracy" in window ? window.accuracy : window.r2,
      isAccuracy,
      drifts: metrics?.drift.drifts ?? 0,
      rowsSinceDrift: metrics === null || lastDriftAt === 0 ? null : metrics.samples - lastDriftAt,
      refused: Object.values(model.refused).reduce((sum, count) => sum + count, 0),
      costs: now.histories.find((history) => history.model === name)?.points.map(({ cost }) => cost) ?? [],
    };
  });
  return {
    seconds,
    version,
    data,
    startedAt,
    broker,
    failure: store.failure,
    fileBytes: store.fileBytes,
    rowsPerSecond: (store.committedRows - former.store.committedRows) / seconds,
    commits: commitsBetween(former.store.commitTimes, store.commitTimes, seconds),
    models,
  };
}

function commitsBetween(before: CommitTimes, now: CommitTimes, seconds: number): TopReading["commits"] {
  const count = now.count - before.count;
  if (count === 0) return { perSecond: 0, meanMs: null, p99Ms: null };
  const meanMs = (1000 * (now.sumSeconds - before.sumSeconds)) / count;
  const bucket = now.cumulative.findIndex((most, b) => most - (before.cumulative[b] ?? 0) >= 0.99 * count);
  const bound = now.boundsSeconds[bucket];
  return { perSecond: count / seconds, meanMs, p99Ms: bound === undefined ? null : 1000 * bound };
}
