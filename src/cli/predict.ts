import { Command } from "commander";
import { ask, print } from "./context.ts";
import { optionsOf } from "./options.ts";

/** Shows what a model says of one row of features. */
export function predictCommand(): Command {
  return new Command("predict")
    .description("show what a model says of one row of features, in their order")
    .argument("<values...>", 'the features; "" is a missing one')
    .option("--name <model>", "which model (default: the only one)")
    .option("--json", "print JSON")
    .action(async (texts: readonly string[], _, command: Command) => {
      const options = optionsOf(command);
      const predicted = await ask(options, "predict", { name: options.name, values: featureValues(texts) });
      print(options, predicted, () => {
        const { prediction, step, class: winner } = predicted;
        const numbers = [prediction].flat().map((value) => value.toPrecision(6));
        return `${numbers.join(", ")}${winner === null ? "" : ` → class ${winner}`}, at step ${step}`;
      });
    });
}

/** Reads the features of a row: null is a missing one. The daemon knows which texts are names of categories. */
export function featureValues(texts: readonly string[]): (number | string | null)[] {
  return texts.map((text) => {
    if (text.trim() === "") return null;
    const value = Number(text);
    return Number.isFinite(value) ? value : text.trim();
  });
}
