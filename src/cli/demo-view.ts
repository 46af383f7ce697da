// What the demo shows, drawn from numbers alone.

import { plot } from "./plot.ts";
import { short } from "./table.ts";

/** Is everything that the view shows. */
export interface DemoScene {
  readonly stream: string;
  readonly url: string;
  readonly seconds: number;
  readonly samples: number;
  readonly rate: number;
  readonly step: number;
  /** Accuracy on the newest rows, each predicted before it was published; null before the first. */
  readonly accuracy: number | null;
  /** That accuracy as it was, oldest first. */
  readonly accuracies: readonly number[];
  readonly costs: readonly (number | null)[];
  readonly snapshots: readonly {
    readonly id: number;
    readonly step: number;
    readonly reason: string;
    readonly cost: number | null;
  }[];
  /** What just happened, newest first. */
  readonly news: readonly { readonly at: number; readonly what: string }[];
}

const BARS = "▁▂▃▄▅▆▇█";
const COST_MIN = 1e-4;
const SPARK_WIDTH = 64;
const NEWS_SHOWN = 6;
const SNAPSHOTS_SHOWN = 4;
const BOLD = "\x1b[1m";
const DIM = "\x1b[2m";
const PLAIN = "\x1b[0m";

/** Draws the scene as lines for a terminal. */
export function demoLines(scene: DemoScene): readonly string[] {
  const { stream, url, seconds, samples, rate, step, accuracy, accuracies, costs, snapshots, news } = scene;
  const title = `${BOLD}rivulet${PLAIN} learns ${BOLD}${stream}${PLAIN} over ${url}`;
  return [
    `${title}   ${DIM}${clock(seconds)}, Ctrl-C ends it${PLAIN}`,
    "",
    `samples ${BOLD}${short(samples)}${PLAIN} (${short(Math.round(rate))} a second)   steps ${BOLD}${short(step)}${PLAIN}   accuracy on the newest 500 ${BOLD}${percent(accuracy)}${PLAIN}`,
    "",
    `${DIM}accuracy, from 50 to 100 %${PLAIN}`,
    `           ${spark(accuracies)}`,
    `${DIM}cost, as a power of ten${PLAIN}`,
    ...plot(costs.map(powerOfTen), SPARK_WIDTH, 6).split("\n"),
    "",
    `${DIM}snapshots${PLAIN}`,
    ...snapshots.slice(0, SNAPSHOTS_SHOWN).map((snapshot) => `  ${snapshotText(snapshot)}`),
    "",
    `${DIM}what just happened${PLAIN}`,
    ...news.slice(0, NEWS_SHOWN).map(({ at, what }) => `  ${clock(at)}  ${what}`),
  ];
}

/** Writes the scene as one line, for where there is no terminal. */
export function demoLine({ seconds, samples, step, accuracy, snapshots, news }: DemoScene): string {
  const newest = news[0]?.what ?? "";
  return `${clock(seconds)} ${samples} samples, step ${step}, accuracy ${percent(accuracy)}, ${snapshots.length} snapshots; ${newest}`;
}

function snapshotText({ id, step, reason, cost }: DemoScene["snapshots"][number]): string {
  return `${String(id).padStart(3)}  step ${short(step).padStart(7)}  cost ${cost === null ? "     –" : cost.toFixed(4)}  ${reason}`;
}

/** A drift makes the cost a thousand times what it was: only in powers of ten both can be seen. */
function powerOfTen(cost: number | null): number | null {
  return cost === null ? null : Math.log10(Math.max(cost, COST_MIN));
}

function spark(values: readonly number[]): string {
  return values
    .slice(-SPARK_WIDTH)
    .map((value) => BARS[Math.max(0, Math.min(BARS.length - 1, Math.floor((value - 0.5) * 2 * BARS.length)))])
    .join("");
}

function percent(value: number | null): string {
  return value === null ? "–" : `${(100 * value).toFixed(1)} %`;
}

function clock(seconds: number): string {
  const whole = Math.floor(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}
