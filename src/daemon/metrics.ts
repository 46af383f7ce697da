// What Prometheus reads. Nothing is counted for it in passing: each scrape looks at what the daemon knows of itself
// anyway, so who does not scrape pays nothing. Counters of a model go on over restarts, as its sequence does.

import { readFileSync } from "node:fs";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { Counter, collectDefaultMetrics, Gauge, Registry } from "prom-client";
import type { EventHub } from "../http/event-hub.ts";
import type { Model } from "../stream/model.ts";
import type { Durations } from "./durations.ts";
import type { Rooms } from "./rooms.ts";
import { version } from "./version.ts";

/** The event loop is looked at that often: each look costs a wake-up. */
const LOOP_LOOK_MS = 50;
/** Of these the package tells the time between two looks, as if all of that were a delay. */
const MISLEADING = /^nodejs_eventloop_lag_(min|max|mean|stddev|p\d+)_seconds$/;
const QUANTILES = [0.5, 0.9, 0.99, 1] as const;

type Labels = Readonly<Record<string, string>>;
type Reading = readonly [Labels, number | null];

export interface Metrics {
  readonly contentType: string;
  /** Reads all of them, in the text format of Prometheus. */
  read(): Promise<string>;
}

/** Opens the metrics; the event loop is watched from now on. */
export function openMetrics(rooms: Rooms, events: EventHub): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: 60_000 });
  for (const { name } of registry.getMetricsAsArray()) if (MISLEADING.test(name)) registry.removeSingleMetric(name);
  const add = adder(registry);
  modelMetrics(rooms, add);
  storeMetrics(rooms, add);
  faceMetrics(rooms, events, add);
  loopMetrics(add);
  return {
    contentType: registry.contentType,
    read: async () => {
      const commits = histogram("rivulet_commit_duration_seconds", "How long commits took", rooms.commitTimes);
      return `${await registry.metrics()}\n${commits}`;
    },
  };
}

type Add = (
  kind: "counter" | "gauge",
  name: string,
  help: string,
  labels: readonly string[],
  read: () => readonly Reading[] | Promise<readonly Reading[]>,
) => void;

/** Registers metrics that are read when they are asked for. */
function adder(registry: Registry): Add {
  return (kind, name, help, labels, read) => {
    const common = { name: `rivulet_${name}`, help, labelNames: [...labels], registers: [registry] };
    if (kind === "gauge") {
      new Gauge({
        ...common,
        async collect() {
          this.reset();
          for (const [at, value] of await read()) if (value !== null) this.set(at, value);
        },
      });
    } else {
      new Counter({
        ...common,
        async collect() {
          this.reset();
          for (const [at, value] of await read()) if (value !== null) this.inc(at, value);
        },
      });
    }
  };
}

function modelMetrics(rooms: Rooms, add: Add): void {
  const { models, store } = rooms;
  const each = (read: (model: Model) => number | null): (() => readonly Reading[]) => {
    return () => [...models.values()].map((model) => [{ model: model.name }, read(model)]);
  };
  const metric = (name: string) => (model: Model) => model.metrics?.[name] ?? null;
  add("counter", "samples_total", "Rows accepted and durable, and messages refused", ["model", "result"], async () => [
    ...[...models.values()].map((one): Reading => [{ model: one.name, result: "accepted" }, one.durableSequence]),
    ...(await refused(rooms)),
  ]);
  add(
    "counter",
    "steps_total",
    "Training steps",
    ["model"],
    each(({ state }) => state.step),
  );
  add(
    "counter",
    "steps_undone_total",
    "Steps taken back: the state was not finite",
    ["model"],
    each(({ state }) => state.undone),
  );
  add(
    "gauge",
    "pending_samples",
    "Rows accepted and not trained yet",
    ["model"],
    each(({ pending }) => pending),
  );
  add(
    "gauge",
    "ring_rows",
    "Rows in the ring, not both trained and durable",
    ["model"],
    each(({ ring }) => ring.capacity - ring.free),
  );
  add(
    "counter",
    "ring_waits_total",
    "Messages that found no room in the ring, since the start",
    ["model"],
    each(({ ringWaits }) => ringWaits),
  );
  add(
    "gauge",
    "cost",
    "Mean loss of the last mini-batch, before its update",
    ["model"],
    each(({ state }) => state.cost),
  );
  add(
    "gauge",
    "accuracy",
    "Share of right classes among the newest rows, each predicted before it was trained",
    ["model"],
    each(metric("accuracy")),
  );
  add("gauge", "log_loss", "Logarithmic loss over the newest rows", ["model"], each(metric("logLoss")));
  add("gauge", "mean_absolute_error", "Mean absolute error over the newest rows", ["model"], each(metric("mae")));
  add(
    "gauge",
    "root_mean_square_error",
    "Root mean square error over the newest rows",
    ["model"],
    each(metric("rmse")),
  );
  add(
    "counter",
    "drift_alarms_total",
    "Drifts that the detector told",
    ["model"],
    each(({ state }) => state.monitor?.read().drift.drifts ?? null),
  );
  add("gauge", "snapshot_age_seconds", "Time since the newest snapshot", ["model"], () =>
    Promise.all(
      [...models.keys()].map(async (model): Promise<Reading> => {
        const [newest] = await store.snapshots({ model, limit: 1 });
        return [{ model }, newest === undefined ? null : Math.max(0, Date.now() - newest.createdAtMs) / 1000];
      }),
    ),
  );
}

/** Sums up what was refused of each model; of what names no model that is there the label is empty. */
async function refused({ store, models }: Rooms): Promise<readonly Reading[]> {
  const sums = new Map([...models.keys()].map((model) => [model, 0]));
  for (const { model, count } of await store.quarantineCounts()) {
    sums.set(model ?? "", (sums.get(model ?? "") ?? 0) + count);
  }
  return [...sums].map(([model, count]) => [{ model, result: "refused" }, count]);
}

function storeMetrics(rooms: Rooms, add: Add): void {
  const { counters, store, failure } = rooms;
  add("counter", "commits_total", "Commits since the start", [], () => [[{}, counters.commits]]);
  add("counter", "commit_rows_total", "Rows that became durable since the start", [], () => [
    [{}, counters.committedRows],
  ]);
  add("counter", "commit_failures_total", "Commits that failed since the start", [], () => [
    [{}, counters.commitFailures],
  ]);
  add("gauge", "store_failing", "Whether commits fail at present", [], () => [[{}, failure() === null ? 0 : 1]]);
  add("gauge", "store_size_bytes", "Size of the store's files", ["file"], async () => {
    const { fileBytes, walBytes } = await store.status();
    return [
      [{ file: "database" }, fileBytes],
      [{ file: "wal" }, walBytes],
    ];
  });
  add(
    "counter",
    "written_bytes_total",
    "Bytes that the process has had written to disks, as Linux counts them",
    [],
    () => [[{}, writtenBytes()]],
  );
  add("counter", "quarantine_messages_total", "Messages refused, by the reason", ["model", "code"], async () =>
    (await store.quarantineCounts()).map(({ model, code, count }): Reading => [{ model: model ?? "", code }, count]),
  );
}

function faceMetrics({ broker, startedAt }: Rooms, events: EventHub, add: Add): void {
  add("gauge", "info", "What runs", ["version"], () => [[{ version }, 1]]);
  add("gauge", "start_time_seconds", "When the daemon started, since 1970", [], () => [[{}, startedAt / 1000]]);
  add("gauge", "event_listeners", "Listeners to server-sent events", [], () => [[{}, events.listeners]]);
  add("counter", "event_listeners_dropped_total", "Listeners let go because they did not read", [], () => [
    [{}, events.dropped],
  ]);
  if (broker === null) return;
  add("gauge", "broker_online", "Whether the broker is connected", [], () => [[{}, broker.status().online ? 1 : 0]]);
  add("counter", "broker_messages_total", "Messages that came", [], () => [[{}, broker.status().messages]]);
  add("counter", "broker_dropped_total", "Messages of QoS 0 dropped for want of room", [], () => [
    [{}, broker.status().dropped],
  ]);
  add("gauge", "broker_held_bytes", "Bytes of messages that are not acknowledged yet", [], () => [
    [{}, broker.status().heldBytes],
  ]);
}

function loopMetrics(add: Add): void {
  const monitor = monitorEventLoopDelay({ resolution: LOOP_LOOK_MS });
  monitor.enable();
  const help = "How late the event loop was, since the last time this was read";
  add("gauge", "event_loop_delay_seconds", help, ["quantile"], () => {
    const readings = QUANTILES.map((quantile): Reading => {
      // What it tells is the time from one look to the next.
      const lateMs = monitor.percentile(100 * quantile) / 1e6 - LOOP_LOOK_MS;
      return [{ quantile: String(quantile) }, monitor.count === 0 ? null : Math.max(0, lateMs) / 1000];
    });
    monitor.reset();
    return readings;
  });
}

/** Reads what the process has had written; null where the system does not tell. */
function writtenBytes(): number | null {
  try {
    return Number(/^write_bytes: (\d+)$/m.exec(readFileSync("/proc/self/io", "utf8"))?.[1] ?? Number.NaN);
  } catch {
    return null;
  }
}

function histogram(name: string, help: string, durations: Durations): string {
  const { bounds, cumulative, count, sumSeconds } = durations;
  const buckets = bounds.map((bound, i) => `${name}_bucket{le="${bound}"} ${cumulative[i]}`);
  const lines = [`# HELP ${name} ${help}`, `# TYPE ${name} histogram`, ...buckets];
  return `${[...lines, `${name}_bucket{le="+Inf"} ${count}`, `${name}_sum ${sumSeconds}`, `${name}_count ${count}`].join("\n")}\n`;
}
