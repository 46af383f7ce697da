// Draws what a model believes over two features: the surface, its decision boundary, and the newest samples on it. It is
// painted in pieces between frames, coarse at first, so that nothing waits for it.

import type { Sample } from "./answers.ts";
import { contour } from "./contour.ts";
import { h, setText } from "./element.ts";
import { digits, percent } from "./format.ts";
import type { Predictor } from "./predictor.ts";
import { colourOfLabel, type Palette, paintGrid, readPalette } from "./surface-colours.ts";
import { drawAxes, drawCurve, type Frame, frameOf, toX, toY } from "./surface-frame.ts";
import { LEVELS, type Plane, SurfaceGrid } from "./surface-grid.ts";
import type { Range } from "./surface-range.ts";
import { colour, themeChanged } from "./theme.ts";

/** What a piece of work between two frames may take. */
const BUDGET_MS = 6;
/** What the next picture of a model that learns may take in all. */
const LIVE_MS = 120;
const LEVEL_LINES = 6;
const CURVE_MARGIN = 0.05;

/** Is a piece of a line, its ends in shares of the plot's width and height. */
type Line = readonly [x1: number, y1: number, x2: number, y2: number];

export interface Surface {
  readonly predictor: Predictor;
  readonly plane: Plane;
  readonly samples: readonly Sample[];
  /** The range of values that colours span; null takes that of the surface. */
  readonly labels: Range | null;
}

export class SurfaceView {
  readonly element: HTMLElement;
  readonly #canvas = h("canvas", { role: "img", tabindex: 0 });
  readonly #readout = h("output", { class: "surface-readout" });
  readonly #title: string;
  readonly #grid = new SurfaceGrid();
  readonly #image = document.createElement("canvas");
  readonly #resize = new ResizeObserver(() => this.#draw());
  readonly #ends: (() => void)[] = [];
  #palette: Palette = readPalette();
  #surface: Surface | null = null;
  #level = 0;
  #frame = 0;
  /** Points a millisecond, measured. */
  #speed = 200;
  #low = 0;
  #high = 1;
  #probe: readonly [number, number] | null = null;
  #isPainted = false;
  #lines: readonly Line[] = [];

  /** `title` begins what is read out in place of the picture. */
  constructor(title: string) {
    this.#title = title;
    this.#canvas.setAttribute("aria-label", title);
    this.element = h("figure", { class: "surface" }, this.#canvas, this.#readout);
    this.#resize.observe(this.#canvas);
    this.#ends.push(
      themeChanged.listen(() => {
        this.#palette = readPalette();
        this.#paint();
      }),
    );
    this.#canvas.addEventListener("pointermove", (event) => this.#point(event));
    this.#canvas.addEventListener("pointerleave", () => this.#probeAt(null));
    this.#canvas.addEventListener("blur", () => this.#probeAt(null));
    this.#canvas.addEventListener("keydown", (event) => this.#key(event));
  }

  /**
   * Shows a surface; one that is being computed is given up. One that follows another of the same model, `isLive`, is not
   * coarse first: what is there may stay for a moment.
   */
  show(surface: Surface, isLive: boolean): void {
    this.#surface = surface;
    const patience = this.#speed * (isLive && this.#isPainted ? LIVE_MS : BUDGET_MS);
    this.#begin(
      Math.max(
        0,
        LEVELS.findLastIndex((side) => side * side <= patience),
      ),
    );
    this.#label();
  }

  close(): void {
    cancelAnimationFrame(this.#frame);
    this.#resize.disconnect();
    for (const end of this.#ends) end();
  }

  #begin(level: number): void {
    cancelAnimationFrame(this.#frame);
    this.#level = level;
    this.element.dataset["state"] = "painting";
    this.#grid.begin(LEVELS[level] ?? LEVELS[0]);
    this.#work();
  }

  #work(): void {
    const surface = this.#surface;
    if (surface === null) return;
    const started = performance.now();
    let points = 0;
    for (let leftMs = BUDGET_MS; leftMs > 0 && !this.#grid.isDone; leftMs = started + BUDGET_MS - performance.now()) {
      // Wide networks take long for each point.
      points += this.#grid.advance(surface.predictor, surface.plane, Math.max(8, Math.floor(this.#speed * leftMs)));
    }
    const elapsed = performance.now() - started;
    if (elapsed > 0.2) this.#speed = points / elapsed;
    if (this.#grid.isDone) {
      this.#paint();
      this.#level++;
      const side = LEVELS[this.#level];
      if (side === undefined) {
        this.element.dataset["state"] = "painted";
        return;
      }
      this.#grid.begin(side);
    }
    this.#frame = requestAnimationFrame(() => this.#work());
  }

  /** Turns the grid into an image, then draws it. */
  #paint(): void {
    const surface = this.#surface;
    const { side, values } = this.#grid;
    if (surface === null || !this.#grid.isDone) return this.#draw();
    const { labels, predictor } = surface;
    this.#low = labels?.min ?? Math.min(...values.subarray(0, side * side));
    this.#high = labels?.max ?? Math.max(...values.subarray(0, side * side));
    this.#image.width = side;
    this.#image.height = side;
    const context = this.#image.getContext("2d");
    if (context === null) return;
    const image = context.createImageData(side, side);
    paintGrid(image, this.#grid, predictor, this.#palette, this.#low, this.#high);
    context.putImageData(image, 0, 0);
    this.#lines = linesOf(this.#grid, predictor, this.#low, this.#high);
    this.#isPainted = true;
    this.#draw();
  }

  #draw(): void {
    const surface = this.#surface;
    const frame = frameOf(this.#canvas);
    if (surface === null || frame === null || !this.#isPainted) return;
    const { context } = frame;
    const { plane, predictor } = surface;
    context.clearRect(0, 0, frame.width, frame.height);
    const isCurve = plane.x === plane.y;
    context.save();
    context.beginPath();
    context.rect(frame.left, frame.top, frame.plotWidth, frame.plotHeight);
    context.clip();
    if (isCurve) drawCurve(frame, surface, this.#yRange(plane));
    else this.#drawImage(frame);
    this.#drawSamples(frame, surface, isCurve);
    context.restore();
    drawAxes(frame, plane.xRange, this.#yRange(plane), [
      predictor.features[plane.x] ?? "",
      isCurve ? predictor.label : (predictor.features[plane.y] ?? ""),
    ]);
    this.#drawProbe(frame, surface);
  }

  /** Of its only feature a model draws a curve: its label is what goes up. */
  #yRange({ x, y, yRange }: Plane): Range {
    const margin = (this.#high - this.#low) * CURVE_MARGIN;
    return x === y ? { min: this.#low - margin, max: this.#high + margin } : yRange;
  }

  #drawImage(frame: Frame): void {
    const { context, left, top, plotWidth, plotHeight } = frame;
    const side = this.#image.width;
    context.imageSmoothingEnabled = true;
    // Grid points are the middles of pixels: the outermost half of them lies outside.
    context.drawImage(this.#image, 0.5, 0.5, side - 1, side - 1, left, top, plotWidth, plotHeight);
    if (this.#surface === null) return;
    const isClasses = this.#surface.predictor.classes !== null;
    context.beginPath();
    for (const [x1, y1, x2, y2] of this.#lines) {
      context.moveTo(left + x1 * plotWidth, top + (1 - y1) * plotHeight);
      context.lineTo(left + x2 * plotWidth, top + (1 - y2) * plotHeight);
    }
    context.strokeStyle = colour("--ink");
    context.globalAlpha = isClasses ? 0.75 : 0.25;
    context.lineWidth = isClasses ? 1.5 : 1;
    context.stroke();
    context.globalAlpha = 1;
  }

  #drawSamples(frame: Frame, { samples, plane, predictor }: Surface, isCurve: boolean): void {
    const { context } = frame;
    const ring = colour("--paper");
    const yRange = this.#yRange(plane);
    samples.forEach(({ features, label }, i) => {
      const x = features[plane.x];
      const y = isCurve ? label : features[plane.y];
      if (typeof x !== "number" || typeof y !== "number") return;
      context.globalAlpha = 0.3 + (0.7 * (i + 1)) / samples.length;
      context.beginPath();
      context.arc(toX(frame, plane.xRange, x), toY(frame, yRange, y), 3.2, 0, 2 * Math.PI);
      context.fillStyle = colourOfLabel(this.#palette, predictor, label, this.#low, this.#high);
      context.fill();
      context.lineWidth = 1;
      context.strokeStyle = ring;
      context.stroke();
    });
    context.globalAlpha = 1;
  }

  #drawProbe(frame: Frame, { plane }: Surface): void {
    if (this.#probe === null) return;
    const { context, left, top, plotWidth, plotHeight } = frame;
    const x = toX(frame, plane.xRange, this.#probe[0]);
    const y = toY(frame, plane.yRange, this.#probe[1]);
    context.beginPath();
    context.moveTo(x, top);
    context.lineTo(x, top + plotHeight);
    if (plane.x !== plane.y) {
      context.moveTo(left, y);
      context.lineTo(left + plotWidth, y);
    }
    context.setLineDash([3, 3]);
    context.lineWidth = 1;
    context.strokeStyle = colour("--ink");
    context.stroke();
    context.setLineDash([]);
  }

  #point({ offsetX, offsetY }: PointerEvent): void {
    const frame = frameOf(this.#canvas);
    if (frame === null || this.#surface === null) return;
    const { xRange, yRange } = this.#surface.plane;
    const x = (offsetX - frame.left) / frame.plotWidth;
    const y = 1 - (offsetY - frame.top) / frame.plotHeight;
    if (x < 0 || x > 1 || y < 0 || y > 1) return this.#probeAt(null);
    this.#probeAt([xRange.min + x * (xRange.max - xRange.min), yRange.min + y * (yRange.max - yRange.min)]);
  }

  #key(event: KeyboardEvent): void {
    const moves: Readonly<Record<string, readonly [number, number]>> = {
      ArrowLeft: [-1, 0],
      ArrowRight: [1, 0],
      ArrowDown: [0, -1],
      ArrowUp: [0, 1],
    };
    const move = moves[event.key];
    if (move === undefined || this.#surface === null) return;
    event.preventDefault();
    const { xRange, yRange } = this.#surface.plane;
    const [x, y] = this.#probe ?? [(xRange.min + xRange.max) / 2, (yRange.min + yRange.max) / 2];
    const moved = (value: number, by: number, { min, max }: Range) =>
      Math.max(min, Math.min(max, value + (by * (max - min)) / 40));
    this.#probeAt([moved(x, move[0], xRange), moved(y, move[1], yRange)]);
  }

  #probeAt(probe: readonly [number, number] | null): void {
    this.#probe = probe;
    this.#label();
    this.#draw();
  }

  /** Says what the model says, at the pointer or at all. */
  #label(): void {
    const surface = this.#surface;
    if (surface === null) return;
    const { predictor, plane } = surface;
    const { features, label, classes } = predictor;
    const over = plane.x === plane.y ? features[plane.x] : `${features[plane.x]} and ${features[plane.y]}`;
    this.#canvas.setAttribute("aria-label", `${this.#title}: ${label} over ${over}. Arrow keys move a probe.`);
    if (this.#probe === null) return setText(this.#readout, "");
    const { rows } = predictor;
    plane.held.forEach((value, f) => {
      rows[f] = value;
    });
    rows[plane.y] = this.#probe[1];
    rows[plane.x] = this.#probe[0];
    const outputs = predictor.predict(1);
    const at = [...new Set([plane.x, plane.y])].map((f) => `${features[f]} ${digits(rows[f], 3)}`).join(", ");
    setText(this.#readout, `${at} → ${saying(label, classes, outputs.subarray(0, predictor.outputCount))}`);
  }
}

/** Finds the decision boundary of two classes, or some lines of equal values. */
function linesOf({ side, values }: SurfaceGrid, predictor: Predictor, low: number, high: number): readonly Line[] {
  if (predictor.outputCount !== 1) return [];
  const parts = predictor.classes === null ? LEVEL_LINES : 2;
  const lines: Line[] = [];
  for (let i = 1; i < parts; i++) {
    contour(values, side, low + ((high - low) * i) / parts, (x1, y1, x2, y2) => {
      lines.push([x1 / (side - 1), y1 / (side - 1), x2 / (side - 1), y2 / (side - 1)]);
    });
  }
  return lines;
}

function saying(label: string, classes: readonly string[] | null, outputs: ArrayLike<number>): string {
  const first = outputs[0] ?? Number.NaN;
  if (classes === null) return `${label} ${digits(first)}`;
  const shares = outputs.length === 1 ? [1 - first, first] : Array.from(outputs);
  const best = shares.indexOf(Math.max(...shares));
  return `${label} is ${classes[best] ?? best} (${percent(shares[best])})`;
}
