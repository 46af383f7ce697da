import { resolve } from "node:path";
import { Command } from "commander";
import type { BackupMade } from "../daemon/verb-backup.ts";
import { ask, print } from "./context.ts";
import { optionsOf } from "./options.ts";
import { bytes, localTime, short } from "./table.ts";

/** Copies the store to a file, while the daemon runs or not. */
export function backupCommand(): Command {
  return new Command("backup")
    .description("copy the store to a file and check the copy, while the daemon runs or not")
    .argument("[file]", "where to (default: <data>/backups/<time>.db, of which the newest 7 are kept)")
    .option("--json", "print JSON")
    .action(async (file: string | undefined, _, command: Command) => {
      const options = optionsOf(command);
      const made = await ask(options, "backup", file === undefined ? {} : { file: resolve(file) });
      print(options, made, () => backupText(made));
    });
}

function backupText({
  file,
  bytes: size,
  commits,
  states,
  newestAt,
  damagedCommits,
  damagedStates,
}: BackupMade): string {
  const until = newestAt === null ? "nothing yet" : `up to ${localTime(newestAt)}`;
  const damage =
    damagedCommits + damagedStates === 0
      ? ""
      : `\nof these ${damagedCommits} commits and ${damagedStates} states are damaged, which going on does not need; \`rivulet doctor\` tells more`;
  return `${file}: ${bytes(size)}, ${short(commits)} commits and ${short(states)} states, ${until}; checked${damage}`;
}
