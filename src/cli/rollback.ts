import { Command } from "commander";
import { backtestProgress } from "./backtest.ts";
import { ask, print } from "./context.ts";
import { optionsOf } from "./options.ts";
import { Progress } from "./progress.ts";

/** Makes an earlier snapshot's learner state the current one. */
export function rollbackCommand(): Command {
  return new Command("rollback")
    .description("make an earlier snapshot's learner state the current one; history is never rewritten")
    .argument("<snapshot>", "id or tag, or best: the one that is best on the newest 1000 labelled rows")
    .option("--name <model>", "which model (default: the only one)")
    .option("--json", "print JSON")
    .action(async (snapshot: string, _, command: Command) => {
      const options = optionsOf(command);
      const line = await new Progress().during((show) =>
        ask(options, "rollback", { name: options.name, snapshot }, (at) => show(backtestProgress(at))),
      );
      print(
        options,
        line,
        () =>
          `model ${line.model} goes on from snapshot ${line.parent}: that is snapshot ${line.id} now, at step ${line.step}`,
      );
    });
}
