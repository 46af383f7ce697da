import { randomBytes } from "node:crypto";
import { Command } from "commander";
import { publish } from "../client/publisher.ts";
import type { Config } from "../daemon/config.ts";
import { RivuletError } from "../error.ts";
import { readCsv } from "../sample/csv.ts";
import { configOf, type GlobalOptions, print } from "./context.ts";
import { optionsOf, positiveNumber, wholeNumber } from "./options.ts";
import { Progress } from "./progress.ts";
import { short } from "./table.ts";
import { readText } from "./training-set.ts";

interface Options extends GlobalOptions {
  readonly rate?: number;
  readonly qos: number;
  readonly count?: number;
  readonly source?: string;
  readonly epoch?: string;
}

const DIGITS = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/;

/** Publishes the rows of a CSV file as samples, in order, and waits for their acknowledgement. */
export function publishCommand(exit: (code: number) => void): Command {
  return new Command("publish")
    .description("publish the rows of a CSV file as samples, in order, and wait for their acknowledgement")
    .argument("<file>", "CSV with a header that has the model's features and label")
    .option("--name <model>", "to which model (default: the only one)")
    .option("--rate <r>", "rows a second (default: as fast as they are taken)", positiveNumber("--rate"))
    .option("--qos <0|1|2>", "MQTT quality of service", wholeNumber("--qos", 0), 1)
    .option("--count <n>", "only the first n rows", wholeNumber("--count", 1))
    .option("--source <name>", "number the rows under this name, so that none is trained twice")
    .option("--epoch <name>", "name of this numbering (default: a new one)")
    .option("--json", "print JSON")
    .action(async (file: string, _, command: Command) => {
      const options = optionsOf<Options>(command);
      const config = configOf(options);
      const { name, payloads } = payloadsOf(file, config, options);
      const progress = new Progress();
      const stop = new AbortController();
      const interrupt = () => stop.abort();
      process.once("SIGINT", interrupt);
      const published = await publish({
        url: urlOf(config),
        username: config.mqtt.username,
        password: config.mqtt.passwordFile === null ? null : readText(config.mqtt.passwordFile).replace(/\r?\n$/, ""),
        topic: `${config.mqtt.prefix}/${name}/sample`,
        qos: qosOf(options.qos),
        rate: options.rate ?? 0,
        payloads,
        signal: stop.signal,
        onProgress: ({ acknowledged }) =>
          progress.show(`${short(acknowledged)} of ${short(payloads.length)} rows acknowledged`),
      }).finally(() => {
        progress.end();
        process.off("SIGINT", interrupt);
      });
      const { sent, acknowledged, seconds } = published;
      print(
        options,
        { file, model: name, rows: payloads.length, ...published },
        () =>
          `${short(acknowledged)} of ${short(sent)} rows acknowledged in ${seconds.toFixed(2)} s (${short(Math.round(sent / Math.max(seconds, 1e-3)))} a second)`,
      );
      if (sent < payloads.length) exit(1);
    });
}

/** Turns the file's rows into JSON samples for a model of the configuration. */
function payloadsOf(file: string, config: Config, options: Options): { name: string; payloads: readonly string[] } {
  const names = Object.keys(config.models);
  const name = options.name ?? (names.length === 1 ? names[0] : undefined);
  const model = name === undefined ? undefined : config.models[name];
  if (name === undefined || model === undefined) {
    throw new RivuletError("usage", `the configuration has the models ${names.join(", ")}`, {
      hint: "Choose one with --name.",
    });
  }
  const table = readCsv(readText(file), { features: model.features, label: model.label });
  const epoch = options.epoch ?? randomBytes(8).toString("hex");
  const rows = table.rows.slice(0, options.count);
  const payloads = rows.map((row, seq) => {
    const fields = [
      ...model.features.map((feature, i) => [feature, cellValue(row.features[i] ?? "")]),
      [model.label, cellValue(row.label)],
      ...(options.source === undefined
        ? []
        : [
            ["source", options.source],
            ["epoch", epoch],
            ["seq", seq],
          ]),
    ];
    return JSON.stringify(Object.fromEntries(fields.filter(([, value]) => value !== undefined)));
  });
  return { name, payloads };
}

/** Reads a cell as a number where it is one, as a name elsewhere; an empty one is missing. The daemon decides what it takes. */
function cellValue(cell: string): number | string | undefined {
  const text = cell.trim();
  if (text === "") return undefined;
  return DIGITS.test(text) ? Number(text) : text;
}

function qosOf(value: number): 0 | 1 | 2 {
  if (value === 0 || value === 1 || value === 2) return value;
  throw new RivuletError("usage", `--qos is ${value}; 0, 1 or 2 is needed`);
}

/** Tells where the configured broker is reached. */
function urlOf({ mqtt }: Config): string {
  if (mqtt.broker !== "embedded") return mqtt.broker;
  return `mqtt://${mqtt.host.includes(":") ? `[${mqtt.host}]` : mqtt.host}:${mqtt.port}`;
}
