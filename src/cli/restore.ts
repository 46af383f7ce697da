import { resolve } from "node:path";
import { Command } from "commander";
import { LATEST, type Restored, restoreStore } from "../daemon/restore.ts";
import { configOf, print } from "./context.ts";
import { optionsOf } from "./options.ts";
import { localTime, short } from "./table.ts";

/** Puts a backup in the place of the store, while no daemon runs. */
export function restoreCommand(): Command {
  return new Command("restore")
    .description("put a backup in the place of the store, which is set aside, not deleted; the daemon must be stopped")
    .argument("<file>", "the backup, or latest")
    .option("--json", "print JSON")
    .action(async (file: string, _, command: Command) => {
      const options = optionsOf(command);
      const restored = await restoreStore(configOf(options), file === LATEST ? LATEST : resolve(file));
      const { newestAtMs, restoredMs, ...rest } = restored;
      const json = { ...rest, newestAt: time(newestAtMs), restoredAt: time(restoredMs) };
      print(options, json, () => restoredText(restored));
    });
}

function time(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString();
}

function restoredText({ from, setAside, commits, states, newestAtMs }: Restored): string {
  const until = newestAtMs === null ? "" : `, up to ${localTime(newestAtMs)}`;
  const former = setAside === null ? "there was none before" : `the former one is ${setAside}`;
  return `the store is that of ${from}: ${short(commits)} commits and ${short(states)} states${until}; ${former}
producers that number their rows are told at the next start: what was committed after the backup is not in it`;
}
