import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connectAsync, type MqttClient } from "mqtt";
import { afterEach, expect } from "vitest";
import { parseConfig } from "../../src/daemon/config.ts";
import { type Daemon, openDaemon } from "../../src/daemon/daemon.ts";
import { silentLog } from "../../src/daemon/log.ts";
import type { Verb, Verbs } from "../../src/daemon/verbs.ts";

const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** Does something after the test. */
export function onEnd(cleanup: () => unknown): void {
  cleanups.push(cleanup);
}

/** Makes a folder that is removed after the test. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "rivulet-"));
  cleanups.push(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** What learns where a test does not say: most are about something else, and a network is trained at once. */
export const NETWORK = "models.default.learner=network";

/** Opens the real daemon on a free port; it is closed after the test. Without a configuration its model is a network. */
export async function open(data: string, yaml: string | null = null, set: readonly string[] = []): Promise<Daemon> {
  const learner = yaml === null ? [NETWORK] : [];
  const config = parseConfig(yaml, { data, set: ["mqtt.port=0", "http.port=off", ...learner, ...set] });
  const daemon = await openDaemon({ config, log: silentLog, listen: true });
  cleanups.push(() => daemon.close());
  return daemon;
}

/** Opens the daemon on an external broker and waits until it is connected. */
export async function openOn(url: string, set: readonly string[] = [], data = temporaryFolder()): Promise<Daemon> {
  const daemon = await open(data, null, [`mqtt.broker=${url}`, ...set]);
  await expect.poll(() => daemon.rooms.broker?.status().online, { timeout: 20_000 }).toBe(true);
  return daemon;
}

/** Connects a real client to a daemon's broker; it is ended after the test. */
export async function connectTo(daemon: Daemon): Promise<MqttClient> {
  const client = await connectAsync(daemon.rooms.broker?.status().url ?? "");
  cleanups.push(() => client.endAsync(true));
  return client;
}

/** Expects something to become so, on a machine that may be busy with something else. */
export function eventually<T>(actual: () => T) {
  return expect.poll(actual, { timeout: 20_000, interval: 10 });
}

/** Asks a daemon, with the types of the verb. */
export async function ask<V extends Verb>(
  daemon: Daemon,
  verb: V,
  params: Verbs[V]["params"],
): Promise<Verbs[V]["result"]> {
  return (await daemon.request(verb, params)) as Verbs[V]["result"];
}

/** Collects the rows that the journal holds, as it exports them. */
export async function journalOf(daemon: Daemon, name?: string): Promise<readonly Record<string, number | string>[]> {
  let text = "";
  await daemon.request("journal-export", { name, format: "ndjson" }, async (piece) => {
    text += (piece as { text: string }).text;
  });
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line));
}
