// The scales of the charts: numbers from 0, shares up to 1, and logarithms over no more than what can be read.

import type uPlot from "uplot";
import { compact, round } from "./format.ts";
import { colour } from "./theme.ts";

export type ScaleKind = "numbers" | "shares" | "logarithm";

/** Powers of ten that are shown at most, below the largest cost. */
const DECADES_MAX = 6;
/** Lines across a chart. */
const DECADE_LINES_MAX = 5;

/** Says how a y scale is laid out. */
export function yScale(kind: ScaleKind): uPlot.Scale {
  switch (kind) {
    case "numbers":
      return { range: { min: soft(0), max: soft(0) } };
    case "shares":
      return { range: shareRange };
    case "logarithm":
      return { distr: 3, range: decadeRange };
  }
}

/** Says how the y axis is written. */
export function yAxis(kind: ScaleKind): uPlot.Axis {
  return {
    ...axis(),
    size: 54,
    space: 28,
    values: (_, ticks) =>
      ticks.map((tick) => {
        if (tick === null) return "";
        return kind === "shares" ? `${Math.round(tick * 100)} %` : decimal(tick);
      }),
    ...(kind === "logarithm" ? { splits: decades, filter: (_, splits) => splits } : {}),
  };
}

/** Says how the axis of steps is written. */
export function stepAxis(): uPlot.Axis {
  const values = (_: uPlot, ticks: readonly number[]) =>
    ticks.map((tick) => (Number.isInteger(tick) ? compact(tick) : ""));
  return { ...axis(), space: 80, size: 26, values };
}

function axis(): uPlot.Axis {
  const line = colour("--line");
  return {
    stroke: colour("--ink-soft"),
    font: `11px ${getComputedStyle(document.body).fontFamily}`,
    grid: { stroke: line, width: 1 },
    ticks: { stroke: line, width: 1, size: 4 },
    gap: 4,
  };
}

/** From the decade of the least mean cost, for single rows may have cost as good as nothing. */
function decadeRange(plot: uPlot, _: number | null, max: number | null): uPlot.Range.MinMax {
  if (max === null || !(max > 0)) return [1e-3, 1];
  const means = Array.from(plot.data[1] ?? [], (value) => (value != null && value > 0 ? value : max));
  const top = Math.ceil(Math.log10(max) - 1e-9);
  const least = means.reduce((low, value) => Math.min(low, value), max);
  return [10 ** Math.max(top - DECADES_MAX, Math.min(top - 1, Math.floor(Math.log10(least)))), 10 ** top];
}

function decades(_: uPlot, __: number, min: number, max: number): number[] {
  const [low, high] = [Math.round(Math.log10(min)), Math.round(Math.log10(max))];
  const every = Math.ceil((high - low) / DECADE_LINES_MAX);
  return Array.from({ length: Math.floor((high - low) / every) + 1 }, (_, i) => 10 ** (high - i * every)).reverse();
}

/** Shares end at 1; they begin a little below the lowest. */
function shareRange(_: uPlot, min: number | null, max: number | null): uPlot.Range.MinMax {
  if (min === null || max === null || !Number.isFinite(min)) return [0, 1];
  return [Math.max(0, Math.floor((min - 0.02) * 20) / 20), Math.min(1, Math.ceil((max + 0.01) * 20) / 20)];
}

function soft(value: number): uPlot.Range.Limit {
  return { pad: 0.06, soft: value, mode: 1 };
}

function decimal(tick: number): string {
  const power = Math.log10(Math.abs(tick));
  return power < -3 && Number.isInteger(Math.round(power * 1e6) / 1e6)
    ? tick.toExponential(0).replace("-", "−")
    : round(tick);
}
