import { Command } from "commander";
import type { Restored } from "../client/bridge.ts";
import { publishNumbered } from "../client/numbered-publisher.ts";
import { publish } from "../client/publisher.ts";
import type { Config } from "../daemon/config.ts";
import { RivuletError } from "../error.ts";
import { STREAMS } from "../sample/streams.ts";
import { brokerAccess } from "./broker-access.ts";
import { configOf, type GlobalOptions, print } from "./context.ts";
import { optionsOf, positiveNumber, wholeNumber } from "./options.ts";
import { Progress } from "./progress.ts";
import { Refused } from "./refused.ts";
import { modelOf, type Samples, samplesOf } from "./samples.ts";
import { short } from "./table.ts";

export interface PublishCommandOptions extends GlobalOptions {
  readonly stream?: string;
  readonly seed: number;
  readonly rate?: number;
  readonly qos: number;
  readonly count?: number;
  readonly source?: string;
  readonly epoch?: string;
  readonly outbox?: string;
}

/** Is what came of it. Rows with numbers are acknowledged when they are committed. */
interface Outcome {
  readonly sent: number;
  readonly acknowledged: number;
  readonly seconds: number;
  /** Rows that are trained or refused, and durable; null where that cannot be told: without numbers. */
  readonly committed: number | null;
  /** Rows that an earlier run had sent already. */
  readonly resumed: number;
  readonly epoch: string | null;
}

/** Time without any commit after which publishing numbered rows is given up. */
const PATIENCE_MS = 60_000;

const HELP = `
Rows with numbers: with --source NAME the rows are numbered from 1, sent until the daemon says that they are committed,
and trained once each, through any broker. Publishing ends when all of them are. --outbox FILE keeps the numbering and
what is not committed yet in a file: the same command given again, after whatever ended it, goes on where it was, and
once all rows are committed it has nothing to do. Rows that were added to the end of the CSV since are then published.
An outbox belongs to one CSV or stream, source and model; for others it is refused. Without an outbox each run begins a
new numbering, and the rows are trained again, unless --epoch names that of an earlier run of the same rows.

Streams:
${STREAMS.map(({ kind, description }) => `  ${kind.padEnd(13)} ${description}`).join("\n")}`;

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
    .option("--qos <0|1|2>", "MQTT quality of service; with --source it is 1", wholeNumber("--qos", 0), 1)
    .option("--count <n>", "only the first n rows (default: all; a stream ends with Ctrl-C)", wholeNumber("--count", 1))
    .option("--source <name>", "number the rows under this name, so that none is trained twice")
    .option("--epoch <name>", "name of this numbering (default: that of the outbox, or a new one)")
    .option("--outbox <file>", "hold numbered rows in this file until they are committed; given again, it goes on")
    .option("--json", "print JSON")
    .addHelpText("after", HELP)
    .action(async (file: string | undefined, _, command: Command) => {
      const options = optionsOf<PublishCommandOptions>(command);
      const config = configOf(options);
      const { name, model } = modelOf(config, options.name);
      const samples = samplesOf(file, model, options);
      const refused = new Refused();
      const stop = new AbortController();
      const interrupt = () => stop.abort();
      process.once("SIGINT", interrupt);
      process.once("SIGTERM", interrupt);
      const send = options.source === undefined ? sendPlain : sendNumbered;
      const outcome = await send(options, config, name, samples, refused, stop.signal).finally(() => {
        process.off("SIGINT", interrupt);
        process.off("SIGTERM", interrupt);
      });
      const rows = samples.count ?? outcome.sent;
      print(
        options,
        { file: file ?? null, stream: options.stream ?? null, model: name, rows, ...outcome, refusal: refused.first },
        () => outcomeText(outcome),
      );
      if (refused.first !== null) {
        process.stderr.write(
          `model ${name} refused rows meanwhile (${refused.first}): \`rivulet quarantine\` tells which\n`,
        );
      }
      if (refused.first !== null || outcome.sent < rows || outcome.acknowledged < outcome.sent) exit(1);
    });
}

type Send = (
  options: PublishCommandOptions,
  config: Config,
  name: string,
  samples: Samples,
  refused: Refused,
  signal: AbortSignal,
) => Promise<Outcome>;

const sendPlain: Send = async (options, config, name, samples, refused, signal) => {
  const progress = new Progress();
  const published = await publish({
    ...brokerAccess(config),
    topic: `${config.mqtt.prefix}/${name}/sample`,
    qos: qosOf(options.qos),
    rate: options.rate ?? 0,
    payloads: payloadsOf(samples),
    signal,
    // What the daemon's own broker acknowledges is settled; of another one's acknowledgements nothing follows.
    ...(config.mqtt.broker === "embedded" ? { listen: refusals(config, name, refused) } : {}),
    onProgress: ({ acknowledged }) => progress.show(`${countText(acknowledged, samples)} acknowledged`),
  }).finally(() => progress.end());
  return { ...published, committed: null, resumed: 0, epoch: null };
};

const sendNumbered: Send = async (options, config, name, samples, refused, signal) => {
  const progress = new Progress();
  const { epoch, numbered, resumed, committed, seconds } = await publishNumbered({
    ...brokerAccess(config),
    prefix: config.mqtt.prefix,
    model: name,
    source: options.source ?? "",
    ...(options.epoch === undefined ? {} : { epoch: options.epoch }),
    file: options.outbox ?? null,
    rate: options.rate ?? 0,
    rows: samples.rows,
    signal,
    acknowledges: config.mqtt.broker === "embedded" ? "durable" : "received",
    patienceMs: PATIENCE_MS,
    listen: refusals(config, name, refused),
    onSettled: ({ settledTo }) => progress.show(`${countText(settledTo, samples)} committed`),
    onRestored: (told) => {
      progress.end();
      process.stderr.write(`${restoredText(told)}\n`);
    },
  }).finally(() => progress.end());
  return { sent: numbered, acknowledged: committed, seconds, committed, resumed, epoch };
};

function* payloadsOf({ rows }: Samples): Generator<string> {
  for (const row of rows) yield JSON.stringify(row);
}

function refusals({ mqtt }: Config, name: string, refused: Refused) {
  return { topic: `${mqtt.prefix}/${name}/event`, onMessage: (event: string) => refused.hear(event) };
}

function countText(count: number, samples: Samples): string {
  return `${short(count)}${samples.count === null ? "" : ` of ${short(samples.count)}`} rows`;
}

function outcomeText({ sent, acknowledged, committed, resumed, seconds }: Outcome): string {
  const how = committed === null ? "acknowledged" : "committed";
  const rate = short(Math.round((sent - resumed) / Math.max(seconds, 1e-3)));
  const before = resumed === 0 ? "" : `, ${short(resumed)} of them sent by an earlier run`;
  return `${short(acknowledged)} of ${short(sent)} rows ${how} in ${seconds.toFixed(2)} s (${rate} a second)${before}`;
}

function restoredText({ epoch, from, to }: Restored): string {
  return `the daemon does not know rows ${from} to ${to} of epoch ${epoch}, which it had committed: its store went back, or is another one. They are not sent again; what follows is`;
}

function qosOf(value: number): 0 | 1 | 2 {
  if (value === 0 || value === 1 || value === 2) return value;
  throw new RivuletError("usage", `--qos is ${value}; 0, 1 or 2 is needed`);
}
