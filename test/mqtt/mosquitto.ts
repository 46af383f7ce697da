import { afterEach } from "vitest";
import { launchMosquitto, type Mosquitto, type MosquittoOptions } from "./mosquitto-process.ts";

const opened: Mosquitto[] = [];

afterEach(async () => {
  for (const mosquitto of opened.splice(0).reverse()) await mosquitto.end();
});

/** Starts Mosquitto; it is ended after the test. */
export async function openMosquitto(options: MosquittoOptions = {}): Promise<Mosquitto> {
  const mosquitto = await launchMosquitto(options);
  opened.push(mosquitto);
  return mosquitto;
}
