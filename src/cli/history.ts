import { Command } from "commander";
import type { History } from "../daemon/verb-queries.ts";
import { ask, print } from "./context.ts";
import { optionsOf, wholeNumber } from "./options.ts";
import { plot, plotWidth } from "./plot.ts";
import { memberLines } from "./status.ts";
import { localTime, short } from "./table.ts";

interface Options {
  readonly from?: number;
  readonly to?: number;
  readonly points?: number;
}

/** Shows how the cost went, over any range of steps. */
export function historyCommand(): Command {
  return new Command("history")
    .description("show how the cost went, over any range of steps")
    .option("--name <model>", "which model (default: the only one)")
    .option("--from <step>", "first step", wholeNumber("--from", 0))
    .option("--to <step>", "last step", wholeNumber("--to", 0))
    .option("--points <n>", "points at the most (default: 500)", wholeNumber("--points", 1))
    .option("--json", "print JSON")
    .action(async (_, command: Command) => {
      const options = optionsOf<Options>(command);
      const { name, from, to, points } = options;
      // A point a column makes a curve that can be read.
      const wanted = points ?? (options.json === true ? undefined : 2 * plotWidth());
      const history = await ask(options, "history", { name, from, to, points: wanted });
      print(options, history, () => historyText(history));
    });
}

function historyText({ model, from, to, points, members }: History): string {
  const first = points[0];
  const last = points.at(-1);
  if (first === undefined || last === undefined) return `model ${model} has no steps between ${from} and ${to} yet`;
  return [
    `cost of model ${model}, steps ${short(first.step)} to ${short(last.step)}, rows to ${short(last.sequence)}`,
    plot(
      points.map(({ cost }) => cost),
      plotWidth(),
    ),
    `from ${localTime(first.at)} to ${localTime(last.at)}; newest ${short(last.cost)}, range there ${short(last.min)} … ${short(last.max)}`,
    ...memberLines(model, members),
  ].join("\n");
}
