// Many models in one daemon, a sensor each. The daemon is the bundled program on one core, its own broker included; the
// sensors, which publish one JSON sample a message at QoS 1 through one gateway or several, are a process on another core.

import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { connectAsync, type MqttClient } from "mqtt";
import type { Status } from "../../src/daemon/verb-queries.ts";
import { processorSeconds, residentBytes } from "../sim/usage.ts";
import { type Peer, startNode } from "./peer.ts";
import {
  buildProgram,
  type RunningDaemon,
  residentBytesMax,
  startDaemon,
  Workplace,
  writtenBytes,
} from "./processes.ts";
import { goal, quantile, report, shown } from "./report.ts";
import { predictionWaits, statusOf } from "./requests.ts";

const DAEMON_CORE = 0;
/** By default, before anything counts: code is compiled, and what may be written in a burst is written. */
const WARM_SECONDS = 90;
/** As where the sensors are behind a gateway, or a broker of the house. */
const CONNECTIONS = 1;
/** By default: about two checkpoints of the write-ahead log fall into it, which write all pages once more. */
const SECONDS = 300;
const PREDICTIONS_PER_SECOND = 20;
const DAY_SECONDS = 86_400;
const COMMIT_MS_MAX = 50;
const RESIDENT_MB_MAX = 200;
const DAY_GB_MAX = 5;

interface ModelsOptions {
  readonly models: number;
  readonly rate: number;
  readonly seconds: number;
  readonly warmSeconds: number;
  readonly connections: number;
  /** Mini-batches as they are by default: a step for each row where rows come 100 ms apart. */
  readonly isDefaultBatch: boolean;
}

/** Measures what hundreds of models take of one core, of the memory and of the disk. */
export async function benchModels(args: readonly string[] = []): Promise<void> {
  const options = modelsOptions(args);
  buildProgram();
  const place = new Workplace();
  try {
    const config = join(place.folder, "models.yaml");
    writeFileSync(config, configOf(options));
    const start = async () => {
      const daemon = await startDaemon({ data: join(place.folder, "data"), set: [], config, core: DAEMON_CORE });
      return place.keep(daemon, ({ end }) => end());
    };
    const daemon = await start();
    report(`${options.models} models: start to ready, an empty folder`, daemon.readyMs, "ms");
    report("resident before the first sample", residentBytes(daemon.pid) / 1e6, "MB");
    await measure(place, daemon, options);
    await daemon.end("SIGKILL");
    const recovered = await start();
    report("start to ready after SIGKILL", recovered.readyMs, "ms");
    await recovered.end();
    const again = await start();
    report("start to ready after a clean stop", again.readyMs, "ms");
    await again.end();
  } finally {
    await place.close();
    rmSync(place.folder, { recursive: true, force: true });
  }
}

function modelsOptions(args: readonly string[]): ModelsOptions {
  const value = (name: string, fallback: number) => {
    const at = args.indexOf(`--${name}`);
    return at < 0 ? fallback : Number(args[at + 1]);
  };
  return {
    models: value("models", 300),
    rate: value("rate", 10),
    seconds: value("seconds", SECONDS),
    warmSeconds: value("warm", WARM_SECONDS),
    connections: value("connections", CONNECTIONS),
    isDefaultBatch: args.includes("--default-batch"),
  };
}

function configOf({ models, isDefaultBatch }: ModelsOptions): string {
  const batch = isDefaultBatch ? {} : { batch: { size: 16, maxAge: "1s" } };
  const model = { learner: "network", network: { hidden: [8] }, ...batch };
  const names = Array.from({ length: models }, (_, m) => [`m-${m}`, model]);
  return JSON.stringify({ commit: { profile: "balanced" }, models: Object.fromEntries(names) });
}

/** What is read at one moment. */
interface Look {
  readonly atMs: number;
  readonly status: Status;
  readonly written: number;
  readonly processor: number;
}

async function measure(place: Workplace, daemon: RunningDaemon, options: ModelsOptions) {
  const { models, rate, seconds, warmSeconds, connections } = options;
  const client = place.keep(await connectAsync(daemon.url), (one: MqttClient) => one.endAsync(true));
  const devices = place.keep(await startNode("devices.ts"), (peer: Peer) => peer.end());
  await devices.ask(`begin ${daemon.port} ${models} ${rate} ${connections}`);
  await new Promise((resolve) => setTimeout(resolve, 1000 * warmSeconds));
  await devices.ask("acknowledged");
  const before = await look(client, daemon.pid);
  const waits = await predictionWaits(
    client,
    "rivulet",
    PREDICTIONS_PER_SECOND * seconds,
    PREDICTIONS_PER_SECOND,
    "m-0",
  );
  const after = await look(client, daemon.pid);
  const elapsed = (after.atMs - before.atMs) / 1000;
  const rows = (after.status.store.committedRows - before.status.store.committedRows) / elapsed;
  report(`rows committed, of ${models * rate} samples/s`, rows, "rows/s");
  tellCommits(before.status, after.status, elapsed);
  await devices.ask("acknowledged");
  report("acknowledged after, p50", await devices.ask("p50"), "ms", `p99 ${shown(await devices.ask("p99"))} ms`);
  report("  the sensors' own lateness at worst", await devices.ask("late"), "ms");
  report("prediction over MQTT, p50", quantile(waits, 0.5), "ms", `p99 ${shown(quantile(waits, 0.99))} ms`);
  report("processor", (100 * (after.processor - before.processor)) / elapsed, "% of a core");
  const resident = residentBytes(daemon.pid) / 1e6;
  const most = residentBytesMax(daemon.pid) / 1e6;
  report("resident", resident, "MB", `at most ${shown(most)}${goal(most, "≤", RESIDENT_MB_MAX)}`);
  const perDay = ((after.written - before.written) / elapsed) * (DAY_SECONDS / 1e9);
  report("written in a day (write_bytes of /proc)", perDay, "GB", goal(perDay, "≤", DAY_GB_MAX).trim());
  report("  for a row", (after.written - before.written) / elapsed / rows, "bytes");
  report("size of the store's file", after.status.store.fileBytes / 1e6, "MB");
  await client.endAsync();
}

/** Tells how long commits took, by the daemon's own counters: upper bounds of the buckets in which they lie. */
function tellCommits({ store: then }: Status, { store: now }: Status, elapsed: number): void {
  const count = now.commitTimes.count - then.commitTimes.count;
  const bound = (share: number) => {
    const at = now.commitTimes.cumulative.findIndex(
      (most, b) => most - (then.commitTimes.cumulative[b] ?? 0) >= share * count,
    );
    return 1000 * (now.commitTimes.boundsSeconds[at] ?? Number.POSITIVE_INFINITY);
  };
  const mean = (1000 * (now.commitTimes.sumSeconds - then.commitTimes.sumSeconds)) / count;
  report("commits, by status", count / elapsed, "a second", `mean ${shown(mean)} ms`);
  report("a commit takes, p50, at most", bound(0.5), "ms");
  report("a commit takes, p99, at most", bound(0.99), "ms", goal(bound(0.99), "≤", COMMIT_MS_MAX).trim());
}

async function look(client: MqttClient, pid: number): Promise<Look> {
  const status = await statusOf(client, "rivulet");
  return { atMs: performance.now(), status, written: writtenBytes(pid), processor: processorSeconds(pid) };
}
