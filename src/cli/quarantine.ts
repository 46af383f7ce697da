import { Command } from "commander";
import type { Quarantine } from "../daemon/verb-queries.ts";
import { ask, print } from "./context.ts";
import { optionsOf, wholeNumber } from "./options.ts";
import { bytes, localTime, table } from "./table.ts";

const HEAD_CHARACTERS = 40;

/** Shows the messages that were refused, and why. */
export function quarantineCommand(): Command {
  return new Command("quarantine")
    .description("show the messages that were refused, and why")
    .option("--limit <n>", "at the most (default: 50)", wholeNumber("--limit", 1))
    .option("--before <id>", "only those older than this one", wholeNumber("--before", 1))
    .option("--json", "print JSON")
    .action(async (_, command: Command) => {
      const options = optionsOf<{ limit?: number; before?: number }>(command);
      const { limit, before } = options;
      const quarantine = await ask(options, "quarantine", { limit, before });
      print(options, quarantine, () => quarantineText(quarantine));
    });
}

function quarantineText({ counts, messages }: Quarantine): string {
  if (counts.length === 0) return "no message was ever refused";
  return [
    table(
      ["model", "code", "refused"],
      counts.map(({ model, code, count }) => [model, code, count]),
    ),
    "",
    table(
      ["id", "at", "topic", "code", "why", "size", "payload"],
      messages.map((m) => [m.id, localTime(m.at), m.topic, m.code, m.detail, bytes(m.bytes), printable(m.head)]),
    ),
  ].join("\n");
}

/** Keeps control characters of foreign payloads away from the terminal. */
function printable(text: string): string {
  return text.slice(0, HEAD_CHARACTERS).replace(/[^\x20-\x7e\u00a0-\uffff]/g, "·");
}
