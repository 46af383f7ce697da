// Where backups are and what they are called: by the time at which they were made, so that the newest one is the last by
// name; and the newest one sorts last even where the clock was turned back in between.

import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { PART } from "./copies.ts";

const FOLDER = "backups";
const NAME = /^(\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ)\.db$/;
/** Backups that are kept where no file was named. */
export const BACKUPS_KEPT = 7;

/** Writes a point in time as it stands in names of files: UTC, to the second, without colons. */
export function stamp(atMs: number): string {
  return `${new Date(atMs).toISOString().slice(0, 19).replaceAll(":", "-")}Z`;
}

/** Tells where the backups of a data folder are. */
export function backupFolder(folder: string): string {
  return join(folder, FOLDER);
}

/** Lists the backups of a data folder, newest first. */
export function listBackups(folder: string): readonly string[] {
  const backups = backupFolder(folder);
  if (!existsSync(backups)) return [];
  const names = readdirSync(backups).filter((name) => NAME.test(name));
  return names
    .sort()
    .reverse()
    .map((name) => join(backups, name));
}

/** Names the next backup: by the time of day, or by the second after the newest one where that is later. */
export function nextBackup(folder: string, nowMs: number): string {
  const newest = listBackups(folder)[0]?.slice(-"2000-01-01T00-00-00Z.db".length, -".db".length);
  const newestMs = newest === undefined ? Number.NEGATIVE_INFINITY : timeOf(newest);
  return join(backupFolder(folder), `${stamp(Math.max(nowMs, newestMs + 1000))}.db`);
}

/** Deletes all but the newest backups, and what was left of one that was not finished. */
export function pruneBackups(folder: string): void {
  for (const path of listBackups(folder).slice(BACKUPS_KEPT)) rmSync(path);
  for (const name of readdirSync(backupFolder(folder))) {
    if (NAME.test(name.replace(PART, "")) && name.includes(PART)) rmSync(join(backupFolder(folder), name));
  }
}

function timeOf(text: string): number {
  const [day = "", time = ""] = text.split("T");
  return Date.parse(`${day}T${time.replaceAll("-", ":")}`);
}
