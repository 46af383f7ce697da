import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, inject } from "vitest";

const { main, cache } = inject("program");

export { main };

const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

export interface Result {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Makes a folder that is removed after the test. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "rivulet-"));
  cleanups.push(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function environment(extra: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  const clean = Object.entries(process.env).filter(([name]) => !name.startsWith("RIVULET_"));
  // Tests run side by side, and the port is one of the machine.
  return { ...Object.fromEntries(clean), RIVULET_HTTP__PORT: "off", NODE_COMPILE_CACHE: cache, ...extra };
}

/** Starts the program; who calls it waits for its end. */
export function spawnRivulet(args: readonly string[], extra: Readonly<Record<string, string>> = {}) {
  return spawn(process.execPath, [main, ...args], { env: environment(extra), stdio: ["ignore", "pipe", "pipe"] });
}

/** Runs the program to its end. */
export async function rivulet(args: readonly string[], extra: Readonly<Record<string, string>> = {}): Promise<Result> {
  const child = spawnRivulet(args, extra);
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  const [code] = await once(child, "close");
  return { code, stdout, stderr };
}

/** Runs the program and reads its standard output as JSON; throws where it does not end well. */
export async function rivuletJson<T>(
  args: readonly string[],
  extra: Readonly<Record<string, string>> = {},
): Promise<T> {
  const { code, stdout, stderr } = await rivulet([...args, "--json"], extra);
  if (code !== 0) throw new Error(`rivulet ${args.join(" ")} exited with ${code}: ${stderr}`);
  return JSON.parse(stdout) as T;
}

/** What a daemon without a terminal logs when it is ready. */
const READY = /"msg":"rivulet (listens on|takes samples from) /;

export interface Started {
  readonly process: ChildProcess;
  readonly port: number;
  /** What it said when it was ready. */
  readonly greeting: string;
}

/** Starts a real daemon on a free port and waits until it says that it listens; it is killed after the test. */
export async function startDaemon(
  data: string,
  args: readonly string[] = [],
  extra: Readonly<Record<string, string>> = {},
): Promise<Started> {
  const child = spawn(process.execPath, [main, "start", "--data", data, "--set", "mqtt.port=0", ...args], {
    env: environment(extra),
    stdio: ["ignore", "pipe", "pipe"],
  });
  cleanups.push(() => stopped(child, "SIGKILL"));
  let greeting = "";
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  return new Promise((resolve, reject) => {
    child.once("exit", (code) => reject(new Error(`the daemon exited with ${code}: ${greeting}${stderr}`)));
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      greeting += text;
      const port = /mqtts?:\/\/(?:127\.0\.0\.1|localhost):(\d+)/.exec(greeting)?.[1];
      if (port !== undefined && READY.test(greeting)) resolve({ process: child, port: Number(port), greeting });
    });
  });
}

/** Sends a signal and waits for the end of the process; returns its exit code, null where the signal ended it. */
export async function stopped(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  if (child.exitCode === null && child.signalCode === null) {
    const end = once(child, "exit");
    child.kill(signal);
    await end;
  }
  return child.exitCode;
}
