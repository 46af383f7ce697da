import { Command } from "commander";
import { RivuletError } from "../error.ts";
import { parseAnyModelFile } from "../export/model-file.ts";
import { ask, print } from "./context.ts";
import { optionsOf } from "./options.ts";
import { styled } from "./style.ts";
import { localTime, table } from "./table.ts";
import { readText } from "./training-set.ts";

/** Lists, resets and deletes models. */
export function modelsCommand(): Command {
  return new Command("models")
    .description("list, reset and delete models, and import a network")
    .addCommand(list())
    .addCommand(reset())
    .addCommand(importer())
    .addCommand(remove());
}

function list(): Command {
  return new Command("list")
    .description("list the stored models")
    .option("--json", "print JSON")
    .action(async (_, command: Command) => {
      const options = optionsOf(command);
      const models = await ask(options, "models-list", {});
      print(options, models, () =>
        table(
          ["model", "", "created", "step", "sequence", "newest snapshot"],
          models.map((m) => [
            m.name,
            m.active ? styled("green", "active") : styled("dim", "inactive"),
            localTime(m.createdAt),
            m.step,
            m.sequence,
            m.newestSnapshot,
          ]),
        ),
      );
    });
}

function reset(): Command {
  return new Command("reset")
    .description("begin a model anew under the configuration; its journal, history and snapshots stay")
    .argument("<name>", "the model")
    .option("--json", "print JSON")
    .action(async (name: string, _, command: Command) => {
      const options = optionsOf(command);
      const line = await ask(options, "models-reset", { name });
      print(
        options,
        line,
        () => `model ${name} begins anew: snapshot ${line.id}, step ${line.step}, sequence ${line.sequence}`,
      );
    });
}

function importer(): Command {
  return new Command("import")
    .description(
      "make what a model file has learned the current state; features, layers and members must be those of the model",
    )
    .argument("<file>", "model file (JSON), as `snapshots export` and `fit --out` write it")
    .option("--name <model>", "which model (default: the only one)")
    .option("--json", "print JSON")
    .action(async (file: string, _, command: Command) => {
      const options = optionsOf(command);
      const model = parseAnyModelFile(readText(file));
      const line = await ask(options, "models-import", { name: options.name, model: { ...model } });
      print(
        options,
        line,
        () => `model ${line.model} goes on from ${file}: that is snapshot ${line.id} now, at step ${line.step}`,
      );
    });
}

function remove(): Command {
  return new Command("delete")
    .description("remove a model with everything that is stored of it")
    .argument("<name>", "the model")
    .option("--yes", "yes, remove it for good")
    .option("--json", "print JSON")
    .action(async (name: string, _, command: Command) => {
      const options = optionsOf<{ yes?: boolean }>(command);
      if (options.yes !== true) {
        throw new RivuletError("usage", `this removes model ${name}, its rows, history and snapshots for good`, {
          hint: `If that is what you want: rivulet models delete ${name} --yes`,
        });
      }
      const line = await ask({ ...options, name }, "models-delete", { name });
      print(options, line, () => `model ${name} is gone`);
    });
}
