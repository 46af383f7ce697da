import { Command } from "commander";
import { type Config, checkConfig, formatFault, optimizerOf } from "../daemon/config.ts";
import { outputsOf } from "../learner/learner-config.ts";
import { type GlobalOptions, print, sourcesOf } from "./context.ts";
import { optionsOf } from "./options.ts";
import { bytes, table } from "./table.ts";

/** Checks a configuration without starting anything. */
export function configCommand(exit: (code: number) => void): Command {
  return new Command("config").description("look at the configuration").addCommand(
    new Command("check")
      .description("check a configuration, every fault at once, without starting anything (exit 1: it has faults)")
      .option("--json", "print JSON")
      .action(async (_, command: Command) => {
        const options = optionsOf<GlobalOptions>(command);
        const check = checkConfig(sourcesOf(options));
        print(options, check, () => (check.ok ? configText(check.config) : check.faults.map(formatFault).join("\n")));
        if (!check.ok) exit(1);
      }),
  );
}

function configText({ data, mqtt, commit, store, models }: Config): string {
  const broker = mqtt.broker === "embedded" ? `embedded on ${mqtt.host}:${mqtt.port}` : mqtt.broker;
  const rows = Object.entries(models).map(([name, { features, label, classes, network, optimizer, batch }]) => [
    name,
    `${features.join(", ")} → ${label}`,
    [features.length, ...network.hidden, outputsOf({ classes })].join("-"),
    network.loss,
    `${optimizer.kind} ${optimizerOf(optimizer).learningRate}`,
    `${batch.size} rows or ${batch.maxAgeMs} ms`,
  ]);
  return [
    "the configuration is valid",
    `data    ${data}, at most ${bytes(store.bytesMax)}`,
    `broker  ${broker}, prefix ${mqtt.prefix}`,
    `commit  ${commit.profile}`,
    "",
    table(["model", "learns", "network", "loss", "optimizer", "mini-batch"], rows),
  ].join("\n");
}
