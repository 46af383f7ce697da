import fc from "fast-check";
import type { MqttClient } from "mqtt";
import { describe, expect, it, vi } from "vitest";
import type { Daemon } from "../../src/daemon/daemon.ts";
import { silentLog } from "../../src/daemon/log.ts";
import { VERBS } from "../../src/daemon/verbs.ts";
import { openMosquitto } from "../mqtt/mosquitto.ts";
import { programs } from "../programs.ts";
import { ask, connectTo, open, openOn, temporaryFolder } from "./open.ts";
import { type Answer, exchange, publishRows, request } from "./request.ts";

// fast-check prints the seed and the path of a failure.
const seed = 4711;
const deep = (levels: number) => `${"[".repeat(levels)}${"]".repeat(levels)}`;

async function opened(set: readonly string[] = []): Promise<{ daemon: Daemon; client: MqttClient }> {
  const daemon = await open(temporaryFolder(), null, set);
  return { daemon, client: await connectTo(daemon) };
}

async function predict(client: MqttClient, body: unknown): Promise<unknown> {
  return JSON.parse(await exchange(client, "rivulet/default/predict", "rivulet/default/prediction", body));
}

describe("a request that means harm", () => {
  it.each([
    ["journal-export", '{"limit":{"valueOf":1,"toString":1}}', "usage"],
    ["journal-export", '{"format":{"toJSON":1}}', "usage"],
    ["status", `{"transaction":${deep(100_000)}}`, "too-deep"],
    ["rollback", `{"snapshot":"1","transaction":"a","zz":${deep(100_000)}}`, "too-deep"],
    ["rollback", `{"snapshot":"1","transaction":"a","zz":${deep(20)}}`, "usage"],
    ["history", `{"zz":${deep(32)}}`, "too-deep"],
    ["status", '{"transaction":{}}', "usage"],
    ["status", '{"transaction":1e999}', "usage"],
    ["snapshots-take", '{"transaction":"\\ud800"}', "usage"],
    ["rollback", '{"snapshot":"1","__proto__":{"name":"other"}}', "usage"],
    ["predict", `{"values":[${"0,".repeat(300_000)}0]}`, "usage"],
    ["history", Buffer.from([0x7b, 0xff, 0x7d]), "usage"],
  ])("is answered by %s with an error: %.60s", async (verb, body, code) => {
    const { client } = await opened();
    const answer = await request(client, verb, body);
    expect(answer).toMatchObject({ status: "error", error: { code } });
    expect(answer.error?.message.length).toBeLessThanOrEqual(1000);
    expect(await request(client, "status")).toMatchObject({ status: "ok" });
  });

  it.each([
    [`{"x1":1,"x2":1,"id":${deep(20_000)}}`, "too-deep"],
    [`{"x1":1,"x2":${deep(20_000)}}`, "too-deep"],
    ['{"x1":1,"x2":1,"id":{"toJSON":1}}', "usage"],
    ['{"x1":1,"x2":1,"transaction":[1]}', "usage"],
    [`{"x1":1,"x2":1,"id":"${"x".repeat(65)}"}`, "usage"],
  ])("gets no prediction but an error: %.40s", async (body, code) => {
    const { client } = await opened();
    expect(await predict(client, body)).toMatchObject({ error: { code } });
    expect(await predict(client, '{"x1":1,"x2":1}')).toMatchObject({ model: "default" });
  });

  it.each([
    // Beyond what the broker gathers, of which the daemon gets the beginning only; and within it.
    3_000_000, 1_049_000,
  ])("is not obeyed where it is longer than a message may be, but refused and kept: %i bytes", async (bytes) => {
    const { daemon, client } = await opened();
    const blanks = " ".repeat(bytes);
    const answers = [
      await request(client, "snapshots-take", `{"transaction":"big"}${blanks}`),
      await request(client, "status", `{}${blanks}`, "bridge"),
      await predict(client, `{"x1":1,"x2":1}${blanks}`),
    ];
    for (const answer of answers) expect(answer).toMatchObject({ error: { code: "too-large" } });
    expect(await ask(daemon, "snapshots-list", {})).toHaveLength(1);
    const { messages } = await ask(daemon, "quarantine", {});
    expect(messages.map(({ topic, model, code }) => [topic, model, code])).toEqual([
      ["rivulet/default/predict", "default", "too-large"],
      ["rivulet/bridge/request/status", null, "too-large"],
      ["rivulet/default/request/snapshots-take", "default", "too-large"],
    ]);
  });

  it("that meets a defect of the daemon ends nothing but itself, and the log tells", async () => {
    const { daemon, client } = await opened();
    const fail = () => {
      throw new TypeError("broken");
    };
    const model = daemon.rooms.models.get("default");
    if (model === undefined) throw new Error("the model is not there");
    vi.spyOn(daemon.rooms.store, "snapshots").mockImplementation(fail);
    vi.spyOn(model.state.learner, "outputsFor").mockImplementation(fail);
    const told = vi.spyOn(silentLog, "error");
    const error = { code: "internal", message: expect.not.stringContaining("broken") };
    expect(await request(client, "snapshots-list", { transaction: 1 })).toMatchObject({ error, transaction: 1 });
    expect(await predict(client, '{"x1":1,"x2":1}')).toMatchObject({ error });
    expect(told.mock.calls.map(([fields]) => fields)).toEqual([
      { model: "default", verb: "snapshots-list", stack: expect.stringContaining("broken") },
      { model: "default", verb: "predict", stack: expect.stringContaining("broken") },
    ]);
    vi.restoreAllMocks();
    expect(await request(client, "snapshots-list")).toMatchObject({ status: "ok" });
  });

  it("is answered whatever it is, and the daemon lives", async () => {
    const { daemon, client } = await opened(["mqtt.commands=on"]);
    await publishRows(client, 100);
    const key = fc.constantFrom(
      ...["__proto__", "constructor", "valueOf", "toString", "toJSON", "hasOwnProperty", "then", "length", ""],
      ...["name", "snapshot", "transaction", "limit", "from", "to", "before", "points", "tag", "format", "values"],
      ...["x1", "x2", "y", "id", "a", "b"],
    );
    const scalar = fc.oneof(
      fc.constantFrom("null", "true", "0", "1", "-1", "2.5", "1e999", "-1e308", "9007199254740993", "1".repeat(400)),
      fc.constantFrom(
        '"1"',
        '"default"',
        '"created"',
        '"csv"',
        '"best"',
        '"\\ud800"',
        '"\\u0000"',
        '"__proto__"',
        '""',
      ),
      fc.string({ unit: "binary" }).map((text) => JSON.stringify(text)),
      fc.integer({ min: 1, max: 5000 }).map((length) => JSON.stringify("x".repeat(length))),
      fc.constantFrom(31, 40, 5000, 100_000).map(deep),
      fc.constantFrom(31, 5000, 100_000).map((levels) => `${'{"a":'.repeat(levels)}1${"}".repeat(levels)}`),
    );
    const objectOf = (value: fc.Arbitrary<string>) =>
      fc
        .array(fc.tuple(key, value), { maxLength: 5 })
        .map((pairs) => `{${pairs.map(([name, text]) => `${JSON.stringify(name)}:${text}`).join()}}`);
    const { value } = fc.letrec<{ value: string }>((tie) => ({
      value: fc.oneof(
        { depthSize: "small" },
        scalar,
        objectOf(tie("value")),
        fc.array(tie("value"), { maxLength: 4 }).map((texts) => `[${texts.join()}]`),
      ),
    }));
    const payload = fc.oneof(
      { weight: 6, arbitrary: objectOf(value).map((text) => Buffer.from(text)) },
      { weight: 1, arbitrary: value.map((text) => Buffer.from(text)) },
      { weight: 1, arbitrary: fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)) },
    );
    const verb = fc.constantFrom(...VERBS, "constructor", "to-string");
    const model = fc.constantFrom("default", "default", "bridge", "constructor");
    await fc.assert(
      fc.asyncProperty(model, verb, payload, fc.boolean(), async (name, asked, body, isPrediction) => {
        const [to, from] = isPrediction ? ["predict", "prediction"] : [`request/${asked}`, `response/${asked}`];
        const text = await exchange(client, `rivulet/${name}/${to}`, `rivulet/${name}/${from}`, body);
        const answer = JSON.parse(text) as Answer;
        expect(answer.error?.code).not.toBe("internal");
      }),
      { seed, numRuns: 500 },
    );
    expect(await ask(daemon, "verify", {})).toMatchObject({ outcome: "same" });
    expect(await ask(daemon, "status", {})).toMatchObject({ broker: { heldBytes: 0 } });
  }, 60_000);
});

describe.skipIf(!programs.mosquitto)("over Mosquitto", () => {
  it("a prediction nested too deeply is acknowledged, and does not come again at the next start", async () => {
    const mosquitto = await openMosquitto();
    const data = temporaryFolder();
    const first = await openOn(mosquitto.url, [], data);
    await first.close();
    const client = await mosquitto.connect();
    const answers: unknown[] = [];
    client.on("message", (_, payload) => answers.push(JSON.parse(payload.toString())));
    await client.subscribeAsync("rivulet/default/prediction");
    // It waits at the broker for a daemon that is away.
    await client.publishAsync("rivulet/default/predict", `{"x1":1,"x2":1,"id":${deep(20_000)}}`, { qos: 1 });
    const second = await openOn(mosquitto.url, [], data);
    await expect.poll(() => answers).toMatchObject([{ error: { code: "too-deep" } }]);
    await second.close();
    const third = await openOn(mosquitto.url, [], data);
    expect(await request(client, "status")).toMatchObject({ status: "ok" });
    expect(answers.filter((answer) => !Object.hasOwn(answer as object, "status"))).toHaveLength(1);
    await third.close();
  });
});
