import { describe, expect, it } from "vitest";
import { ask, connectTo, journalOf, open, temporaryFolder } from "./open.ts";
import { exchange, SAMPLE } from "./request.ts";

const PREDICTION = "rivulet/default/prediction";
const YAML = "models: { default: { batch: { size: 1 } } }";

async function opened(yaml = YAML, data = temporaryFolder()) {
  const daemon = await open(data, yaml);
  const client = await connectTo(daemon);
  const send = (row: unknown) => client.publishAsync(SAMPLE, JSON.stringify(row), { qos: 1 });
  const about = async () => (await ask(daemon, "status", {})).models["default"];
  return { daemon, client, data, send, about };
}

async function exported(daemon: Parameters<typeof ask>[0]): Promise<string> {
  let text = "";
  await daemon.request("journal-export", { format: "csv" }, async (piece) => {
    text += (piece as { text: string }).text;
  });
  return text;
}

describe("a missing feature", () => {
  it("is trained with the mean, counted, journaled as missing, and replayed to the same bits", async () => {
    const { daemon, send, about, data } = await opened();
    await send({ x1: 1, x2: 4, y: 1 });
    await send({ x1: 3, y: 0 });
    await send([
      { x1: null, x2: 2, y: 1 },
      { x2: 5, y: 0, x1: 2 },
    ]);
    expect(await about()).toMatchObject({ step: 4, missing: 2, undone: 0, refused: {} });
    expect(await exported(daemon)).toBe("sequence,x1,x2,y\n1,1,4,1\n2,3,,0\n3,,2,1\n4,2,5,0\n");
    expect(await journalOf(daemon)).toMatchObject([{}, { x1: 3, x2: null }, { x1: null, x2: 2 }, {}]);
    expect(await ask(daemon, "verify", {})).toMatchObject({ outcome: "same", steps: 4 });
    const state = daemon.rooms.models.get("default")?.state.learner.save();
    await daemon.close();
    const again = await opened(YAML, data);
    expect(again.daemon.rooms.models.get("default")?.state.learner.save()).toEqual(state);
    expect(await again.about()).toMatchObject({ missing: 2 });
    await again.send({ x1: 3, y: 0 });
    expect(await again.about()).toMatchObject({ missing: 3 });
    expect(await ask(again.daemon, "verify", {})).toMatchObject({ outcome: "same", steps: 5 });
  });

  it("may be asked about: on the topic, by the verb, and in a question that is answered later", async () => {
    const { daemon, client, send, about } = await opened();
    await send({ x1: 1, x2: 4, y: 1 });
    await send({ x1: 3, x2: 8, y: 0 });
    const full = await ask(daemon, "predict", { values: [2, 5] });
    expect(await ask(daemon, "predict", { values: [null, 5] })).toEqual(full);
    const topic = "rivulet/default/predict";
    expect(JSON.parse(await exchange(client, topic, PREDICTION, { x2: 5 }))).toEqual(full);
    expect(JSON.parse(await exchange(client, topic, PREDICTION, {}))).toMatchObject({ error: { code: "usage" } });
    await expect(ask(daemon, "predict", { values: [null, null] })).rejects.toMatchObject({ code: "usage" });
    expect(JSON.parse(await exchange(client, SAMPLE, PREDICTION, { id: "q", x2: 5 }))).toMatchObject({
      prediction: full.prediction,
    });
    await send({ id: "q", y: 1 });
    expect(await about()).toMatchObject({ step: 3, missing: 1 });
    expect(await journalOf(daemon)).toMatchObject([
      {},
      {},
      { kind: "question", x1: null },
      { kind: "answer", x1: null },
    ]);
    expect(await ask(daemon, "verify", {})).toMatchObject({ outcome: "same" });
  });

  it("is refused where the configuration says so", async () => {
    const { daemon, send, about } = await opened("models: { default: { missing: refuse } }");
    await send({ x1: 1, y: 1 });
    expect(await about()).toMatchObject({ sequence: 0, refused: { "feature-missing": 1 } });
    await expect(ask(daemon, "predict", { values: [1, null] })).rejects.toMatchObject({ code: "usage" });
  });
});

describe("a categorical feature", () => {
  const COLOURS = `
models:
  default:
    features: [x1, colour, plant]
    categorical: { colour: [red, green], plant: 8 }
    batch: { size: 1 }
    snapshot: { every: 2 steps, minGap: 0ms }
`;

  it("is told by name, journaled by name or hash, and replayed to the same bits", async () => {
    const { daemon, send, about, data } = await opened(COLOURS);
    await send([
      { x1: 1, colour: "green", plant: "north", y: 1 },
      { x1: 2, colour: "red", plant: "south", y: 0 },
      { x1: 3, colour: null, y: 1 },
    ]);
    await send({ x1: 1, colour: "blue", plant: "north", y: 1 });
    expect(await about()).toMatchObject({ step: 3, missing: 2, refused: { "category-unknown": 1 } });
    const [north, south] = (await journalOf(daemon)).map((row) => row["plant"]);
    expect(await exported(daemon)).toBe(
      `sequence,x1,colour,plant,y\n1,1,green,${north},1\n2,2,red,${south},0\n3,3,,,1\n`,
    );
    const asked = { x1: 1, colour: "green", plant: north };
    const { prediction } = await ask(daemon, "predict", { values: [1, "green", "north"] });
    expect(await ask(daemon, "predict", { values: [1, 1, north ?? null] })).toMatchObject({ prediction });
    const client = await connectTo(daemon);
    expect(JSON.parse(await exchange(client, "rivulet/default/predict", PREDICTION, asked))).toMatchObject({
      prediction,
    });
    await expect(ask(daemon, "predict", { values: [1, "blue", "north"] })).rejects.toMatchObject({ code: "usage" });
    await expect(ask(daemon, "predict", { values: ["red", "red", "north"] })).rejects.toMatchObject({ code: "usage" });
    expect(await ask(daemon, "verify", {})).toMatchObject({ outcome: "same", steps: 3 });
    await ask(daemon, "rollback", { snapshot: "2" });
    const file = await ask(daemon, "snapshots-export", { snapshot: "2" });
    expect(file).toMatchObject({ categorical: { colour: ["red", "green"], plant: 8 } });
    if (file.format !== "rivulet-model") throw new Error(`it is ${file.format}`);
    expect(file.version === 1 ? file.layers[0]?.weights[0] : file.relevance).toHaveLength(11);
    await daemon.close();
    const again = await opened(COLOURS, data);
    await again.send({ x1: 3, colour: "red", plant: "east", y: 1 });
    expect(await ask(again.daemon, "verify", {})).toMatchObject({ outcome: "same", steps: 4 });
  });
});

describe("balanced class weights", () => {
  it("are replayed to the same bits, put in force while the daemon runs, and rolled back", async () => {
    const { daemon, send, data } = await opened("models: { default: { batch: { size: 2 }, classWeights: balanced } }");
    const rows = (count: number) =>
      Array.from({ length: count }, (_, i) => ({ x1: i % 7, x2: i % 5, y: i % 10 === 0 }));
    await send(rows(60));
    await ask(daemon, "snapshots-take", {});
    await send(rows(30));
    await ask(daemon, "rollback", { snapshot: "2" });
    await send(rows(30));
    expect(await ask(daemon, "verify", {})).toMatchObject({ outcome: "same", steps: 60 });
    await daemon.close();
    const given = await opened("models: { default: { batch: { size: 2 }, classWeights: [1, 9] } }", data);
    await given.send(rows(30));
    expect(await ask(given.daemon, "verify", {})).toMatchObject({ outcome: "same", steps: 75 });
  });
});
