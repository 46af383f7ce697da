import type { MqttClient } from "mqtt";

export interface Answer {
  readonly status: "ok" | "error";
  readonly data: unknown;
  readonly error?: { readonly code: string; readonly message: string };
  readonly transaction: unknown;
}

export const SAMPLE = "rivulet/default/sample";

/** Asks over MQTT and waits for the answer on its topic. */
export async function request(
  client: MqttClient,
  verb: string,
  body: unknown = {},
  model = "default",
): Promise<Answer> {
  const text = await exchange(client, `rivulet/${model}/request/${verb}`, `rivulet/${model}/response/${verb}`, body);
  return JSON.parse(text) as Answer;
}

/** Publishes and waits for what comes on another topic. */
export async function exchange(client: MqttClient, to: string, from: string, body: unknown): Promise<string> {
  await client.subscribeAsync(from);
  const answered = new Promise<string>((resolve) => {
    const listen = (topic: string, payload: Buffer) => {
      if (topic !== from) return;
      client.off("message", listen);
      resolve(payload.toString());
    };
    client.on("message", listen);
  });
  const payload = typeof body === "string" || Buffer.isBuffer(body) ? body : JSON.stringify(body);
  await client.publishAsync(to, payload, { qos: 1 });
  return answered;
}

/** Publishes rows of the default model, and waits until they are acknowledged. */
export async function publishRows(client: MqttClient, count: number, from = 0): Promise<void> {
  const rows = Array.from({ length: count }, (_, i) => ({
    x1: Math.sin(from + i),
    x2: Math.cos(7 * (from + i)),
    y: i % 2,
  }));
  await client.publishAsync(SAMPLE, JSON.stringify(rows), { qos: 1 });
}
