import { describe, expect, it } from "vitest";
import { call } from "./call.ts";
import { ask, connectTo, open, temporaryFolder } from "./open.ts";
import { publishRows } from "./request.ts";

interface Metric {
  readonly help: string;
  readonly type: string;
  /** By name and labels, as written. */
  readonly values: Map<string, number>;
}

const NAME = "[a-zA-Z_:][a-zA-Z0-9_:]*";
const LABELS = `\\{${NAME}="(?:[^"\\\\\\n]|\\\\["\\\\n])*"(?:,${NAME}="(?:[^"\\\\\\n]|\\\\["\\\\n])*")*,?\\}`;
const LINE = new RegExp(`^(${NAME})(${LABELS})? (NaN|[+-]Inf|[-+0-9.eE]+)( \\d+)?$`);
const SUFFIX: Readonly<Record<string, RegExp>> = { histogram: /_(bucket|sum|count)$/, summary: /_(sum|count)$/ };

/** Reads the text format of Prometheus (exposition format 0.0.4); throws at what it does not allow. */
function parse(text: string): ReadonlyMap<string, Metric> {
  if (!text.endsWith("\n")) throw new Error("the last line has no end");
  const metrics = new Map<string, Metric>();
  const help = new Map<string, string>();
  for (const line of text.split("\n")) {
    if (line === "") continue;
    const comment = new RegExp(`^# (HELP|TYPE) (${NAME}) (.+)$`).exec(line);
    if (comment !== null) {
      const [, kind, name = "", rest = ""] = comment;
      if (kind === "HELP" && help.has(name)) throw new Error(`${name} has two helps`);
      if (kind === "HELP") help.set(name, rest);
      else if (metrics.has(name)) throw new Error(`${name} has two types`);
      else metrics.set(name, { help: help.get(name) ?? "", type: rest, values: new Map() });
      continue;
    }
    const [, name = "", labels = "", value = ""] = LINE.exec(line) ?? [];
    if (name === "") throw new Error(`no line of the format: ${line}`);
    const owner = [...metrics].find(
      ([one, { type }]) => one === name || one === name.replace(SUFFIX[type] ?? /$^/, ""),
    );
    if (owner === undefined) throw new Error(`${name} has no type`);
    const key = `${name}${labels}`;
    if (owner[1].values.has(key)) throw new Error(`${key} is there twice`);
    owner[1].values.set(key, value === "NaN" ? Number.NaN : Number(value.replace("Inf", "Infinity")));
  }
  return metrics;
}

describe("the metrics", () => {
  it("tell what became of samples, models and commits, in the format of Prometheus", async () => {
    const yaml = "models: { a: {}, b: { network: { loss: mse } } }";
    const daemon = await open(temporaryFolder(), yaml, ["http.port=0"]);
    const client = await connectTo(daemon);
    const rows = Array.from({ length: 40 }, (_, i) => ({ x1: Math.sin(i), x2: Math.cos(i), y: i % 2 }));
    for (const model of ["a", "b"])
      await client.publishAsync(`rivulet/${model}/sample`, JSON.stringify(rows), { qos: 1 });
    await client.publishAsync("rivulet/a/sample", "{", { qos: 1 });
    await client.publishAsync("rivulet/a/sample", '{"x1":1}', { qos: 1 });
    await client.publishAsync("rivulet/none/sample", "{", { qos: 1 });
    await call(daemon, "/metrics");
    const { status, headers, text } = await call(daemon, "/metrics");
    expect({ status, type: headers["content-type"] }).toEqual({
      status: 200,
      type: expect.stringMatching(/^text\/plain; version=0\.0\.4/),
    });
    const metrics = parse(text);
    for (const [name, { help, type, values }] of metrics) {
      expect(help, name).not.toBe("");
      if (type === "counter") expect(name).toMatch(/_total$/);
      for (const value of values.values()) if (type === "counter") expect(value, name).toBeGreaterThanOrEqual(0);
    }
    const of = (key: string) => metrics.get(key.replace(/\{.*$/, ""))?.values.get(key);
    expect({
      accepted: of('rivulet_samples_total{model="a",result="accepted"}'),
      refused: of('rivulet_samples_total{model="a",result="refused"}'),
      unknown: of('rivulet_samples_total{model="",result="refused"}'),
      none: of('rivulet_samples_total{model="b",result="refused"}'),
      steps: of('rivulet_steps_total{model="b"}'),
      waits: of('rivulet_ring_waits_total{model="a"}'),
      notJson: of('rivulet_quarantine_messages_total{model="a",code="not-json"}'),
      drifts: of('rivulet_drift_alarms_total{model="a"}'),
      online: of("rivulet_broker_online"),
      failing: of("rivulet_store_failing"),
    }).toEqual({
      accepted: 40,
      refused: 2,
      unknown: 1,
      none: 0,
      steps: 10,
      waits: 0,
      notJson: 1,
      drifts: 0,
      online: 1,
      failing: 0,
    });
    expect(of('rivulet_cost{model="a"}')).toBe(daemon.rooms.models.get("a")?.state.cost);
    const { metrics: read } = (await ask(daemon, "status", {})).models["a"] ?? {};
    expect(of('rivulet_accuracy{model="a"}')).toBe(read?.kind === "classes" ? read.window.accuracy : null);
    expect(of('rivulet_accuracy{model="b"}')).toBeUndefined();
    expect(of('rivulet_root_mean_square_error{model="b"}')).toBeGreaterThan(0);
    expect(of('rivulet_snapshot_age_seconds{model="a"}')).toBeGreaterThanOrEqual(0);
    expect(of("rivulet_written_bytes_total")).toBeGreaterThanOrEqual(0);
    for (const name of ["process_cpu_seconds_total", "process_resident_memory_bytes", "nodejs_eventloop_lag_seconds"]) {
      expect(of(name), name).toBeGreaterThan(0);
    }
  });

  it("tell how late the event loop is", async () => {
    const daemon = await open(temporaryFolder(), null, ["http.port=0"]);
    // Each reading begins anew: one that follows at once has nothing to tell.
    const told = async () => {
      const metrics = parse((await call(daemon, "/metrics")).text);
      return metrics.get("rivulet_event_loop_delay_seconds")?.values.size;
    };
    await expect.poll(told, { timeout: 20_000, interval: 500 }).toBe(4);
  });

  it("count commits by how long they took", async () => {
    const daemon = await open(temporaryFolder(), null, ["http.port=0"]);
    await publishRows(await connectTo(daemon), 10);
    const before = daemon.rooms.counters.commits;
    const metrics = parse((await call(daemon, "/metrics")).text);
    const { type, values } = metrics.get("rivulet_commit_duration_seconds") ?? { type: "", values: new Map() };
    expect(type).toBe("histogram");
    const buckets = [...values].filter(([key]) => key.includes("_bucket{le="));
    expect(buckets.length).toBeGreaterThan(5);
    expect(buckets.every(([, count], i) => i === 0 || count >= (buckets[i - 1]?.[1] ?? 0))).toBe(true);
    const count = values.get("rivulet_commit_duration_seconds_count") ?? 0;
    // Another commit may end at any moment.
    expect(before).toBeGreaterThan(0);
    expect(count).toBeGreaterThanOrEqual(before);
    expect(count).toBeLessThanOrEqual(daemon.rooms.counters.commits);
    expect(buckets.at(-1)).toEqual(['rivulet_commit_duration_seconds_bucket{le="+Inf"}', count]);
    expect(values.get("rivulet_commit_duration_seconds_sum")).toBeGreaterThan(0);
  });

  it("say that the broker is not there", async () => {
    const daemon = await open(temporaryFolder(), null, ["http.port=0", "mqtt.broker=mqtt://127.0.0.1:1"]);
    const metrics = parse((await call(daemon, "/metrics")).text);
    expect(metrics.get("rivulet_broker_online")?.values.get("rivulet_broker_online")).toBe(0);
  });

  it("are as they are meant to be where names need care", () => {
    expect(() => parse('# HELP a b\n# TYPE a gauge\na{x="\\"\\\\"} 1\n')).not.toThrow();
    for (const wrong of ["a 1\n", "# TYPE a gauge\na{x=1} 1\n", "# TYPE a gauge\na 1", "# TYPE a gauge\na 1\na 2\n"]) {
      expect(() => parse(wrong)).toThrow();
    }
  });
});
