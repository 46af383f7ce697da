import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { MqttClient } from "mqtt";
import { requestControl } from "../../src/daemon/control-socket.ts";
import { ARM64, missingEmulator } from "../emulator.ts";
import { launchMosquitto } from "../mqtt/mosquitto-process.ts";
import { becomes, same } from "./expect.ts";

const ROWS = 200;
const QUESTION = [0.25, -0.75];
const main = fileURLToPath(new URL("../../src/main.ts", import.meta.url));

/** Lets the packaged program for arm64 learn from Mosquitto, be killed, and go on; this machine must come to the same bits. */
export async function walkArm64(archive: string, work: string): Promise<void> {
  const hint = missingEmulator();
  if (hint !== null) throw new Error(`the emulated arm64 is absent: ${hint}`);
  const folder = join(work, "arm64");
  mkdirSync(folder);
  execFileSync("tar", ["-xzf", archive, "-C", folder]);
  const tree = join(folder, readdirSync(folder)[0] ?? "");
  const data = join(folder, "data");
  const broker = await launchMosquitto();
  let daemon: ChildProcess | null = null;
  try {
    const start = () =>
      startedArm64(tree, ["start", "--data", data, "--set", `mqtt.broker=${broker.url}`, "--set", "http.port=0"]);
    daemon = await start();
    const client = await broker.connect();
    const ask = <T>(verb: string, params: unknown = {}) =>
      requestControl(join(data, "control.sock"), verb, params) as Promise<T>;
    await becomes("is connected", async () => (await ask<{ broker: { online: boolean } }>("status")).broker.online);
    await publish(client, 0);
    await becomes("keeps what was published", async () => (await durable(ask)) === ROWS);
    await ask("snapshots-take");
    // Some of these are on their way when it is killed: the broker has them still.
    await publish(client, ROWS);
    await killed(daemon);
    daemon = await start();
    await becomes("keeps what was published before it was killed", async () => (await durable(ask)) >= 2 * ROWS);
    same("replays to the same bits", (await ask<{ outcome: string }>("verify")).outcome, "same");
    const predicted = await ask<{ prediction: number }>("predict", { values: QUESTION });
    const snapshot = (await ask<{ id: number }>("snapshots-take")).id;
    const exported = await ask("snapshots-export", { snapshot: String(snapshot) });
    daemon.kill("SIGTERM");
    same("stops in order", (await once(daemon, "exit"))[0], 0);
    const here = (...args: readonly string[]) =>
      JSON.parse(execFileSync(process.execPath, [main, ...args, "--data", data], { encoding: "utf8" }));
    same(`replays to the same bits on ${process.arch}`, here("verify", "--json").outcome, "same");
    same(
      `predicts the same on ${process.arch}`,
      here("predict", ...QUESTION.map(String), "--json").prediction,
      predicted.prediction,
    );
    same(`exports the same on ${process.arch}`, here("snapshots", "export", String(snapshot)), exported);
  } finally {
    if (daemon !== null) await killed(daemon);
    await broker.end();
  }
}

async function publish(client: MqttClient, from: number): Promise<void> {
  const rows = Array.from({ length: ROWS }, (_, i) => ({
    x1: Math.sin(from + i),
    x2: Math.cos(3 * (from + i)),
    y: i % 2,
  }));
  await Promise.all(rows.map((row) => client.publishAsync("rivulet/default/sample", JSON.stringify(row), { qos: 1 })));
}

async function durable(ask: <T>(verb: string) => Promise<T>): Promise<number> {
  const { models } = await ask<{ models: Record<string, { durableSequence: number }> }>("status");
  return models["default"]?.durableSequence ?? 0;
}

/** Starts the emulated program; resolves when it says that it takes samples. */
async function startedArm64(tree: string, args: readonly string[]): Promise<ChildProcess> {
  const [emulator = "", ...options] = ARM64;
  const program = [join(tree, "bin", "node"), join(tree, "lib", "main.js")];
  const child = spawn(emulator, [...options, ...program, ...args], { stdio: ["ignore", "pipe", "inherit"] });
  const early = once(child, "exit").then(([code]) => Promise.reject(new Error(`it exited with ${code}`)));
  await Promise.race([once(child.stdout, "data"), early]);
  early.catch(() => {});
  child.stdout.resume();
  return child;
}

async function killed(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const end = once(child, "exit");
  child.kill("SIGKILL");
  await end;
}
