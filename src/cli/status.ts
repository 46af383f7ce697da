import { Command } from "commander";
import type { Status } from "../daemon/verb-queries.ts";
import { ask, print } from "./context.ts";
import { optionsOf } from "./options.ts";
import { styled } from "./style.ts";
import { bytes, type Cell, localTime, short, table } from "./table.ts";

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

function brokerText(broker: NonNullable<Status["broker"]>): string {
  const { kind, url, prefix, online, reason, protocol, connections, messages, heldBytes, dropped } = broker;
  const place = kind === "embedded" ? `embedded on ${url}` : url;
  const link = online
    ? kind === "embedded"
      ? `${connections} connected`
      : `connected by MQTT ${protocol}`
    : styled("red", `NOT CONNECTED: ${reason}`);
  const passes = broker.kind === "external" && broker.passes > 0 ? `, ${short(broker.passes)} passes` : "";
  const lost = dropped > 0 ? `, ${short(dropped)} of QoS 0 dropped` : "";
  return `broker  ${place}, prefix ${prefix}, ${link}, ${short(messages)} messages, ${bytes(heldBytes)} not acknowledged yet${lost}${passes}`;
}

function reloadText({ at, changed, waiting, failure }: NonNullable<Status["reloaded"]>): string {
  const when = `config  read again ${localTime(at)}`;
  if (failure !== null) return `${when} and ${styled("red", `REFUSED: ${failure}`)}`;
  const waits = waiting.length > 0 ? `; waits for a restart: ${waiting.join(", ")}` : "";
  return `${when}: ${changed.length > 0 ? changed.join(", ") : "nothing changed"}${waits}`;
}

function statusText({ broker, store, models, startedAt, data, pid, version, reloaded }: Status): string {
  const rows = Object.entries(models).map(([name, model]) => [
    name,
    `${model.features.join(", ")} → ${model.label}`,
    model.step,
    model.sequence,
    model.durableSequence,
    model.pending,
    model.cost === null ? null : Number(model.cost.toPrecision(5)),
    Object.values(model.refused).reduce((sum, count) => sum + count, 0),
    model.missing,
  ]);
  const headings = ["model", "learns", "step", "sequence", "durable", "pending", "cost", "refused", "missing"];
  const lines = [
    broker === null
      ? `no daemon runs on ${data}; this is what is stored`
      : `rivulet ${version}, process ${pid}, since ${localTime(startedAt)}`,
    ...(broker === null ? [] : [brokerText(broker)]),
    `store   ${data}: ${bytes(store.fileBytes)} and ${bytes(store.walBytes)} of log, ${short(store.commitsHeld)} commits held`,
    ...(store.failure === null ? [] : [styled("red", `NOTHING CAN BE COMMITTED: ${store.failure}`)]),
    ...(reloaded === null ? [] : [reloadText(reloaded)]),
    "",
    table(headings, rows),
    ...scores(models),
    ...Object.entries(models).flatMap(([name, { members }]) => memberLines(name, members)),
  ];
  return lines.join("\n");
}

/** Shows how the members of an ensemble fare: their mean losses of late, and what they count in its predictions. */
export function memberLines(model: string, members: Status["models"][string]["members"]): readonly string[] {
  if (members === null || members.length < 2) return [];
  const rows = members.map(({ name, loss, weight }) => [name, digits(loss), weight.toFixed(3)]);
  return ["", table([`members of ${model}`, "loss of late", "weight"], rows)];
}

/** Shows what the newest predictions of the scored models were worth. */
function scores(models: Status["models"]): readonly string[] {
  const rows = Object.entries(models).flatMap(([name, { metrics, worth, drift }]): (readonly Cell[])[] => {
    if (metrics === null || metrics.samples === 0) return [];
    const { window } = metrics;
    const [quality, loss] = "accuracy" in window ? [window.accuracy, window.logLoss] : [window.r2, window.rmse];
    const boost = drift.boost > 1 ? `, rate × ${drift.boost.toPrecision(2)}` : "";
    const challenged = drift.challenged ? ", a challenger runs" : "";
    const drifts = `${metrics.drift.drifts}, ${drift.policy}${boost}${challenged}`;
    return [[name, short(window.samples), ...[quality, loss].map(digits), worthText(worth), drifts]];
  });
  if (rows.length === 0) return [];
  return [
    "",
    table(["model", "of the newest", "accuracy, r2", "log loss, rmse", "earns its keep", "drifts, policy"], rows),
  ];
}

function worthText(worth: Status["models"][string]["worth"]): string {
  if (worth === null) return "too early to say";
  const { earnsItsKeep, against, model, baseline } = worth;
  return `${earnsItsKeep ? styled("green", "yes") : styled("yellow", "NO")}: ${model.toPrecision(3)} against ${baseline.toPrecision(3)} (${against})`;
}

function digits(value: number | null): Cell {
  return value === null ? null : Number(value.toPrecision(4));
}
