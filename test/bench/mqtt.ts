import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { connectAsync, type MqttClient } from "mqtt";
import { publish } from "../../src/client/publisher.ts";
import { binary, programs } from "../programs.ts";
import { median, report } from "./report.ts";

const ROUNDS = 3;
const ROWS = 20_000;
const PREDICTIONS = 2000;
const PREDICTIONS_RATE = 200;
const TRAINING_RATE = 1000;
const SAMPLE = "rivulet/default/sample";
const main = fileURLToPath(new URL("../../src/main.ts", import.meta.url));

/** Measures intake and predictions through the embedded broker and through Mosquitto, the daemon in a process of its own. */
export async function benchMqtt(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "rivulet-bench-"));
  const ends: (() => Promise<void>)[] = [];
  try {
    const routes = [{ name: "embedded broker", url: "", set: [] as string[] }];
    if (programs.mosquitto) {
      const url = `mqtt://127.0.0.1:${await mosquitto(folder, ends)}`;
      routes.push({
        name: "Mosquitto, MQTT 5",
        url,
        set: [`mqtt.broker=${url}`, "mqtt.protocol=5", "mqtt.prefix=five"],
      });
      const old = [`mqtt.broker=${url}`, "mqtt.protocol=3.1.1", "mqtt.prefix=three"];
      routes.push({ name: "Mosquitto, MQTT 3.1.1", url, set: old });
    }
    for (const [r, { name, url, set }] of routes.entries()) {
      const prefix = /prefix=(.*)/.exec(set.join(" "))?.[1] ?? "rivulet";
      const at = await daemon(join(folder, `data-${r}`), set, ends);
      await measure(name, url === "" ? at : url, prefix);
    }
  } finally {
    for (const end of ends.toReversed()) await end();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function measure(name: string, url: string, prefix: string): Promise<void> {
  const client = await connectAsync(url);
  const rates: number[] = [];
  const waits: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    rates.push(ROWS / (await intakeSeconds(client, url, prefix)));
    waits.push(...(await predictionWaits(client, url, prefix)));
  }
  waits.sort((a, b) => a - b);
  report(`${name}: intake, a JSON sample a message, QoS 1`, median(rates), "samples/s");
  const told = `prediction beside ${TRAINING_RATE} samples/s`;
  report(`${name}: ${told}, median`, 1000 * (waits[waits.length >> 1] ?? 0), "µs");
  report(`${name}: ${told}, p99`, 1000 * (waits[Math.floor(waits.length * 0.99)] ?? 0), "µs");
  await client.endAsync();
}

function samples(url: string, prefix: string, rows: number, rate: number, signal: AbortSignal) {
  const payloads = Array.from({ length: rows }, (_, i) =>
    JSON.stringify({ x1: (i % 97) / 97, x2: (i % 89) / 89, y: i % 2 }),
  );
  const topic = SAMPLE.replace("rivulet", prefix);
  return publish({ url, username: null, password: null, topic, qos: 1, rate, payloads, signal, onProgress: () => {} });
}

/** Measures from the first message until the daemon says that the last one is durable. */
async function intakeSeconds(client: MqttClient, url: string, prefix: string): Promise<number> {
  const before = await sequence(client, prefix);
  const startedAt = performance.now();
  await samples(url, prefix, ROWS, 0, new AbortController().signal);
  while ((await sequence(client, prefix)) < before + ROWS) await new Promise((resolve) => setTimeout(resolve, 5));
  return (performance.now() - startedAt) / 1000;
}

async function sequence(client: MqttClient, prefix: string): Promise<number> {
  const answer = JSON.parse(
    await ask(client, `${prefix}/bridge/request/status`, `${prefix}/bridge/response/status`, "{}"),
  );
  return answer.data.models.default.durableSequence as number;
}

/** Measures round trips, in ms, while samples are trained beside. */
async function predictionWaits(client: MqttClient, url: string, prefix: string): Promise<readonly number[]> {
  const stop = new AbortController();
  const training = samples(url, prefix, 1_000_000, TRAINING_RATE, stop.signal);
  const waits: number[] = [];
  for (let i = 0; i < PREDICTIONS; i++) {
    const startedAt = performance.now();
    await ask(client, `${prefix}/default/predict`, `${prefix}/default/prediction`, '{"x1":0.5,"x2":0.25}');
    waits.push(performance.now() - startedAt);
    const rest = 1000 / PREDICTIONS_RATE - (performance.now() - startedAt);
    if (rest > 0) await new Promise((resolve) => setTimeout(resolve, rest));
  }
  stop.abort();
  await training;
  return waits;
}

async function ask(client: MqttClient, topic: string, answerTopic: string, payload: string): Promise<string> {
  await subscribeOnce(client, answerTopic);
  const answer = new Promise<string>((resolve) => {
    const listen = (from: string, bytes: Buffer) => {
      if (from !== answerTopic) return;
      client.off("message", listen);
      resolve(bytes.toString());
    };
    client.on("message", listen);
  });
  client.publish(topic, payload, { qos: 0 });
  return answer;
}

const subscribed = new WeakMap<MqttClient, Set<string>>();

async function subscribeOnce(client: MqttClient, topic: string): Promise<void> {
  const known = subscribed.get(client) ?? new Set();
  subscribed.set(client, known);
  if (known.has(topic)) return;
  known.add(topic);
  await client.subscribeAsync(topic);
}

async function daemon(data: string, set: readonly string[], ends: (() => Promise<void>)[]): Promise<string> {
  const args = ["mqtt.port=0", ...set].flatMap((assignment) => ["--set", assignment]);
  const child = spawn(process.execPath, [main, "start", "--data", data, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  ends.push(() => ended(child));
  let said = "";
  const online = /connected to the broker/;
  for await (const bytes of set.length > 0 ? child.stderr : child.stdout) {
    said += String(bytes);
    const url = /mqtts?:\/\/[^,\s"]+/.exec(said)?.[0];
    if (url !== undefined && (set.length === 0 || online.test(said))) return url;
  }
  throw new Error(`the daemon ended: ${said}`);
}

async function mosquitto(folder: string, ends: (() => Promise<void>)[]): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const address = probe.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  probe.close();
  await once(probe, "close");
  const conf = readFileSync(fileURLToPath(new URL("../../deploy/mosquitto/rivulet.conf", import.meta.url)), "utf8")
    .replace(/^listener .*$/m, `listener ${port} 127.0.0.1`)
    .replace(/^persistence.*$/gm, "");
  writeFileSync(join(folder, "mosquitto.conf"), `${conf}\nlog_type error\n`);
  const child = spawn(binary("mosquitto"), ["-c", join(folder, "mosquitto.conf")], { stdio: "ignore" });
  ends.push(() => ended(child));
  for (let tries = 0; tries < 100; tries++) {
    try {
      await (await connectAsync(`mqtt://127.0.0.1:${port}`, { reconnectPeriod: 0 }, false)).endAsync();
      return port;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  throw new Error("mosquitto does not listen");
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const end = once(child, "exit");
  child.kill("SIGTERM");
  await end;
}
