import type { MqttClient } from "mqtt";
import { beforeEach, describe, expect, it } from "vitest";
import { parseConfig } from "../../src/daemon/config.ts";
import { type Daemon, openDaemon } from "../../src/daemon/daemon.ts";
import { silentLog } from "../../src/daemon/log.ts";
import type { SnapshotLine } from "../../src/daemon/verb-snapshots.ts";
import { scoreOn } from "../../src/evaluate/backtest.ts";
import type { Stretch } from "../../src/evaluate/labelled-rows.ts";
import { Random } from "../../src/learner/random.ts";
import { ask, connectTo, journalOf, NETWORK, onEnd, open, temporaryFolder } from "./open.ts";
import { exchange, request, SAMPLE } from "./request.ts";

/** Nothing but a rollback is to change a learner. */
const NO_POLICY = ["models.default.drift.policy=none"];
/** Share of labels that are wrong: a learner is not to be too sure. */
const NOISE = 0.1;
let random = new Random(4);

beforeEach(() => {
  random = new Random(4);
});

interface Row {
  readonly [name: string]: number | string;
}

/** Draws points that are of class 1 right of a line, or left of it where labels are turned over. */
function rowsOf(count: number, turned = 0, names: readonly [string, string] = ["x1", "x2"]): readonly Row[] {
  return Array.from({ length: count }, () => {
    const [a, b] = [random.normal(), random.normal()];
    const isOther = random.uniform() < NOISE ? 1 - turned : turned;
    return { [names[0]]: a, [names[1]]: b, y: a + b / 4 > 0 ? 1 - isOther : isOther };
  });
}

async function publish(client: MqttClient, rows: readonly Row[]): Promise<void> {
  await client.publishAsync(SAMPLE, JSON.stringify(rows), { qos: 1 });
}

/** Opens a daemon whose snapshot 2 is good, and whose labels were turned over since, for the newest 40 rows. */
async function flipped(set: readonly string[] = []): Promise<{ daemon: Daemon; client: MqttClient; data: string }> {
  const data = temporaryFolder();
  const daemon = await open(data, null, [...NO_POLICY, ...set]);
  const client = await connectTo(daemon);
  await publish(client, rowsOf(1000));
  await ask(daemon, "snapshots-take", {});
  await publish(client, rowsOf(40, 1));
  await ask(daemon, "snapshots-take", {});
  return { daemon, client, data };
}

/** Begins a model anew under another configuration, without a daemon. */
async function reset(data: string, set: readonly string[]): Promise<void> {
  const daemon = await openDaemon({
    config: parseConfig(null, { data, set: [NETWORK, ...set] }),
    log: silentLog,
    listen: false,
  });
  onEnd(() => daemon.close());
  await ask(daemon, "models-reset", { name: "default" });
  await daemon.close();
}

/** Makes a stretch of the newest labelled rows, as the journal exports them. */
async function stretchOf(daemon: Daemon, last: number): Promise<Stretch> {
  const rows = (await journalOf(daemon)).filter(({ y }) => y !== undefined).slice(-last);
  return {
    features: 2,
    rows: rows.length,
    x: Float64Array.from(rows.flatMap(({ x1, x2 }) => [Number(x1), Number(x2)])),
    labels: Float64Array.from(rows, ({ y }) => Number(y)),
    weights: Float64Array.from(rows, ({ weight }) => Number(weight ?? 1)),
    from: Number(rows.at(0)?.["sequence"]),
    to: Number(rows.at(-1)?.["sequence"]),
  };
}

describe("a backtest", () => {
  it("scores what a rollback to each snapshot would give, and the live state, the best first", async () => {
    const { daemon } = await flipped();
    const { rows, by, snapshots, notComparable } = await ask(daemon, "backtest", {});
    expect({ rows, by, notComparable }).toEqual({
      rows: { count: 1000, from: 41, to: 1040 },
      by: "logLoss",
      notComparable: [],
    });
    // The live state is that of the newest snapshot: of equals the newer is first.
    expect(snapshots.map(({ id }) => id)).toEqual([2, 1, null, 3]);
    const stretch = await stretchOf(daemon, 1000);
    const live = await ask(daemon, "backtest", { snapshots: ["2", "2"] });
    expect(live.snapshots).toEqual(snapshots.filter(({ id }) => id === 2 || id === null));
    const model = daemon.rooms.models.get("default");
    if (model === undefined) throw new Error("there is no model");
    for (const { id, step, sequence, cost, tags, ...score } of snapshots) {
      const saved = id === null ? null : await daemon.rooms.store.state(id);
      const { learner } = model.state;
      const before = learner.save();
      learner.adopt(saved?.learner ?? before);
      expect(score).toEqual(scoreOn(learner, stretch));
      learner.adopt(before);
      if (id === null) continue;
      const [line] = await ask(daemon, "snapshots-list", { before: id + 1, limit: 1 });
      expect({ step, sequence, cost, tags }).toMatchObject({ step: line?.step, sequence: line?.sequence });
      expect([cost, tags]).toEqual([line?.cost, line?.tags]);
    }
  });

  it("is of samples and answers with their weights, however many questions are among them", async () => {
    const daemon = await open(temporaryFolder(), null, [...NO_POLICY, "models.default.batch.size=1"]);
    const client = await connectTo(daemon);
    await publish(
      client,
      rowsOf(50).map((row, i) => ({ ...row, weight: 1 + i })),
    );
    for (let from = 0; from < 300; from += 100) {
      const asked = rowsOf(100).map(({ x1 = 0, x2 = 0 }, i) => ({ x1, x2, id: `q${from + i}` }));
      await publish(client, asked);
      await publish(client, [{ id: `q${from}`, y: 1 }]);
    }
    const { rows, snapshots } = await ask(daemon, "backtest", { last: 40 });
    const stretch = await stretchOf(daemon, 40);
    expect(stretch.rows).toBe(40);
    expect(rows).toEqual({ count: 40, from: stretch.from, to: stretch.to });
    const model = daemon.rooms.models.get("default");
    if (model === undefined) throw new Error("there is no model");
    expect(snapshots.find(({ id }) => id === null)).toMatchObject(scoreOn(model.state.learner, stretch));
  });

  it("of values goes by their mean squared error", async () => {
    const daemon = await open(temporaryFolder(), null, ["models.default.network.loss=mse"]);
    const client = await connectTo(daemon);
    await publish(
      client,
      rowsOf(200).map(({ x1 = 0, x2 = 0 }) => ({ x1, x2, y: 3 * Number(x1) + 1 })),
    );
    const { by, snapshots } = await ask(daemon, "backtest", { last: 100 });
    expect(by).toBe("mse");
    expect(snapshots.map(({ id }) => id)).toEqual([null, 1]);
    const [live, created] = snapshots.map(({ metrics }) => metrics["mse"] ?? null);
    expect(live).toBeLessThan(created ?? 0);
  });

  it("knows no better of a model that has not seen a row", async () => {
    const daemon = await open(temporaryFolder());
    const { rows, snapshots } = await ask(daemon, "backtest", {});
    expect(rows).toEqual({ count: 0, from: null, to: null });
    expect(snapshots).toMatchObject([
      { id: null, loss: null },
      { id: 1, loss: null },
    ]);
    await expect(ask(daemon, "rollback", { snapshot: "best" })).rejects.toMatchObject({ code: "no-better" });
    // Of equals the newer is first, in whichever order they are named.
    await ask(daemon, "snapshots-take", {});
    const equals = await ask(daemon, "backtest", { snapshots: ["1", "2"] });
    expect(equals.snapshots.map(({ id }) => id)).toEqual([null, 2, 1]);
  });

  it("lists snapshots of another topology with the reason, and uses the rows that they were trained on", async () => {
    const { daemon: first, data } = await flipped();
    await first.close();
    const other = [...NO_POLICY, "models.default.network.hidden=[7,3]"];
    await reset(data, other);
    const daemon = await open(data, null, other);
    const { rows, snapshots, notComparable } = await ask(daemon, "backtest", {});
    expect(rows).toEqual({ count: 1000, from: 41, to: 1040 });
    expect(snapshots.map(({ id }) => id)).toEqual([null, 4]);
    expect(notComparable.map(({ id }) => id)).toEqual([3, 2, 1]);
    expect(notComparable[0]).toMatchObject({ sequence: 1040, reason: expect.stringContaining("network.hidden") });
    await expect(ask(daemon, "importance", { snapshot: "2" })).rejects.toMatchObject({ code: "topology-differs" });
  });

  it("leaves out rows whose numbers mean something else", async () => {
    const { daemon: first, data } = await flipped();
    await first.close();
    const other = [...NO_POLICY, 'models.default.features=["b1","b2"]'];
    await reset(data, other);
    const daemon = await open(data, null, other);
    expect(await ask(daemon, "backtest", {})).toMatchObject({ rows: { count: 0 } });
    await publish(await connectTo(daemon), rowsOf(30, 0, ["b1", "b2"]));
    const { rows, notComparable } = await ask(daemon, "backtest", {});
    expect(rows).toEqual({ count: 30, from: 1041, to: 1070 });
    expect(notComparable).toHaveLength(3);
  });

  it("refuses more rows than there is room for, and snapshots that are not there", async () => {
    const daemon = await open(temporaryFolder());
    await expect(ask(daemon, "backtest", { last: 2 ** 30 })).rejects.toMatchObject({ code: "usage" });
    await expect(ask(daemon, "backtest", { snapshots: ["9"] })).rejects.toMatchObject({ code: "unknown-snapshot" });
    expect(await ask(daemon, "backtest", {})).toMatchObject({ rows: { count: 0 } });
  });

  it("is given up where the daemon stops", async () => {
    const { daemon } = await flipped();
    const asked = expect(ask(daemon, "backtest", {})).rejects.toMatchObject({ code: "busy" });
    await daemon.close();
    await asked;
  });
});

describe("a rollback to the best", () => {
  it("is one to the snapshot that is best on the newest rows, and none where the live state is", async () => {
    const { daemon } = await flipped();
    const best = await daemon.rooms.store.state(2);
    expect(await ask(daemon, "rollback", { snapshot: "best" })).toMatchObject({ id: 4, parent: 2, reason: "rollback" });
    expect((await daemon.rooms.store.state(4)).learner).toEqual(best.learner);
    await expect(ask(daemon, "rollback", { snapshot: "best" })).rejects.toMatchObject({
      code: "no-better",
      message: expect.stringContaining("goes on as it is"),
    });
    expect(await ask(daemon, "snapshots-list", {})).toHaveLength(4);
    expect(await ask(daemon, "verify", {})).toMatchObject({ outcome: "same", snapshots: 3 });
  });

  it("is given once by a transaction over MQTT", async () => {
    const { daemon, client } = await flipped();
    const topics = ["rivulet/default/request/rollback", "rivulet/default/response/rollback"] as const;
    const first = await exchange(client, ...topics, '{"snapshot":"best","transaction":"t"}');
    expect((JSON.parse(first) as { data: SnapshotLine }).data).toMatchObject({ id: 4, parent: 2 });
    expect(await exchange(client, ...topics, '{"transaction":"t","snapshot":"best"}')).toBe(first);
    expect(await request(client, "rollback", { snapshot: "best" })).toMatchObject({
      status: "error",
      error: { code: "no-better" },
    });
    expect(await ask(daemon, "snapshots-list", {})).toHaveLength(4);
  });

  it("holds nothing up while it finds out", async () => {
    const { daemon, client } = await flipped();
    let finish = () => {};
    const before = daemon.rooms.alone(() => new Promise<void>((resolve) => (finish = resolve)));
    const answered = request(client, "rollback", { snapshot: "best" });
    // Acknowledged is what went through the pipeline behind it.
    await publish(client, rowsOf(10));
    expect(await request(client, "predict", { values: [1, 1] })).toMatchObject({ status: "ok" });
    finish();
    await before;
    expect(await answered).toMatchObject({ status: "ok", data: { parent: 2, sequence: 1050 } });
  });

  it("cannot be a tag", async () => {
    const daemon = await open(temporaryFolder());
    await expect(ask(daemon, "snapshots-tag", { snapshot: "1", tag: "best" })).rejects.toMatchObject({
      code: "usage",
      hint: expect.stringContaining("not best"),
    });
  });
});

describe("an explanation", () => {
  it("tells what each feature added to the logit, live or of a snapshot", async () => {
    const { daemon } = await flipped();
    const values = [1.2, 0.1];
    const live = await ask(daemon, "explain", { values });
    expect(live).toMatchObject({ ...(await ask(daemon, "predict", { values })), snapshot: null });
    const then = await ask(daemon, "explain", { values, snapshot: "2" });
    expect(then).toMatchObject({
      snapshot: 2,
      step: 250,
      sequence: 1000,
      class: 1,
      explains: { kind: "logit", class: 1 },
    });
    for (const { features, explains, rest, prediction } of [live, then]) {
      expect(features.map(({ feature, value }) => [feature, value])).toEqual([
        ["x1", 1.2],
        ["x2", 0.1],
      ]);
      for (const { input, gradient, contribution } of features) expect(contribution).toBe(input * gradient);
      expect(features.reduce((sum, { contribution }) => sum + contribution, rest)).toBeCloseTo(explains.value, 12);
      expect(1 / (1 + Math.exp(-explains.value))).toBeCloseTo(Number(prediction), 12);
    }
    const [x1, x2] = then.features;
    expect(x1?.contribution).toBeGreaterThan(Math.abs(x2?.contribution ?? 0));
    await expect(ask(daemon, "explain", { values: [1] })).rejects.toMatchObject({ code: "usage" });
    await expect(ask(daemon, "explain", { values: [1e13, 0], snapshot: "2" })).rejects.toMatchObject({ code: "usage" });
  });

  it("of importance tells which features predictions hang on, the same for the same seed", async () => {
    const { daemon } = await flipped();
    const measured = await ask(daemon, "importance", { snapshot: "2" });
    expect(measured).toMatchObject({ snapshot: 2, rows: { count: 1000, to: 1040 }, seed: 1, permutations: 5 });
    expect(measured.features.map(({ feature }) => feature)).toEqual(["x1", "x2"]);
    const [x1, x2] = measured.features.map(({ increase }) => increase ?? 0);
    expect(x1).toBeGreaterThan(2 * (x2 ?? 0));
    const scored = await ask(daemon, "backtest", { snapshots: ["2"] });
    expect(measured.loss).toBe(scored.snapshots.find(({ id }) => id === 2)?.loss);
    expect(await ask(daemon, "importance", { snapshot: "2", seed: 1 })).toEqual(measured);
    expect(await ask(daemon, "importance", { snapshot: "2", seed: 2 })).not.toEqual(measured);
  });
});
