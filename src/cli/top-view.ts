// What `top` shows, drawn from numbers alone.

import { PLOT_LABEL_COLUMNS, plot } from "./plot.ts";
import { clipped, styled } from "./style.ts";
import { bytes, short } from "./table.ts";
import type { ModelReading, TopReading } from "./top-reading.ts";

const CURVE_COLUMNS_MAX = 120;
const CURVE_COLUMNS_MIN = 8;
const CURVE_LINES_MAX = 8;
const CURVE_LINES_MIN = 2;
/** Title, daemon, store, blank. */
const HEAD_LINES = 4;
/** Name and numbers of a model, and the blank behind its curve. */
const MODEL_LINES = 3;
/** Rows after a drift during which it is shown as news. */
const NEWS_ROWS = 1000;

/** Tells how many points of a cost curve a terminal of so many columns shows. */
export function topPoints(columns: number): number {
  return 2 * curveColumns(columns);
}

/** Draws a reading for a terminal of a size: no more lines than it has, and none longer than it is wide. */
export function topLines(reading: TopReading, columns: number, rows: number): readonly string[] {
  const { models } = reading;
  const room = Math.floor((rows - HEAD_LINES) / Math.max(1, models.length)) - MODEL_LINES;
  const height = Math.min(CURVE_LINES_MAX, room);
  const lines = [
    ...headLines(reading),
    "",
    ...models.flatMap((model) => [
      ...modelLines(model),
      ...(height < CURVE_LINES_MIN ? [] : [...plot(model.costs, curveColumns(columns), height).split("\n"), ""]),
    ]),
  ];
  return lines.slice(0, Math.max(0, rows)).map((line) => clipped(line, columns));
}

/** Draws what is to be seen where no daemon answers. */
export function absentLines(data: string, columns: number): readonly string[] {
  return [styled("red", `no daemon answers on ${data}`), "it is asked again and again; q or Ctrl-C ends this"].map(
    (line) => clipped(line, columns),
  );
}

function headLines({ version, data, broker, failure, fileBytes, rowsPerSecond, commits }: TopReading): string[] {
  const link =
    broker === null
      ? "no broker"
      : broker.online
        ? `broker ${broker.url}, ${short(broker.connections)} connected`
        : styled("red", `NO CONNECTION to ${broker.url}`);
  const latency =
    commits.meanMs === null
      ? "no commit meanwhile"
      : `${figure(commits.perSecond)} commits a second, mean ${commits.meanMs.toPrecision(3)} ms, 99 % within ${commits.p99Ms === null ? "more than 10 s" : `${short(commits.p99Ms)} ms`}`;
  return [
    `${styled("bold", "rivulet")} ${version} on ${data}   ${styled("dim", "q or Ctrl-C ends this")}`,
    link,
    failure === null
      ? `${styled("bold", figure(rowsPerSecond))} rows a second made durable, ${latency}, store ${bytes(fileBytes)}`
      : styled("red", `NOTHING CAN BE COMMITTED: ${failure}`),
  ];
}

function modelLines(model: ModelReading): readonly string[] {
  const { name, rowsPerSecond, stepsPerSecond, step, pending, cost, quality, isAccuracy, drifts, refused } = model;
  const since = model.rowsSinceDrift;
  const drift = `${drifts} ${drifts === 1 ? "drift" : "drifts"}${since === null ? "" : `, ${short(since)} rows ago`}`;
  const told = quality === null ? "–" : isAccuracy ? `${(100 * quality).toFixed(1)} %` : quality.toPrecision(3);
  return [
    `${styled("bold", name)}   ${figure(rowsPerSecond)} rows and ${figure(stepsPerSecond)} steps a second, step ${short(step)}${pending > 0 ? `, ${short(pending)} pending` : ""}`,
    [
      `cost ${styled("bold", cost === null ? "–" : cost.toPrecision(4))}`,
      `${isAccuracy ? "accuracy" : "r2"} ${styled("bold", told)}`,
      since !== null && since < NEWS_ROWS ? styled("yellow", drift) : drift,
      ...(refused > 0 ? [styled("red", `${short(refused)} refused`)] : []),
    ].join("   "),
  ];
}

function curveColumns(columns: number): number {
  return Math.max(CURVE_COLUMNS_MIN, Math.min(CURVE_COLUMNS_MAX, columns - PLOT_LABEL_COLUMNS));
}

function figure(rate: number): string {
  return rate === 0 || rate >= 100 ? short(Math.round(rate)) : rate.toPrecision(2);
}
