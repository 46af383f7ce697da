import { cpSync, existsSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import type { Daemon } from "../../src/daemon/daemon.ts";
import { learnerOf, parseAnyModelFile } from "../../src/export/model-file.ts";
import { defaultMembers } from "../../src/learner/ensemble/members.ts";
import { Random } from "../../src/learner/random.ts";
import { ask, connectTo, eventually, open, temporaryFolder } from "./open.ts";

const MEMBERS = defaultMembers(2, 1).length;
/** Nothing is trained by age, so that the steps are the same however fast the machine is. */
const ENSEMBLE = ["models.default.learner=ensemble", "models.default.batch.maxAge=1h"];

async function publish(daemon: Daemon, random: Random, count: number, rest = {}): Promise<void> {
  const client = await connectTo(daemon);
  const before = daemon.rooms.models.get("default")?.state.sequence ?? 0;
  const rows = Array.from({ length: count }, () => {
    const [x1, x2] = [random.normal(), random.normal()];
    return { x1, x2, y: x1 * x1 + x2 * x2 > 1.4 ? 1 : 0, ...rest };
  });
  await client.publishAsync("rivulet/default/sample", JSON.stringify(rows), { qos: 1 });
  await eventually(() => daemon.rooms.models.get("default")?.state.sequence).toBe(before + count);
}

const savedBy = (daemon: Daemon) => daemon.rooms.models.get("default")?.state.learner.save() ?? new Uint8Array();

/** Waits until both have the same state: training runs ahead of the commit, and is made up for after a crash. */
async function same(one: Daemon, other: Daemon): Promise<void> {
  await eventually(() => Buffer.compare(savedBy(one), savedBy(other))).toBe(0);
}

/** Copies the data folder as a crash leaves it. */
function crashed(data: string): string {
  const copy = temporaryFolder();
  for (const name of ["rivulet.db", "rivulet.db-wal"]) {
    if (existsSync(join(data, name))) cpSync(join(data, name), join(copy, name));
  }
  return copy;
}

it("an ensemble is trained over MQTT, killed, replayed to the same bits, verified and rolled back", async () => {
  const data = temporaryFolder();
  const random = new Random(4);
  const alive = await open(data, null, ENSEMBLE);
  await publish(alive, random, 400);
  await publish(alive, random, 4, { x2: null });
  const standing = async () => (await ask(alive, "status", {})).models["default"]?.members;
  const then = await standing();
  const { id } = await ask(alive, "snapshots-take", {});
  const early = savedBy(alive);
  await publish(alive, random, 200);
  const members = await standing();
  expect(members).toHaveLength(MEMBERS);
  for (const { loss, weight } of members ?? []) {
    expect(loss).toBeLessThan(1);
    expect(Math.abs(weight)).toBeLessThan(2);
  }
  expect((await ask(alive, "history", {})).members).toEqual(members);
  expect(then).not.toEqual(members);
  expect((await ask(alive, "snapshots-show", { snapshot: String(id) })).members).toEqual(then);
  const after = await open(crashed(data), null, ENSEMBLE);
  await same(after, alive);
  expect(await ask(after, "verify", {})).toMatchObject({ outcome: "same", rows: 604 });
  await ask(after, "rollback", { snapshot: String(id) });
  expect(Buffer.compare(savedBy(after), early)).toBe(0);
  const here = await ask(after, "predict", { values: [0.1, 0.2] });
  expect(here).toMatchObject({ class: 0 });
  // What is exported says the same.
  const file = parseAnyModelFile(JSON.stringify(await ask(after, "snapshots-export", { snapshot: String(id) })));
  const read = learnerOf(file, { optimizer: { kind: "ekf", learningRate: 1 }, batch: { size: 1 } });
  expect(read.predict([0.1, 0.2])).toBeCloseTo(Number(here.prediction), 12);
  read.release();
  await publish(after, random, 40);
  expect(await ask(after, "verify", {})).toMatchObject({ outcome: "same", rows: 644 });
});

it.each(["background", "rollback", "reset", "boost"])(
  "an ensemble whose world changes is replayed to the same bits with the policy %s",
  async (policy) => {
    const data = temporaryFolder();
    const random = new Random(6);
    const set = [...ENSEMBLE, `models.default.drift.policy=${policy}`];
    const alive = await open(data, null, set);
    await publish(alive, random, 800);
    const client = await connectTo(alive);
    const rows = Array.from({ length: 400 }, () => {
      const [x1, x2] = [random.normal(), random.normal()];
      return { x1, x2, y: x1 * x1 + x2 * x2 > 1.4 ? 0 : 1 };
    });
    await client.publishAsync("rivulet/default/sample", JSON.stringify(rows), { qos: 1 });
    await eventually(() => alive.rooms.models.get("default")?.state.sequence).toBe(1200);
    const { metrics } = (await ask(alive, "status", {})).models["default"] ?? {};
    expect(metrics?.drift.drifts).toBeGreaterThan(0);
    const after = await open(crashed(data), null, set);
    await same(after, alive);
    expect(await ask(after, "verify", {})).toMatchObject({ outcome: "same", rows: 1200 });
  },
);

it("an ensemble that keeps rows is replayed to the same bits, shown, rolled back, and not exported", async () => {
  const data = temporaryFolder();
  const random = new Random(8);
  const set = [...ENSEMBLE, "models.default.ensemble.neighbours=100"];
  const alive = await open(data, null, set);
  await publish(alive, random, 160);
  const { id } = await ask(alive, "snapshots-take", {});
  const early = savedBy(alive);
  await publish(alive, random, 80);
  const { members } = (await ask(alive, "status", {})).models["default"] ?? {};
  expect(members?.map(({ name }) => name).at(-1)).toBe("nearest of 100 rows");
  const after = await open(crashed(data), null, set);
  await same(after, alive);
  expect(await ask(after, "verify", {})).toMatchObject({ outcome: "same", rows: 240 });
  await ask(after, "rollback", { snapshot: String(id) });
  expect(Buffer.compare(savedBy(after), early)).toBe(0);
  expect((await ask(after, "snapshots-show", { snapshot: String(id) })).network).toMatchObject({ version: 2 });
  await expect(ask(after, "snapshots-export", { snapshot: String(id) })).rejects.toThrow("in no exported model");
  const file = { ...(await ask(after, "model", {})) };
  await expect(ask(after, "models-import", { model: file })).rejects.toThrow("neighbours");
});
