import type { MqttClient } from "mqtt";
import { describe, expect, it } from "vitest";
import type { Daemon } from "../../src/daemon/daemon.ts";
import type { SnapshotLine } from "../../src/daemon/verb-snapshots.ts";
import { ask, connectTo, open, temporaryFolder } from "./open.ts";
import { type Answer, exchange, publishRows, request } from "./request.ts";

const two = "models: { default: { learner: network }, other: { features: [a], label: y } }";

async function opened(data: string, yaml: string | null = null): Promise<{ daemon: Daemon; client: MqttClient }> {
  const daemon = await open(data, yaml);
  return { daemon, client: await connectTo(daemon) };
}

/** Asks over MQTT, and gives the answer as it came. */
function answerTo(client: MqttClient, verb: string, body: unknown, model = "default"): Promise<string> {
  return exchange(client, `rivulet/${model}/request/${verb}`, `rivulet/${model}/response/${verb}`, body);
}

describe("a request with a transaction", () => {
  it("is the same one whatever the order of its keys, and on the bridge's topic as on the model's", async () => {
    const { daemon, client } = await opened(temporaryFolder());
    await publishRows(client, 40);
    const answers = [
      await answerTo(client, "rollback", '{"snapshot":"1","transaction":"back"}'),
      await answerTo(client, "rollback", '{"transaction":"back","snapshot":"1"}'),
      await answerTo(client, "rollback", '{"transaction":"back","name":"default","snapshot":"1"}'),
      await answerTo(client, "rollback", '{"name":"default","transaction":"back","snapshot":"1"}', "bridge"),
      // The only model need not be named.
      await answerTo(client, "rollback", '{"snapshot":"1","transaction":"back"}', "bridge"),
    ];
    expect(JSON.parse(answers[0] ?? "")).toMatchObject({ status: "ok", data: { reason: "rollback" } });
    expect(new Set(answers).size).toBe(1);
    expect(await ask(daemon, "snapshots-list", {})).toHaveLength(2);
    for (const [verb, body] of [
      ["rollback", { snapshot: "2" }],
      ["snapshots-take", {}],
      ["models-reset", {}],
    ] as const) {
      const other = await request(client, verb, { ...body, transaction: "back" });
      expect(other).toMatchObject({ status: "error", error: { code: "usage" } });
    }
  });

  it("is answered with the very words of the first answer, whatever has happened since, also after a restart", async () => {
    const data = temporaryFolder();
    const first = await opened(data, two);
    await publishRows(first.client, 40);
    const bodies = {
      "snapshots-take": {},
      "snapshots-tag": { snapshot: "1", tag: "start" },
      rollback: { snapshot: "1" },
      "models-reset": {},
    };
    const askAll = async (client: MqttClient) => {
      const answers: Record<string, string> = {};
      for (const [verb, body] of Object.entries(bodies)) {
        answers[verb] = await answerTo(client, verb, { ...body, transaction: `t-${verb}` });
      }
      answers["other"] = await answerTo(client, "snapshots-take", { transaction: "t-other" }, "other");
      return answers;
    };
    const told = await askAll(first.client);
    // What is told is what is there.
    for (const text of Object.values(told)) {
      const { status, data: line } = JSON.parse(text) as Answer;
      const { id, model } = line as SnapshotLine;
      expect(status).toBe("ok");
      expect(await ask(first.daemon, "snapshots-list", { name: model, before: id + 1, limit: 1 })).toEqual([line]);
    }
    for (const { id } of await ask(first.daemon, "snapshots-list", { name: "default" })) {
      await ask(first.daemon, "snapshots-tag", { name: "default", snapshot: String(id), tag: `later-${id}` });
    }
    expect(await askAll(first.client)).toEqual(told);
    await first.daemon.close();

    // The model is no longer configured, and deleted; once more where it is gone.
    const second = await opened(data);
    expect(await askAll(second.client)).toEqual(told);
    const gone = [
      await answerTo(second.client, "models-delete", { transaction: "t-delete" }, "other"),
      await answerTo(second.client, "models-delete", { name: "other", transaction: "t-delete" }, "bridge"),
    ];
    expect(JSON.parse(gone[0] ?? "")).toMatchObject({ status: "ok", data: { name: "other", active: false } });
    expect(gone[1]).toBe(gone[0]);
    await second.daemon.close();

    const third = await opened(data);
    expect(await askAll(third.client)).toEqual(told);
    expect(await answerTo(third.client, "models-delete", { transaction: "t-delete" }, "other")).toBe(gone[0]);
    expect(await request(third.client, "models-delete", { transaction: "t-again" }, "other")).toMatchObject({
      error: { code: "unknown-model" },
    });
    expect(await ask(third.daemon, "verify", {})).toMatchObject({ outcome: "same" });
  });

  it("that failed is obeyed when it is asked again", async () => {
    const { client } = await opened(temporaryFolder());
    const body = { snapshot: "good", transaction: "later" };
    expect(await request(client, "rollback", body)).toMatchObject({ error: { code: "unknown-snapshot" } });
    await request(client, "snapshots-tag", { snapshot: "1", tag: "good" });
    expect(await request(client, "rollback", body)).toMatchObject({ status: "ok", data: { reason: "rollback" } });
  });

  it("changes nothing where its answer is too long to be remembered", async () => {
    const { daemon, client } = await opened(temporaryFolder());
    for (let t = 0; t < 260; t++) {
      await ask(daemon, "snapshots-tag", { snapshot: "1", tag: `${t}-`.padEnd(64, "x") });
    }
    expect(await request(client, "snapshots-tag", { snapshot: "1", tag: "one-more", transaction: 1 })).toMatchObject({
      error: { code: "answer-too-large" },
    });
    expect((await ask(daemon, "snapshots-show", { snapshot: "1" })).tags).toHaveLength(260);
    expect(await request(client, "snapshots-tag", { snapshot: "1", tag: "one-more" })).toMatchObject({ status: "ok" });
  });
});
