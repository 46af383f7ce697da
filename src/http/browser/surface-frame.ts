import { round } from "./format.ts";
import { ROWS_MAX } from "./predictor.ts";
import { type Range, ticksOf } from "./surface-range.ts";
import type { Surface } from "./surface-view.ts";
import { colour } from "./theme.ts";

/** Is a canvas ready to be drawn on, in CSS pixels, and where the plot is in it. */
export interface Frame {
  readonly context: CanvasRenderingContext2D;
  readonly width: number;
  readonly height: number;
  readonly left: number;
  readonly top: number;
  readonly plotWidth: number;
  readonly plotHeight: number;
}

const LEFT = 44;
const BOTTOM = 34;
const TOP = 8;
const RIGHT = 14;
/** Room that a tick's label takes. */
const TICK_WIDTH = 56;
const TICK_HEIGHT = 44;

/** Fits a canvas to its place on the page; null while it has none. */
export function frameOf(canvas: HTMLCanvasElement): Frame | null {
  const { clientWidth: width, clientHeight: height } = canvas;
  const context = canvas.getContext("2d");
  if (context === null || width < LEFT + RIGHT + 10 || height < TOP + BOTTOM + 10) return null;
  const ratio = window.devicePixelRatio || 1;
  const [pixelWidth, pixelHeight] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== pixelWidth || canvas.height !== pixelHeight) {
    canvas.width = pixelWidth;
    canvas.height = pixelHeight;
  }
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  const [plotWidth, plotHeight] = [width - LEFT - RIGHT, height - TOP - BOTTOM];
  return { context, width, height, left: LEFT, top: TOP, plotWidth, plotHeight };
}

export function toX({ left, plotWidth }: Frame, { min, max }: Range, value: number): number {
  return left + ((value - min) / (max - min)) * plotWidth;
}

export function toY({ top, plotHeight }: Frame, { min, max }: Range, value: number): number {
  return top + plotHeight - ((value - min) / (max - min)) * plotHeight;
}

/** Draws ticks and names along the lower and the left side. */
export function drawAxes(frame: Frame, x: Range, y: Range, [xName, yName]: readonly [string, string]): void {
  const { context, left, top, plotWidth, plotHeight, height } = frame;
  const bottom = top + plotHeight;
  context.font = `11px ${getComputedStyle(context.canvas).fontFamily}`;
  context.strokeStyle = colour("--line-strong");
  context.lineWidth = 1;
  context.strokeRect(left - 0.5, top - 0.5, plotWidth + 1, plotHeight + 1);
  context.fillStyle = colour("--ink-soft");
  context.textAlign = "center";
  context.textBaseline = "top";
  for (const tick of ticksOf(x, plotWidth / TICK_WIDTH)) {
    const at = Math.round(toX(frame, x, tick)) + 0.5;
    line(context, at, bottom, at, bottom + 4);
    context.fillText(round(tick), at, bottom + 6);
  }
  context.textAlign = "right";
  context.textBaseline = "middle";
  for (const tick of ticksOf(y, plotHeight / TICK_HEIGHT)) {
    const at = Math.round(toY(frame, y, tick)) + 0.5;
    line(context, left - 4, at, left, at);
    context.fillText(round(tick), left - 7, at);
  }
  context.fillStyle = colour("--ink");
  context.font = `600 ${context.font}`;
  context.textBaseline = "bottom";
  context.fillText(xName, left + plotWidth, height - 1);
  context.save();
  context.textBaseline = "top";
  context.translate(1, top);
  context.rotate(-Math.PI / 2);
  context.fillText(yName, 0, 0);
  context.restore();
}

/** Draws what a model says over its only feature. */
export function drawCurve(frame: Frame, { predictor, plane }: Surface, labels: Range): void {
  const { context } = frame;
  const { xRange, held, x } = plane;
  const { rows, features, outputCount } = predictor;
  for (let p = 0; p < ROWS_MAX; p++) {
    for (let f = 0; f < features.length; f++) rows[p * features.length + f] = held[f] ?? Number.NaN;
    rows[p * features.length + x] = xRange.min + ((xRange.max - xRange.min) * p) / (ROWS_MAX - 1);
  }
  const outputs = predictor.predict(ROWS_MAX);
  for (let k = 0; k < outputCount; k++) {
    context.beginPath();
    for (let p = 0; p < ROWS_MAX; p++) {
      const at = frame.left + (frame.plotWidth * p) / (ROWS_MAX - 1);
      context.lineTo(at, toY(frame, labels, outputs[p * outputCount + k] ?? Number.NaN));
    }
    context.strokeStyle = outputCount === 1 ? colour("--accent") : colour(`--class-${k % 8}`);
    context.lineWidth = 2;
    context.stroke();
  }
}

function line(context: CanvasRenderingContext2D, x1: number, y1: number, x2: number, y2: number): void {
  context.beginPath();
  context.moveTo(x1, y1);
  context.lineTo(x2, y2);
  context.stroke();
}
