// A life of the daemon: what becomes of it, and what else happens meanwhile, drawn from the seed.

import type { Random } from "../../src/learner/random.ts";
import { oneIn, pick } from "./draw.ts";
import type { FaultMode } from "./faults.ts";
import type { Settings } from "./sim-models.ts";

/**
 * When the daemon ends:
 * - `starting`: some time after it was started, mostly before it is ready;
 * - `ready`: just when it says that it listens;
 * - `first-commit`: with the first proof that something was committed in this life;
 * - `busy`: at any moment;
 * - `idle`: when all senders have paused, and there is nothing to do;
 * - `ordered`: just after an order was given;
 * - `reloading`: just after it was told to read its configuration again;
 * - `stopping`: while it stops, told to by SIGTERM;
 * - `stopped`: by SIGTERM alone, which is no kill.
 */
export type Ending =
  | "starting"
  | "ready"
  | "first-commit"
  | "busy"
  | "idle"
  | "ordered"
  | "reloading"
  | "stopping"
  | "stopped";

/**
 * - `full-disk` and `broken-disk`: from some moment on nothing can be written for a while;
 * - `full-start`: the disk is full while the daemon starts;
 * - `slow-disk`: each flush takes long, during the whole life;
 * - `daemon-freeze`: the process is halted for a while.
 */
export type Trouble = "none" | "full-disk" | "broken-disk" | "full-start" | "slow-disk" | "daemon-freeze";

/** What happens to Mosquitto, which the embedded broker cannot meet. */
export type BrokerTrouble = "none" | "restart" | "kill" | "freeze";

export interface Life {
  readonly ending: Ending;
  /** In [0, 1): the moment of the ending, within what its kind allows. */
  readonly at: number;
  readonly trouble: Trouble;
  readonly faultMode: FaultMode;
  /** Bytes that still fit on the disk when it is about to be full. */
  readonly roomBytes: number;
  /** How long the trouble lasts, in ms; of a slow disk, each flush. */
  readonly troubleMs: number;
  readonly brokerTrouble: BrokerTrouble;
  readonly settings: Settings;
}

const ENDINGS: readonly Ending[] = [
  ...(["starting", "ready", "first-commit", "first-commit", "busy", "busy", "busy", "busy"] as const),
  ...(["idle", "ordered", "ordered", "reloading", "stopping", "stopped"] as const),
];
const TROUBLES: readonly Trouble[] = [
  ...Array.from({ length: 20 }, () => "none" as const),
  ...(["full-disk", "full-disk", "broken-disk", "full-start", "slow-disk", "slow-disk"] as const),
  ...(["daemon-freeze", "daemon-freeze"] as const),
];
const BROKER_TROUBLES: readonly BrokerTrouble[] = [
  ...Array.from({ length: 9 }, () => "none" as const),
  ...(["restart", "kill", "freeze"] as const),
];

/** Draws the next life. All is drawn in any case, so that one part of the machine moves nothing for the others. */
export function drawLife(random: Random): Life {
  return {
    ending: pick(random, ENDINGS),
    at: random.uniform(),
    trouble: pick(random, TROUBLES),
    faultMode: pick(random, ["write-error", "flush-error"]),
    roomBytes: oneIn(random, 2) ? 0 : random.uint32() % 20_000,
    troubleMs: 20 + random.uniform() * 280,
    brokerTrouble: pick(random, BROKER_TROUBLES),
    settings: drawSettings(random),
  };
}

/** Draws what a life is configured with; mostly as ever. */
export function drawSettings(random: Random): Settings {
  const settings: Settings = {
    learningRate: pick(random, [0.3, 0.3, 0.3, 0.1, 0.03]),
    batchSize: pick(random, [4, 4, 4, 7, 32]),
    plainKind: pick(random, ["sgd", "sgd", "sgd", "rmsprop"]),
    profile: pick(random, ["balanced", "balanced", "eager", "sd-card"]),
  };
  return settings;
}
