// Runs the real daemon under a steady load and decides whether memory, delay and files are flat:
// npm run soak -- --minutes M [--rate 20000] [--json]. Exit code 1 when something is not.

import { fork } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import type { Status } from "../../src/daemon/verb-queries.ts";
import { buildBundle, endChild, startDaemonChild } from "./daemon-child.ts";
import { type Judgement, judge, type Stretch, WARM_UP_SHARE } from "./flatness.ts";
import { RoundTrips } from "./round-trips.ts";
import { processorSeconds, residentBytes } from "./usage.ts";

const publisherFile = fileURLToPath(new URL("soak-publisher.ts", import.meta.url));
const STRETCHES_MIN = 30;
const STRETCH_SECONDS_MAX = 10;
const KEEP_ROWS_MAX = 1_000_000;
const BATCH = 32;

const { minutes, rate, json } = options();
const seconds = minutes * 60;
const folder = mkdtempSync(join(tmpdir(), "rivulet-soak-"));
buildBundle();
const { stretches, faults } = await soak();
const judgements = judge(stretches, rate);
const flat = judgements.every((judgement) => judgement.flat) && faults.length === 0;
if (json) console.log(JSON.stringify({ minutes, rate, flat, faults, judgements, stretches }, null, 2));
else tell();
process.exitCode = flat ? 0 : 1;

function options() {
  const { values } = parseArgs({
    options: {
      minutes: { type: "string", default: "5" },
      rate: { type: "string", default: "20000" },
      json: { type: "boolean", default: false },
    },
  });
  const [minutes, rate] = [Number(values.minutes), Number(values.rate)];
  if (!(minutes >= 0.2 && minutes <= 10_000) || !(rate >= 1 && rate <= 1e6)) {
    console.error("--minutes is a number from 0.2, --rate samples a second from 1 to 1000000");
    process.exit(64);
  }
  return { minutes, rate, json: values.json };
}

/** Bench.yaml with bounds so small that what is old is given up before the run is warm. */
function config(): string {
  const keepRows = Math.min(KEEP_ROWS_MAX, Math.ceil((rate * seconds * WARM_UP_SHARE) / 2));
  const path = join(folder, "soak.yaml");
  const everySeconds = Math.max(1, Math.round(seconds / 200));
  writeFileSync(
    path,
    `store: { bytesMax: 64MB }
models:
  default:
    network: { hidden: [2] }
    scale: none
    optimizer: { kind: sgd, learningRate: 0.01 }
    batch: { size: ${BATCH} }
    snapshot: { every: ${everySeconds}s, minGap: 1s, keep: { last: 10, hourly: 0, daily: 0 } }
    history: { keepSteps: ${Math.ceil(keepRows / BATCH)} }
    journal: { keepRows: ${keepRows} }
`,
  );
  return path;
}

async function soak(): Promise<{ readonly stretches: readonly Stretch[]; readonly faults: readonly string[] }> {
  const daemon = await startDaemonChild(["--config", config(), "--data", join(folder, "data")]);
  const pid = daemon.process.pid ?? 0;
  const trips = await RoundTrips.open(daemon.url);
  const publisher = fork(publisherFile, [daemon.url, String(rate)]);
  const ended = new Promise<never>((_, reject) => {
    daemon.process.once("exit", (code) => reject(new Error(`the daemon ended with ${code}: ${daemon.said()}`)));
    publisher.once("exit", (code) => reject(new Error(`the publisher ended with ${code}`)));
    process.once("SIGINT", () => reject(new Error("interrupted")));
  });
  try {
    const stretches = await Promise.race([measure(pid, trips), ended]);
    const { store, broker, models } = (await trips.status()) as Status;
    const faults: string[] = [];
    if (store.failure !== null) faults.push(`nothing can be committed: ${store.failure}`);
    if (broker !== null && broker.dropped > 0) faults.push(`${broker.dropped} messages were dropped`);
    if (Object.keys(models["default"]?.refused ?? {}).length > 0) faults.push("messages were refused");
    ended.catch(() => {});
    await endChild(publisher, "SIGTERM");
    const code = await endChild(daemon.process, "SIGTERM");
    if (code !== 0) faults.push(`the daemon exited with ${code}: ${daemon.said()}`);
    return { stretches, faults };
  } finally {
    trips.end();
    await endChild(publisher, "SIGKILL");
    await endChild(daemon.process, "SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Looks at the daemon once a stretch. */
async function measure(pid: number, trips: RoundTrips): Promise<readonly Stretch[]> {
  const stretchSeconds = Math.min(STRETCH_SECONDS_MAX, seconds / STRETCHES_MIN);
  const stretches: Stretch[] = [];
  const startedAt = performance.now();
  let before = { at: 0, rows: 0, cpu: processorSeconds(pid) };
  if (!json) console.log("    time    memory    cpu   p50 ms   p99 ms   max ms     file      log    rows/s");
  for (let i = 1; i * stretchSeconds <= seconds + 1e-6; i++) {
    const wait = startedAt + 1000 * i * stretchSeconds - performance.now();
    await new Promise((resolve) => setTimeout(resolve, wait));
    const { store } = (await trips.status()) as Status;
    const now = { at: (performance.now() - startedAt) / 1000, rows: store.committedRows, cpu: processorSeconds(pid) };
    const elapsed = now.at - before.at;
    const { p50Ms, p99Ms, maxMs } = trips.take();
    const stretch = {
      atSeconds: now.at,
      rssBytes: residentBytes(pid),
      cpuShare: (now.cpu - before.cpu) / elapsed,
      ...{ p50Ms, p99Ms, maxMs },
      ...{ fileBytes: store.fileBytes, walBytes: store.walBytes },
      rowsPerSecond: (now.rows - before.rows) / elapsed,
    };
    stretches.push(stretch);
    before = now;
    if (!json) console.log(line(stretch));
  }
  return stretches;
}

function line(stretch: Stretch): string {
  const { atSeconds, rssBytes, cpuShare, p50Ms, p99Ms, maxMs, fileBytes, walBytes, rowsPerSecond } = stretch;
  return [
    `${atSeconds.toFixed(0)} s`.padStart(8),
    `${(rssBytes / 1e6).toFixed(1)} MB`.padStart(10),
    `${(100 * cpuShare).toFixed(0)} %`.padStart(7),
    ...[p50Ms, p99Ms, maxMs].map((ms) => ms.toFixed(1).padStart(9)),
    ...[fileBytes, walBytes].map((bytes) => `${(bytes / 1e6).toFixed(1)} MB`.padStart(9)),
    rowsPerSecond.toFixed(0).padStart(10),
  ].join("");
}

function tell(): void {
  const words = ({ what, unit, first, last, bound, flat }: Judgement) =>
    `${flat ? "flat" : "NOT FLAT"}  ${what}: ${first.toFixed(1)} ${unit} in the first third, ${last.toFixed(1)} in the last (bound ${bound.toFixed(1)})`;
  console.log("");
  for (const judgement of judgements) console.log(words(judgement));
  for (const fault of faults) console.log(`FAULT     ${fault}`);
}
