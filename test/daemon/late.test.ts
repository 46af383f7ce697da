import { cpSync, existsSync } from "node:fs";
import { join } from "node:path";
import type { MqttClient } from "mqtt";
import { describe, expect, it } from "vitest";
import type { Daemon } from "../../src/daemon/daemon.ts";
import { ask, connectTo, journalOf, open, temporaryFolder } from "./open.ts";
import { exchange, SAMPLE } from "./request.ts";

const PREDICTION = "rivulet/default/prediction";
const BATCH = ["models.default.batch.size=1"];

function learnerOf(daemon: Daemon): Uint8Array {
  return daemon.rooms.models.get("default")?.state.learner.save() ?? new Uint8Array();
}

async function asking(client: MqttClient, question: unknown): Promise<unknown> {
  return JSON.parse(await exchange(client, SAMPLE, PREDICTION, question));
}

function answering(client: MqttClient, answer: unknown): Promise<unknown> {
  return client.publishAsync(SAMPLE, JSON.stringify(answer), { qos: 1 });
}

async function opened(set: readonly string[] = BATCH, data = temporaryFolder()) {
  const daemon = await open(data, null, set);
  return { data, daemon, client: await connectTo(daemon) };
}

describe("a label that comes late", () => {
  it("trains on the features as they were, to the very bits that the whole sample gives", async () => {
    const late = await opened();
    const prompt = await opened();
    await answering(prompt.client, [
      { x1: 5, x2: 5, y: 0 },
      { x1: 1, x2: 2, y: 1, weight: 3 },
    ]);
    expect(await asking(late.client, { id: "a", x1: 1, x2: 2 })).toMatchObject({
      id: "a",
      class: expect.any(Number),
      step: 0,
    });
    await answering(late.client, { x1: 5, x2: 5, y: 0 });
    await answering(late.client, { id: "a", y: 1, weight: 3 });
    const { models } = await ask(late.daemon, "status", {});
    expect(models["default"]).toMatchObject({ step: 2, sequence: 3, questions: { open: 0, expired: 0 } });
    expect(learnerOf(late.daemon)).toEqual(learnerOf(prompt.daemon));
  });

  it("may come after a crash; the replay gives the same bits", async () => {
    const { data, daemon, client } = await opened();
    const asked = await asking(client, [
      { id: "a", x1: 1, x2: 2 },
      { id: "b", x1: -1, x2: 3 },
    ]);
    expect(asked).toMatchObject([{ id: "a" }, { id: "b" }]);
    await answering(client, { id: "b", y: 0 });
    const copy = temporaryFolder();
    for (const name of ["rivulet.db", "rivulet.db-wal"]) {
      if (existsSync(join(data, name))) cpSync(join(data, name), join(copy, name));
    }
    const after = await opened(BATCH, copy);
    for (const { client: each } of [{ client }, after]) await answering(each, { id: "a", y: 1 });
    expect(learnerOf(after.daemon)).toEqual(learnerOf(daemon));
    expect(await ask(after.daemon, "verify", {})).toMatchObject({ outcome: "same", steps: 2, rows: 4 });
    const rows = await journalOf(after.daemon);
    expect(rows).toMatchObject([
      { sequence: 1, kind: "question", id: "a", x1: 1, x2: 2 },
      { sequence: 2, kind: "question", id: "b", x1: -1, x2: 3 },
      { sequence: 3, kind: "answer", id: "b", x1: -1, x2: 3, y: 0 },
      { sequence: 4, kind: "answer", id: "a", x1: 1, x2: 2, y: 1 },
    ]);
    expect(rows[3]?.["prediction"]).toBe(rows[0]?.["prediction"]);
  });

  it("is refused where nothing was asked, where it came before, and with the message that it is in", async () => {
    const { daemon, client } = await opened();
    await asking(client, { id: "a", x1: 1, x2: 2 });
    await answering(client, { id: "a", y: 1 });
    await answering(client, { id: "a", y: 1 });
    await answering(client, { id: "z", y: 1 });
    await answering(client, [
      { x1: 0, x2: 0, y: 1 },
      { id: "n", x1: 0, x2: 1 },
      { id: "n", y: 1 },
      { id: "n", y: 1 },
    ]);
    const { models } = await ask(daemon, "status", {});
    expect(models["default"]).toMatchObject({
      sequence: 2,
      step: 1,
      refused: { "already-answered": 2, "unknown-id": 1 },
    });
  });

  it("is given up when too many questions came after its own", async () => {
    const { daemon, client } = await opened([...BATCH, "models.default.late.keep=2"]);
    for (const id of ["a", "b", "c"]) await asking(client, { id, x1: 1, x2: 2 });
    await answering(client, { id: "a", y: 1 });
    await answering(client, { id: "b", y: 1 });
    const { models } = await ask(daemon, "status", {});
    expect(models["default"]).toMatchObject({
      step: 1,
      questions: { open: 1, expired: 1 },
      refused: { "unknown-id": 1 },
    });
  });

  it("leaves the ring free, however many questions are never answered", async () => {
    const { daemon, client } = await opened(["intake.ringRows=16", "intake.rowsMax=8", "models.default.batch.size=4"]);
    for (let i = 0; i < 20; i++) {
      await answering(client, {
        x1: Array.from({ length: 8 }, (_, r) => r),
        x2: i,
        id: Array.from({ length: 8 }, (_, r) => `q${i}-${r}`),
      });
    }
    await answering(client, { x1: 1, x2: 1, y: 1 });
    await expect.poll(async () => (await ask(daemon, "status", {})).models["default"]?.pending).toBe(0);
    expect((await ask(daemon, "status", {})).models["default"]).toMatchObject({ sequence: 161, step: 1 });
    expect(await ask(daemon, "verify", {})).toMatchObject({ outcome: "same" });
  });
});
