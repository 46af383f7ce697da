import type { MqttClient } from "mqtt";
import { describe, expect, it } from "vitest";
import type { Daemon } from "../../src/daemon/daemon.ts";
import { learnerOf, type ModelFile } from "../../src/export/model-file.ts";
import { Random } from "../../src/learner/random.ts";
import { ask, connectTo, open, temporaryFolder } from "./open.ts";
import { request, SAMPLE } from "./request.ts";

const training = { optimizer: { kind: "sgd" as const, learningRate: 0.1 }, batch: { size: 1 } };
const SET = ["models.default.network.hidden=[2]", "models.default.batch.size=4", "models.default.drift.policy=none"];
const ENSEMBLE = ["models.default.learner=ensemble"];
/** In fractions that no rounding to a shorter form would keep. */
const FILE: ModelFile = {
  format: "rivulet-model",
  version: 1,
  features: ["x1", "x2"],
  label: "y",
  loss: "cross-entropy",
  layers: [
    {
      weights: [
        [1 / 3, -0.25],
        [0.1, 2 / 7],
      ],
      biases: [0.5, -1e-17],
      activation: "relu",
    },
    { weights: [[1, -1 / 9]], biases: [0.7], activation: "sigmoid" },
  ],
  scaler: { mean: [0.1, -0.2], std: [1.5, 0.5], count: 50 },
};

function given(file: object): Record<string, unknown> {
  return JSON.parse(JSON.stringify(file));
}

async function publish(client: MqttClient, seed: number): Promise<void> {
  const random = new Random(seed);
  const rows = Array.from({ length: 103 }, () => ({ x1: random.normal(), x2: random.normal(), y: seed % 2 }));
  await client.publishAsync(SAMPLE, JSON.stringify(rows), { qos: 1 });
}

async function predicted(daemon: Daemon): Promise<unknown> {
  return (await ask(daemon, "predict", { values: [0.3, 1.7] })).prediction;
}

describe("an import", () => {
  it("makes a file's network the current one as a new snapshot, and a replay of the journal has it bit for bit", async () => {
    const data = temporaryFolder();
    const daemon = await open(data, null, SET);
    const client = await connectTo(daemon);
    await publish(client, 1);
    const line = await ask(daemon, "models-import", { model: given(FILE) });
    expect(line).toMatchObject({ reason: "import", sequence: 103 });
    expect(line.parent).toBe(line.id - 1);
    // The schedule of the learning rate begins anew.
    expect(daemon.rooms.models.get("default")?.state.learner.stepsApplied).toBe(0);
    expect(await ask(daemon, "model", {})).toEqual(FILE);
    expect(await predicted(daemon)).toBe(learnerOf(FILE, training).predict([0.3, 1.7]));
    await publish(client, 2);
    const after = await ask(daemon, "snapshots-take", {});
    expect(after.sequence).toBe(206);
    expect(await ask(daemon, "verify", { from: "1" })).toMatchObject({ outcome: "same", rows: 206 });
    const live = await predicted(daemon);
    await daemon.close();

    // Without a broker, as on a stopped daemon.
    const again = await open(data, null, SET);
    expect(await predicted(again)).toBe(live);
    await ask(again, "models-import", { model: given({ ...FILE, scaler: { mean: [0, 0], std: [1, 1] } }) });
    expect(await ask(again, "verify", {})).toMatchObject({ outcome: "same" });
    await ask(again, "rollback", { snapshot: String(after.id) });
    expect(await predicted(again)).toBe(live);
    await ask(again, "rollback", { snapshot: String(line.id) });
    expect(await ask(again, "model", {})).toEqual(FILE);
    expect(await ask(again, "verify", {})).toMatchObject({ outcome: "same", difference: null });
  });

  it("takes an ensemble's file too, which goes on learning from there", async () => {
    const data = temporaryFolder();
    const teacher = await open(temporaryFolder(), null, ENSEMBLE);
    await publish(await connectTo(teacher), 1);
    const file = await ask(teacher, "snapshots-export", { snapshot: "1", format: "json" });
    await ask(teacher, "snapshots-take", {});
    const taught = await ask(teacher, "snapshots-export", { snapshot: "2", format: "json" });
    expect(taught).toMatchObject({ version: 2 });
    const daemon = await open(data, null, ENSEMBLE);
    await publish(await connectTo(daemon), 2);
    await ask(daemon, "models-import", { model: given(taught) });
    const { mixer: _, ...rest } = taught as Extract<typeof taught, { version: 2 }>;
    expect(await ask(daemon, "model", {})).toMatchObject(rest);
    expect(await predicted(daemon)).toBeCloseTo(Number(await predicted(teacher)), 12);
    await publish(await connectTo(daemon), 3);
    await ask(daemon, "snapshots-take", {});
    expect(await ask(daemon, "verify", { from: "1" })).toMatchObject({ outcome: "same", rows: 206 });
    await expect(ask(daemon, "models-import", { model: given(FILE) })).rejects.toMatchObject({
      code: "topology-differs",
    });
    expect(file).not.toEqual(taught);
  });

  it("is obeyed once over MQTT, however often it is asked for by one name, and tells an event", async () => {
    const daemon = await open(temporaryFolder(), null, SET);
    const client = await connectTo(daemon);
    const events: unknown[] = [];
    await client.subscribeAsync("rivulet/default/event");
    client.on("message", (topic, payload) => {
      if (topic === "rivulet/default/event") events.push(JSON.parse(payload.toString()));
    });
    const order = { transaction: "import-1", model: given(FILE) };
    const first = await request(client, "models-import", order);
    const second = await request(client, "models-import", order);
    expect(first).toMatchObject({ status: "ok", data: { reason: "import" } });
    expect(second).toEqual(first);
    expect(await ask(daemon, "snapshots-list", {})).toHaveLength(2);
    await expect.poll(() => events, { timeout: 20_000 }).toContainEqual(expect.objectContaining({ event: "import" }));
  });

  it.each([
    ["other features", { features: ["x1", "x3"] }, "features"],
    ["another label", { label: "z" }, "label"],
    ["no scaler", { scaler: null }, "scale"],
    ["other classes", { classes: ["off", "on"] }, "classes"],
    ["another activation", { layers: [{ ...FILE.layers[0], activation: "tanh" }, FILE.layers[1]] }, "activation"],
    ["another loss", { loss: "mse", layers: [FILE.layers[0], { ...FILE.layers[1], activation: "identity" }] }, "loss"],
    [
      "more units",
      {
        layers: [
          {
            weights: [
              [1, 2],
              [3, 4],
              [5, 6],
            ],
            biases: [1, 2, 3],
            activation: "relu",
          },
          { weights: [[1, 2, 3]], biases: [0], activation: "sigmoid" },
        ],
      },
      "hidden",
    ],
  ])("of %s is refused, and changes nothing", async (_, change, told) => {
    const daemon = await open(temporaryFolder(), null, SET);
    const before = await ask(daemon, "model", {});
    await expect(ask(daemon, "models-import", { model: given({ ...FILE, ...change }) })).rejects.toMatchObject({
      code: "topology-differs",
      message: expect.stringContaining(told),
    });
    expect(await ask(daemon, "model", {})).toEqual(before);
    expect(await ask(daemon, "snapshots-list", {})).toHaveLength(1);
  });

  it("of what is no model file is refused", async () => {
    const daemon = await open(temporaryFolder(), null, SET);
    await expect(ask(daemon, "models-import", { model: { format: "onnx" } })).rejects.toMatchObject({
      code: "model-file-invalid",
    });
  });
});
