// What the demo shows, drawn from numbers alone.

import { plot } from "./plot.ts";
import { clipped } from "./style.ts";
import { short } from "./table.ts";

/** Is everything that the view shows. */
export interface DemoScene {
  readonly stream: string;
  readonly url: string;
  /** Address of the dashboard; null where none is served. */
  readonly dashboard: string | null;
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
/** Width and height of the curves where there is room, and what is left of them where there is none. */
const CURVE_COLUMNS_MAX = 64;
const CURVE_COLUMNS_MIN = 8;
const CURVE_LABEL_COLUMNS = 12;
const COST_LINES_MAX = 6;
const COST_LINES_MIN = 2;
const SNAPSHOTS_MAX = 4;
const NEWS_MAX = 6;
/** Lines that are there in any case: title, numbers, headings and what stands between them. */
const FIXED_LINES = 11;
const BOLD = "\x1b[1m";
const DIM = "\x1b[2m";
const PLAIN = "\x1b[0m";

/** Draws the scene for a terminal of a size: no more lines than it has, and none longer than it is wide. */
export function demoLines(scene: DemoScene, columns: number, rows: number): readonly string[] {
  const { stream, url, dashboard, seconds, samples, rate, step, accuracy, accuracies, costs, snapshots, news } = scene;
  const width = Math.max(CURVE_COLUMNS_MIN, Math.min(CURVE_COLUMNS_MAX, columns - CURVE_LABEL_COLUMNS));
  // What just happened matters most, then the curve, then the snapshots.
  let room = Math.max(0, rows - FIXED_LINES - COST_LINES_MIN);
  const take = (most: number) => {
    const taken = Math.min(most, room);
    room -= taken;
    return taken;
  };
  const newsShown = take(NEWS_MAX);
  const costLines = COST_LINES_MIN + take(COST_LINES_MAX - COST_LINES_MIN);
  const snapshotsShown = take(SNAPSHOTS_MAX);
  const title = `${BOLD}rivulet${PLAIN} learns ${BOLD}${stream}${PLAIN} over ${url}`;
  const lines = [
    `${title}   ${DIM}${clock(seconds)}, Ctrl-C ends it${PLAIN}`,
    dashboard ?? "",
    `samples ${BOLD}${short(samples)}${PLAIN} (${short(Math.round(rate))} a second)   steps ${BOLD}${short(step)}${PLAIN}   accuracy on the newest 500 ${BOLD}${percent(accuracy)}${PLAIN}`,
    "",
    `${DIM}accuracy, from 50 to 100 %${PLAIN}`,
    `${" ".repeat(CURVE_LABEL_COLUMNS)}${spark(accuracies, width)}`,
    `${DIM}cost, as a power of ten${PLAIN}`,
    ...plot(costs.map(powerOfTen), width, costLines).split("\n"),
    "",
    `${DIM}snapshots${PLAIN}`,
    ...snapshots.slice(0, snapshotsShown).map((snapshot) => `  ${snapshotText(snapshot)}`),
    "",
    `${DIM}what just happened${PLAIN}`,
    ...news.slice(0, newsShown).map(({ at, what }) => `  ${clock(at)}  ${what}`),
  ];
  return lines.slice(0, rows).map((line) => clipped(line, columns));
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

function spark(values: readonly number[], width: number): string {
  return values
    .slice(-width)
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
