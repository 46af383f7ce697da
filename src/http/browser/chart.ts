// A line chart over steps, by uPlot. It shows marks, and lets a stretch be chosen by dragging; two clicks go back to all.

import uPlot from "uplot";
import { type ScaleKind, stepAxis, yAxis, yScale } from "./chart-scales.ts";
import { h } from "./element.ts";
import { count } from "./format.ts";
import { drawMarks, type Mark } from "./marks.ts";
import { colour, themeChanged } from "./theme.ts";

/** Is a line of a chart: a role is a colour of the style sheet. */
export interface Line {
  readonly label: string;
  readonly role: string;
  readonly width?: number;
  readonly dash?: readonly number[];
  readonly points?: boolean;
  readonly show: (value: number | null) => string;
}

export interface ChartOptions {
  readonly label: string;
  readonly height: number;
  readonly lines: readonly Line[];
  /** The places, among the lines, of the upper and the lower edge of what is shaded. */
  readonly band?: readonly [number, number];
  /** Of the y axis; asked anew whenever the chart is made. */
  readonly scale: () => ScaleKind;
  /** Charts of one name show the same step at the pointer. */
  readonly group: string;
  /** A stretch was chosen, or null: all. */
  readonly onRange: (range: readonly [number, number] | null) => void;
}

export type Columns = readonly (readonly (number | null)[])[];

export class Chart {
  readonly element = h("div", { class: "chart" });
  readonly #options: ChartOptions;
  readonly #resize: ResizeObserver;
  readonly #unlisten: () => void;
  #plot: uPlot | null = null;
  #columns: Columns;
  #marks: readonly Mark[] = [];
  #range: readonly [number, number] = [0, 1];

  constructor(options: ChartOptions) {
    this.#options = options;
    this.#columns = [[], ...options.lines.map(() => [])];
    this.element.setAttribute("role", "group");
    this.element.setAttribute("aria-label", options.label);
    this.#resize = new ResizeObserver(() => {
      if (this.#plot !== null) this.#plot.setSize({ width: this.element.clientWidth, height: options.height });
    });
    this.#resize.observe(this.element);
    this.#unlisten = themeChanged.listen(() => this.#make());
  }

  /** Shows other numbers: the steps, then a column for each line; `range` is the stretch of steps. */
  show(columns: Columns, range: readonly [number, number], marks: readonly Mark[]): void {
    this.#columns = columns;
    this.#marks = marks;
    this.#range = range;
    this.#fill();
  }

  /** Lets it be made anew with the next numbers: its scale has changed. */
  reset(): void {
    this.#plot?.destroy();
    this.#plot = null;
  }

  close(): void {
    this.#resize.disconnect();
    this.#unlisten();
    this.#plot?.destroy();
  }

  #fill(): void {
    const plot = this.#plot;
    if (plot === null) return this.#make();
    plot.batch(() => {
      plot.setData(this.#columns as uPlot.AlignedData, false);
      this.#place(plot);
    });
  }

  #make(): void {
    const { clientWidth: width } = this.element;
    if (width === 0) return;
    this.#plot?.destroy();
    const { height, lines, band, scale, group, onRange } = this.#options;
    const kind = scale();
    this.#plot = new uPlot(
      {
        width,
        height,
        padding: [14, 12, 0, 0],
        legend: { live: true },
        cursor: {
          sync: { key: group, setSeries: false },
          points: { size: 6 },
          drag: { x: true, y: false, setScale: false },
          bind: {
            dblclick: () => () => {
              onRange(null);
              return null;
            },
          },
        },
        scales: {
          x: { time: false },
          y: yScale(kind),
        },
        axes: [stepAxis(), yAxis(kind)],
        series: [
          { label: "step", value: (_, value) => count(value) },
          ...lines.map((line): uPlot.Series => {
            const { label, role, width: lineWidth = 1.5, dash, show, points = false } = line;
            return {
              label,
              stroke: colour(role),
              width: lineWidth,
              ...(dash === undefined ? {} : { dash: [...dash] }),
              ...(points ? {} : { points: { show: false } }),
              spanGaps: true,
              value: (_, value) => show(value),
            };
          }),
        ],
        ...(band === undefined ? {} : { bands: [{ series: [band[0] + 1, band[1] + 1], fill: colour("--band") }] }),
        hooks: {
          drawClear: [(plot) => drawMarks(plot, this.#marks, "behind")],
          draw: [(plot) => drawMarks(plot, this.#marks, "before")],
          setSelect: [(plot) => chosen(plot, onRange)],
        },
      },
      this.#columns as uPlot.AlignedData,
      this.element,
    );
    this.#place(this.#plot);
  }

  #place(plot: uPlot): void {
    plot.setScale("x", { min: this.#range[0], max: Math.max(this.#range[1], this.#range[0] + 1) });
  }
}

function chosen(plot: uPlot, onRange: ChartOptions["onRange"]): void {
  const { left, width } = plot.select;
  if (width < 4) return;
  const range = [plot.posToVal(left, "x"), plot.posToVal(left + width, "x")] as const;
  plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
  onRange([Math.max(1, Math.floor(range[0])), Math.ceil(range[1])]);
}
