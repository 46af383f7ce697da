import { Command } from "commander";
import type { Backtest, BacktestLine } from "../daemon/verb-backtest.ts";
import { ask, print } from "./context.ts";
import { optionsOf, wholeNumber } from "./options.ts";
import { Progress } from "./progress.ts";
import { short, table } from "./table.ts";

/** Metrics shown beside the one that decides. */
const METRICS = ["accuracy", "balancedAccuracy", "brier", "f1", "auc", "kappa", "mcc", "mae", "rmse", "r2"] as const;

/** Scores snapshots on a stretch of the journal. */
export function backtestCommand(): Command {
  return new Command("backtest")
    .description("score snapshots, and the live state, on the newest labelled rows of the journal, the best first")
    .option("--name <model>", "which model (default: the only one)")
    .option("--last <n>", "how many rows (default: 1000)", wholeNumber("--last", 1))
    .option("--snapshots <list>", "ids or tags, separated by commas (default: the newest 50 that hold their states)")
    .option("--json", "print JSON")
    .action(async (_, command: Command) => {
      const options = optionsOf<{ last?: number; snapshots?: string }>(command);
      const { name, last } = options;
      const snapshots = options.snapshots?.split(",").map((idOrTag) => idOrTag.trim());
      const backtested = await new Progress().during((show) =>
        ask(options, "backtest", { name, last, snapshots }, (at) => show(backtestProgress(at))),
      );
      print(options, backtested, () => backtestText(backtested));
    });
}

/** Renders how far a backtest is. */
export function backtestProgress(at: unknown): string {
  const { snapshots, of } = at as { snapshots: number; of: number };
  return `${short(snapshots)} of ${short(of)} snapshots scored`;
}

function backtestText({ model, rows, by, snapshots, notComparable }: Backtest): string {
  const metrics = METRICS.filter((metric) => snapshots.some((line) => metric in line.metrics));
  const cells = (line: BacktestLine) => [by, ...metrics].map((metric) => digits(line.metrics[metric] ?? null));
  const stretch = rows.count === 0 ? "no labelled rows" : `${short(rows.count)} rows, ${rows.from} to ${rows.to}`;
  return [
    `model ${model} on ${stretch}:`,
    table(
      ["snapshot", "step", "sequence", "cost", "loss", by, ...metrics, "tags"],
      snapshots.map((line) => [
        line.id ?? "live",
        line.step,
        line.sequence,
        digits(line.cost),
        digits(line.loss),
        ...cells(line),
        line.tags.join(" "),
      ]),
    ),
    ...snapshots
      .filter(({ skipped }) => skipped > 0)
      .map(({ id, skipped }) => `${id ?? "live"}: ${short(skipped)} predictions were not finite`),
    ...notComparable.map(({ id, reason }) => `snapshot ${id} cannot be compared: ${reason}`),
  ].join("\n");
}

function digits(value: number | null): number | null {
  return value === null ? null : Number(value.toPrecision(4));
}
