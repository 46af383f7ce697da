// What the program takes as it is packaged: from its start until it takes samples from a real Mosquitto, HTTP on, with
// Node's compile cache warm; the resident memory then, connected and idle; and what a message to systemd costs.

import { execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { launchMosquitto } from "../mqtt/mosquitto-process.ts";
import { processorSeconds, residentBytes } from "../sim/usage.ts";
import { goal, median, report, shown } from "./report.ts";

const STARTS = 9;
const IDLE_MS = 5000;
const READY_MS_MAX = 120;
const RESIDENT_MB_MAX = 95;
const root = fileURLToPath(new URL("../..", import.meta.url));

interface Start {
  readonly readyMs: number;
  readonly processorMs: number;
  readonly residentMb: number;
}

/** Measures starts of the packaged program. */
export async function benchStart(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "rivulet-start-"));
  const broker = await launchMosquitto();
  try {
    execFileSync(process.execPath, [join(root, "deploy", "build.ts"), join(folder, "lib"), "--standalone"], {
      stdio: "ignore",
    });
    writeFileSync(join(folder, "lib", "package.json"), '{"type":"module"}');
    const native = join("node_modules", "better-sqlite3");
    cpSync(join(root, native), join(folder, "lib", native), { recursive: true });
    const starts: Start[] = [];
    // The first one fills the cache, and makes the store.
    for (let i = 0; i <= STARTS; i++) starts.push(await start(folder, broker.url, i === STARTS));
    const warm = starts.slice(1);
    const readyMs = Math.min(...warm.map((one) => one.readyMs));
    const processorMs = Math.min(...warm.map((one) => one.processorMs));
    const cold = `cold ${shown(starts[0]?.readyMs ?? Number.NaN)} ms`;
    report("start to connected, warm, shortest", readyMs, "ms", `${cold}${goal(readyMs, "≤", READY_MS_MAX)}`);
    report("processor time until then", processorMs, "ms");
    const residentMb = warm.at(-1)?.residentMb ?? Number.NaN;
    report("resident, connected and idle", residentMb, "MB", goal(residentMb, "≤", RESIDENT_MB_MAX).trim());
    report("a message to systemd, median", median(Array.from({ length: STARTS }, notifyMs)), "ms");
  } finally {
    await broker.end();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function start(folder: string, url: string, isIdling: boolean): Promise<Start> {
  const args = [
    join(folder, "lib", "main.js"),
    "start",
    "--data",
    join(folder, "data"),
    "--set",
    `mqtt.broker=${url}`,
    "--set",
    "http.port=0",
  ];
  const startedAt = performance.now();
  const env = { ...process.env, NODE_COMPILE_CACHE: join(folder, "cache") };
  const child = spawn(process.execPath, args, { env, stdio: ["ignore", "pipe", "inherit"] });
  const end = once(child, "exit");
  let told = "";
  while (!(told.includes("connected to the broker") && told.includes("takes samples")))
    told += (await once(child.stdout, "data"))[0];
  const readyMs = performance.now() - startedAt;
  const processorMs = 1000 * processorSeconds(child.pid ?? 0);
  const port = /http:\/\/127\.0\.0\.1:\d+/.exec(told)?.[0];
  if (isIdling) {
    await fetch(`${port}/metrics`);
    await new Promise((resolve) => setTimeout(resolve, IDLE_MS));
  }
  const residentMb = residentBytes(child.pid ?? 0) / 1e6;
  child.kill("SIGTERM");
  await end;
  return { readyMs, processorMs, residentMb };
}

/** Times the child that speaks to systemd, to a socket that is not there: nothing but the answer is missing. */
function notifyMs(): number {
  const startedAt = performance.now();
  spawnSync("systemd-notify", ["WATCHDOG=1"], { env: { ...process.env, NOTIFY_SOCKET: "/nowhere" }, stdio: "ignore" });
  return performance.now() - startedAt;
}
