import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { connectAsync, type IClientOptions, type MqttClient } from "mqtt";
import { describe, expect, it } from "vitest";
import { mosquittoRules, plainMosquittoConf, ROLES } from "../../src/cli/mosquitto-files.ts";
import { eventually, onEnd, open } from "../daemon/open.ts";
import { request } from "../daemon/request.ts";
import { freePort } from "../mqtt/mosquitto-process.ts";
import { binary, programs } from "../programs.ts";
import { rivulet, rivuletJson, temporaryFolder } from "./run.ts";

const SAMPLE = '{"x1":0.1,"x2":0.2,"y":1}';

async function startBroker(folder: string): Promise<void> {
  // Started by root it would take another user, which may not read a folder of root's.
  const user = process.getuid?.() === 0 ? "user root\n" : "";
  writeFileSync(join(folder, "here.conf"), `${readFileSync(join(folder, "rivulet.conf"), "utf8")}${user}`);
  const child = spawn(binary("mosquitto"), ["-c", join(folder, "here.conf")], { stdio: ["ignore", "ignore", "pipe"] });
  onEnd(async () => {
    child.kill("SIGKILL");
    if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  });
  let log = "";
  for await (const text of child.stderr.setEncoding("utf8")) {
    log += text;
    if (log.includes(" running")) return;
  }
  throw new Error(`mosquitto ended: ${log}`);
}

async function connect(url: string, options: IClientOptions): Promise<MqttClient> {
  const client = await connectAsync(url, { reconnectPeriod: 0, ...options });
  onEnd(() => client.endAsync(true));
  return client;
}

describe("deploy/mosquitto", () => {
  it("is in step with what broker-setup writes (node deploy/schema.ts writes it)", () => {
    const text = (name: string) => readFileSync(new URL(`../../deploy/mosquitto/${name}`, import.meta.url), "utf8");
    expect(text("rivulet.conf")).toBe(plainMosquittoConf());
    expect(text("rivulet.acl")).toBe(mosquittoRules("rivulet", "homeassistant"));
  });
});

describe("broker-setup", () => {
  it("keeps passwords that are there, unless they are to be made anew, and keeps them to itself", async () => {
    const folder = join(temporaryFolder(), "broker");
    const sensor = () => readFileSync(join(folder, "passwords/sensor"), "utf8");
    expect(await rivuletJson(["broker-setup", "--dir", folder])).toMatchObject({ made: [...ROLES] });
    const first = sensor();
    expect(first.trim()).toHaveLength(24);
    expect(statSync(join(folder, "passwords/sensor")).mode & 0o077).toBe(0);
    expect(statSync(join(folder, "rivulet.passwd")).mode & 0o077).toBe(0);
    expect(readFileSync(join(folder, "rivulet.passwd"), "utf8")).not.toContain(first.trim());
    expect(await rivuletJson(["broker-setup", "--dir", folder])).toMatchObject({ made: [] });
    expect(sensor()).toBe(first);
    expect(await rivuletJson(["broker-setup", "--dir", folder, "--renew"])).toMatchObject({ made: [...ROLES] });
    expect(sensor()).not.toBe(first);
  });

  it.each([
    [["--port", "0"], "--port is 0; a port from 1 to 65535 is needed"],
    [["--tls-host", "a b"], "--tls-host is a b"],
  ])("refuses %s", async (args, says) => {
    const { code, stderr } = await rivulet(["broker-setup", "--dir", join(temporaryFolder(), "b"), ...args]);
    expect(stderr).toContain(says);
    expect(code).toBe(64);
  });

  it.skipIf(!programs.mosquitto || !programs.openssl)(
    "writes a broker that lets each user do what its role needs, and no more, by TLS from elsewhere",
    async () => {
      const folder = join(temporaryFolder(), "broker");
      const [port, tlsPort] = [await freePort(), await freePort()];
      const store = join(temporaryFolder(), "store");
      mkdirSync(store);
      const ports = ["--port", String(port), "--tls-port", String(tlsPort), "--tls-host", "localhost"];
      await rivuletJson(["broker-setup", "--dir", folder, "--store", store, ...ports]);
      await startBroker(folder);
      const config = readFileSync(join(folder, "rivulet.yaml"), "utf8").replace("  # commands: on", "  commands: on");
      const daemon = await open(temporaryFolder(), config);
      await eventually(() => daemon.rooms.broker?.status().online).toBe(true);

      const as = (username: string) =>
        connect(`mqtts://localhost:${tlsPort}`, {
          username,
          password: readFileSync(join(folder, "passwords", username), "utf8").trim(),
          ca: readFileSync(join(folder, "ca.pem")),
        });
      const [sensor, viewer, operator, home] = await Promise.all(
        ["sensor", "viewer", "operator", "homeassistant"].map(as),
      );
      if (!sensor || !viewer || !operator || !home) throw new Error("not connected");

      const heard = new Map([sensor, viewer].map((client) => [client, new Set<string>()]));
      for (const [client, topics] of heard) {
        client.on("message", (topic) => topics.add(topic));
        await client.subscribeAsync("#");
      }
      // The sensor's sample is trained; what others send is not.
      for (const client of [viewer, operator, home, sensor]) {
        await client.publishAsync("rivulet/default/sample", SAMPLE, { qos: 1 });
      }
      const sequence = async () => {
        const { data } = await request(operator, "status");
        return (data as { models: Record<string, { sequence: number }> }).models["default"]?.sequence;
      };
      await eventually(sequence).toBe(1);
      // The operator takes a snapshot; the sensor and the viewer ask in vain, Home Assistant may only roll back.
      for (const client of [sensor, viewer, home]) {
        await client.publishAsync("rivulet/default/request/snapshots-take", "{}", { qos: 1 });
      }
      expect((await request(operator, "snapshots-take")).status).toBe("ok");
      const snapshots = (await request(operator, "snapshots-list")).data;
      expect(snapshots).toHaveLength(2);
      expect((await request(home, "rollback", { snapshot: "1" })).status).toBe("ok");
      await eventually(() => heard.get(viewer)?.has("rivulet/default/event")).toBe(true);
      expect(heard.get(sensor)).toContain("rivulet/bridge/state");
      expect([...(heard.get(sensor) ?? [])].filter((topic) => !topic.startsWith("rivulet/bridge/"))).toEqual([]);
      await expect(connect(`mqtt://127.0.0.1:${port}`, {})).rejects.toThrow(/Not authorized/i);
    },
  );
});
