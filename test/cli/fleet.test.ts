import { describe, expect, it } from "vitest";
import { connectTo, eventually, open, openOn, temporaryFolder } from "../daemon/open.ts";
import { openMosquitto } from "../mqtt/mosquitto.ts";
import { programs } from "../programs.ts";
import { rivulet, rivuletJson } from "./run.ts";

describe("fleet status", () => {
  it.skipIf(!programs.mosquitto)("shows all daemons of a broker, also those that are away", async () => {
    const { url } = await openMosquitto();
    const at = ["--set", `mqtt.broker=${url}`];
    expect(await rivuletJson(["fleet", "status", ...at])).toEqual([]);
    const kitchen = await openOn(url, ["mqtt.prefix=rivulet/kitchen"]);
    const cellar = await open(temporaryFolder(), "models: { default: {}, pump: {} }", [
      `mqtt.broker=${url}`,
      "mqtt.prefix=rivulet/cellar",
    ]);
    await eventually(() => cellar.rooms.broker?.status().online).toBe(true);
    const client = await connectTo(kitchen);
    await client.publishAsync("rivulet/kitchen/default/sample", '{"x1":[1,2],"x2":[1,2],"y":[1,0]}', { qos: 1 });
    await client.publishAsync("rivulet/other/default/state", "no JSON", { qos: 1, retain: true });
    await cellar.close();
    await eventually(async () => {
      const lines = await rivuletJson<{ device: string; sequence: number }[]>(["fleet", "status", ...at]);
      return lines.find(({ device }) => device === "rivulet/kitchen")?.sequence;
    }).toBe(2);
    const lines = await rivuletJson(["fleet", "status", ...at]);
    expect(lines).toMatchObject([
      { device: "rivulet/cellar", online: false, model: "default", sequence: 0, drifts: 0 },
      { device: "rivulet/cellar", online: false, model: "pump" },
      {
        device: "rivulet/kitchen",
        online: true,
        failure: null,
        model: "default",
        sequence: 2,
        quality: expect.any(Number),
      },
      { device: "rivulet/other", online: false, version: null, model: "default", step: null },
    ]);
    const { stdout } = await rivulet(["fleet", "status", "--prefix", "rivulet/kitchen", ...at]);
    expect(stdout).toMatch(/^device +is +version/);
    expect(stdout.trim().split("\n")).toHaveLength(3);
  });

  it("shows the daemon of the configured prefix itself, and says where no broker is", async () => {
    const daemon = await open(temporaryFolder());
    const at = ["--set", `mqtt.broker=${daemon.rooms.broker?.status().url}`];
    expect(await rivuletJson(["fleet", "status", ...at])).toMatchObject([
      { device: "rivulet", online: true, model: "default" },
    ]);
    await daemon.close();
    const { code, stderr } = await rivulet(["fleet", "status", ...at]);
    expect(stderr).toContain("cannot be reached");
    expect(code).toBe(1);
  });
});
