// The real daemon as a child, for programs that are no tests: the bundle, as it is installed, and not the sources.

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));
const main = fileURLToPath(new URL("../../dist/main.js", import.meta.url));
const SAID_MAX = 20_000;

/** Builds the bundle of the sources as they are; what that says goes to the standard error. */
export function buildBundle(): void {
  const { status } = spawnSync(process.execPath, ["deploy/build.ts"], { cwd: root, stdio: ["ignore", 2, 2] });
  if (status !== 0) throw new Error("the bundle cannot be built");
}

export interface DaemonChild {
  readonly process: ChildProcess;
  readonly url: string;
  /** The end of what it said. */
  said(): string;
}

/** Starts the daemon on its own broker and a free port; resolves when it listens. */
export async function startDaemonChild(args: readonly string[]): Promise<DaemonChild> {
  const child = spawn(process.execPath, [main, "start", "--set", "mqtt.port=0", "--set", "http.port=off", ...args], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let said = "";
  const url = await new Promise<string>((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`the daemon exited with ${code}: ${said}`)));
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        said = (said + text).slice(-SAID_MAX);
        const found = /listens on (mqtt:\/\/\S+:\d+)/.exec(said)?.[1];
        if (found !== undefined) resolve(found);
      });
    }
  });
  return { process: child, url, said: () => said };
}

/** Sends a signal and waits for the end; returns the exit code, null where a signal ended it. */
export async function endChild(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  if (child.exitCode === null && child.signalCode === null) {
    const end = once(child, "exit");
    child.kill(signal);
    await end;
  }
  return child.exitCode;
}
