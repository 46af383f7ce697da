import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connectAsync } from "mqtt";
import { describe, expect, it } from "vitest";
import { type ConfigCheck, checkConfigText, parseConfig } from "../../src/daemon/config.ts";
import { type Daemon, openDaemon } from "../../src/daemon/daemon.ts";
import { silentLog } from "../../src/daemon/log.ts";
import { decodeStateBlock } from "../../src/learner/state-block.ts";
import { openMosquitto } from "../mqtt/mosquitto.ts";
import { makeCertificates } from "../mqtt/mosquitto-process.ts";
import { programs } from "../programs.ts";
import { ask, connectTo, NETWORK, onEnd, temporaryFolder } from "./open.ts";

/** Opens a daemon whose configuration can be written anew. */
async function opened(yaml: string): Promise<{ daemon: Daemon; write: (yaml: string) => void }> {
  const data = temporaryFolder();
  const overrides = { data, set: ["mqtt.port=0", "http.port=off", NETWORK] };
  let text = yaml;
  const reread = (): ConfigCheck => checkConfigText(text, overrides);
  const daemon = await openDaemon({ config: parseConfig(yaml, overrides), log: silentLog, listen: true, reread });
  onEnd(() => daemon.close());
  return {
    daemon,
    write: (next) => {
      text = next;
    },
  };
}

async function publish(daemon: Daemon, count: number): Promise<void> {
  const client = await connectTo(daemon);
  const rows = Array.from({ length: count }, (_, i) => ({ x1: Math.sin(i), x2: Math.cos(i), y: i % 2 }));
  await client.publishAsync("rivulet/default/sample", JSON.stringify(rows), { qos: 1 });
}

describe("a reload", () => {
  it("puts another rate and batch in force between two steps, with a snapshot before it", async () => {
    const { daemon, write } = await opened("{}");
    await publish(daemon, 40);
    write("models: { default: { optimizer: { learningRate: 0.05 }, batch: { size: 8 } } }");
    expect(await daemon.reload()).toMatchObject({
      changed: ["models.default.optimizer.learningRate", "models.default.batch.size"],
      waiting: [],
      failure: null,
    });
    await publish(daemon, 40);
    const model = daemon.rooms.models.get("default");
    expect(model?.state).toMatchObject({ step: 15, sequence: 80 });
    expect(model?.state.config.learner.optimizer.learningRate).toBe(0.05);
    expect((await ask(daemon, "snapshots-list", {})).map(({ reason }) => reason)).toEqual(["config", "created"]);
    expect(await ask(daemon, "verify", {})).toMatchObject({ outcome: "same", rows: 80 });
    expect((await ask(daemon, "status", {})).reloaded).toMatchObject({ failure: null });
  });

  it("carries the parameters over to another optimizer", async () => {
    const { daemon, write } = await opened("{}");
    await publish(daemon, 40);
    const before = daemon.rooms.models.get("default")?.state.learner.engine.parameters.slice();
    write("models: { default: { optimizer: { kind: sgd }, scale: none } }");
    await daemon.reload();
    expect(daemon.rooms.models.get("default")?.state.learner.engine.parameters).toEqual(before);
    await publish(daemon, 40);
    expect(await ask(daemon, "verify", {})).toMatchObject({ outcome: "same", rows: 80 });
  });

  it("averages the weights from then on, or no more", async () => {
    const { daemon, write } = await opened("{}");
    const parameters = () => daemon.rooms.models.get("default")?.state.learner.engine.parameters.slice();
    await publish(daemon, 40);
    for (const decay of [0.9, 0.99, 0]) {
      const before = parameters();
      write(`models: { default: { averaging: { decay: ${decay} } } }`);
      expect(await daemon.reload()).toMatchObject({ changed: ["models.default.averaging.decay"], failure: null });
      expect(parameters()).toEqual(before);
      await publish(daemon, 40);
      expect(parameters()).not.toEqual(before);
    }
    write("models: { default: { optimizer: { kind: ekf }, averaging: { decay: 0.9 } } }");
    expect((await daemon.reload()).failure).toContain("models.default.averaging.decay");
    expect(await ask(daemon, "verify", {})).toMatchObject({ outcome: "same", rows: 160 });
  });

  it("replays rows from then on, in another way, or no more", async () => {
    const { daemon, write } = await opened("{}");
    const held = () => {
      const block = daemon.rooms.models.get("default")?.state.learner.save() ?? new Uint8Array();
      const counts = decodeStateBlock(block)
        .filter(({ tag }) => tag === "WIND" || tag === "RESV")
        .map(({ tag, bytes }) => [tag, new DataView(bytes.slice().buffer).getFloat64(0, true)]);
      return Object.fromEntries(counts);
    };
    await publish(daemon, 40);
    for (const [replay, came] of [
      ["kind: window, rows: 30", { WIND: 40 }],
      ["kind: window, rows: 30, batches: 1", { WIND: 80 }],
      ["kind: window, rows: 50, batches: 1", { WIND: 40 }],
      ["kind: reservoir", { RESV: 40 }],
      ["kind: none", {}],
    ] as const) {
      write(`models: { default: { replay: { ${replay} } } }`);
      expect(await daemon.reload()).toMatchObject({ waiting: [], failure: null });
      await publish(daemon, 40);
      expect(held()).toEqual(came);
    }
    expect(await ask(daemon, "verify", {})).toMatchObject({ outcome: "same", rows: 240 });
  });

  it("changes when things are committed, trained and saved", async () => {
    const { daemon, write } = await opened("models: { default: { batch: { maxAge: 1h } } }");
    await publish(daemon, 3);
    write(
      "commit: { profile: eager }\nmodels: { default: { batch: { maxAge: 1ms }, snapshot: { every: 1 steps, minGap: 0ms } } }",
    );
    expect((await daemon.reload()).changed).toEqual([
      "commit.profile",
      "models.default.batch.maxAge",
      "models.default.snapshot.every",
      "models.default.snapshot.minGap",
    ]);
    expect(daemon.rooms.config.commit.profile).toBe("eager");
    await publish(daemon, 3);
    await expect.poll(() => daemon.rooms.models.get("default")?.state.sequence).toBe(6);
    await expect.poll(async () => (await ask(daemon, "snapshots-list", {}))[0]?.reason).toBe("steps");
  });

  it("keeps the old configuration where the new one has a fault, and says so", async () => {
    const { daemon, write } = await opened("{}");
    const before = daemon.rooms.config;
    write("models: { default: { optimizer: { learningRat: 0.05 } } }");
    expect((await daemon.reload()).failure).toContain("learningRate");
    expect(daemon.rooms.config).toBe(before);
    expect((await ask(daemon, "status", {})).reloaded?.failure).toContain("learningRate");
    expect(await ask(daemon, "config-check", {})).toMatchObject({
      ok: false,
      faults: [expect.stringContaining("learningRat")],
    });
    write("mqtt: { passwordFile: /no/such/file }");
    expect((await daemon.reload()).failure).toContain("/no/such/file");
    expect(daemon.rooms.config).toBe(before);
  });

  it("takes, or refuses, rows with gaps from then on", async () => {
    const { daemon, write } = await opened("models: { default: { missing: refuse } }");
    const client = await connectTo(daemon);
    const send = () => client.publishAsync("rivulet/default/sample", '{"x1":1,"y":1}', { qos: 1 });
    await send();
    write("{}");
    expect(await daemon.reload()).toMatchObject({ changed: ["models.default.missing"] });
    await send();
    await send();
    write("models: { default: { missing: refuse } }");
    await daemon.reload();
    await send();
    const { models } = await ask(daemon, "status", {});
    expect(models["default"]).toMatchObject({ sequence: 2, missing: 2, refused: { "feature-missing": 2 } });
    expect(await ask(daemon, "verify", {})).toMatchObject({ outcome: "same" });
  });

  it("keeps all of the old configuration where a trained model cannot go on under the new one", async () => {
    const { daemon, write } = await opened("{}");
    write("log: { level: warn }\nmodels: { default: { network: { hidden: [3] } } }");
    expect((await daemon.reload()).failure).toContain("models.default.network.hidden");
    expect(daemon.rooms.config.log.level).toBe("info");
  });

  it("names what waits for a restart, and puts the rest in force", async () => {
    const { daemon, write } = await opened("{}");
    write("mqtt: { prefix: other, commands: off }\nintake: { bytesMax: 32MB }\nmodels: { default: {}, second: {} }");
    expect(await daemon.reload()).toMatchObject({
      changed: ["mqtt.commands"],
      waiting: ["mqtt.prefix", "intake.bytesMax", "models.second"],
    });
    expect(daemon.rooms.config.mqtt).toMatchObject({ prefix: "rivulet", commands: "off" });
  });

  it("tells by its key what only the file's content changed, and lets nobody stay whom it let in no more", async () => {
    const file = join(temporaryFolder(), "password");
    writeFileSync(file, "one\n");
    const { daemon } = await opened(`mqtt: { username: pump, passwordFile: ${file} }`);
    const { url } = daemon.rooms.broker?.status() ?? { url: "" };
    const enter = (password: string) =>
      connectAsync(url, { username: "pump", password, reconnectPeriod: 0, connectTimeout: 2000 }, false);
    const client = await enter("one");
    onEnd(() => client.endAsync(true));
    expect(await daemon.reload()).toMatchObject({ changed: [], waiting: [], failure: null });
    expect(client.connected).toBe(true);
    const closed = new Promise((resolve) => client.once("close", () => resolve(true)));
    writeFileSync(file, "two\n");
    expect(await daemon.reload()).toMatchObject({ changed: ["mqtt.passwordFile"], waiting: [], failure: null });
    expect(await closed).toBe(true);
    await expect(enter("one")).rejects.toMatchObject({ code: 4 });
    await (await enter("two")).endAsync();
    // A password that is none is a fault by name; the former one stays.
    writeFileSync(file, "\n");
    expect((await daemon.reload()).failure).toBe(`mqtt.passwordFile: the file ${file} is empty`);
    await expect(enter("")).rejects.toMatchObject({ code: 4 });
    await (await enter("two")).endAsync();
  });

  it("does not begin with an empty password", async () => {
    const file = join(temporaryFolder(), "password");
    writeFileSync(file, "");
    await expect(opened(`mqtt: { username: pump, passwordFile: ${file} }`)).rejects.toMatchObject({
      code: "config-invalid",
      message: `mqtt.passwordFile: the file ${file} is empty`,
    });
  });

  describe.skipIf(!programs.openssl)("of certificates", () => {
    /** Makes a folder with certificates of an authority, a server and a client. */
    function certificates(): (name: string) => string {
      const folder = mkdtempSync(join(tmpdir(), "rivulet-tls-"));
      onEnd(() => rmSync(folder, { recursive: true }));
      makeCertificates(folder);
      return (name) => join(folder, name);
    }

    it.skipIf(!programs.mosquitto)("of the daemon's own goes into force at an external broker at once", async () => {
      const mosquitto = await openMosquitto({ tls: true, mutual: true });
      const base = `mqtt: { broker: "${mosquitto.url}", caFile: ${mosquitto.file("ca.pem")}`;
      const { daemon, write } = await opened(`${base} }`);
      const broker = () => daemon.rooms.broker?.status();
      await expect.poll(() => broker()?.reason).not.toBe("it was not reached yet");
      expect(broker()?.online).toBe(false);
      const [cert, key] = [mosquitto.file("client.pem"), mosquitto.file("client-key.pem")];
      write(`${base}, certFile: ${cert}, keyFile: ${key} }`);
      expect(await daemon.reload()).toMatchObject({ changed: ["mqtt.certFile", "mqtt.keyFile"], waiting: [] });
      await expect.poll(() => broker()?.online, { timeout: 5000 }).toBe(true);
      // Another one that cannot be used is refused, and the former one still opens the door.
      copyFileSync(cert, mosquitto.file("good.pem"));
      writeFileSync(cert, "garbage\n");
      expect((await daemon.reload()).failure).toMatch(/certificates cannot be used/);
      copyFileSync(mosquitto.file("good.pem"), cert);
      await mosquitto.stop();
      await mosquitto.start();
      await expect.poll(() => broker(), { timeout: 10_000 }).toMatchObject({ online: true, connections: 2 });
    });

    it("of an authority has clients of the embedded broker asked for theirs at once", async () => {
      const file = certificates();
      const base = `mqtt: { certFile: ${file("server.pem")}, keyFile: ${file("server-key.pem")}`;
      const { daemon, write } = await opened(`${base} }`);
      write(`${base}, caFile: ${file("ca.pem")} }`);
      expect(await daemon.reload()).toMatchObject({ changed: ["mqtt.caFile"], waiting: [] });
      makeCertificates(file("."));
      expect(await daemon.reload()).toMatchObject({ changed: ["mqtt.caFile", "mqtt.certFile", "mqtt.keyFile"] });
      write(`${base} }`);
      expect(await daemon.reload()).toMatchObject({ changed: ["mqtt.caFile"], waiting: [] });
    });
  });
});
