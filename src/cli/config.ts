import { Command } from "commander";
import { FORECAST_FLUSH_MS, forecastProfiles, type ProfileForecast } from "../daemon/commit-forecast.ts";
import { type Config, checkConfig, formatFault, optimizerOf } from "../daemon/config.ts";
import { type MemoryPlan, memoryPlan } from "../daemon/memory-plan.ts";
import { defaultMembers } from "../learner/ensemble/members.ts";
import { inputsOf, outputsOf } from "../learner/learner-config.ts";
import { type GlobalOptions, print, sourcesOf } from "./context.ts";
import { optionsOf, positiveNumber } from "./options.ts";
import { bytes, table } from "./table.ts";

/** Checks a configuration without starting anything. */
export function configCommand(exit: (code: number) => void): Command {
  return new Command("config").description("look at the configuration").addCommand(
    new Command("check")
      .description("check a configuration, every fault at once, without starting anything (exit 1: it has faults)")
      .option(
        "--rate <samples>",
        "forecast what each commit profile writes at so many samples a second",
        positiveNumber("--rate"),
      )
      .option("--json", "print JSON")
      .action(async (_, command: Command) => {
        const options = optionsOf<GlobalOptions & { readonly rate?: number }>(command);
        const check = checkConfig(sourcesOf(options));
        if (!check.ok) {
          print(options, check, () => check.faults.map(formatFault).join("\n"));
          return exit(1);
        }
        const { rate } = options;
        const forecast = rate === undefined ? null : forecastProfiles(check.config.commit, rate);
        const result = { ...check, memory: memoryOf(check.config), ...(forecast === null ? {} : { forecast }) };
        print(options, result, () =>
          [configText(check.config), ...(forecast === null ? [] : ["", forecastText(forecast)])].join("\n"),
        );
      }),
  );
}

function memoryOf({ models, intake }: Config): MemoryPlan {
  return memoryPlan(models, intake);
}

function configText(config: Config): string {
  const { data, mqtt, commit, store, models, memory } = config;
  const plan = memoryOf(config);
  const broker = mqtt.broker === "embedded" ? `embedded on ${mqtt.host}:${mqtt.port}` : mqtt.broker;
  const rows = Object.entries(models).map(
    ([name, { features, label, classes, categorical, learner, network, optimizer, batch }]) => [
      name,
      `${features.join(", ")} → ${label}`,
      learner === "ensemble"
        ? `an ensemble of ${defaultMembers(inputsOf({ features, categorical }), outputsOf({ classes })).length}`
        : [inputsOf({ features, categorical }), ...network.hidden, outputsOf({ classes })].join("-"),
      network.loss,
      learner === "ensemble" ? "ekf" : `${optimizer.kind} ${optimizerOf(optimizer).learningRate}`,
      `${batch.size} rows or ${batch.maxAgeMs} ms`,
      bytes(plan.models[name]?.engineBytes ?? 0),
      bytes(plan.models[name]?.ringBytes ?? 0),
    ],
  );
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

function forecastText(forecast: readonly ProfileForecast[]): string {
  const rows = forecast.map(({ profile, qos, commitsPerDay, bytesPerDay, waitMs }) => [
    profile,
    qos,
    Math.round(commitsPerDay),
    bytes(Math.round(bytesPerDay)),
    ...[waitMs.median, waitMs.p99, waitMs.max].map((ms) => `${ms.toFixed(ms < 10 ? 1 : 0)} ms`),
  ]);
  return [
    table(["profile", "QoS", "commits a day", "written a day", "median wait", "p99", "longest"], rows),
    `For messages of one row, from one connection, with commits that take ${FORECAST_FLUSH_MS} ms; a card takes 50 to 500.`,
  ].join("\n");
}
