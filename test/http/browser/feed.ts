import type { MqttClient } from "mqtt";
import { Random } from "../../../src/learner/random.ts";

/** Publishes rows of points within and without a circle; every call goes on where the last one ended. */
export function circle(client: MqttClient, model = "default", seed = 1): (rows: number) => Promise<void> {
  const random = new Random(seed);
  return async (rows) => {
    const batch = Array.from({ length: rows }, () => {
      const [x1, x2] = [4 * random.uniform() - 2, 4 * random.uniform() - 2];
      return { x1, x2, y: x1 * x1 + x2 * x2 < 2 ? 1 : 0 };
    });
    await client.publishAsync(`rivulet/${model}/sample`, JSON.stringify(batch), { qos: 1 });
  };
}
