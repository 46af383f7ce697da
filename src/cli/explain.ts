import { Command } from "commander";
import type { Explained, Importances } from "../daemon/verb-explain.ts";
import { RivuletError } from "../error.ts";
import { bars } from "./bars.ts";
import { ask, print } from "./context.ts";
import { optionsOf, wholeNumber } from "./options.ts";
import { featureValues } from "./predict.ts";
import { Progress } from "./progress.ts";
import { short, table } from "./table.ts";

interface Options {
  readonly snapshot?: string;
  readonly importance?: boolean;
  readonly last?: number;
  readonly seed?: number;
}

/** Tells what each feature did to a prediction, or what it is worth at all. */
export function explainCommand(): Command {
  return new Command("explain")
    .description("tell what each feature did to a prediction, or, with --importance, what it is worth at all")
    .argument("[values...]", "the features, in their order")
    .option("--name <model>", "which model (default: the only one)")
    .option("--snapshot <snapshot>", "id or tag of the state that predicts (default: the live state)")
    .option("--importance", "how much dearer predictions become where a feature's values are dealt out anew")
    .option(
      "--last <n>",
      "with --importance: on how many of the newest labelled rows (default: 1000)",
      wholeNumber("--last", 1),
    )
    .option(
      "--seed <s>",
      "with --importance: of the order in which they are dealt out (default: 1)",
      wholeNumber("--seed", 0),
    )
    .option("--json", "print JSON")
    .action(async (texts: readonly string[], _, command: Command) => {
      const options = optionsOf<Options>(command);
      const { name, snapshot, importance, last, seed } = options;
      if (importance !== true) {
        if (texts.length === 0 || last !== undefined || seed !== undefined) throw unclear();
        const explained = await ask(options, "explain", { name, snapshot, values: featureValues(texts) });
        print(options, explained, () => explainedText(explained));
        return;
      }
      if (texts.length > 0) throw unclear();
      const measured = await new Progress().during((show) =>
        ask(options, "importance", { name, snapshot, last, seed }, (at) => show(importanceProgress(at))),
      );
      print(options, measured, () => importanceText(measured));
    });
}

function importanceProgress(at: unknown): string {
  const { features, of } = at as { features: number; of: number };
  return `${short(features)} of ${short(of)} features measured`;
}

function unclear(): RivuletError {
  return new RivuletError("usage", "explain takes either the features of a row, or --importance", {
    hint: "--last and --seed go with --importance.",
  });
}

function explainedText({ prediction, class: winner, step, snapshot, explains, features, rest }: Explained): string {
  const numbers = [prediction].flat().map((value) => value.toPrecision(6));
  const drawn = bars([...features.map(({ contribution }) => contribution), rest]);
  const from = snapshot === null ? "" : `, snapshot ${snapshot}`;
  const what = explains.kind === "value" ? "the value" : `the logit of class ${explains.class}`;
  return [
    `${numbers.join(", ")}${winner === null ? "" : ` → class ${winner}`}, at step ${step}${from}`,
    `${what} is ${short(explains.value)}; of that comes from`,
    table(
      ["feature", "value", "scaled", "adds", ""],
      [
        ...features.map(({ feature, value, input, contribution }, f) => [
          feature,
          value ?? null,
          digits(input),
          digits(contribution),
          drawn[f] ?? "",
        ]),
        ["(the rest)", null, null, digits(rest), drawn.at(-1) ?? ""],
      ],
    ),
  ].join("\n");
}

function importanceText({ model, snapshot, rows, loss, seed, permutations, features }: Importances): string {
  const drawn = bars(features.map(({ increase }) => increase ?? 0));
  const state = snapshot === null ? "the live state" : `snapshot ${snapshot}`;
  if (rows.count === 0) return `model ${model}: the journal holds no labelled rows`;
  return [
    `model ${model}, ${state}, on ${short(rows.count)} rows, ${rows.from} to ${rows.to}: the mean loss is ${short(loss)}`,
    `it grows by so much where a feature's values are dealt out anew (mean of ${permutations}, seed ${seed})`,
    table(
      ["feature", "adds", "±", ""],
      features.map(({ feature, increase, deviation }, f) => [
        feature,
        digits(increase),
        digits(deviation),
        drawn[f] ?? "",
      ]),
    ),
  ].join("\n");
}

function digits(value: number | null): number | null {
  return value === null ? null : Number(value.toPrecision(4));
}
