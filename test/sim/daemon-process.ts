import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";

const SAID_CHARACTERS = 4000;
/** Time in which a daemon must have stopped when it is told to: a hang is a failure. */
const STOP_MS_MAX = 20_000;

/** Is the real daemon in a process of its own, for one life. */
export class DaemonProcess {
  readonly startedAt = performance.now();
  /** Resolves with the ms that passed until it said that it listens, or takes samples; never where it does not. */
  readonly ready: Promise<number>;
  /** Resolves when it has ended. */
  readonly gone: Promise<unknown>;
  readonly #child: ChildProcess;
  #said = "";
  /** Whether its end was ordered. */
  #ending = false;

  constructor(main: string, args: readonly string[], env: Readonly<Record<string, string>> = {}) {
    const clean = Object.entries(process.env).filter(([name]) => !name.startsWith("RIVULET_"));
    const child = spawn(process.execPath, [main, ...args], {
      env: { ...Object.fromEntries(clean), RIVULET_HTTP__PORT: "off", ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#child = child;
    this.gone = once(child, "close");
    this.ready = new Promise((resolve) => {
      for (const stream of [child.stdout, child.stderr]) {
        stream.setEncoding("utf8").on("data", (text: string) => {
          this.#said = (this.#said + text).slice(-SAID_CHARACTERS);
          if (/rivulet (listens on|takes samples from) /.test(this.#said)) resolve(performance.now() - this.startedAt);
        });
      }
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** What it logged at last. */
  get said(): string {
    return this.#said;
  }

  get ended(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** Throws where it ended without having been told to. */
  assertAlive(): void {
    if (!this.ended || this.#ending) return;
    const { exitCode, signalCode } = this.#child;
    throw new Error(`the daemon ended by itself with ${exitCode ?? signalCode}: ${this.#said}`);
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Ends it by SIGKILL, after a while in which it may end by itself. */
  async kill(afterMs = 0): Promise<void> {
    this.#ending = true;
    if (afterMs > 0) await new Promise((resolve) => setTimeout(resolve, afterMs));
    this.#child.kill("SIGKILL");
    await this.gone;
  }

  /** Stops it by SIGTERM; returns the ms that it took. Throws where it takes too long, or does not end well. */
  async stop(): Promise<number> {
    const from = performance.now();
    this.#ending = true;
    this.#child.kill("SIGTERM");
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`SIGTERM, and still there after ${STOP_MS_MAX} ms`)), STOP_MS_MAX);
    });
    await Promise.race([this.gone, late]).finally(() => clearTimeout(timer));
    const { exitCode, signalCode } = this.#child;
    if (exitCode !== 0) throw new Error(`SIGTERM, and it ended with ${exitCode ?? signalCode}: ${this.#said}`);
    return performance.now() - from;
  }
}
