import { mkdirSync } from "node:fs";
import { RivuletError } from "../error.ts";
import { backupFolder, nextBackup } from "../store/backup-names.ts";
import { PART, removeCopy } from "../store/copies.ts";
import { type Backup, onFolder } from "../store/store-thread.ts";
import type { Rooms } from "./rooms.ts";

/** Tells what a backup holds. Commits and states that are damaged are such as going on does not need. */
export interface BackupMade extends Omit<Backup, "newestAtMs"> {
  /** When its newest commit was made; null where it has none. */
  readonly newestAt: string | null;
}

/**
 * Copies the store, checks the copy, and gives it its name; without a file among the backups of the data folder, of which
 * the newest are kept. Throws `usage`, `backup-failed`, `store-damaged`, and `busy` where the daemon stops.
 */
export function backup(rooms: Rooms, { file }: { readonly file?: string | undefined }): Promise<BackupMade> {
  return rooms.alone(async () => {
    const { config, stopping, store } = rooms;
    if (file === undefined) mkdirSync(backupFolder(config.data), { recursive: true });
    const target = file ?? nextBackup(config.data, Date.now());
    const { newestAtMs, ...made } = await make(config.data, target, file === undefined, stopping);
    const result = { ...made, newestAt: newestAtMs === null ? null : new Date(newestAtMs).toISOString() };
    const record = rooms.record(result);
    if (record !== null) await store.remember(record);
    return result;
  });
}

async function make(data: string, target: string, prunes: boolean, stopping: AbortSignal): Promise<Backup> {
  try {
    return await onFolder("makeBackup", [data, target, prunes], stopping);
  } catch (error) {
    if (!stopping.aborted) throw error;
    removeCopy(`${target}${PART}`);
    throw new RivuletError("busy", "the daemon stops, and the backup was given up", { hint: "Ask again later." });
  }
}
