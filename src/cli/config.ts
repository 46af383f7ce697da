import { Command } from "commander";
import { type Config, checkConfig, formatFault, optimizerOf } from "../daemon/config.ts";
import { type MemoryPlan, memoryPlan } from "../daemon/memory-plan.ts";
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
        const result = check.ok ? { ...check, memory: memoryOf(check.config) } : check;
        print(options, result, () => (check.ok ? configText(check.config) : check.faults.map(formatFault).join("\n")));
        if (!check.ok) exit(1);
      }),
  );
}

function memoryOf({ models, intake }: Config): MemoryPlan {
  return memoryPlan(models, intake.ringRows);
}

function configText(config: Config): string {
  const { data, mqtt, commit, store, models, memory } = config;
  const plan = memoryOf(config);
  const broker = mqtt.broker === "embedded" ? `embedded on ${mqtt.host}:${mqtt.port}` : mqtt.broker;
  const rows = Object.entries(models).map(([name, { features, label, classes, network, optimizer, batch }]) => [
    name,
    `${features.join(", ")} → ${label}`,
    [features.length, ...network.hidden, outputsOf({ classes })].join("-"),
    network.loss,
    `${optimizer.kind} ${optimizerOf(optimizer).learningRate}`,
    `${batch.size} rows or ${batch.maxAgeMs} ms`,
    bytes(plan.models[name]?.engineBytes ?? 0),
    bytes(plan.models[name]?.ringBytes ?? 0),
  ]);
  return [
    "the configuration is valid",
    `data    ${data}, at most ${bytes(store.bytesMax)}`,
    `broker  ${broker}, prefix ${mqtt.prefix}`,
    `commit  ${commit.profile}`,
    `memory  ${bytes(plan.totalBytes)} for the models, of at most ${bytes(memory.bytesMax)}`,
    "",
    table(["model", "learns", "network", "loss", "optimizer", "mini-batch", "engine", "ring"], rows),
  ].join("\n");
}
