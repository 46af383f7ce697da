import { Command } from "commander";
import { publish } from "../client/publisher.ts";
import { RivuletError } from "../error.ts";
import { STREAMS } from "../sample/streams.ts";
import { brokerAccess } from "./broker-access.ts";
import { configOf, type GlobalOptions, print } from "./context.ts";
import { optionsOf, positiveNumber, wholeNumber } from "./options.ts";
import { Progress } from "./progress.ts";
import { modelOf, samplesOf } from "./samples.ts";
import { short } from "./table.ts";

export interface PublishCommandOptions extends GlobalOptions {
  readonly stream?: string;
  readonly seed: number;
  readonly rate?: number;
  readonly qos: number;
  readonly count?: number;
  readonly source?: string;
  readonly epoch?: string;
}

/** Publishes the rows of a CSV file, or of a generated stream, in order, and waits for their acknowledgement. */
export function publishCommand(exit: (code: number) => void): Command {
  return new Command("publish")
    .description(
      "publish the rows of a CSV file, or of a generated stream, in order, and wait for their acknowledgement",
    )
    .argument("[file]", "CSV with a header that has the model's features and label")
    .option("--stream <kind>", `instead of a file: ${STREAMS.map(({ kind }) => kind).join(", ")}`)
    .option("--seed <s>", "seed of the generated stream", wholeNumber("--seed", 0), 1)
    .option("--name <model>", "to which model (default: the only one)")
    .option("--rate <r>", "rows a second (default: as fast as they are taken)", positiveNumber("--rate"))
    .option("--qos <0|1|2>", "MQTT quality of service", wholeNumber("--qos", 0), 1)
    .option("--count <n>", "only the first n rows (default: all; a stream ends with Ctrl-C)", wholeNumber("--count", 1))
    .option("--source <name>", "number the rows under this name, so that none is trained twice")
    .option("--epoch <name>", "name of this numbering (default: a new one)")
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      `\nStreams:\n${STREAMS.map(({ kind, description }) => `  ${kind.padEnd(13)} ${description}`).join("\n")}`,
    )
    .action(async (file: string | undefined, _, command: Command) => {
      const options = optionsOf<PublishCommandOptions>(command);
      const config = configOf(options);
      const { name, model } = modelOf(config, options.name);
      const { payloads, rows } = samplesOf(file, model, options);
      const refused = new Refused();
      const progress = new Progress();
      const stop = new AbortController();
      const interrupt = () => stop.abort();
      process.once("SIGINT", interrupt);
      process.once("SIGTERM", interrupt);
      const published = await publish({
        ...brokerAccess(config),
        topic: `${config.mqtt.prefix}/${name}/sample`,
        qos: qosOf(options.qos),
        rate: options.rate ?? 0,
        payloads,
        signal: stop.signal,
        // What the daemon's own broker acknowledges is settled; of another one's acknowledgements nothing follows.
        ...(config.mqtt.broker === "embedded"
          ? { listen: { topic: `${config.mqtt.prefix}/${name}/event`, onMessage: (event) => refused.hear(event) } }
          : {}),
        onProgress: ({ acknowledged }) =>
          progress.show(`${short(acknowledged)}${rows === null ? "" : ` of ${short(rows)}`} rows acknowledged`),
      }).finally(() => {
        progress.end();
        process.off("SIGINT", interrupt);
        process.off("SIGTERM", interrupt);
      });
      const { sent, acknowledged, seconds } = published;
      print(
        options,
        {
          file: file ?? null,
          stream: options.stream ?? null,
          model: name,
          rows: rows ?? sent,
          ...published,
          refusal: refused.first,
        },
        () =>
          `${short(acknowledged)} of ${short(sent)} rows acknowledged in ${seconds.toFixed(2)} s (${short(Math.round(sent / Math.max(seconds, 1e-3)))} a second)`,
      );
      if (refused.first !== null) {
        process.stderr.write(
          `model ${name} refused rows meanwhile (${refused.first}): \`rivulet quarantine\` tells which\n`,
        );
      }
      if (refused.first !== null || (rows !== null && sent < rows)) exit(1);
    });
}

/** Hears from a model's events whether it refused something. Which producer sent it they do not tell, nor how much there was. */
class Refused {
  /** Why the first one was refused, or null. */
  first: string | null = null;

  hear(payload: string): void {
    const { event, code, detail } = JSON.parse(payload) as { event?: string; code?: string; detail?: string };
    if (event === "rejected") this.first ??= `${code}: ${detail}`;
  }
}

function qosOf(value: number): 0 | 1 | 2 {
  if (value === 0 || value === 1 || value === 2) return value;
  throw new RivuletError("usage", `--qos is ${value}; 0, 1 or 2 is needed`);
}
