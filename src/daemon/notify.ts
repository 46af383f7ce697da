// Speaks to systemd (sd_notify(3)). Node has no datagram sockets of Unix, so systemd's own program speaks for the daemon:
// a child of about 5 ms for each message, of which a quiet daemon has one in a third of the watchdog's time. The unit
// says NotifyAccess=all for it.

import { spawn } from "node:child_process";
import type { Log } from "./log.ts";

const PROGRAM = "systemd-notify";
/** A message is sent this often in the watchdog's time: one may be late, or lost. */
const FEEDS = 3;
/** How often more time is asked for while the daemon opens, and how much. */
const EXTEND_EVERY_MS = 30_000;
const EXTEND_USEC = 120_000_000;
/** Messages that wait for the one under way; further ones are dropped: what they say is old by then. */
const WAITING_MAX = 4;

type Environment = Readonly<Record<string, string | undefined>>;

/** Tells the service manager how the daemon is. */
export interface Notifier {
  /** The store is open; `status` is asked for now and with each feeding. Feeding begins, while `stalledMs` says little. */
  ready(status: () => string, stalledMs: () => number): void;
  stopping(): void;
  /** Ends the timers, when what was said is out. */
  close(): Promise<void>;
}

const nobody: Notifier = { ready: () => {}, stopping: () => {}, close: async () => {} };

/** Begins to speak to the manager that started this process; without one, says nothing. */
export function openNotifier(env: Environment, log: Log): Notifier {
  return env["NOTIFY_SOCKET"] === undefined ? nobody : new SystemdNotifier(env, log);
}

class SystemdNotifier implements Notifier {
  readonly #env: Environment;
  readonly #log: Log;
  readonly #feedEveryMs: number;
  #timer: NodeJS.Timeout;
  #said: Promise<void> = Promise.resolve();
  #waiting = 0;
  #isFaultTold = false;
  #isStarving = false;

  constructor(env: Environment, log: Log) {
    this.#env = env;
    this.#log = log;
    this.#feedEveryMs = watchdogMs(env) / FEEDS;
    this.#timer = setInterval(() => this.#say(`EXTEND_TIMEOUT_USEC=${EXTEND_USEC}`), EXTEND_EVERY_MS);
    this.#timer.unref();
  }

  ready(status: () => string, stalledMs: () => number): void {
    clearInterval(this.#timer);
    this.#say("READY=1", `STATUS=${status()}`);
    if (this.#feedEveryMs === 0) return;
    this.#timer = setInterval(() => this.#feed(status(), stalledMs()), this.#feedEveryMs);
    this.#timer.unref();
  }

  stopping(): void {
    clearInterval(this.#timer);
    this.#say("STOPPING=1", "STATUS=trains what is pending, commits, saves");
  }

  close(): Promise<void> {
    clearInterval(this.#timer);
    return this.#said;
  }

  /** A commit that has been tried for a whole round is no longer a slow card: the manager is left to act. */
  #feed(status: string, stalledMs: number): void {
    const isStarving = stalledMs >= this.#feedEveryMs;
    if (isStarving && !this.#isStarving) {
      this.#log.error({ stalledMs: Math.round(stalledMs) }, "the watchdog is fed no more until a commit succeeds");
    }
    this.#isStarving = isStarving;
    const text = `STATUS=${status}`;
    if (isStarving) this.#say(`${text}; nothing was committed for ${Math.round(stalledMs / 1000)} s`);
    else this.#say("WATCHDOG=1", text);
  }

  #say(...assignments: readonly string[]): void {
    if (this.#waiting >= WAITING_MAX) return;
    this.#waiting++;
    this.#said = this.#said
      .then(() => send(this.#env, assignments))
      .catch((error: Error) => {
        // Once is enough: the manager will say the rest.
        if (!this.#isFaultTold) this.#log.warn({ error: error.message }, "the service manager cannot be told anything");
        this.#isFaultTold = true;
      })
      .finally(() => {
        this.#waiting--;
      });
  }
}

/** Time after which the manager thinks this process dead, in ms; 0 where it does not watch it. */
function watchdogMs(env: Environment): number {
  const { WATCHDOG_USEC: usec, WATCHDOG_PID: pid } = env;
  const isMine = pid === undefined || Number(pid) === process.pid;
  return usec !== undefined && isMine && Number(usec) > 0 ? Number(usec) / 1000 : 0;
}

/** Sends one datagram; resolves when it was taken. */
function send(env: Environment, assignments: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(PROGRAM, [...assignments], { env: { ...env }, stdio: "ignore" });
    child.once("error", reject);
    child.once("exit", (code, signal) => {
      if (code === 0) resolve();
      else reject(new Error(`${PROGRAM} ended with ${code ?? signal}`));
    });
  });
}
