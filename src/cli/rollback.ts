import { Command } from "commander";
import { ask, print } from "./context.ts";
import { optionsOf } from "./options.ts";

/** Makes an earlier snapshot's learner state the current one. */
export function rollbackCommand(): Command {
  return new Command("rollback")
    .description("make an earlier snapshot's learner state the current one; history is never rewritten")
    .argument("<snapshot>", "id or tag")
    .option("--name <model>", "which model (default: the only one)")
    .option("--json", "print JSON")
    .action(async (snapshot: string, _, command: Command) => {
      const options = optionsOf(command);
      const line = await ask(options, "rollback", { name: options.name, snapshot });
      print(
        options,
        line,
        () =>
          `model ${line.model} goes on from snapshot ${line.parent}: that is snapshot ${line.id} now, at step ${line.step}`,
      );
    });
}
