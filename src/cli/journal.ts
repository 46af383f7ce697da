import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { Command, Option } from "commander";
import { ask } from "./context.ts";
import { optionsOf, wholeNumber } from "./options.ts";
import { short } from "./table.ts";

interface Options {
  readonly from?: number;
  readonly to?: number;
  readonly format: "csv" | "ndjson";
  readonly out?: string;
}

/** Exports the journal: every row that a model was trained on, in order. */
export function journalCommand(): Command {
  return new Command("journal").description("the log of what the models were trained on").addCommand(
    new Command("export")
      .description("write the journal's rows, in order")
      .option("--name <model>", "which model (default: the only one)")
      .option("--from <sequence>", "first row", wholeNumber("--from", 0))
      .option("--to <sequence>", "last row", wholeNumber("--to", 0))
      .addOption(new Option("--format <format>", "how").choices(["csv", "ndjson"]).default("csv"))
      .option("--json", "the same as --format ndjson")
      .option("--out <file>", "write to a file instead of the standard output")
      .action(async (_, command: Command) => {
        const options = optionsOf<Options>(command);
        const { name, from, to } = options;
        const format = options.json === true ? "ndjson" : options.format;
        const out = options.out === undefined ? process.stdout : createWriteStream(options.out);
        const exported = await ask(options, "journal-export", { name, from, to, format }, (piece) => {
          out.write((piece as { text: string }).text);
        });
        if (out !== process.stdout) {
          out.end();
          await once(out, "close");
        }
        process.stderr.write(
          `${short(exported.rows)} rows of model ${exported.model}${exported.from === null ? "" : `, ${exported.from} to ${exported.to}`}\n`,
        );
      }),
  );
}
