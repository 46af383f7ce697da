// What can be done to a data folder whose store is not open. It takes as long as reading all of it, so it is done in a thread.

import { makeBackup } from "./backup.ts";
import { quickCheck } from "./check-file.ts";
import { isFree } from "./lock.ts";
import { replaceDamaged, restoreFrom } from "./replace.ts";

export const FOLDER_TASKS = { isFree, makeBackup, quickCheck, replaceDamaged, restoreFrom } as const;

export type FolderTasks = typeof FOLDER_TASKS;
