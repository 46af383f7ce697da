// What benches ask a running daemon, over MQTT.

import type { MqttClient } from "mqtt";
import type { Status } from "../../src/daemon/verb-queries.ts";

const subscribed = new WeakMap<MqttClient, Set<string>>();

/** Publishes a question and resolves with what comes on the topic of its answer. */
export async function ask(client: MqttClient, topic: string, answerTopic: string, payload: string): Promise<string> {
  await subscribeOnce(client, answerTopic);
  const answer = new Promise<string>((resolve) => {
    const listen = (from: string, bytes: Buffer) => {
      if (from !== answerTopic) return;
      client.off("message", listen);
      resolve(bytes.toString());
    };
    client.on("message", listen);
  });
  // At QoS 0 it could be dropped, and the answer never come: a flood fills what a daemon holds.
  client.publish(topic, payload, { qos: 1 });
  return answer;
}

/** Asks how everything is. */
export async function statusOf(client: MqttClient, prefix: string): Promise<Status> {
  const answer = await ask(client, `${prefix}/bridge/request/status`, `${prefix}/bridge/response/status`, "{}");
  return JSON.parse(answer).data as Status;
}

/** Tells the last row of the model `default` that is durable. */
export async function durableSequence(client: MqttClient, prefix: string): Promise<number> {
  return (await statusOf(client, prefix)).models["default"]?.durableSequence ?? 0;
}

/** Waits until so many rows are durable. */
export async function untilDurable(client: MqttClient, prefix: string, rows: number): Promise<void> {
  while ((await durableSequence(client, prefix)) < rows) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** Asks a model for predictions, one after the other, at a pace; returns their round trips in ms. */
export async function predictionWaits(
  client: MqttClient,
  prefix: string,
  count: number,
  perSecond: number,
  model = "default",
): Promise<readonly number[]> {
  const waits: number[] = [];
  for (let i = 0; i < count; i++) {
    const startedAt = performance.now();
    await ask(client, `${prefix}/${model}/predict`, `${prefix}/${model}/prediction`, '{"x1":0.5,"x2":0.25}');
    waits.push(performance.now() - startedAt);
    const rest = 1000 / perSecond - (performance.now() - startedAt);
    if (rest > 0) await new Promise((resolve) => setTimeout(resolve, rest));
  }
  return waits;
}

async function subscribeOnce(client: MqttClient, topic: string): Promise<void> {
  const known = subscribed.get(client) ?? new Set();
  subscribed.set(client, known);
  if (known.has(topic)) return;
  known.add(topic);
  await client.subscribeAsync(topic);
}
