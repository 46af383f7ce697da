import { writeFileSync } from "node:fs";
import { Command, Option } from "commander";
import {
  EXPORT_FORMATS,
  type Exported,
  type SnapshotDetails,
  type SnapshotDifference,
  type SnapshotLine,
} from "../daemon/verb-snapshots.ts";
import { RivuletError } from "../error.ts";
import { ask, print } from "./context.ts";
import { optionsOf, wholeNumber } from "./options.ts";
import { memberLines } from "./status.ts";
import { bytes, localTime, short, table } from "./table.ts";

const MODEL = ["--name <model>", "which model (default: the only one)"] as const;
const JSON_FLAG = ["--json", "print JSON"] as const;

/** Lists, shows, compares, tags, takes and exports snapshots. */
export function snapshotsCommand(): Command {
  return new Command("snapshots")
    .description("list, show, compare, tag, take and export snapshots")
    .addCommand(list())
    .addCommand(show())
    .addCommand(diff())
    .addCommand(tag())
    .addCommand(take())
    .addCommand(exporter());
}

function list(): Command {
  return new Command("list")
    .description("list snapshots, newest first")
    .option(...MODEL)
    .option("--limit <n>", "at the most (default: 50)", wholeNumber("--limit", 1))
    .option("--before <id>", "only those older than this one", wholeNumber("--before", 1))
    .option(...JSON_FLAG)
    .action(async (_, command: Command) => {
      const options = optionsOf<{ limit?: number; before?: number }>(command);
      const { name, limit, before } = options;
      const snapshots = await ask(options, "snapshots-list", { name, limit, before });
      print(options, snapshots, () => snapshotsText(snapshots));
    });
}

function show(): Command {
  return new Command("show")
    .description("show one snapshot with its configuration and network")
    .argument("<snapshot>", "id or tag")
    .option(...MODEL)
    .option(...JSON_FLAG)
    .action(async (snapshot: string, _, command: Command) => {
      const options = optionsOf(command);
      const details = await ask(options, "snapshots-show", { name: options.name, snapshot });
      print(options, details, () =>
        [
          snapshotsText([details]),
          "",
          `checksum ${details.checksum}`,
          `network  ${shapeOf(details.network)}, ${details.parameters} parameters, numerics ${details.numerics}`,
          `config   ${JSON.stringify(details.config)}`,
          ...memberLines(details.model, details.members),
        ].join("\n"),
      );
    });
}

function shapeOf(network: SnapshotDetails["network"]): string {
  if (network.version === 2) return `an ensemble of ${network.members.length}`;
  const { layers } = network;
  return [layers[0]?.weights[0]?.length, ...layers.map(({ biases }) => biases.length)].join("-");
}

function diff(): Command {
  return new Command("diff")
    .description("compare two snapshots")
    .argument("<a>", "id or tag")
    .argument("<b>", "id or tag")
    .option(...MODEL)
    .option(...JSON_FLAG)
    .action(async (a: string, b: string, _, command: Command) => {
      const options = optionsOf(command);
      const difference = await ask(options, "snapshots-diff", { name: options.name, a, b });
      print(options, difference, () => diffText(difference));
    });
}

function tag(): Command {
  return new Command("tag")
    .description("tag a snapshot: it is kept for good, and rollback takes the tag for its name")
    .argument("<snapshot>", "id or tag")
    .argument("<tag>", "letters, digits, . _ -")
    .option(...MODEL)
    .option(...JSON_FLAG)
    .action(async (snapshot: string, name: string, _, command: Command) => {
      const options = optionsOf(command);
      const line = await ask(options, "snapshots-tag", { name: options.name, snapshot, tag: name });
      print(options, line, () => `snapshot ${line.id} is tagged ${line.tags.join(", ")}`);
    });
}

function take(): Command {
  return new Command("take")
    .description("take a snapshot now")
    .option(...MODEL)
    .option(...JSON_FLAG)
    .action(async (_, command: Command) => {
      const options = optionsOf(command);
      const line = await ask(options, "snapshots-take", { name: options.name });
      print(
        options,
        line,
        () => `snapshot ${line.id} of model ${line.model} at step ${line.step}, sequence ${line.sequence}`,
      );
    });
}

function exporter(): Command {
  return new Command("export")
    .description("write a snapshot's network for other programs: a model file, ONNX, or a header in C")
    .argument("<snapshot>", "id or tag")
    .addOption(new Option("--format <format>", "of the file (default: json)").choices(EXPORT_FORMATS))
    .option("--out <file>", "write to a file instead of the standard output")
    .option(...MODEL)
    .option(...JSON_FLAG)
    .action(async (snapshot: string, _, command: Command) => {
      const options = optionsOf<{ format?: (typeof EXPORT_FORMATS)[number]; out?: string }>(command);
      if (options.format === "onnx" && options.out === undefined && process.stdout.isTTY) {
        throw new RivuletError("usage", "an ONNX model is no text", { hint: "Add --out model.onnx, or a pipe." });
      }
      const exported = await ask(options, "snapshots-export", { name: options.name, snapshot, format: options.format });
      const content = contentOf(exported);
      if (options.out === undefined) process.stdout.write(content);
      else writeFileSync(options.out, content);
    });
}

function contentOf(exported: Exported): string | Uint8Array {
  switch (exported.format) {
    case "onnx":
      return Buffer.from(exported.base64, "base64");
    case "c":
      return exported.text;
    case "rivulet-model":
      return `${JSON.stringify(exported)}\n`;
  }
}

/** Renders snapshots as a table. */
export function snapshotsText(snapshots: readonly SnapshotLine[]): string {
  return table(
    ["id", "parent", "reason", "step", "sequence", "cost", "taken", "size", "tags"],
    snapshots.map((s) => [
      s.id,
      s.parent,
      s.reason,
      s.step,
      s.sequence,
      s.cost === null ? null : Number(s.cost.toPrecision(5)),
      localTime(s.createdAt),
      bytes(s.bytes),
      s.tags.join(" "),
    ]),
  );
}

function diffText({ a, b, identical, steps, rows, cost, parameters, config }: SnapshotDifference): string {
  return [
    snapshotsText([a, b]),
    "",
    `from ${a.id} to ${b.id}: ${short(steps)} steps, ${short(rows)} rows, cost ${cost === null ? "–" : `${cost >= 0 ? "+" : ""}${short(cost)}`}`,
    identical ? "the learner states are the same, bit for bit" : "the learner states differ",
    parameters === null
      ? "the topologies differ"
      : `parameters: distance ${short(parameters.euclidean)}, largest change ${short(parameters.largest)}, by layer ${parameters.layers.map(short).join(", ")}`,
    ...config.map(({ path, from, to }) => `config ${path}: ${JSON.stringify(from)} → ${JSON.stringify(to)}`),
  ].join("\n");
}
