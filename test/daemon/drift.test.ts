import type { MqttClient } from "mqtt";
import { describe, expect, it } from "vitest";
import type { Daemon } from "../../src/daemon/daemon.ts";
import { Random } from "../../src/learner/random.ts";
import { ask, connectTo, open, temporaryFolder } from "./open.ts";
import { SAMPLE } from "./request.ts";

const CONCEPT_ROWS = 1000;
const MESSAGE_ROWS = 20;

/** Publishes rows whose labels turn over after each concept. */
async function publish(client: MqttClient, random: Random, from: number, to: number): Promise<void> {
  for (let row = from; row < to; row += MESSAGE_ROWS) {
    const rows = Array.from({ length: MESSAGE_ROWS }, (_, r) => {
      const x1 = random.normal();
      return { x1, x2: random.normal(), y: x1 > 0 === (Math.floor((row + r) / CONCEPT_ROWS) % 2 === 0) ? 1 : 0 };
    });
    await client.publishAsync(SAMPLE, JSON.stringify(rows), { qos: 1 });
  }
}

async function stateOf(daemon: Daemon) {
  const { metrics, drift } = (await ask(daemon, "status", {})).models["default"] ?? {};
  return { metrics, drift };
}

describe("a model whose world changes", () => {
  it("tells it, goes back to what it believed before, and keeps that as a snapshot", async () => {
    const daemon = await open(temporaryFolder());
    const client = await connectTo(daemon);
    const events: { event: string; action?: string }[] = [];
    await client.subscribeAsync("rivulet/default/event");
    client.on("message", (_, payload) => events.push(JSON.parse(payload.toString())));
    await publish(client, new Random(1), 0, 3 * CONCEPT_ROWS);
    const drifts = () => events.filter(({ event }) => event === "drift").map(({ action }) => action);
    await expect.poll(drifts).toEqual(["boost", "rollback"]);
    const { models } = await ask(daemon, "status", {});
    expect(models["default"]).toMatchObject({
      metrics: { kind: "classes", samples: 3 * CONCEPT_ROWS, drift: { drifts: 2 } },
      worth: { by: "accuracy", earnsItsKeep: true },
      drift: { policy: "rollback", candidates: 2 },
    });
    const at = models["default"]?.metrics?.drift.lastDriftAt ?? 0;
    expect(at).toBeGreaterThan(2 * CONCEPT_ROWS);
    // What the state topic tells of it.
    expect(daemon.rooms.models.get("default")?.drift).toEqual({ alarms: 2, rowsSince: 3 * CONCEPT_ROWS - at });
    const [newest] = (await ask(daemon, "snapshots-list", {})).filter(({ reason }) => reason === "policy");
    expect(newest?.metrics).toMatchObject({ accuracy: expect.any(Number), window: 1000 });
    expect(await ask(daemon, "verify", {})).toMatchObject({ outcome: "same" });
  });

  it("is scored and watched the same whether the daemon is restarted in the middle or not", async () => {
    const interrupted = temporaryFolder();
    const [one, random] = [await open(temporaryFolder()), new Random(2)];
    await publish(await connectTo(one), new Random(2), 0, 2 * CONCEPT_ROWS);
    for (const to of [900, 1040, 2000]) {
      const daemon = await open(interrupted);
      const from = (await ask(daemon, "status", {})).models["default"]?.sequence ?? 0;
      await publish(await connectTo(daemon), random, from, to);
      if (to === 2000) expect(await stateOf(daemon)).toEqual(await stateOf(one));
      await daemon.close();
    }
  });
});
