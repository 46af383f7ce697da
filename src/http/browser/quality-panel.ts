// Cost and quality over steps, live or any stretch of the history, with what happened then.

import type { SnapshotLine } from "./answers.ts";
import { Chart } from "./chart.ts";
import { h, replace, setText } from "./element.ts";
import { count, digits, percent } from "./format.ts";
import { HistoryFeed } from "./history-feed.ts";
import type { Live } from "./live.ts";
import { marksOf } from "./marks.ts";

const COST_HEIGHT = 210;
const QUALITY_HEIGHT = 150;
/** Stretches of the newest steps that a button chooses. */
const NEWEST = [1000, 10_000, 100_000];

export class QualityPanel {
  readonly element: HTMLElement;
  readonly #live: Live;
  readonly #model: string;
  readonly #history: HistoryFeed;
  readonly #cost: Chart;
  readonly #quality: Chart;
  readonly #ranges = h("div", { class: "ranges", role: "group", "aria-label": "Stretch of steps" });
  readonly #told = h("span", { class: "soft number" });
  readonly #isClasses: boolean;
  #snapshots: readonly SnapshotLine[] = [];
  #isLog = true;
  #loading = 0;

  constructor(live: Live, model: string) {
    this.#live = live;
    this.#model = model;
    this.#isClasses = live.model(model)?.metrics?.kind !== "values";
    this.#history = new HistoryFeed(model, () => this.draw());
    const onRange = (range: readonly [number, number] | null) => this.choose(range);
    const cost = (value: number | null) => digits(value);
    this.#cost = new Chart({
      label: "Cost over steps",
      height: COST_HEIGHT,
      lines: [
        { label: "cost", role: "--accent", show: cost },
        { label: "most", role: "--band-edge", width: 0, show: cost },
        { label: "least", role: "--band-edge", width: 0, show: cost },
      ],
      band: [1, 2],
      scale: () => (this.#isLog ? "logarithm" : "numbers"),
      group: model,
      onRange,
    });
    const share = (value: number | null) => (this.#isClasses ? percent(value) : digits(value));
    this.#quality = new Chart({
      label: this.#isClasses ? "Accuracy over steps" : "Error over steps",
      height: QUALITY_HEIGHT,
      lines: [
        { label: this.#isClasses ? "accuracy" : "RMSE", role: "--accent", show: share, points: true },
        { label: "best baseline", role: "--ink-soft", dash: [4, 4], show: share },
      ],
      scale: () => (this.#isClasses ? "shares" : "numbers"),
      group: model,
      onRange,
    });
    this.element = h(
      "section",
      { class: "panel quality" },
      h("div", { class: "panel-head" }, h("h2", {}, "How good it is"), this.#told, this.#ranges),
      h("h3", {}, "Cost ", h("span", { class: "soft" }, "mean loss of a mini-batch before its update")),
      this.#cost.element,
      h(
        "h3",
        {},
        this.#isClasses ? "Accuracy " : "Error ",
        h("span", { class: "soft" }, "of predictions made before their label was known"),
      ),
      this.#quality.element,
      legend(),
    );
    this.#buttons();
    this.#load(null);
  }

  /** Takes other snapshots, for the marks. */
  set snapshots(snapshots: readonly SnapshotLine[]) {
    this.#snapshots = snapshots;
    this.draw();
  }

  /** Notes how far the model is. */
  reached(step: number): void {
    this.#history.reached(step);
  }

  /** Shows a stretch of steps, or all; what is there already is shown at once. */
  choose(range: readonly [number, number] | null): void {
    this.#load(range);
    this.draw();
    this.#buttons();
  }

  #load(range: readonly [number, number] | null): void {
    this.#loading++;
    this.element.setAttribute("aria-busy", "true");
    void this.#history.choose(range).finally(() => {
      if (--this.#loading === 0) this.element.setAttribute("aria-busy", "false");
    });
  }

  draw(): void {
    const { points, extent } = this.#history;
    this.element.hidden = points.length === 0 && (this.#live.model(this.#model)?.step ?? 0) === 0;
    const marks = marksOf(this.#snapshots, this.#live.news, this.#model);
    this.#cost.show(
      [
        points.map(({ step }) => step),
        points.map(({ cost }) => this.#shown(cost)),
        points.map(({ max }) => this.#shown(max)),
        points.map(({ min }) => this.#shown(min)),
      ],
      extent,
      marks,
    );
    this.#quality.show(this.#scores(), extent, marks);
    const [from, to] = extent;
    setText(this.#told, points.length === 0 ? "" : `steps ${count(from)} – ${count(to)}`);
  }

  close(): void {
    this.#history.close();
    this.#cost.close();
    this.#quality.close();
  }

  /** A logarithm has no place for 0. */
  #shown(value: number | null): number | null {
    return this.#isLog && value !== null && value <= 0 ? null : value;
  }

  /** Joins the scores of snapshots with those that were seen live. */
  #scores(): readonly (readonly (number | null)[])[] {
    const key = this.#isClasses ? "accuracy" : "rmse";
    const seen = this.#live.scores(this.#model);
    const first = seen[0]?.step ?? Number.POSITIVE_INFINITY;
    const former = this.#snapshots
      .filter(({ step, metrics }) => step < first && metrics?.[key] != null)
      .map(({ step, metrics }) => ({ step, quality: metrics?.[key] ?? null, baseline: null }))
      .sort((a, b) => a.step - b.step);
    const all = [...former, ...seen];
    return [all.map(({ step }) => step), all.map(({ quality }) => quality), all.map(({ baseline }) => baseline)];
  }

  #buttons(): void {
    const newest = this.#live.model(this.#model)?.step ?? 0;
    const { range } = this.#history;
    const button = (label: string, title: string, isOn: boolean, onclick: () => void) =>
      h("button", { type: "button", class: "quiet", title, "aria-pressed": String(isOn), onclick }, label);
    const newestOf = (steps: number) => {
      const to = this.#live.model(this.#model)?.step ?? newest;
      this.choose([Math.max(1, to - steps + 1), to]);
    };
    const spanOf = range === null ? 0 : range[1] - range[0] + 1;
    replace(
      this.#ranges,
      NEWEST.filter((steps) => steps < newest).map((steps) =>
        button(`${steps / 1000}k`, `The newest ${count(steps)} steps`, spanOf === steps, () => newestOf(steps)),
      ),
      button("All", "All steps, and what comes (also: two clicks on the chart)", range === null, () =>
        this.choose(null),
      ),
      button("Log", "A logarithmic scale of the cost", this.#isLog, () => {
        this.#isLog = !this.#isLog;
        this.#cost.reset();
        this.draw();
        this.#buttons();
      }),
    );
  }
}

function legend(): HTMLElement {
  return h(
    "div",
    { class: "legend" },
    h("span", { class: "key" }, h("i", { class: "mark-snapshot" }), "snapshot"),
    h("span", { class: "key" }, h("i", { class: "mark-rollback" }), "rollback"),
    h("span", { class: "key" }, h("i", { class: "mark-drift" }), "drift"),
    h("span", { class: "soft" }, "Drag over a chart to look closer."),
  );
}
