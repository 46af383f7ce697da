// The list of snapshots, newest first, with the lanes of their lineage. A row is chosen by pointing at it, by focus, or by
// the arrow keys.

import type { SnapshotLine } from "./answers.ts";
import { h, replace, s } from "./element.ts";
import { ago, count, dateTime, digits, percent } from "./format.ts";
import { LANES_MAX, type Lineage, lineageOf } from "./lineage.ts";

const ROW_HEIGHT = 40;
const LANE_WIDTH = 14;
const DOT = 4.5;

export interface TimelineOptions {
  /** A snapshot is looked at, in passing. */
  readonly onLook: (line: SnapshotLine) => void;
  /** A snapshot is chosen. */
  readonly onChoose: (line: SnapshotLine) => void;
}

export class Timeline {
  readonly element = h("div", {
    class: "timeline",
    role: "listbox",
    "aria-label": "Snapshots, newest first",
    tabindex: -1,
  });
  readonly #options: TimelineOptions;
  #lines: readonly SnapshotLine[] = [];
  #chosen: number | null = null;
  #rows: readonly HTMLElement[] = [];

  constructor(options: TimelineOptions) {
    this.#options = options;
    this.element.addEventListener("keydown", (event) => this.#key(event));
  }

  show(lines: readonly SnapshotLine[], chosen: number | null): void {
    const focused = this.element.contains(document.activeElement);
    this.#lines = lines;
    const lanes = lineageOf(lines);
    const most = Math.min(LANES_MAX, Math.max(1, ...lanes.map(({ lane }) => lane + 1)));
    const now = Date.now();
    this.#rows = lines.map((line, i) => this.#row(line, lanes[i], most, now));
    replace(this.element, this.#rows);
    this.choose(chosen);
    if (focused) this.#focus(lines.findIndex(({ id }) => id === this.#chosen));
  }

  /** Marks a snapshot as the chosen one. */
  choose(chosen: number | null): void {
    this.#chosen = chosen;
    this.#rows.forEach((row, i) => {
      const isChosen = this.#lines[i]?.id === chosen;
      row.setAttribute("aria-selected", String(isChosen));
      row.tabIndex = isChosen || (chosen === null && i === 0) ? 0 : -1;
    });
  }

  #row(line: SnapshotLine, lineage: Lineage | undefined, lanes: number, now: number): HTMLElement {
    const { id, step, cost, metrics, tags, reason, createdAt } = line;
    const quality = metrics?.["accuracy"];
    const score = quality == null ? digits(metrics?.["rmse"], 3) : percent(quality);
    return h(
      "div",
      {
        class: "timeline-row",
        role: "option",
        tabindex: -1,
        "data-snapshot": id,
        onpointerenter: () => this.#options.onLook(line),
        onfocus: () => this.#options.onLook(line),
        onclick: () => this.#options.onChoose(line),
      },
      lineage === undefined ? null : lanesOf(lineage, lanes),
      h("span", { class: "timeline-id number" }, `#${id}`),
      h(
        "span",
        { class: "timeline-what" },
        h("span", { class: `reason ${reason}` }, reason),
        tags.map((tag) => h("span", { class: "tag" }, tag)),
      ),
      h("span", { class: "number timeline-step" }, `step ${count(step)}`),
      h("span", { class: "number timeline-cost" }, cost === null ? "" : `cost ${digits(cost, 3)}`),
      h("span", { class: "number timeline-score" }, score),
      h(
        "time",
        { class: "soft number", datetime: createdAt, title: dateTime(createdAt) },
        ago(Date.parse(createdAt), now),
      ),
    );
  }

  #key(event: KeyboardEvent): void {
    const at = this.#rows.indexOf(document.activeElement as HTMLElement);
    const last = this.#rows.length - 1;
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: last, PageDown: at + 10, PageUp: at - 10 }[
      event.key
    ];
    const line = this.#lines[at];
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      if (line !== undefined) this.#options.onChoose(line);
    } else if (to !== undefined) {
      event.preventDefault();
      this.#focus(Math.max(0, Math.min(last, to)));
    }
  }

  #focus(at: number): void {
    const row = this.#rows[at];
    if (row === undefined) return;
    for (const other of this.#rows) other.tabIndex = -1;
    row.tabIndex = 0;
    row.focus();
  }
}

function lanesOf({ lane, lines, isCurrent }: Lineage, lanes: number): SVGElement {
  const x = (of: number) => (Math.min(of, lanes - 1) + 0.5) * LANE_WIDTH;
  const middle = ROW_HEIGHT / 2;
  return s(
    "svg",
    { class: "lanes", width: lanes * LANE_WIDTH, height: ROW_HEIGHT, "aria-hidden": "true" },
    lines.map(({ from, to, half, isCurrent: current }) => {
      const top = half === "lower" ? middle : 0;
      const bottom = half === "upper" ? middle : ROW_HEIGHT;
      const bend = (top + bottom) / 2;
      const d = `M${x(from)} ${top}C${x(from)} ${bend} ${x(to)} ${bend} ${x(to)} ${bottom}`;
      return s("path", { d, class: current ? "current" : "" });
    }),
    s("circle", { cx: x(lane), cy: middle, r: DOT, class: isCurrent ? "current" : "" }),
  );
}
