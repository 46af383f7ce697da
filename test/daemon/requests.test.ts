import { writeFileSync } from "node:fs";
import type { MqttClient } from "mqtt";
import { describe, expect, it } from "vitest";
import type { Daemon } from "../../src/daemon/daemon.ts";
import type { Prediction } from "../../src/daemon/predict.ts";
import type { SnapshotLine } from "../../src/daemon/verb-snapshots.ts";
import { MUTATING, VERBS } from "../../src/daemon/verbs.ts";
import { openMosquitto } from "../mqtt/mosquitto.ts";
import { programs } from "../programs.ts";
import { ask, connectTo, open, openOn, temporaryFolder } from "./open.ts";
import { type Answer, publishRows, request, SAMPLE } from "./request.ts";

async function opened(set: readonly string[] = []): Promise<{ daemon: Daemon; client: MqttClient }> {
  const daemon = await open(temporaryFolder(), null, set);
  return { daemon, client: await connectTo(daemon) };
}

describe("a request over MQTT", () => {
  it("is answered for every verb as on the control socket", async () => {
    const { daemon, client } = await opened();
    await publishRows(client, 100);
    await ask(daemon, "snapshots-take", {});
    const params: Record<string, unknown> = {
      "snapshots-show": { snapshot: "1" },
      "snapshots-diff": { a: "1", b: "2" },
      "snapshots-tag": { snapshot: "2", tag: "good" },
      "snapshots-export": { snapshot: "2" },
      rollback: { snapshot: "2" },
      predict: { values: [0.5, 0.5] },
      explain: { values: [0.5, 0.5] },
      history: { points: 10 },
    };
    params["models-import"] = { model: (await request(client, "model")).data };
    for (const verb of VERBS.filter((name) => name !== "models-delete")) {
      const answer = await request(client, verb, { ...(params[verb] as object), transaction: verb });
      expect({ verb, ...answer }).toMatchObject({ verb, status: "ok", transaction: verb });
    }
    const live = await request(client, "models-delete", {});
    expect(live).toMatchObject({ status: "error", data: null, error: { code: "usage" }, transaction: null });
  });

  it("is answered for the whole daemon on the bridge's topics", async () => {
    const { client } = await opened();
    const status = await request(client, "status", "", "bridge");
    expect(status.data).toMatchObject({ broker: { kind: "embedded", online: true }, models: { default: { step: 0 } } });
    expect((await request(client, "snapshots-list", { name: "default" }, "bridge")).data).toHaveLength(1);
  });

  it("keeps its place among the samples", async () => {
    const { daemon, client } = await opened(["models.default.batch.maxAge=1h"]);
    const pending: Promise<unknown>[] = [];
    await client.subscribeAsync("rivulet/default/response/snapshots-take");
    const taken: SnapshotLine[] = [];
    client.on("message", (_, payload) => taken.push((JSON.parse(payload.toString()) as { data: SnapshotLine }).data));
    for (let i = 0; i < 20; i++) {
      pending.push(client.publishAsync(SAMPLE, JSON.stringify({ x1: i, x2: -i, y: 1 }), { qos: 1 }));
      pending.push(client.publishAsync("rivulet/default/request/snapshots-take", "", { qos: 1 }));
    }
    await Promise.all(pending);
    await expect.poll(() => taken.length).toBe(20);
    expect(taken.map(({ sequence }) => sequence)).toEqual(Array.from({ length: 20 }, (_, i) => i + 1));
    expect(await ask(daemon, "verify", {})).toMatchObject({ outcome: "same" });
  });

  it("that changes something is obeyed once by its transaction, also across a restart", async () => {
    const data = temporaryFolder();
    const first = await open(data);
    const client = await connectTo(first);
    await publishRows(client, 40);
    const body = { snapshot: "1", transaction: "back-1" };
    const answers = [await request(client, "rollback", body), await request(client, "rollback", body)];
    const tags = { snapshot: "1", tag: "start", transaction: 7 };
    expect(await request(client, "snapshots-tag", tags)).toEqual(await request(client, "snapshots-tag", tags));
    await first.close();
    const second = await open(data);
    const again = await connectTo(second);
    answers.push(await request(again, "rollback", body));
    expect(answers[0]).toMatchObject({ status: "ok", data: { reason: "rollback" }, transaction: "back-1" });
    expect(new Set(answers.map((answer) => (answer.data as SnapshotLine).id)).size).toBe(1);
    const reasons = (await ask(second, "snapshots-list", {})).map(({ reason }) => reason);
    expect(reasons.filter((reason) => reason === "rollback")).toHaveLength(1);
    const other = await request(again, "rollback", { snapshot: "2", transaction: "back-1" });
    expect(other).toMatchObject({ status: "error", error: { code: "usage" } });
    // Without a name it is another request each time.
    await request(again, "rollback", { snapshot: "1" });
    await request(again, "rollback", { snapshot: "1" });
    expect((await ask(second, "snapshots-list", {})).filter(({ reason }) => reason === "rollback")).toHaveLength(3);
    expect(await ask(second, "verify", {})).toMatchObject({ outcome: "same" });
  });

  it("that comes twice while it is worked on is obeyed once", async () => {
    const { daemon, client } = await opened();
    await publishRows(client, 40);
    await client.subscribeAsync("rivulet/default/response/rollback");
    const answers: unknown[] = [];
    client.on("message", (_, payload) => answers.push(JSON.parse(payload.toString())));
    const body = JSON.stringify({ snapshot: "1", transaction: "twice" });
    for (let i = 0; i < 5; i++) client.publish("rivulet/default/request/rollback", body, { qos: 1 });
    await expect.poll(() => answers.length).toBe(5);
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
    expect((await ask(daemon, "snapshots-list", {})).filter(({ reason }) => reason === "rollback")).toHaveLength(1);
  });

  it.each([
    ["no JSON", "{", "usage"],
    ["no object", "[1]", "usage"],
    ["an unknown field", '{"snapshot":"1","force":true}', "usage"],
    ["another model than the topic", '{"snapshot":"1","name":"other"}', "usage"],
    ["an unknown snapshot", '{"snapshot":"99"}', "unknown-snapshot"],
    ["a transaction that is none", '{"snapshot":"1","transaction":{}}', "usage"],
    ["a transaction that is too long", `{"snapshot":"1","transaction":"${"x".repeat(65)}"}`, "usage"],
  ])("that has %s is answered with an error", async (_, body, code) => {
    const { client } = await opened();
    expect(await request(client, "rollback", body)).toMatchObject({ status: "error", error: { code } });
  });

  it("for a verb or a model that is not there is answered with an error", async () => {
    const { client } = await opened();
    expect(await request(client, "fly")).toMatchObject({ error: { code: "unknown-verb" } });
    expect(await request(client, "rollback", { snapshot: "1" }, "other")).toMatchObject({
      error: { code: "unknown-model" },
    });
  });

  it("gets the journal in pages", async () => {
    const { client } = await opened();
    for (let i = 0; i < 3; i++) await publishRows(client, 800, 800 * i);
    const rows: number[] = [];
    for (let from: number | null = 1; from !== null; ) {
      const { data } = await request(client, "journal-export", { from });
      const page = data as { text: string; rows: number; next: number | null };
      expect(page.rows).toBeLessThanOrEqual(1000);
      rows.push(
        ...page.text
          .trim()
          .split("\n")
          .map((line) => (JSON.parse(line) as { sequence: number }).sequence),
      );
      from = page.next;
    }
    expect(rows).toEqual(Array.from({ length: 2400 }, (_, i) => i + 1));
  });

  it("is refused with a word where the answer would be too large, or too many are worked on", async () => {
    const { client } = await opened(["models.default.network.hidden=[512,512]"]);
    expect(await request(client, "snapshots-show", { snapshot: "1" })).toMatchObject({
      error: { code: "answer-too-large" },
    });
    await client.subscribeAsync("rivulet/default/response/verify");
    const codes: (string | undefined)[] = [];
    client.on("message", (topic, payload) => {
      if (topic.endsWith("/verify")) codes.push((JSON.parse(payload.toString()) as Answer).error?.code);
    });
    await Promise.all(
      Array.from({ length: 100 }, () => client.publishAsync("rivulet/default/request/verify", "", { qos: 1 })),
    );
    await expect.poll(() => codes.length, { timeout: 20_000 }).toBe(100);
    expect(codes).toContain("busy");
    expect(codes.filter((code) => code === undefined).length).toBeGreaterThanOrEqual(64);
  });

  it("does not make the daemon obey where commands are off", async () => {
    const { daemon, client } = await opened(["mqtt.commands=off"]);
    for (const verb of MUTATING) {
      expect(await request(client, verb, { snapshot: "1" })).toMatchObject({
        status: "error",
        error: { code: "forbidden" },
      });
    }
    expect(await ask(daemon, "snapshots-list", {})).toHaveLength(1);
    expect(await request(client, "status")).toMatchObject({ status: "ok" });
  });
});

describe("a prediction over MQTT", () => {
  async function predict(client: MqttClient, body: string): Promise<unknown> {
    await client.subscribeAsync("rivulet/default/prediction");
    const answered = new Promise<unknown>((resolve) =>
      client.once("message", (_, payload) => resolve(JSON.parse(payload.toString()))),
    );
    await client.publishAsync("rivulet/default/predict", body, { qos: 1 });
    return answered;
  }

  it("is what the model says as it stands", async () => {
    const { daemon, client } = await opened();
    await publishRows(client, 100);
    const expected = await ask(daemon, "predict", { values: [0.25, -0.5] });
    expect(expected.prediction).toBe(daemon.rooms.models.get("default")?.state.learner.predict([0.25, -0.5]));
    expect(expected.class).toBe(Number(expected.prediction) >= 0.5 ? 1 : 0);
    expect(await predict(client, '{"x1":0.25,"x2":-0.5,"room":"attic","id":"q1"}')).toEqual({ ...expected, id: "q1" });
    const many = (await predict(client, '[{"x1":0.25,"x2":-0.5},{"x1":true,"x2":0,"transaction":3}]')) as Prediction[];
    expect(many).toHaveLength(2);
    expect(many[0]).toEqual(expected);
    expect(many[1]).toMatchObject({ transaction: 3 });
    // It has changed nothing.
    expect(await ask(daemon, "verify", {})).toMatchObject({ outcome: "same" });
  });

  it.each(["{", '{"x3":1}', '{"x1":1,"x2":"2"}', '{"x1":1,"x2":1e13}', "[3]", `[${"{},".repeat(1000)}{}]`])(
    "is answered with an error for %.30s",
    async (body) => {
      const { client } = await opened();
      expect(await predict(client, body)).toMatchObject({ error: { code: "usage" } });
    },
  );
});

describe("what is retained", () => {
  async function retained(client: MqttClient, filter: string): Promise<Map<string, string>> {
    const seen = new Map<string, string>();
    client.on("message", (topic, payload) => seen.set(topic, payload.toString()));
    await client.subscribeAsync(filter);
    return seen;
  }

  it("tells that the daemon is there, what it is, and how each model is", async () => {
    const { client } = await opened();
    const seen = await retained(client, "rivulet/+/+");
    await expect
      .poll(() => [...seen.keys()].sort())
      .toEqual(["rivulet/bridge/info", "rivulet/bridge/state", "rivulet/default/state"]);
    expect(seen.get("rivulet/bridge/state")).toBe("online");
    expect(JSON.parse(seen.get("rivulet/bridge/info") ?? "")).toMatchObject({
      models: { default: { features: ["x1", "x2"], label: "y" } },
      delivery: { numbered: "exactly-once", unnumbered: "at-least-once" },
      verbs: expect.arrayContaining(["rollback", "status"]),
    });
    await publishRows(client, 100);
    await expect
      .poll(() => JSON.parse(seen.get("rivulet/default/state") ?? "null"), { timeout: 5000 })
      .toMatchObject({ step: 25, sequence: 100, durableSequence: 100, cost: expect.any(Number) });
  });

  it("says farewell at the stop", async () => {
    const { daemon, client } = await opened();
    const seen = await retained(client, "rivulet/bridge/state");
    await expect.poll(() => seen.get("rivulet/bridge/state")).toBe("online");
    await daemon.close();
    expect(seen.get("rivulet/bridge/state")).toBe("offline");
  });
});

describe.skipIf(!programs.mosquitto)("over Mosquitto", () => {
  it("answers go where they are wanted, with what belongs to them, but only below the allowed prefix", async () => {
    const mosquitto = await openMosquitto();
    await openOn(mosquitto.url);
    const client = await mosquitto.connect({ protocolVersion: 5 });
    const seen: unknown[] = [];
    client.on("message", (topic, payload, { properties, retain }) => {
      const { status, error } = JSON.parse(payload.toString()) as Answer;
      seen.push([topic, status, error?.code, properties?.correlationData?.toString(), retain]);
    });
    await client.subscribeAsync(["rivulet/bridge/reply/#", "rivulet/default/response/#", "other/#"]);
    const send = (responseTopic: string) =>
      client.publishAsync("rivulet/default/request/history", "{}", {
        qos: 1,
        properties: { responseTopic, correlationData: Buffer.from("c1") },
      });
    await send("rivulet/bridge/reply/me");
    await expect.poll(() => seen).toEqual([["rivulet/bridge/reply/me", "ok", undefined, "c1", false]]);
    for (const [i, topic] of ["other/me", "rivulet/default/sample", "rivulet/bridge/reply"].entries()) {
      await send(topic);
      await expect.poll(() => seen.length).toBe(i + 2);
      expect(seen.at(-1)).toEqual(["rivulet/default/response/history", "error", "forbidden", "c1", false]);
    }
  });

  it("changes nothing unless mqtt.commands is on", async () => {
    const mosquitto = await openMosquitto();
    const client = await mosquitto.connect();
    const off = await openOn(mosquitto.url);
    expect(await request(client, "rollback", { snapshot: "1" })).toMatchObject({ error: { code: "forbidden" } });
    await off.close();
    await openOn(mosquitto.url, ["mqtt.commands=on"]);
    expect(await request(client, "rollback", { snapshot: "1" })).toMatchObject({ status: "ok" });
  });

  it("a retained request is obeyed by nobody who comes later", async () => {
    const mosquitto = await openMosquitto();
    const client = await mosquitto.connect();
    await client.publishAsync("rivulet/default/request/snapshots-take", "", { qos: 1, retain: true });
    const daemon = await openOn(mosquitto.url, ["mqtt.commands=on", "mqtt.protocol=3.1.1"]);
    expect(await request(client, "status")).toMatchObject({ status: "ok" });
    expect(await ask(daemon, "snapshots-list", {})).toHaveLength(1);
  });

  it("a client without the right can neither pose as the daemon nor command it", async () => {
    const users = { rivulet: "r", sensor: "s", viewer: "v", operator: "o" };
    const mosquitto = await openMosquitto({ users });
    const folder = temporaryFolder();
    writeFileSync(`${folder}/password`, "r\n");
    const daemon = await openOn(mosquitto.url, [
      "mqtt.username=rivulet",
      `mqtt.passwordFile=${folder}/password`,
      "mqtt.commands=on",
    ]);
    const connect = (username: keyof typeof users) =>
      mosquitto.connect({ protocolVersion: 5, username, password: users[username] });
    const [sensor, viewer, operator] = [await connect("sensor"), await connect("viewer"), await connect("operator")];
    const seen: string[] = [];
    await viewer.subscribeAsync("rivulet/#");
    viewer.on("message", (topic, payload) => seen.push(`${topic} ${payload.toString()}`));
    for (const who of [sensor, viewer]) {
      for (const topic of [
        "default/committed/s",
        "default/state",
        "default/response/rollback",
        "bridge/state",
        "default/request/rollback",
      ]) {
        const spoofed = who.publishAsync(`rivulet/${topic}`, '{"snapshot":"1"}', { qos: 1, retain: true });
        await expect(spoofed).rejects.toThrow(/not authorized/i);
      }
    }
    await expect(viewer.publishAsync(SAMPLE, '{"x1":1,"x2":1,"y":1}', { qos: 1 })).rejects.toThrow();
    await sensor.publishAsync(SAMPLE, '{"x1":1,"x2":1,"y":1}', { qos: 1 });
    await expect.poll(async () => (await ask(daemon, "status", {})).models["default"]?.durableSequence).toBe(1);
    expect(await ask(daemon, "snapshots-list", {})).toHaveLength(1);
    expect(await request(operator, "rollback", { snapshot: "1" })).toMatchObject({ status: "ok" });
    expect(seen.filter((line) => line.endsWith('{"snapshot":"1"}') && !line.includes("request"))).toEqual([]);
  });
});
