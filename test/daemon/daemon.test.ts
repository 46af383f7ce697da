import { throwError } from "rxjs";
import { describe, expect, it } from "vitest";
import { parseConfig } from "../../src/daemon/config.ts";
import { Daemon } from "../../src/daemon/daemon.ts";
import { silentLog } from "../../src/daemon/log.ts";
import { openStored } from "../../src/daemon/open-stored.ts";
import { Random } from "../../src/learner/random.ts";
import type { Broker } from "../../src/mqtt/broker.ts";
import { openStoreThread } from "../../src/store/store-thread.ts";
import { ask, connectTo, journalOf, open, temporaryFolder } from "./open.ts";

const SAMPLE = "rivulet/default/sample";

function sample(random: Random): { x1: number; x2: number; y: number } {
  const [x1, x2] = [random.normal(), random.normal()];
  return { x1, x2, y: x1 * x1 + x2 * x2 < 1.4 ? 1 : 0 };
}

describe("the daemon", () => {
  it("trains what is published, acknowledges it durably and keeps it in order", async () => {
    const daemon = await open(temporaryFolder());
    const client = await connectTo(daemon);
    const random = new Random(1);
    const samples = Array.from({ length: 203 }, () => sample(random));
    await Promise.all(samples.map((s) => client.publishAsync(SAMPLE, JSON.stringify(s), { qos: 1 })));
    const { models } = await ask(daemon, "status", {});
    expect(models["default"]?.durableSequence).toBe(203);
    const journal = await journalOf(daemon);
    expect(journal).toEqual(samples.map((s, i) => ({ sequence: i + 1, ...s })));
  });

  it("takes every payload form", async () => {
    const daemon = await open(temporaryFolder());
    const client = await connectTo(daemon);
    const publish = (topic: string, payload: string | Buffer) => client.publishAsync(topic, payload, { qos: 1 });
    await publish(SAMPLE, '{"x1":1,"x2":2,"y":1}');
    await publish(SAMPLE, '[{"x1":3,"x2":4,"y":0},{"x1":5,"x2":6,"y":1}]');
    await publish(SAMPLE, '{"x1":[7,8],"x2":[9,10],"y":[0,1],"weight":2}');
    await publish(SAMPLE, '{"x1":11,"x2":12,"y":true,"ts":1700000000000}\n\n{"x1":13,"x2":14,"y":false}\n');
    await publish("rivulet/default/f32", Buffer.from(new Float32Array([15, 16, 1]).buffer));
    await publish("rivulet/default/f64", Buffer.from(new Float64Array([17, 18, 0, 19, 20, 1]).buffer));
    await publish("rivulet/default/f64/pump/e1/0", Buffer.from(new Float64Array([21, 22, 0]).buffer));
    await publish(SAMPLE, "[]");
    const journal = await journalOf(daemon);
    expect(journal.map(({ x1 }) => x1)).toEqual([1, 3, 5, 7, 8, 11, 13, 15, 17, 19, 21]);
    expect(journal.map(({ y }) => y)).toEqual([1, 0, 1, 0, 1, 1, 0, 1, 0, 1, 0]);
    expect(journal[3]).toMatchObject({ weight: 2 });
    expect(journal[5]).toMatchObject({ ts: 1_700_000_000_000 });
    expect(journal[10]).toMatchObject({ source: "pump", epoch: "e1", seq: 0 });
  });

  it("learns several classes by their names or numbers, and predicts each", async () => {
    const daemon = await open(temporaryFolder(), "models: { m: { classes: [cold, mild, hot] } }");
    const client = await connectTo(daemon);
    const names = ["cold", "mild", "hot"];
    const rows = Array.from({ length: 900 }, (_, i) => ({
      x1: (i % 3) - 1,
      x2: Math.sin(i),
      y: i % 2 ? i % 3 : names[i % 3],
    }));
    const publish = (payload: string | Buffer, form = "sample") =>
      client.publishAsync(`rivulet/m/${form}`, payload, { qos: 1 });
    await publish(JSON.stringify(rows));
    await publish(Buffer.from(new Float64Array([1, 0, 2]).buffer), "f64");
    for (const wrong of ["warm", 3, -1, 1.5, null]) await publish(JSON.stringify({ x1: 0, x2: 0, y: wrong }));
    await publish(Buffer.from(new Float64Array([1, 0, 3]).buffer), "f64");
    const { models } = await ask(daemon, "status", {});
    expect(models["m"]).toMatchObject({ durableSequence: 901, refused: { "label-invalid": 5, "label-missing": 1 } });
    const predicted = await ask(daemon, "predict", { values: [1, 0.2] });
    expect(predicted.class).toBe("hot");
    expect([predicted.prediction].flat()).toHaveLength(3);
    await ask(daemon, "snapshots-take", {});
    expect(await ask(daemon, "verify", {})).toMatchObject({ outcome: "same", rows: 901 });
    expect(await ask(daemon, "snapshots-export", { snapshot: "2", format: "json" })).toMatchObject({ classes: names });
  });

  it("ignores fields that it does not know, and counts them", async () => {
    const daemon = await open(temporaryFolder());
    const client = await connectTo(daemon);
    await client.publishAsync(SAMPLE, '{"x1":1,"x2":2,"y":1,"x3":4,"room":"attic"}', { qos: 1 });
    const { models } = await ask(daemon, "status", {});
    expect(models["default"]).toMatchObject({ durableSequence: 1, ignoredFields: 2 });
  });

  it("trains no numbered row twice, however often it is published", async () => {
    const daemon = await open(temporaryFolder());
    const client = await connectTo(daemon);
    const row = (seq: number) => JSON.stringify({ x1: seq, x2: 0, y: 1, source: "s", epoch: "e", seq });
    for (const seq of [0, 1, 1, 3, 0, 2, 3]) await client.publishAsync(SAMPLE, row(seq), { qos: 1 });
    const columns = { x1: [2, 3, 4, 5], x2: 0, y: 1, source: "s", epoch: "e", seq: 2 };
    await client.publishAsync(SAMPLE, JSON.stringify(columns), { qos: 1 });
    expect((await journalOf(daemon)).map(({ seq }) => seq)).toEqual([0, 1, 3, 2, 4, 5]);
  });

  it("serves several models side by side", async () => {
    const yaml = `
models:
  left: {}
  right: { features: [a], label: b, network: { hidden: [3], loss: mse }, batch: { size: 2 } }
`;
    const daemon = await open(temporaryFolder(), yaml);
    const client = await connectTo(daemon);
    await Promise.all([
      ...Array.from({ length: 10 }, (_, i) =>
        client.publishAsync("rivulet/left/sample", `{"x1":${i},"x2":1,"y":0}`, { qos: 1 }),
      ),
      ...Array.from({ length: 7 }, (_, i) =>
        client.publishAsync("rivulet/right/sample", `{"a":${i},"b":${-i}}`, { qos: 1 }),
      ),
    ]);
    expect((await journalOf(daemon, "left")).map(({ x1 }) => x1)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect((await journalOf(daemon, "right")).map(({ b }) => b)).toEqual([0, -1, -2, -3, -4, -5, -6].map((b) => b + 0));
    await expect(ask(daemon, "history", {})).rejects.toMatchObject({ code: "usage" });
    await expect(ask(daemon, "history", { name: "middle" })).rejects.toMatchObject({ code: "unknown-model" });
  });

  it("trains a mini-batch that stays short when its oldest row has waited long enough", async () => {
    const daemon = await open(temporaryFolder(), null, [
      "models.default.batch.size=64",
      "models.default.batch.maxAge=5ms",
    ]);
    const client = await connectTo(daemon);
    await client.publishAsync(SAMPLE, '{"x1":1,"x2":2,"y":1}', { qos: 1 });
    const state = daemon.rooms.models.get("default")?.state;
    await expect.poll(() => state?.step).toBe(1);
    expect(state?.sequence).toBe(1);
  });

  it("rolls back while the stream runs, bit for bit, and goes on from there", async () => {
    const daemon = await open(temporaryFolder());
    const client = await connectTo(daemon);
    const events: Record<string, unknown>[] = [];
    await client.subscribeAsync("rivulet/default/event");
    client.on("message", (_, payload) => events.push(JSON.parse(payload.toString())));
    const random = new Random(2);
    const publish = (count: number) =>
      Promise.all(
        Array.from({ length: count }, () => client.publishAsync(SAMPLE, JSON.stringify(sample(random)), { qos: 1 })),
      );
    await publish(101);
    const taken = await ask(daemon, "snapshots-take", {});
    await ask(daemon, "snapshots-tag", { snapshot: String(taken.id), tag: "good" });
    await publish(100);
    const streaming = publish(300);
    const rolled = await ask(daemon, "rollback", { snapshot: "good" });
    await streaming;
    expect(rolled).toMatchObject({ reason: "rollback", parent: taken.id });
    expect(rolled.step).toBeGreaterThan(taken.step);
    const { store } = daemon.rooms;
    expect((await store.state(rolled.id)).learner).toEqual((await store.state(taken.id)).learner);
    expect(events).toContainEqual(expect.objectContaining({ event: "rollback", snapshot: rolled.id, from: taken.id }));
    expect(await journalOf(daemon)).toHaveLength(501);
    // The newest rows may still wait for their mini-batch to become full, or old.
    await expect.poll(() => ask(daemon, "verify", {})).toMatchObject({ outcome: "same", rows: 501, difference: null });
    expect(await ask(daemon, "snapshots-diff", { a: String(taken.id), b: String(rolled.id) })).toMatchObject({
      identical: true,
    });
  });

  it("refuses a rollback to what is not there", async () => {
    const daemon = await open(temporaryFolder());
    await expect(ask(daemon, "rollback", { snapshot: "99" })).rejects.toMatchObject({ code: "unknown-snapshot" });
    await expect(ask(daemon, "rollback", { snapshot: "nobody" })).rejects.toMatchObject({ code: "unknown-snapshot" });
    await expect(daemon.request("fly", {})).rejects.toMatchObject({ code: "unknown-verb" });
    await expect(daemon.request("rollback", { shot: 1 })).rejects.toMatchObject({ code: "usage" });
  });

  it("answers the history of any range", async () => {
    const daemon = await open(temporaryFolder(), null, [
      "models.default.batch.maxAge=1h",
      "models.default.learner=network",
    ]);
    const client = await connectTo(daemon);
    const random = new Random(3);
    await Promise.all(
      Array.from({ length: 2000 }, () => client.publishAsync(SAMPLE, JSON.stringify(sample(random)), { qos: 1 })),
    );
    const all = await ask(daemon, "history", { points: 10_000 });
    expect(all.points.map(({ step }) => step)).toEqual(Array.from({ length: 500 }, (_, i) => i + 1));
    expect(all.points.at(-1)?.sequence).toBe(2000);
    const few = await ask(daemon, "history", { from: 101, to: 300, points: 20 });
    expect(few.points.length).toBeLessThanOrEqual(20);
    expect(few.points.at(-1)?.step).toBe(300);
  });
});

describe("bad input", () => {
  const deep = `${"[".repeat(20_000)}${"]".repeat(20_000)}`;
  const cases: [string, string, string | Buffer, string][] = [
    ["what is no JSON", SAMPLE, "x1=1", "not-json"],
    ["nothing at all", SAMPLE, "", "not-json"],
    ["NaN", SAMPLE, '{"x1":NaN,"x2":0,"y":1}', "not-json"],
    ["a number beyond all doubles", SAMPLE, '{"x1":1e999,"x2":0,"y":1}', "not-finite"],
    ["a label of another kind", SAMPLE, '{"x1":1,"x2":0,"y":"worn"}', "label-invalid"],
    ["a label that is no class", SAMPLE, '{"x1":1,"x2":0,"y":2}', "label-invalid"],
    ["no label", SAMPLE, '{"x1":1,"x2":0}', "label-missing"],
    ["no feature at all", SAMPLE, '{"x1":null,"y":1}', "feature-missing"],
    ["a number as text", SAMPLE, '{"x1":"1","x2":0,"y":1}', "feature-invalid"],
    ["a value beyond the limit", SAMPLE, '{"x1":1e13,"x2":0,"y":1}', "out-of-range"],
    ["a weight of 0", SAMPLE, '{"x1":1,"x2":0,"y":1,"weight":0}', "weight-invalid"],
    ["a time that is none", SAMPLE, '{"x1":1,"x2":0,"y":1,"ts":"now"}', "ts-invalid"],
    ["deep nesting", SAMPLE, deep, "too-deep"],
    ["uneven columns", SAMPLE, '{"x1":[1,2],"x2":[1],"y":1}', "columns-uneven"],
    ["__proto__ for a sample", SAMPLE, '{"__proto__":{"x1":1,"x2":0,"y":1}}', "feature-missing"],
    ["a question without features", SAMPLE, '{"id":"q"}', "feature-missing"],
    ["an answer to nothing", SAMPLE, '{"id":"q","y":1}', "unknown-id"],
    ["a number without a source", SAMPLE, '{"x1":1,"x2":0,"y":1,"seq":4}', "number-invalid"],
    ["too many rows", SAMPLE, JSON.stringify({ x1: new Array(9000).fill(1), x2: 0, y: 1 }), "too-large"],
    ["too many bytes", SAMPLE, " ".repeat(1_048_577), "too-large"],
    ["far too many bytes", SAMPLE, "x".repeat(5_000_000), "too-large"],
    ["a packed message of a wrong length", "rivulet/default/f32", Buffer.alloc(13), "wrong-length"],
    ["a packed NaN", "rivulet/default/f64", Buffer.from(new Float64Array([Number.NaN, 0, 1]).buffer), "not-finite"],
    [
      "a packed label that is no class",
      "rivulet/default/f32",
      Buffer.from(new Float32Array([1, 0, 7]).buffer),
      "label-invalid",
    ],
    ["a model that is not there", "rivulet/nobody/sample", "{}", "unknown-model"],
    ["a topic that is none of ours", "weather/berlin", "{}", "unknown-topic"],
    ["an event that only the daemon tells", "rivulet/default/event", "{}", "unknown-topic"],
  ];

  it("is quarantined with its code and acknowledged, counted exactly, and the stream goes on", async () => {
    const daemon = await open(temporaryFolder());
    const client = await connectTo(daemon);
    for (const [, topic, payload] of cases) {
      await client.publishAsync(topic, payload, { qos: 1 });
      await client.publishAsync(SAMPLE, '{"x1":1,"x2":0,"y":1}', { qos: 1 });
    }
    const { counts, messages } = await ask(daemon, "quarantine", {});
    const expected = new Map<string, number>();
    for (const [, , , code] of cases) expected.set(code, (expected.get(code) ?? 0) + 1);
    expect(
      new Map(
        counts.map(({ code }) => [code, counts.filter((c) => c.code === code).reduce((sum, c) => sum + c.count, 0)]),
      ),
    ).toEqual(expected);
    expect(messages.length).toBeGreaterThanOrEqual(10);
    expect(messages.every(({ sha256, detail }) => sha256.length === 64 && detail !== "")).toBe(true);
    expect(await journalOf(daemon)).toHaveLength(cases.length);
  });

  it.each(cases.slice(0, 8))("tells an event on %s", async (_, topic, payload, code) => {
    const daemon = await open(temporaryFolder());
    const client = await connectTo(daemon);
    await client.subscribeAsync("rivulet/default/event");
    const told = new Promise<string>((resolve) => client.on("message", (_topic, event) => resolve(event.toString())));
    await client.publishAsync(topic, payload, { qos: 1 });
    expect(JSON.parse(await told)).toMatchObject({ event: "rejected", code, topic });
  });

  it("never reaches other subscribers where clients may not publish", async () => {
    const daemon = await open(temporaryFolder());
    const [spoofer, watcher] = [await connectTo(daemon), await connectTo(daemon)];
    const seen: string[] = [];
    await watcher.subscribeAsync(["#", "rivulet/#"]);
    watcher.on("message", (topic, payload) => seen.push(payload.toString() === "spoofed" ? "spoofed" : topic));
    await spoofer.publishAsync("rivulet/default/state", "spoofed", { qos: 1, retain: true });
    await spoofer.publishAsync("rivulet/default/event", "spoofed", { qos: 1 });
    await spoofer.publishAsync(SAMPLE, '{"x1":1,"x2":0,"y":1}', { qos: 1 });
    await expect.poll(() => seen.filter((topic) => topic === SAMPLE).length).toBeGreaterThan(0);
    expect(seen).not.toContain("spoofed");
  });

  it("does not start on a broker that fails at once, and can be closed all the same", async () => {
    const data = temporaryFolder();
    const options = { config: parseConfig(null, { data }), log: silentLog, listen: true };
    const status = (await open(temporaryFolder())).rooms.broker?.status();
    if (status === undefined) throw new Error("no broker");
    const closed: string[] = [];
    const broken: Broker = {
      chunks$: throwError(() => new Error("a defect")),
      publish: () => {},
      status: () => status,
      renew: () => {},
      stopIntake: async () => {},
      close: async () => {
        closed.push("broker");
      },
    };
    const daemon = new Daemon(options, await openStored(options), broken, null);
    // The pipeline's first commit is done when its source fails.
    await expect(daemon.start()).rejects.toThrow("a defect");
    await daemon.close();
    expect(closed).toEqual(["broker"]);
    await expect(daemon.ended).rejects.toThrow("a defect");
    // The lock went with the store.
    await (await openStoreThread({ folder: data })).close();
  });
});
