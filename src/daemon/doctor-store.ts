import { statSync } from "node:fs";
import { join } from "node:path";
import { RivuletError } from "../error.ts";
import { onFolder } from "../store/store-thread.ts";
import type { Finding } from "./doctor.ts";
import type { Rooms } from "./rooms.ts";
import { megabytes } from "./text.ts";

/** A log is cut to 16 MB again and again, unless something reads for long. */
const LOG_BYTES_MAX = 67_108_864;

/** Looks who works on the folder. */
export async function lockOf(data: string, rooms: Rooms | null): Promise<Finding> {
  const what = "lock";
  if (rooms !== null) return { what, outcome: "ok", says: `held by this daemon, process ${process.pid}`, todo: null };
  try {
    const free = await onFolder("isFree", [data]);
    if (free) return { what, outcome: "ok", says: "no process works on this folder", todo: null };
    const says = "a process works on this folder and does not answer: it starts, stops, hangs, or is a command";
    return { what, outcome: "fail", says, todo: `fuser ${join(data, "lock.db")}` };
  } catch (error) {
    return failed(what, error);
  }
}

/** Looks at the store's file as a whole; `newestAtMs` is when its newest commit was made, NaN where that cannot be told. */
export async function storeOf(
  data: string,
): Promise<{ readonly finding: readonly Finding[]; readonly newestAtMs: number }> {
  const path = join(data, "rivulet.db");
  const log = statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0;
  const isLong = log > LOG_BYTES_MAX;
  const logFinding: Finding = {
    what: "log",
    outcome: isLong ? "warn" : "ok",
    says: `${megabytes(log)} of write-ahead log${isLong ? ": a backup, or another program, reads the store" : ""}`,
    todo: isLong ? `fuser ${path}` : null,
  };
  try {
    const { version, commits, newestAtMs } = await onFolder("quickCheck", [data]);
    const says = `${path} is sound: ${megabytes(statSync(path).size)}, ${commits} commits, schema ${version}`;
    return { finding: [{ what: "store", outcome: "ok", says, todo: null }, logFinding], newestAtMs: newestAtMs ?? 0 };
  } catch (error) {
    return { finding: [failed("store", error), logFinding], newestAtMs: Number.NaN };
  }
}

function failed(what: string, error: unknown): Finding {
  if (!(error instanceof RivuletError)) throw error;
  return { what, outcome: "fail", says: error.message, todo: error.code === "store-damaged" ? REPAIR : error.hint };
}

const REPAIR =
  "restart the daemon: it sets the store aside and goes on from the newest good backup; or `rivulet restore latest`";
