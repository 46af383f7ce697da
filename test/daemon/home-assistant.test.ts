import { execFileSync } from "node:child_process";
import type { MqttClient } from "mqtt";
import { describe, expect, it } from "vitest";
import { discoveryMessage } from "../../src/daemon/home-assistant.ts";
import { openMosquitto } from "../mqtt/mosquitto.ts";
import { programs } from "../programs.ts";
import { ask, connectTo, eventually, open, openOn, temporaryFolder } from "./open.ts";
import { publishRows, request, SAMPLE } from "./request.ts";

const DISCOVERED = "homeassistant/device/rivulet_default/config";
// Home Assistant's templates are Jinja; Debian's Python runs them as it does.
const RENDER = `
import json, sys
from jinja2 import Environment
given = json.load(sys.stdin)
print(json.dumps({id: Environment().from_string(t).render(value_json=given["state"]) for id, t in given["templates"].items()}))
`;

interface Component {
  readonly platform: string;
  readonly unique_id: string;
  readonly value_template?: string;
  readonly command_topic?: string;
  readonly payload_press?: string;
}

interface Discovered {
  readonly device: { readonly identifiers: readonly string[] };
  readonly availability: readonly { readonly topic: string }[];
  readonly state_topic: string;
  readonly components: Readonly<Record<string, Component>>;
}

/** Remembers what stands on each topic. */
async function listen(client: MqttClient, topics: readonly string[]): Promise<Map<string, string>> {
  const standing = new Map<string, string>();
  client.on("message", (topic, payload) => standing.set(topic, payload.toString()));
  await client.subscribeAsync([...topics]);
  return standing;
}

function render(discovered: Discovered, state: unknown): Record<string, string> {
  const templates = Object.fromEntries(
    Object.entries(discovered.components)
      .filter(([, { value_template }]) => value_template !== undefined)
      .map(([id, { value_template }]) => [id, value_template]),
  );
  const input = JSON.stringify({ templates, state });
  return JSON.parse(execFileSync("/usr/bin/python3", ["-c", RENDER], { input, encoding: "utf8" }));
}

describe("Home Assistant", () => {
  it("is told nothing unless it is asked for", async () => {
    const client = await connectTo(await open(temporaryFolder()));
    const standing = await listen(client, ["#"]);
    await eventually(() => standing.has("rivulet/default/state")).toBe(true);
    expect([...standing.keys()].filter((topic) => topic.startsWith("homeassistant"))).toEqual([]);
  });

  it("finds each model as a device whose button rolls back to the best snapshot", async () => {
    const daemon = await open(temporaryFolder(), null, ["mqtt.homeAssistant=true", "models.default.drift.policy=none"]);
    const client = await connectTo(daemon);
    const standing = await listen(client, ["homeassistant/#"]);
    await eventually(() => standing.has(DISCOVERED)).toBe(true);
    const { components, device } = JSON.parse(standing.get(DISCOVERED) ?? "") as Discovered;
    expect(device.identifiers).toEqual(["rivulet_default"]);
    expect(new Set(Object.values(components).map(({ unique_id }) => unique_id)).size).toBe(
      Object.keys(components).length,
    );
    const rows = (count: number, isTrue: boolean) =>
      JSON.stringify(
        Array.from({ length: count }, (_, i) => ({
          x1: Math.sin(i),
          x2: Math.cos(7 * i),
          y: Math.sin(i) > 0 === isTrue,
        })),
      );
    await client.publishAsync(SAMPLE, rows(2000, true), { qos: 1 });
    await ask(daemon, "snapshots-take", {});
    await client.publishAsync(SAMPLE, rows(100, false), { qos: 1 });
    const [best] = (await ask(daemon, "backtest", {})).snapshots;
    expect(best?.id).not.toBeNull();
    const button = components["rollback_best"];
    await client.publishAsync(button?.command_topic ?? "", button?.payload_press ?? "", { qos: 1 });
    await eventually(async () => (await ask(daemon, "snapshots-list", {}))[0]).toMatchObject({
      reason: "rollback",
      parent: best?.id,
    });
  });

  it.skipIf(!programs.jinja)("reads what a model's state says", async () => {
    const daemon = await open(temporaryFolder(), null, ["mqtt.homeAssistant=true"]);
    const client = await connectTo(daemon);
    const standing = await listen(client, ["homeassistant/#", "rivulet/#"]);
    await eventually(() => standing.has("rivulet/default/state") && standing.has(DISCOVERED)).toBe(true);
    const discovered = JSON.parse(standing.get(DISCOVERED) ?? "") as Discovered;
    expect(standing.get(discovered.availability[0]?.topic ?? "")).toBe("online");
    const state = () => JSON.parse(standing.get(discovered.state_topic) ?? "");
    expect(render(discovered, state())).toMatchObject({
      accuracy: "None",
      cost: "None",
      samples: "0",
      drifts: "0",
      drift: "OFF",
    });
    await publishRows(client, 300);
    await eventually(() => state().sequence).toBe(300);
    const { metrics, cost, step } = state();
    expect(render(discovered, state())).toEqual({
      accuracy: String(metrics.accuracy * 100),
      log_loss: expect.stringContaining("0."),
      cost: String(cost),
      samples: "300",
      step: String(step),
      snapshot: "1",
      drifts: "0",
      drift: "OFF",
    });
    const drifted = (rowsSince: number) => render(discovered, { ...state(), drift: { alarms: 2, rowsSince } });
    expect(drifted(10)).toMatchObject({ drifts: "2", drift: "ON" });
    expect(drifted(5000)).toMatchObject({ drift: "OFF" });
  });

  it("is shown errors instead of accuracy for a model of values", () => {
    const options = { discoveryPrefix: "homeassistant", prefix: "home/pi", version: "1", obeys: false };
    const { components } = discoveryMessage(options, { name: "heat", loss: "mse" }) as Discovered;
    expect(Object.keys(components)).toEqual(["mae", "rmse", "cost", "samples", "step", "snapshot", "drifts", "drift"]);
    expect(components["mae"]?.unique_id).toBe("home_2f_pi_heat_mae");
  });

  it.skipIf(!programs.mosquitto)(
    "forgets what it is told no more, and has no button where it may not press it",
    async () => {
      const { url } = await openMosquitto();
      const [data, set] = [temporaryFolder(), ["mqtt.homeAssistant=true"]];
      const daemon = await openOn(url, set, data);
      const client = await connectTo(daemon);
      const standing = await listen(client, ["homeassistant/#"]);
      await eventually(() => standing.has(DISCOVERED)).toBe(true);
      expect(Object.keys(JSON.parse(standing.get(DISCOVERED) ?? "").components)).not.toContain("rollback_best");
      await daemon.close();
      const other = await open(data, "models: { other: {} }", [
        `mqtt.broker=${url}`,
        "mqtt.homeAssistant=true",
        "mqtt.commands=on",
      ]);
      await eventually(() => standing.has("homeassistant/device/rivulet_other/config")).toBe(true);
      await request(client, "models-delete", { name: "default" }, "bridge");
      await eventually(() => standing.get(DISCOVERED)).toBe("");
      expect(other.rooms.broker?.status().online).toBe(true);
    },
  );
});
