// Opens the store and makes its models live. A store that is damaged does not keep the daemon from starting: it is set
// aside, and the newest good backup takes its place, or else an empty one; and that is said loudly.

import { mkdirSync } from "node:fs";
import { RivuletError } from "../error.ts";
import { onFolder, openStoreThread, type Replaced, type StoreThread } from "../store/store-thread.ts";
import type { DaemonOptions } from "./daemon.ts";
import { type OpenedModels, openModels } from "./open-models.ts";

export interface OpenedStore {
  readonly store: StoreThread;
  readonly opened: OpenedModels;
  /** What became of the store that was there, where it was damaged. */
  readonly replaced: Replaced | null;
  /** When the store was restored from a backup, and whether that was told; null where it never was. */
  readonly restored: { readonly atMs: number; readonly told: boolean } | null;
}

/** Codes with which a damaged file may show itself. */
const DAMAGE: readonly string[] = ["store-damaged", "journal-damaged", "state-damaged"];

/** Opens the store of the data folder, and its models. Throws RivuletError; then nothing is left open. */
export async function openStored(options: DaemonOptions): Promise<OpenedStore> {
  makeFolder(options.config.data);
  try {
    return { ...(await open(options)), replaced: null };
  } catch (error) {
    // A command for one request only looks: what becomes of the store is the daemon's to decide.
    if (!options.listen || !(error instanceof RivuletError) || !DAMAGE.includes(error.code)) throw error;
    const replaced = await onFolder("replaceDamaged", [options.config.data, Date.now()]);
    // The file is good as far as it can be checked: then it is the program that cannot go on from it.
    if (replaced === null) throw error;
    tell(replaced, options);
    return { ...(await open(options)), replaced };
  }
}

async function open(options: DaemonOptions): Promise<Omit<OpenedStore, "replaced">> {
  const store = await openStoreThread({ folder: options.config.data });
  try {
    return { store, opened: await openModels(options, store), restored: await store.restored() };
  } catch (error) {
    // What keeps it from being closed in good order is what kept it from being used.
    await store.close().catch(() => {});
    throw error;
  }
}

function tell({ file, reason, from, passedOver }: Replaced, { log }: DaemonOptions): void {
  for (const backup of passedOver) log.error(backup, "a backup is no good, and was passed over");
  log.error({ reason, setAside: file, from }, `THE STORE WAS DAMAGED and is set aside; ${goesOn(from)}`);
}

/** Says what takes the place of a store that was damaged. */
function goesOn(from: string | null): string {
  return from === null
    ? "there is no good backup: everything begins anew"
    : "the newest good backup takes its place: what came after it is not in it";
}

/** Makes the data folder where it is missing. Throws `data-unusable`. */
export function makeFolder(path: string): void {
  try {
    mkdirSync(path, { recursive: true });
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new RivuletError("data-unusable", `the data folder ${path} cannot be made: ${reason}`, {
      hint: "Name another one with --data, or make it and give it to the user that runs the daemon.",
      cause,
    });
  }
}
