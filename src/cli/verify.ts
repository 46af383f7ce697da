import { Command } from "commander";
import type { Verified } from "../daemon/verify.ts";
import { ask, print } from "./context.ts";
import { optionsOf } from "./options.ts";
import { Progress } from "./progress.ts";
import { short } from "./table.ts";

const EXIT_CODES = { same: 0, differs: 1, pruned: 2 } as const;

/** Replays the journal and compares every state and cost on the way, bit for bit. */
export function verifyCommand(exit: (code: number) => void): Command {
  return new Command("verify")
    .description(
      "replay the journal and compare every state and cost on the way, bit for bit (exit 1: differs, 2: cannot tell)",
    )
    .option("--name <model>", "which model (default: the only one)")
    .option("--from <snapshot>", "id or tag to start from (default: the oldest from which the journal is complete)")
    .option("--to <snapshot>", "id or tag to end at (default: the end of the journal)")
    .option("--json", "print JSON")
    .action(async (_, command: Command) => {
      const options = optionsOf<{ from?: string; to?: string }>(command);
      const { name, from, to } = options;
      const progress = new Progress();
      const verified = await ask(options, "verify", { name, from, to }, (at) => {
        progress.show(`${short((at as { steps: number }).steps)} steps replayed`);
      });
      progress.end();
      print(options, verified, () => verifiedText(verified));
      exit(EXIT_CODES[verified.outcome]);
    });
}

function verifiedText({ model, from, to, outcome, steps, rows, snapshots, difference, reason }: Verified): string {
  const stretch = `model ${model}, snapshot ${from} to ${to === null ? "the end of the journal" : `snapshot ${to}`}: ${short(steps)} steps over ${short(rows)} rows replayed, ${snapshots} snapshots compared`;
  switch (outcome) {
    case "same":
      return `${stretch}: the same, bit for bit`;
    case "differs":
      return `${stretch}: DIFFERS at step ${difference?.step}, sequence ${difference?.sequence}: ${difference?.what}`;
    case "pruned":
      return `${stretch}: cannot tell: ${reason}`;
  }
}
