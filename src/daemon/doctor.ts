// Looks at everything that may be wrong around a data folder, whether a daemon runs on it or not, and says what to type.
// It changes nothing.

import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Config } from "./config.ts";
import { brokerOf, commitsOf } from "./doctor-daemon.ts";
import { backupsOf, clockOf, diskOf, folderOf, secretsOf, setAsideOf } from "./doctor-folder.ts";
import { lockOf, storeOf } from "./doctor-store.ts";
import type { Rooms } from "./rooms.ts";

/** How something is; `unknown` where that could not be told. */
export type Outcome = "ok" | "warn" | "fail" | "unknown";

/** Is one thing that was looked at. */
export interface Finding {
  readonly what: string;
  readonly outcome: Outcome;
  readonly says: string;
  /** What to type, or to do; null where nothing needs to be done. */
  readonly todo: string | null;
}

export interface Diagnosis {
  /** The worst of all, where `unknown` is better than `fail`. */
  readonly outcome: Outcome;
  readonly data: string;
  /** Whether a daemon runs, and looked itself. */
  readonly running: boolean;
  readonly findings: readonly Finding[];
}

const BY_WEIGHT: readonly Outcome[] = ["fail", "unknown", "warn", "ok"];

/** Looks at a running daemon from inside. */
export function doctor(rooms: Rooms): Promise<Diagnosis> {
  return diagnose(rooms.config, rooms);
}

/** Looks at a data folder; `rooms` are those of the daemon that runs on it, or null. */
export async function diagnose(config: Config, rooms: Rooms | null): Promise<Diagnosis> {
  const { data } = config;
  const folder = folderOf(data);
  const findings: Finding[] = [folder, ...secretsOf(config)];
  if (folder.outcome !== "fail") {
    const newestAtMs = existsSync(join(data, "rivulet.db")) ? await lookAtStore(config, rooms, findings) : null;
    if (newestAtMs === null && rooms === null) findings.push(nothingStored(data));
    findings.push(setAsideOf(data), backupsOf(data), diskOf(config), clockOf(newestAtMs, Date.now()));
  }
  findings.push(await brokerOf(config, rooms));
  if (rooms !== null) findings.push(...commitsOf(rooms, process.uptime()));
  return { outcome: worst(findings), data, running: rooms !== null, findings };
}

/** Looks at the store; returns when its newest commit was made, NaN where that cannot be told. */
async function lookAtStore(config: Config, rooms: Rooms | null, findings: Finding[]): Promise<number> {
  const lock = await lockOf(config.data, rooms);
  const { finding, newestAtMs } = await storeOf(config.data);
  findings.push(lock, ...finding);
  return newestAtMs;
}

function nothingStored(data: string): Finding {
  return { what: "store", outcome: "unknown", says: `nothing is stored in ${data} yet`, todo: "rivulet start" };
}

/** Tells the worst outcome of several findings. */
export function worst(findings: readonly Finding[]): Outcome {
  return BY_WEIGHT.find((outcome) => findings.some((finding) => finding.outcome === outcome)) ?? "ok";
}
