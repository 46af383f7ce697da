import { cpSync, existsSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { describe, expect, it } from "vitest";
import { parseConfig } from "../../src/daemon/config.ts";
import { type Daemon, openDaemon } from "../../src/daemon/daemon.ts";
import { silentLog } from "../../src/daemon/log.ts";
import { NUMERICS } from "../../src/learner/numerics.ts";
import { Random } from "../../src/learner/random.ts";
import { decodeStateBlock, encodeStateBlock } from "../../src/learner/state-block.ts";
import { checksumOf } from "../../src/store/records.ts";
import { ask, connectTo, journalOf, open, temporaryFolder } from "./open.ts";

/** A configuration in which nothing is trained by age, so that rows stay pending. */
const PATIENT = ["models.default.batch.maxAge=1h"];

async function publish(daemon: Daemon, count: number, seed: number): Promise<void> {
  const client = await connectTo(daemon);
  const random = new Random(seed);
  await Promise.all(
    Array.from({ length: count }, () => {
      const [x1, x2] = [random.normal(), random.normal()];
      const sample = JSON.stringify({ x1, x2, y: x1 * x2 > 0 ? 1 : 0 });
      return client.publishAsync("rivulet/default/sample", sample, { qos: 1 });
    }),
  );
}

function learnerOf(daemon: Daemon): Uint8Array {
  return daemon.rooms.models.get("default")?.state.learner.save() ?? new Uint8Array();
}

/** Copies the data folder as a crash leaves it: the daemon goes on, its clean stop is not in the copy. */
function crashed(data: string): string {
  const copy = temporaryFolder();
  for (const name of ["rivulet.db", "rivulet.db-wal"]) {
    if (existsSync(join(data, name))) cpSync(join(data, name), join(copy, name));
  }
  return copy;
}

/** Makes what is saved look as if a release of other numerics had saved it, which kept its covariances under another tag. */
async function madeByOthers(data: string, set: readonly string[]): Promise<void> {
  const daemon = await open(data, null, set);
  const ids = (await ask(daemon, "snapshots-list", {})).map(({ id }) => id);
  const states = await Promise.all(ids.map((id) => daemon.rooms.store.state(id)));
  await daemon.close();
  const db = new Database(join(data, "rivulet.db"));
  for (const [i, id] of ids.entries()) {
    const state = states[i];
    if (state === undefined) throw new Error("a state is missing");
    const sections = decodeStateBlock(state.learner).map((section) =>
      section.tag === "COVS" ? { ...section, tag: "COVA" } : section,
    );
    const forged = { ...state, numerics: NUMERICS - 1, learner: encodeStateBlock(sections) };
    db.prepare(
      "UPDATE states SET numerics = ?, learner = ?, checksum = ? WHERE id = (SELECT state_id FROM snapshots WHERE id = ?)",
    ).run(forged.numerics, forged.learner, checksumOf(forged), id);
  }
  db.close();
}

describe("a restart", () => {
  it.each([["sgd"], ["ekf"]])("goes on from what a release of other numerics saved, and again (%s)", async (kind) => {
    let data = temporaryFolder();
    const set = [...PATIENT, `models.default.optimizer.kind=${kind}`];
    const first = await open(data, null, set);
    await publish(first, 40, 1);
    const said = await ask(first, "predict", { values: [0.3, -0.4] });
    await first.close();
    await madeByOthers(data, set);
    for (let start = 0; start < 3; start++) {
      const daemon = await open(data, null, set);
      expect(await ask(daemon, "predict", { values: [0.3, -0.4] })).toMatchObject({ prediction: said.prediction });
      // A crash after the first, a clean stop after the second.
      if (start === 0) data = crashed(data);
      await daemon.close();
    }
    const last = await open(data, null, set);
    await publish(last, 40, 2);
    const [newest] = await ask(last, "snapshots-list", { limit: 1 });
    expect(await ask(last, "verify", { from: String(newest?.id) })).toMatchObject({ outcome: "same", rows: 40 });
    expect(await ask(last, "snapshots-show", { snapshot: "1" })).toMatchObject({ numerics: NUMERICS - 1 });
  });

  it("goes on after a clean stop as if there had been none", async () => {
    const data = temporaryFolder();
    const first = await open(data, null, PATIENT);
    await publish(first, 42, 1);
    await first.close();
    const second = await open(data, null, PATIENT);
    expect(second.rooms.models.get("default")?.state).toMatchObject({ sequence: 42, step: 11 });
    const [newest] = await ask(second, "snapshots-list", {});
    expect(newest).toMatchObject({ reason: "shutdown", sequence: 42 });
    await publish(second, 40, 2);
    expect(await ask(second, "verify", {})).toMatchObject({ outcome: "same", rows: 82 });
    const { points } = await ask(second, "history", {});
    expect(points.map(({ step }) => step)).toEqual(Array.from({ length: 21 }, (_, i) => i + 1));
  });

  it("replays nothing again once a crash was recovered from and the daemon stopped cleanly", async () => {
    const alive = await open(temporaryFolder());
    await publish(alive, 400, 8);
    const data = crashed(alive.rooms.config.data);
    const recovered = await open(data);
    expect(learnerOf(recovered)).toEqual(learnerOf(alive));
    await recovered.close();
    const again = await open(data);
    expect((await ask(again, "snapshots-list", {})).slice(0, 1)).toMatchObject([{ reason: "shutdown", sequence: 400 }]);
    expect(learnerOf(again)).toEqual(learnerOf(alive));
  });

  it.each(["window", "reservoir"])(
    "goes on after a crash, verifies and rolls back with averaged weights and a %s of rows",
    async (kind) => {
      const set = [
        ...PATIENT,
        "models.default.averaging.decay=0.95",
        ...[`kind=${kind}`, "rows=50", "batches=2", "size=6"].map((key) => `models.default.replay.${key}`),
      ];
      const data = temporaryFolder();
      const alive = await open(data, null, set);
      await publish(alive, 120, 3);
      const { id } = await ask(alive, "snapshots-take", {});
      const early = learnerOf(alive);
      await publish(alive, 80, 4);
      const after = await open(crashed(data), null, set);
      expect(learnerOf(after)).toEqual(learnerOf(alive));
      expect(await ask(after, "verify", {})).toMatchObject({ outcome: "same", rows: 200 });
      await ask(after, "rollback", { snapshot: String(id) });
      expect(learnerOf(after)).toEqual(early);
      await publish(after, 40, 5);
      expect(await ask(after, "verify", {})).toMatchObject({ outcome: "same", rows: 240 });
      // What is exported predicts as the model does, and what is imported is what it goes on from.
      const here = await ask(after, "predict", { values: [0.1, 0.2] });
      const model = await ask(after, "snapshots-export", {
        snapshot: String((await ask(after, "snapshots-take", {})).id),
      });
      await publish(after, 40, 6);
      await ask(after, "models-import", { model: JSON.parse(JSON.stringify(model)) });
      expect((await ask(after, "predict", { values: [0.1, 0.2] })).prediction).toBe(here.prediction);
      await publish(after, 40, 7);
      expect(await ask(after, "verify", {})).toMatchObject({ outcome: "same", rows: 320 });
    },
  );

  it("after a crash replays the journal to the same bits, and takes up the pending rows", async () => {
    const data = temporaryFolder();
    const alive = await open(data, null, PATIENT);
    await publish(alive, 203, 3);
    const { state } = alive.rooms.models.get("default") ?? {};
    const after = await open(crashed(data), null, PATIENT);
    const recovered = after.rooms.models.get("default");
    expect(recovered?.state).toMatchObject({ step: 50, sequence: 200, accepted: 203 });
    expect(recovered?.pending).toBe(3);
    expect(learnerOf(after)).toEqual(learnerOf(alive));
    expect(recovered?.state.saveMonitor()).toEqual(state?.saveMonitor());
    // Both go on with the same rows, and stay the same.
    await publish(alive, 57, 4);
    await publish(after, 57, 4);
    expect(learnerOf(after)).toEqual(learnerOf(alive));
    expect(await journalOf(after)).toEqual(await journalOf(alive));
    expect(await ask(after, "verify", {})).toMatchObject({ outcome: "same", rows: 260 });
  });

  it("recovers from an older state and the journal where the newest one is damaged", async () => {
    const data = temporaryFolder();
    const alive = await open(data, null, PATIENT);
    for (let i = 0; i < 3; i++) {
      await publish(alive, 40, i);
      await ask(alive, "snapshots-take", {});
    }
    await ask(alive, "rollback", { snapshot: "2" });
    await publish(alive, 40, 9);
    const expected = learnerOf(alive);
    const copy = crashed(data);
    const db = new Database(join(copy, "rivulet.db"));
    db.prepare(
      "UPDATE states SET learner = zeroblob(length(learner)) WHERE id IN (SELECT id FROM states ORDER BY id DESC LIMIT 2)",
    ).run();
    db.close();
    const after = await open(copy, null, PATIENT);
    expect(learnerOf(after)).toEqual(expected);
  });

  it("refuses a second daemon on the same data", async () => {
    const data = temporaryFolder();
    await open(data);
    await expect(open(data)).rejects.toMatchObject({ code: "store-locked" });
  });

  it("lets a command work on the stored models where no daemon runs", async () => {
    const data = temporaryFolder();
    const first = await open(data, null, ["models.default.network.hidden=[5]"]);
    await publish(first, 40, 1);
    const { id } = await ask(first, "snapshots-take", {});
    await publish(first, 40, 2);
    await first.close();
    // Another configuration than the stored one: a query must not put it in force.
    const local = await openDaemon({ config: parseConfig(null, { data }), log: silentLog, listen: false });
    expect(await ask(local, "rollback", { snapshot: String(id) })).toMatchObject({ reason: "rollback", parent: id });
    await local.close();
    const second = await open(data, null, ["models.default.network.hidden=[5]"]);
    expect((await second.rooms.store.state(id)).learner).toEqual(learnerOf(second));
  });
});

describe("another configuration on the same data", () => {
  it("is put in force with a snapshot before it where only a rate changes", async () => {
    const data = temporaryFolder();
    const first = await open(data);
    await publish(first, 40, 1);
    await first.close();
    const second = await open(data, null, [
      "models.default.optimizer.learningRate=0.05",
      "models.default.batch.size=8",
    ]);
    await publish(second, 40, 2);
    const reasons = (await ask(second, "snapshots-list", {})).map(({ reason }) => reason);
    expect(reasons.slice(-3)).toEqual(["config", "shutdown", "created"]);
    expect(await ask(second, "verify", {})).toMatchObject({ outcome: "same", rows: 80 });
  });

  it("carries the parameters over where the optimizer's kind changes", async () => {
    const data = temporaryFolder();
    const first = await open(data);
    await publish(first, 40, 1);
    await first.close();
    const before = first.rooms.models.get("default")?.state.learner.engine.parameters;
    const second = await open(data, null, ["models.default.optimizer.kind=sgd", "models.default.scale=none"]);
    const { engine } = second.rooms.models.get("default")?.state.learner ?? {};
    expect(engine?.parameters).toEqual(before);
    expect([engine?.moments.length, engine?.scaler]).toEqual([0, null]);
    await publish(second, 40, 2);
    expect(await ask(second, "verify", {})).toMatchObject({ outcome: "same", rows: 80 });
    // Back across the generations.
    await ask(second, "rollback", { snapshot: "2" });
    await publish(second, 8, 3);
    expect(await ask(second, "verify", {})).toMatchObject({ outcome: "same", rows: 88 });
  });

  it("is refused where the topology changes, until the model is reset", async () => {
    const data = temporaryFolder();
    const first = await open(data);
    await publish(first, 40, 1);
    await first.close();
    const other = ["models.default.network.hidden=[7,3]"];
    await expect(open(data, null, other)).rejects.toMatchObject({
      code: "topology-differs",
      message: expect.stringContaining("network.hidden"),
      hint: expect.stringContaining("models reset default"),
    });
    const config = parseConfig(null, { data, set: other });
    const local = await openDaemon({ config, log: silentLog, listen: false });
    const reset = await ask(local, "models-reset", { name: "default" });
    expect(reset).toMatchObject({ step: 10, sequence: 40 });
    await local.close();
    const second = await open(data, null, other);
    await publish(second, 40, 2);
    expect(second.rooms.models.get("default")?.state).toMatchObject({ step: 20, sequence: 80 });
    await expect(ask(second, "rollback", { snapshot: "2" })).rejects.toMatchObject({ code: "topology-differs" });
    expect(await ask(second, "verify", {})).toMatchObject({ outcome: "same", rows: 80 });
  });

  it("keeps a model that it no longer has as inactive, until it is deleted", async () => {
    const data = temporaryFolder();
    const both = "models: { one: {}, two: {} }";
    const first = await open(data, both);
    const client = await connectTo(first);
    for (const name of ["one", "two"]) {
      await client.publishAsync(`rivulet/${name}/sample`, '{"x1":1,"x2":2,"y":1}', { qos: 1 });
    }
    await first.close();
    const second = await open(data, "models: { one: {} }");
    const listed = await ask(second, "models-list", {});
    expect(listed.map(({ name, active }) => [name, active])).toEqual([
      ["one", true],
      ["two", false],
    ]);
    expect(await ask(second, "snapshots-list", { name: "two" })).not.toHaveLength(0);
    await expect(ask(second, "models-delete", { name: "one" })).rejects.toMatchObject({ code: "usage" });
    await ask(second, "models-delete", { name: "two" });
    expect((await ask(second, "models-list", {})).map(({ name }) => name)).toEqual(["one"]);
    expect(await journalOf(second, "one")).toHaveLength(1);
    await second.close();
    const third = await open(data, both);
    expect(third.rooms.models.get("two")?.state.sequence).toBe(0);
    expect(await ask(third, "verify", { name: "one" })).toMatchObject({ outcome: "same" });
  });
});

describe("verification", () => {
  it("tells the first step that differs", async () => {
    const data = temporaryFolder();
    const alive = await open(data, null, PATIENT);
    await publish(alive, 40, 1);
    await ask(alive, "snapshots-take", {});
    expect(await ask(alive, "verify", { from: "1", to: "2" })).toMatchObject({
      outcome: "same",
      snapshots: 1,
      steps: 10,
    });
    // One bit of a parameter, with a checksum that belongs to it: only a replay can tell.
    const forged = await alive.rooms.store.state(2);
    const byte = forged.learner.length >> 1;
    forged.learner[byte] = (forged.learner[byte] ?? 0) ^ 1;
    const db = new Database(join(data, "rivulet.db"));
    db.prepare(
      "UPDATE states SET learner = ?, checksum = ? WHERE id = (SELECT state_id FROM snapshots WHERE id = 2)",
    ).run(forged.learner, checksumOf(forged));
    db.close();
    expect(await ask(alive, "verify", { from: "1", to: "2" })).toMatchObject({
      outcome: "differs",
      difference: {
        step: 10,
        sequence: 40,
        what: expect.stringContaining("learner state differs from that of snapshot 2"),
      },
    });
  });

  it("cannot tell about a stretch that the journal no longer holds", async () => {
    const data = temporaryFolder();
    const first = await open(data, null, ["models.default.journal.keepRows=10", ...PATIENT]);
    for (let i = 0; i < 6; i++) {
      await publish(first, 40, i);
      await ask(first, "snapshots-take", {});
    }
    const { store, config } = first.rooms;
    const policies = new Map(
      Object.entries(config.models).map(([name, { snapshot, journal, history }]) => [
        name,
        { keep: snapshot.keep, keepRows: journal.keepRows, keepSteps: history.keepSteps },
      ]),
    );
    while (await store.maintain(policies, config.store.bytesMax)) {}
    expect(await ask(first, "verify", { from: "1" })).toMatchObject({ outcome: "pruned" });
    expect(await ask(first, "verify", {})).toMatchObject({ outcome: "same" });
    const rows = await journalOf(first);
    expect(rows.length).toBeLessThan(240);
    expect(rows.at(-1)?.["sequence"]).toBe(240);
  });
});
