import { existsSync } from "node:fs";
import { RivuletError } from "../error.ts";
import { backupFolder, listBackups } from "../store/backup-names.ts";
import { onFolder, type Restored } from "../store/store-thread.ts";
import type { Config } from "./config.ts";
import { makeFolder } from "./open-stored.ts";

export type { Restored } from "../store/store-thread.ts";

/** Asks for the newest backup of the data folder. */
export const LATEST = "latest";

/**
 * Puts a backup in the place of the store, which is set aside; no daemon may run. Throws `store-locked`, `file-unreadable`, and
 * what is wrong with the backup; then nothing was touched.
 */
export async function restoreStore({ data }: Config, file: string): Promise<Restored> {
  const from = file === LATEST ? listBackups(data)[0] : file;
  if (from === undefined) {
    throw new RivuletError("file-unreadable", `there is no backup in ${backupFolder(data)}`, {
      hint: "`rivulet backup` makes one; or name a file.",
    });
  }
  if (!existsSync(from)) {
    throw new RivuletError("file-unreadable", `there is no file ${from}`, {
      hint: `Backups are in ${backupFolder(data)}, where none was named.`,
    });
  }
  makeFolder(data);
  return onFolder("restoreFrom", [data, from, Date.now()]);
}
