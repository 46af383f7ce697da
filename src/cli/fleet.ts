// What all daemons on a broker retain of themselves, as one table. The prefix carries the device: rivulet/kitchen.

import { setTimeout as sleep } from "node:timers/promises";
import { Command } from "commander";
import { connectOnce, unreachable } from "../client/connect.ts";
import { brokerAccess } from "./broker-access.ts";
import { configOf, type GlobalOptions, print } from "./context.ts";
import { optionsOf, positiveNumber } from "./options.ts";
import { styled } from "./style.ts";
import { type Cell, table } from "./table.ts";

/** What stands comes at once after the subscription; this long without anything new it was all. */
const QUIET_MS = 300;
/** Longest message that is read: nothing that a daemon retains is longer. */
const PAYLOAD_BYTES_MAX = 1_048_576;

/** Is one model of one daemon, as it was last told. */
export interface FleetLine {
  /** The prefix of its topics, which names the device. */
  readonly device: string;
  readonly online: boolean;
  readonly version: string | null;
  /** Why it commits nothing; null while all is well. */
  readonly failure: string | null;
  /** Null where a daemon has told of no model. */
  readonly model: string | null;
  readonly step: number | null;
  readonly sequence: number | null;
  readonly cost: number | null;
  /** Accuracy of its newest predictions, or r2 of values. */
  readonly quality: number | null;
  readonly drifts: number | null;
}

interface Device {
  state: string | null;
  info: Readonly<Record<string, unknown>>;
  readonly models: Map<string, Readonly<Record<string, unknown>>>;
}

/** Reads what the daemons on a broker retain. */
export function fleetCommand(): Command {
  return new Command("fleet").description("look at all daemons on one broker").addCommand(
    new Command("status")
      .description("show every daemon and model that the configured broker knows of, in one table")
      .option(
        "--prefix <pattern>",
        "prefixes of the daemons, + for any level (default: mqtt.prefix, and one level below it)",
      )
      .option("--wait <seconds>", "how long to listen at most", positiveNumber("--wait"), 5)
      .option("--json", "print JSON")
      .action(async (_, command: Command) => {
        const options = optionsOf<{ readonly prefix?: string; readonly wait: number }>(command);
        const lines = await fleetStatus(options);
        print(options, lines, () => fleetText(lines));
      }),
  );
}

async function fleetStatus(options: GlobalOptions & { readonly prefix?: string; readonly wait: number }) {
  const config = configOf(options);
  const access = brokerAccess(config);
  const { prefix } = config.mqtt;
  const patterns = options.prefix === undefined ? [prefix, `${prefix}/+`] : [options.prefix];
  const client = await connectOnce(access).catch((error) => {
    throw unreachable(access.url, error);
  });
  const devices = new Map<string, Device>();
  let heardAt = performance.now();
  client.on("message", (topic, payload) => {
    heardAt = performance.now();
    if (payload.length <= PAYLOAD_BYTES_MAX) hear(devices, topic, payload.toString());
  });
  try {
    const topics = patterns.flatMap((pattern) => ["bridge/info", "+/state"].map((rest) => `${pattern}/${rest}`));
    await client.subscribeAsync(topics, { qos: 1 });
    const endsAt = performance.now() + 1000 * options.wait;
    // States go on coming, once a second each: what was there already comes before them.
    const quietAt = () => heardAt + QUIET_MS;
    while (performance.now() < Math.min(endsAt, quietAt()))
      await sleep(Math.min(endsAt, quietAt()) - performance.now());
  } finally {
    await client.endAsync(true);
  }
  return linesOf(devices);
}

/** Takes one retained message into account. */
function hear(devices: Map<string, Device>, topic: string, payload: string): void {
  const levels = topic.split("/");
  const [last, name] = [levels.pop(), levels.pop()];
  const prefix = levels.join("/");
  if (name === undefined || prefix === "") return;
  const device = devices.get(prefix) ?? { state: null, info: {}, models: new Map() };
  devices.set(prefix, device);
  if (name === "bridge" && last === "state") device.state = payload;
  else if (name === "bridge") device.info = objectOf(payload);
  else if (payload === "") device.models.delete(name);
  else device.models.set(name, objectOf(payload));
}

function linesOf(devices: ReadonlyMap<string, Device>): readonly FleetLine[] {
  return [...devices]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([device, { state, info, models }]) => {
      const store = info["store"] as { readonly failure?: { readonly message?: string } | null } | undefined;
      const common = {
        device,
        online: state === "online",
        version: typeof info["version"] === "string" ? info["version"] : null,
        failure: store?.failure == null ? null : (store.failure.message ?? "it cannot commit"),
      };
      const none = { model: null, step: null, sequence: null, cost: null, quality: null, drifts: null };
      // Where nobody is, and nothing was said of any model, no daemon ever was.
      if (models.size === 0) return state === null ? [] : [{ ...common, ...none }];
      return [...models]
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([model, told]): FleetLine => {
          const [metrics, drift] = [told["metrics"], told["drift"]] as (Record<string, unknown> | null | undefined)[];
          return {
            ...common,
            model,
            step: numberOf(told["step"]),
            sequence: numberOf(told["sequence"]),
            cost: numberOf(told["cost"]),
            quality: numberOf(metrics?.["accuracy"] ?? metrics?.["r2"]),
            drifts: numberOf(drift?.["alarms"]),
          };
        });
    });
}

function fleetText(lines: readonly FleetLine[]): string {
  if (lines.length === 0) return "no daemon has ever been on this broker, as far as it knows";
  const rows = lines.map(
    ({ device, online, version, failure, model, step, sequence, cost, quality, drifts }): Cell[] => [
      device,
      failure === null
        ? online
          ? styled("green", "online")
          : styled("red", "OFFLINE")
        : styled("red", `${online ? "" : "OFFLINE, "}NO COMMITS: ${failure}`),
      version,
      model,
      step,
      sequence,
      ...[cost, quality].map((value) => (value === null ? null : Number(value.toPrecision(4)))),
      drifts,
    ],
  );
  const headings = ["device", "is", "version", "model", "step", "sequence", "cost", "accuracy, r2", "drifts"];
  return table(headings, rows);
}

function objectOf(payload: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(payload);
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : {};
  } catch {
    return {};
  }
}

function numberOf(value: unknown): number | null {
  return typeof value === "number" ? value : null;
}
