import { join } from "node:path";
import { connectAsync, type MqttClient } from "mqtt";
import { publish } from "../../src/client/publisher.ts";
import { programs } from "../programs.ts";
import { buildProgram, startDaemon, startMosquitto, Workplace } from "./processes.ts";
import { median, report } from "./report.ts";
import { durableSequence, predictionWaits, untilDurable } from "./requests.ts";

const ROUNDS = 3;
const ROWS = 20_000;
const PREDICTIONS = 2000;
const PREDICTIONS_RATE = 200;
const TRAINING_RATE = 1000;
const SAMPLE = "rivulet/default/sample";

/** Measures intake and predictions through the embedded broker and through Mosquitto, the daemon in a process of its own. */
export async function benchMqtt(): Promise<void> {
  buildProgram();
  const place = new Workplace();
  try {
    const routes = [{ name: "embedded broker", set: [] as string[] }];
    if (programs.mosquitto) {
      const broker = `mqtt.broker=mqtt://127.0.0.1:${await startMosquitto(place)}`;
      routes.push({ name: "Mosquitto, MQTT 5", set: [broker, "mqtt.protocol=5", "mqtt.prefix=five"] });
      routes.push({ name: "Mosquitto, MQTT 3.1.1", set: [broker, "mqtt.protocol=3.1.1", "mqtt.prefix=three"] });
    }
    for (const [r, { name, set }] of routes.entries()) {
      const prefix = /prefix=(.*)/.exec(set.join(" "))?.[1] ?? "rivulet";
      const daemon = await startDaemon({ data: join(place.folder, `data-${r}`), set });
      place.keep(daemon, ({ end }) => end());
      await measure(name, daemon.url, prefix);
    }
  } finally {
    await place.close();
  }
}

async function measure(name: string, url: string, prefix: string): Promise<void> {
  const client = await connectAsync(url);
  const rates: number[] = [];
  const waits: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    rates.push(ROWS / (await intakeSeconds(client, url, prefix)));
    waits.push(...(await waitsBesideTraining(client, url, prefix)));
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
  const before = await durableSequence(client, prefix);
  const startedAt = performance.now();
  await samples(url, prefix, ROWS, 0, new AbortController().signal);
  await untilDurable(client, prefix, before + ROWS);
  return (performance.now() - startedAt) / 1000;
}

/** Measures predictions, in ms, while samples are trained beside. */
async function waitsBesideTraining(client: MqttClient, url: string, prefix: string): Promise<readonly number[]> {
  const stop = new AbortController();
  const training = samples(url, prefix, 1_000_000, TRAINING_RATE, stop.signal);
  const waits = await predictionWaits(client, prefix, PREDICTIONS, PREDICTIONS_RATE);
  stop.abort();
  await training;
  return waits;
}
