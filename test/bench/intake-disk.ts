// The intake beside the disk, with the preloaded shim of test/sim: flushes are counted, and made slow.

import { join } from "node:path";
import { connectAsync, type MqttClient } from "mqtt";
import { type Faults, openFaults } from "../sim/faults.ts";
import type { Peer } from "./peer.ts";
import { openDaemon, type Workplace } from "./processes.ts";
import { goal, quantile, report } from "./report.ts";
import { predictionWaits, statusOf } from "./requests.ts";

const LONE_MESSAGES = 100;
const FLUSH_MS = 200;
const PACE_PER_SECOND = 1000;
const PACE_SECONDS = 10;
const PREDICTIONS_PER_SECOND = 100;
/** What the last acknowledgements wait for at most: a commit in flight, and the one after it. */
const LAST_MS_MAX = 3 * FLUSH_MS;

/** Counts flushes of lone messages, so that each is a commit. Needs `programs.cc`. */
export async function benchFlushes(place: Workplace, publisher: Peer): Promise<void> {
  const { faults, daemon, client } = await openWithFaults(place, "counted", ["commit.profile=eager"]);
  const counted = async () => {
    // A mini-batch that has grown old is trained, and committed, after the last message.
    await new Promise((resolve) => setTimeout(resolve, 200));
    return { commits: (await statusOf(client, "rivulet")).store.commits, flushes: faults.counts().flushes };
  };
  const before = await counted();
  await publisher.ask(`flood ${daemon.port} rivulet json ${LONE_MESSAGES} 1`);
  const after = await counted();
  const each = (after.flushes - before.flushes) / (after.commits - before.commits);
  report(`flushes a commit, over ${after.commits - before.commits} commits`, each, "", goal(each, "=", 1));
  await daemon.end();
}

/** Measures predictions, and whether samples go on to be taken at their pace, while each flush takes 200 ms. Needs `programs.cc`. */
export async function benchSlowDisk(place: Workplace, publisher: Peer): Promise<void> {
  const { faults, daemon, client } = await openWithFaults(place, "slow", []);
  // Ten seconds of the pace, twice: what is measured is not how code is compiled.
  for (const counts of [false, true]) {
    faults.flushDelayMs = FLUSH_MS;
    const flushesBefore = faults.counts().flushes;
    const from = performance.now();
    const [, waits] = await Promise.all([
      publisher.ask(`pace ${daemon.port} rivulet ${PACE_PER_SECOND * PACE_SECONDS} ${PACE_PER_SECOND}`),
      predictionWaits(client, "rivulet", PREDICTIONS_PER_SECOND * PACE_SECONDS, PREDICTIONS_PER_SECOND),
    ]);
    const seconds = (performance.now() - from) / 1000;
    const flushes = faults.counts().flushes - flushesBefore;
    faults.flushDelayMs = 0;
    if (!counts) continue;
    const told = `each flush taking ${FLUSH_MS} ms (${flushes} of them in ${seconds.toFixed(1)} s)`;
    const acknowledged = await publisher.ask("p99");
    report(`prediction, ${told}, p50`, quantile(waits, 0.5), "ms");
    const p99 = quantile(waits, 0.99);
    report("prediction then, p99", p99, "ms", goal(p99, "≤", 20));
    const note = goal(acknowledged, "≤", LAST_MS_MAX);
    report(`acknowledged after, ${PACE_PER_SECOND} samples/s then, p99`, acknowledged, "ms", note);
  }
  await daemon.end();
}

async function openWithFaults(place: Workplace, name: string, set: readonly string[]) {
  const faults = place.keep(await openFaults(join(place.folder, name)), (one: Faults) => one.close());
  const daemon = await openDaemon(place, name, set, faults.env);
  const client = place.keep(await connectAsync(daemon.url), (one: MqttClient) => one.endAsync(true));
  return { faults, daemon, client };
}
