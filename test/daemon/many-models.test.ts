// A hundred models in one daemon: what they share.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { connectAsync, type MqttClient } from "mqtt";
import { describe, expect, it } from "vitest";
import { Random } from "../../src/learner/random.ts";
import { unpackPage } from "../../src/store/journal-page.ts";
import { openStore } from "../../src/store/open-store.ts";
import { bytesOfRow } from "../../src/stream/ring.ts";
import { startDaemon, stopped } from "../cli/run.ts";
import { ask, connectTo, eventually, onEnd, open, temporaryFolder } from "./open.ts";

const MODELS = 100;
const names = Array.from({ length: MODELS }, (_, m) => `m-${m}`);
const model = { learner: "network", network: { hidden: [4] } };
const models = JSON.stringify({ models: Object.fromEntries(names.map((name) => [name, model])) });
/** Longer than any test: nothing is committed before somebody waits for it. */
const LATE = "commit.profile=sd-card";

/** Publishes a sample of each model in one go; `acknowledged` is told each that is. */
function round(client: MqttClient, random: Random, acknowledged: (name: string) => void): Promise<unknown> {
  return Promise.all(
    names.map(async (name) => {
      const [x1, x2] = [random.normal().toFixed(3), random.normal().toFixed(2)];
      await client.publishAsync(`rivulet/${name}/sample`, `{"x1":${x1},"x2":${x2},"y":${random.uint32() & 1}}`, {
        qos: 1,
      });
      acknowledged(name);
    }),
  );
}

/** Reads of each commit of a data folder how many models have rows in it, and of each model how many rows there are. */
function stored(data: string): { readonly shares: readonly number[]; readonly rows: ReadonlyMap<string, number> } {
  const store = openStore({ folder: data });
  try {
    const rows = new Map(names.map((name) => [name, 0]));
    const shares: number[] = [];
    for (let from = 1; ; ) {
      const page = unpackPage(store.journalPage({ from, limit: 1000, models: names.map((name) => ({ name, from })) }));
      for (const { sections } of page) {
        shares.push(sections.filter((section) => section.rows > 0).length);
        for (const section of sections) rows.set(section.model, (rows.get(section.model) ?? 0) + section.rows);
      }
      const last = page.at(-1);
      if (last === undefined) return { shares, rows };
      from = last.id + 1;
    }
  } finally {
    store.close();
  }
}

describe("a hundred models", () => {
  it("share a transaction; kill -9 loses nothing that was acknowledged, and each replays to the same bits", async () => {
    const data = temporaryFolder();
    const config = join(data, "models.yaml");
    writeFileSync(config, models);
    const random = new Random(5);
    const acknowledged = new Map(names.map((name) => [name, 0]));
    const daemon = await startDaemon(data, ["--config", config, "--set", LATE]);
    const client = await connectAsync(`mqtt://127.0.0.1:${daemon.port}`, { reconnectPeriod: 0 });
    onEnd(() => client.endAsync(true));
    const note = (name: string) => acknowledged.set(name, (acknowledged.get(name) ?? 0) + 1);
    for (let r = 0; r < 10; r++) await round(client, random, note);
    // Of the last rounds nobody waits for the end.
    for (let r = 0; r < 5; r++) round(client, random, note).catch(() => {});
    await eventually(() => [...acknowledged.values()].some((rows) => rows > 10)).toBe(true);
    await stopped(daemon.process, "SIGKILL");

    const { shares, rows } = stored(data);
    expect(Math.max(...shares)).toBeGreaterThan(MODELS / 2);
    for (const [name, count] of acknowledged) expect(rows.get(name), name).toBeGreaterThanOrEqual(count);

    const again = await open(data, models, [LATE]);
    const status = await ask(again, "status", {});
    for (const name of names) {
      expect(status.models[name]?.durableSequence, name).toBe(rows.get(name));
      expect(await ask(again, "verify", { name }), name).toMatchObject({ outcome: "same" });
    }
  });

  it("share what their rings may take, and each goes on where another has taken it all", async () => {
    const bytesMax = 2_000_000;
    const limits = ["intake.ringRows=8192", "intake.rowsMax=4096", `intake.ringBytesMax=${bytesMax}`];
    const daemon = await open(temporaryFolder(), models, [LATE, ...limits]);
    const client = await connectTo(daemon);
    const block = (rows: number) =>
      Buffer.from(Float32Array.from({ length: 3 * rows }, (_, i) => (i % 3 === 2 ? i & 1 : (i % 89) / 89)).buffer);
    const bytes = () => [...daemon.rooms.models.values()].reduce((sum, { ring }) => sum + ring.bytes, 0);
    const small = bytes();
    // Twenty bursts that would take four times what there is.
    const bursts = names.slice(0, 20);
    const most: number[] = [];
    await Promise.all(
      [...bursts, ...bursts].map(async (name) => {
        await client.publishAsync(`rivulet/${name}/f32`, block(4096), { qos: 1 });
        most.push(bytes());
      }),
    );
    await round(client, new Random(6), () => {});
    expect(small).toBeLessThan(bytesMax);
    // One message more than there is room for, where its model had nothing that could be freed.
    expect(Math.max(...most)).toBeLessThan(bytesMax + 4096 * bytesOfRow(2));
    expect(Math.max(...most)).toBeGreaterThan(small);
    const status = await ask(daemon, "status", {});
    const expected = (name: string) => (bursts.includes(name) ? 2 * 4096 + 1 : 1);
    for (const name of names) expect(status.models[name]?.durableSequence, name).toBe(expected(name));
  });
});
