import type { Broker, Status } from "./answers.ts";
import { ask, read } from "./api.ts";
import { h, replace } from "./element.ts";
import { bytes, count, dateTime, digits, duration, NOTHING, span } from "./format.ts";
import { Pace } from "./pace.ts";
import type { Page, PageContext } from "./page.ts";
import { parseMetrics, quantileOf, type Series, total } from "./prometheus.ts";

const READ_MS = 5000;
const DAY_SECONDS = 86_400;
const WRITTEN = "rivulet_written_bytes_total";

/** What is compared with what is read next. */
interface Reading {
  readonly atMs: number;
  readonly status: Status;
  readonly metrics: readonly Series[];
}

/** Shows how the daemon, its store and its broker are. Read every few seconds while it is looked at. */
export function systemPage({ live }: PageContext): Page {
  const place = h("div", { class: "tiles" });
  let former: Reading | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const pace = new Pace(1000, async () => {
    const [status, text] = await Promise.all([ask<Status>("status"), read("/metrics").catch(() => "")]).catch(
      () => [null, ""] as const,
    );
    if (status === null) return;
    const reading = { atMs: performance.now(), status, metrics: parseMetrics(text) };
    replace(place, tiles(reading, former));
    former = reading;
  });
  const tick = () => {
    if (!document.hidden && live.connection === "live") pace.ask();
    timer = setTimeout(tick, READ_MS);
  };
  tick();
  pace.ask();
  const end = live.connected.listen((connection) => {
    if (connection === "live") pace.ask();
  });
  return {
    title: "System",
    element: h("div", { class: "page" }, h("div", { class: "page-head" }, h("h1", {}, "System")), place),
    close() {
      end();
      clearTimeout(timer);
      pace.close();
    },
  };
}

type Row = readonly [what: string, value: string, kind?: "good" | "bad"];

function tiles(now: Reading, former: Reading | null): readonly Node[] {
  const { status } = now;
  return [
    tile("Throughput", throughput(now, former)),
    tile("Commits", commits(now)),
    tile("Store", store(now, former)),
    tile("Broker", status.broker === null ? [["broker", "none runs"]] : brokerRows(status.broker)),
    tile("Daemon", [
      ["version", status.version],
      ["running for", span(Date.now() - Date.parse(status.startedAt))],
      ["since", dateTime(status.startedAt)],
      ["process", String(status.pid)],
      ["memory", bytes(total(now.metrics, "process_resident_memory_bytes"))],
      ["event-loop delay, p99", duration(seconds(loopDelay(now.metrics)))],
    ]),
    tile(
      "Models",
      Object.entries(status.models).map(
        ([name, { engine, precision, step, pending }]): Row => [
          name,
          `${engine} ${precision}, step ${count(step)}${pending > 0 ? `, ${count(pending)} pending` : ""}`,
        ],
      ),
    ),
  ];
}

function throughput({ status, atMs }: Reading, former: Reading | null): readonly Row[] {
  const seconds = former === null ? 0 : (atMs - former.atMs) / 1000;
  const rate = (value: number, before: number | undefined) =>
    seconds < 0.5 || before === undefined ? NOTHING : `${digits((value - before) / seconds, 3)} /s`;
  const steps = (of: Status) => Object.values(of.models).reduce((sum, { step }) => sum + step, 0);
  return [
    ["rows committed", rate(status.store.committedRows, former?.status.store.committedRows)],
    ["steps", rate(steps(status), former === null ? undefined : steps(former.status))],
    ["messages", rate(status.broker?.messages ?? 0, former?.status.broker?.messages)],
    ["rows since the start", count(status.store.committedRows)],
    ["not acknowledged yet", bytes(status.broker?.heldBytes)],
  ];
}

function commits({ status, metrics }: Reading): readonly Row[] {
  const at = (share: number) => duration(seconds(quantileOf(metrics, "rivulet_commit_duration_seconds", share)));
  const { failure, commits: made } = status.store;
  return [
    ["since the start", count(made)],
    ["latency, median", at(0.5)],
    ["latency, p99", at(0.99)],
    ["now", failure ?? "they succeed", failure === null ? "good" : "bad"],
  ];
}

function store({ status, metrics, atMs }: Reading, former: Reading | null): readonly Row[] {
  const { fileBytes, walBytes, rowsHeld, commitsHeld } = status.store;
  const written = total(metrics, WRITTEN);
  const before = former === null ? null : total(former.metrics, WRITTEN);
  const passed = former === null ? 0 : (atMs - former.atMs) / 1000;
  const aDay = written === null || before === null || passed < 0.5 ? null : ((written - before) / passed) * DAY_SECONDS;
  return [
    ["file", bytes(fileBytes)],
    ["write-ahead log", bytes(walBytes)],
    ["written since the start", bytes(written)],
    ["a day, at this pace", bytes(aDay)],
    ["rows held", count(rowsHeld)],
    ["commits held", count(commitsHeld)],
    ["folder", status.data],
  ];
}

function brokerRows({
  kind,
  url,
  online,
  reason,
  protocol,
  connections,
  messages,
  dropped,
  prefix,
}: Broker): readonly Row[] {
  return [
    ["kind", kind],
    ["address", url],
    ["state", online ? "online" : (reason ?? "offline"), online ? "good" : "bad"],
    ["protocol", protocol === null ? NOTHING : `MQTT ${protocol}`],
    [kind === "embedded" ? "clients" : "connections so far", count(connections)],
    ["messages", count(messages)],
    ["dropped (QoS 0)", count(dropped), dropped > 0 ? "bad" : undefined] as Row,
    ["prefix", prefix],
  ];
}

function tile(title: string, rows: readonly Row[]): HTMLElement {
  return h(
    "section",
    { class: "panel tile" },
    h("div", { class: "panel-head" }, h("h2", {}, title)),
    h(
      "dl",
      { class: "pairs" },
      rows.map(([what, value, kind]) => [h("dt", {}, what), h("dd", { class: `number ${kind ?? ""}` }, value)]),
    ),
  );
}

function loopDelay(metrics: readonly Series[]): number | null {
  const delay = metrics.find(
    ({ name, labels }) => name === "rivulet_event_loop_delay_seconds" && labels["quantile"] === "0.99",
  );
  return delay?.value ?? null;
}

function seconds(value: number | null): number | null {
  return value === null ? null : value * 1000;
}
