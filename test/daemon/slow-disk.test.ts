import { once } from "node:events";
import { connectAsync, type MqttClient } from "mqtt";
import { beforeEach, describe, expect, it } from "vitest";
import { rivuletJson, type Started, startDaemon, stopped } from "../cli/run.ts";
import { programs } from "../programs.ts";
import { type Faults, openFaults } from "../sim/faults.ts";
import { onEnd, temporaryFolder } from "./open.ts";
import { SAMPLE } from "./request.ts";

const HELD_MS = 1e9;

let data: string;
let faults: Faults;

beforeEach(async () => {
  data = temporaryFolder();
  faults = await openFaults(data);
  onEnd(() => faults.close());
});

async function started(set: readonly string[] = []): Promise<{ daemon: Started; client: MqttClient }> {
  const daemon = await startDaemon(data, ["--set", "commit.profile=eager", ...set], faults.env);
  const client = await connectAsync(`mqtt://127.0.0.1:${daemon.port}`);
  await client.subscribeAsync("rivulet/default/prediction");
  // What is held would hold the end, too.
  onEnd(async () => {
    await client.endAsync(true);
    await stopped(daemon.process, "SIGKILL");
  });
  return { daemon, client };
}

/** Publishes, and tells whether the acknowledgement has come. */
function published(
  client: MqttClient,
  topic: string,
  payload: string,
): { readonly acked: Promise<unknown>; came: boolean } {
  const state = { acked: client.publishAsync(topic, payload, { qos: 1 }), came: false };
  void state.acked.then(() => {
    state.came = true;
  });
  return state;
}

/** Asks for a prediction and waits for it. Not by QoS 1: an acknowledgement would wait its turn. */
async function predicted(client: MqttClient): Promise<{ readonly step: number }> {
  const answer = new Promise<string>((resolve) => {
    client.once("message", (_, payload) => resolve(payload.toString()));
  });
  client.publish("rivulet/default/predict", JSON.stringify({ x1: 0.5, x2: 0.5 }));
  return JSON.parse(await answer);
}

/** Holds all flushes, publishes, and waits until the commit of that is being flushed. */
async function holding(client: MqttClient, topic: string, payload: string) {
  const { flushesBegun } = faults.counts();
  faults.flushDelayMs = HELD_MS;
  const state = published(client, topic, payload);
  await expect.poll(() => faults.counts().flushesBegun).toBeGreaterThan(flushesBegun);
  return state;
}

describe.skipIf(!programs.cc)("while the disk holds a flush", () => {
  it("predictions are answered, samples are trained, and nothing is acknowledged", async () => {
    const { client } = await started(["--set", "models.default.batch.size=1"]);
    const first = await holding(client, SAMPLE, '{"x1":0.1,"x2":0.2,"y":1}');
    const before = await predicted(client);
    const more = Array.from({ length: 200 }, (_, i) =>
      published(client, SAMPLE, JSON.stringify({ x1: i / 200, x2: -i / 200, y: i % 2 })),
    );
    for (let i = 0; i < 100; i++) await predicted(client);
    expect((await predicted(client)).step).toBe(before.step + 200);
    expect([first, ...more].filter(({ came }) => came)).toEqual([]);
    faults.flushDelayMs = 0;
    await Promise.all([first.acked, ...more.map(({ acked }) => acked)]);
  });

  it("a request that changes something is not acknowledged before that is durable", async () => {
    const { client } = await started();
    // It is looked up in the store before it can be ordered: time in which an acknowledgement could overtake it.
    const rollback = await holding(client, "rivulet/default/request/rollback", '{"snapshot":"1"}');
    await predicted(client);
    expect(rollback.came).toBe(false);
    faults.flushDelayMs = 0;
    await rollback.acked;
  });

  it("a second signal ends the daemon at once, and what was acknowledged is there", async () => {
    const { daemon, client } = await started();
    await client.publishAsync(SAMPLE, '[{"x1":1,"x2":2,"y":1},{"x1":2,"x2":1,"y":0}]', { qos: 1 });
    const lost = await holding(client, SAMPLE, '{"x1":3,"x2":3,"y":1}');
    const stopping = once(daemon.process.stdout ?? process.stdin, "data");
    daemon.process.kill("SIGTERM");
    expect(String(await stopping)).toContain("stops");
    const end = once(daemon.process, "exit");
    daemon.process.kill("SIGTERM");
    expect(await end).toEqual([null, "SIGKILL"]);
    expect(lost.came).toBe(false);
    faults.flushDelayMs = 0;
    const status = await rivuletJson<{ models: { default: { durableSequence: number } } }>(["status", "--data", data]);
    // What was being flushed may have reached the file, and may not: it was not acknowledged.
    expect([2, 3]).toContain(status.models.default.durableSequence);
    expect(await rivuletJson(["verify", "--data", data])).toMatchObject({ outcome: "same" });
  });
});
