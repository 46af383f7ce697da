// The programs that a bench starts, each a process of its own: the daemon as it is shipped, and Mosquitto with the project's
// configuration; and what Linux tells of a process.

import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { connectAsync } from "mqtt";
import { binary } from "../programs.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const main = join(root, "dist", "main.js");

export const BENCH_YAML = join(root, "config", "bench.yaml");

export interface RunningDaemon {
  /** Of its own broker, or of the one that it is connected to. */
  readonly url: string;
  readonly port: number;
  /** Where it serves HTTP, without a slash at the end; empty where it does not. */
  readonly http: string;
  readonly pid: number;
  /** From the start of the process until it said that it is ready. */
  readonly readyMs: number;
  /** How long it replayed the journal, by its own log; null where it did not. */
  readonly replayMs: number | null;
  /** Sends SIGTERM, or SIGKILL, and waits for its end. */
  readonly end: (signal?: "SIGTERM" | "SIGKILL") => Promise<void>;
}

export interface DaemonStart {
  readonly data: string;
  /** Assignments of configuration, `path=value`. */
  readonly set: readonly string[];
  readonly config?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** The only processor core that it may use; any where this is left out. */
  readonly core?: number;
}

/** Holds the temporary folder of a bench and what must be ended before it is removed, last begun first. */
export class Workplace {
  readonly folder = mkdtempSync(join(tmpdir(), "rivulet-bench-"));
  readonly #ends: (() => unknown)[] = [];

  /** Has something ended with the bench, and returns it. */
  keep<T>(what: T, end: (what: T) => unknown): T {
    this.#ends.push(() => end(what));
    return what;
  }

  async close(): Promise<void> {
    for (const end of this.#ends.toReversed()) await end();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Bundles the program anew, so that what is measured is what stands in src/. */
export function buildProgram(): void {
  execFileSync(process.execPath, [join(root, "deploy", "build.ts")], { stdio: ["ignore", "ignore", "inherit"] });
}

/** Starts the bundled program, on a free port unless another one is set, and waits until it is connected to its broker. */
export async function startDaemon({ data, set, config, env, core }: DaemonStart): Promise<RunningDaemon> {
  const isOwn = !set.some((assignment) => assignment.startsWith("mqtt.broker="));
  const args = ["mqtt.port=0", "http.port=off", ...set].flatMap((assignment) => ["--set", assignment]);
  const file = config === undefined ? [] : ["--config", config];
  const startedAt = performance.now();
  const pinned = core === undefined ? [] : ["taskset", "-c", String(core)];
  const [command = "", ...rest] = [...pinned, process.execPath, main, "start", "--data", data, ...file, ...args];
  const child = spawn(command, rest, {
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let said = "";
  const url = await new Promise<string>((resolve, reject) => {
    child.once("exit", () => reject(new Error(`the daemon ended: ${said}`)));
    const listen = (bytes: Buffer) => {
      said += String(bytes);
      const found = /mqtts?:\/\/[^,\s"]+/.exec(said)?.[0];
      const ready =
        /rivulet (listens on|takes samples from) /.test(said) && (isOwn || /connected to the broker/.test(said));
      if (found !== undefined && ready) resolve(found);
    };
    child.stdout.on("data", listen);
    child.stderr.on("data", listen);
  });
  const readyMs = performance.now() - startedAt;
  const replayed = /"ms":(\d+),"msg":"the journal was replayed"/.exec(said)?.[1];
  const replayMs = replayed === undefined ? null : Number(replayed);
  const end = (signal: "SIGTERM" | "SIGKILL" = "SIGTERM") => ended(child, signal);
  // What is no terminal is told in the log, without the token.
  const http = /"http":"(https?:[^"]+)"/.exec(said)?.[1] ?? "";
  return { url, port: Number(new URL(url).port), http, pid: child.pid ?? 0, readyMs, replayMs, end };
}

/** Starts the program on `config/bench.yaml`, with a data folder of that name, and ends it with the bench. */
export async function openDaemon(
  place: Workplace,
  name: string,
  set: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<RunningDaemon> {
  const data = join(place.folder, name);
  return place.keep(await startDaemon({ data, set, config: BENCH_YAML, env }), ({ end }) => end());
}

/** Starts Mosquitto on a free port, without persistence, and returns its port. Needs `programs.mosquitto`. */
export async function startMosquitto(place: Workplace): Promise<number> {
  const port = await freePort();
  const conf = readFileSync(join(root, "deploy", "mosquitto", "rivulet.conf"), "utf8")
    .replace(/^listener .*$/m, `listener ${port} 127.0.0.1`)
    .replace(/^persistence.*$/gm, "");
  writeFileSync(join(place.folder, "mosquitto.conf"), `${conf}\nlog_type error\n`);
  const child = spawn(binary("mosquitto"), ["-c", join(place.folder, "mosquitto.conf")], { stdio: "ignore" });
  place.keep(child, (one) => ended(one, "SIGTERM"));
  for (let tries = 0; tries < 100; tries++) {
    try {
      await (await connectAsync(`mqtt://127.0.0.1:${port}`, { reconnectPeriod: 0 }, false)).endAsync();
      return port;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  throw new Error("mosquitto does not listen");
}

/** Tells what a process has had written to files: whole pages, counted by Linux when they are first changed after a flush. */
export function writtenBytes(pid: number): number {
  return Number(/^write_bytes: (\d+)$/m.exec(readFileSync(`/proc/${pid}/io`, "utf8"))?.[1]);
}

/** Tells the most memory that a process has held at once, in bytes. */
export function residentBytesMax(pid: number): number {
  return 1024 * Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const address = probe.address();
  probe.close();
  await once(probe, "close");
  return typeof address === "object" && address !== null ? address.port : 0;
}

async function ended(child: ChildProcess, signal: "SIGTERM" | "SIGKILL"): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const end = once(child, "exit");
  child.kill(signal);
  await end;
}
