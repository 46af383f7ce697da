import { Command } from "commander";
import type { Status } from "../daemon/verb-queries.ts";
import { ask, print } from "./context.ts";
import { optionsOf } from "./options.ts";
import { bytes, localTime, short, table } from "./table.ts";

/** Shows how the daemon, its store and its models are. */
export function statusCommand(): Command {
  return new Command("status")
    .description("show how the daemon, its store and its models are")
    .option("--json", "print JSON")
    .action(async (_, command: Command) => {
      const options = optionsOf(command);
      const status = await ask(options, "status", {});
      print(options, status, () => statusText(status));
    });
}

function statusText({ broker, store, models, startedAt, data, pid, version }: Status): string {
  const rows = Object.entries(models).map(([name, model]) => [
    name,
    `${model.features.join(", ")} → ${model.label}`,
    model.step,
    model.sequence,
    model.durableSequence,
    model.pending,
    model.cost === null ? null : Number(model.cost.toPrecision(5)),
    Object.values(model.refused).reduce((sum, count) => sum + count, 0),
  ]);
  const headings = ["model", "learns", "step", "sequence", "durable", "pending", "cost", "refused"];
  const lines = [
    broker === null
      ? `no daemon runs on ${data}; this is what is stored`
      : `rivulet ${version}, process ${pid}, since ${localTime(startedAt)}`,
    ...(broker === null
      ? []
      : [
          `broker  embedded on ${broker.host}:${broker.port}, prefix ${broker.prefix}, ${broker.connections} connected, ${short(broker.messages)} messages, ${bytes(broker.heldBytes)} not acknowledged yet`,
        ]),
    `store   ${data}: ${bytes(store.fileBytes)} and ${bytes(store.walBytes)} of log, ${short(store.commitsHeld)} commits held`,
    ...(store.failure === null ? [] : [`NOTHING CAN BE COMMITTED: ${store.failure}`]),
    "",
    table(headings, rows),
  ];
  return lines.join("\n");
}
