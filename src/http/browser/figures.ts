import type { ModelStatus, SnapshotLine } from "./answers.ts";
import { h, replace, setText } from "./element.ts";
import { ago, count, digits, percent, plural } from "./format.ts";
import { hrefOf } from "./route.ts";

const BASELINES: Readonly<Record<string, string>> = {
  majority: "the majority class",
  lastClass: "the last class",
  logistic: "a logistic regression",
  mean: "the mean",
  lastValue: "the last value",
};

/** Names a baseline. */
export function baselineName(key: string): string {
  return BASELINES[key] ?? key;
}

interface Figure {
  readonly element: HTMLElement;
  set(value: string, note: string | Node, kind?: "good" | "bad" | ""): void;
}

/** The figures at the head of a model's page. */
export class Figures {
  readonly element: HTMLElement;
  readonly #quality = figure("Accuracy");
  readonly #cost = figure("Cost");
  readonly #rows = figure("Trained");
  readonly #drift = figure("Drift");
  readonly #snapshot = figure("Newest snapshot");
  readonly #refused = figure("Refused");

  constructor() {
    const all = [this.#quality, this.#cost, this.#rows, this.#drift, this.#snapshot, this.#refused];
    this.element = h(
      "section",
      { class: "figures", "aria-label": "Figures" },
      all.map(({ element }) => element),
    );
  }

  show(name: string, model: ModelStatus, newest: SnapshotLine | null, nowMs: number): void {
    this.#showQuality(model);
    this.#cost.set(digits(model.cost), "mean loss of the last mini-batch");
    const pending = model.pending > 0 ? `, ${count(model.pending)} pending` : "";
    this.#rows.set(count(model.sequence), `rows in ${plural(model.step, "step")}${pending}`);
    const { metrics, drift } = model;
    const boost = drift.boost > 1.05 ? `, rate × ${digits(drift.boost, 2)}` : "";
    const last =
      metrics !== null && metrics.drift.drifts > 0 ? `last at row ${count(metrics.drift.lastDriftAt)}` : "none so far";
    this.#drift.set(
      metrics === null ? "off" : count(metrics.drift.drifts),
      metrics === null ? "nothing is scored" : `${last}; policy ${drift.policy}${boost}`,
    );
    const link = h("a", { href: hrefOf({ page: "snapshots", model: name, snapshot: null }) }, "go back in time");
    this.#snapshot.set(
      model.newestSnapshot === null ? "none" : `#${model.newestSnapshot}`,
      newest === null ? link : h("span", {}, `${newest.reason}, ${ago(Date.parse(newest.createdAt), nowMs)} · `, link),
    );
    const refused = Object.values(model.refused).reduce((sum, one) => sum + one, 0);
    const reasons = Object.entries(model.refused).sort(([, a], [, b]) => b - a);
    this.#refused.set(
      count(refused),
      refused === 0
        ? "no message was refused"
        : h(
            "a",
            { href: "#/quarantine" },
            reasons
              .slice(0, 2)
              .map(([code]) => code)
              .join(", "),
          ),
      refused === 0 ? "" : "bad",
    );
  }

  #showQuality({ metrics, worth }: ModelStatus): void {
    const isClasses = metrics?.kind !== "values";
    setText(this.#quality.element.querySelector("dt") as Element, isClasses ? "Accuracy" : "RMSE");
    const window = metrics?.window;
    const value = isClasses ? percent(window?.accuracy) : digits(window?.rmse);
    if (worth === null) {
      const samples = window?.samples ?? 0;
      this.#quality.set(
        value,
        metrics === null ? "metrics are off" : `${plural(samples, "row")} scored: too few to compare`,
      );
      return;
    }
    const than = worth.by === "accuracy" ? percent(worth.baseline) : digits(worth.baseline);
    this.#quality.set(
      value,
      `${worth.earnsItsKeep ? "better than" : "no better than"} ${baselineName(worth.against)} (${than})`,
      worth.earnsItsKeep ? "good" : "bad",
    );
  }
}

function figure(label: string): Figure {
  const value = h("dd", { class: "figure-value number" });
  const note = h("dd", { class: "figure-note" });
  const element = h("dl", { class: "figure" }, h("dt", {}, label), value, note);
  let shown: string | null = null;
  return {
    element,
    set(text, more, kind = "") {
      setText(value, text);
      element.className = `figure ${kind}`;
      const key = typeof more === "string" ? more : more.textContent;
      if (key === shown) return;
      shown = key;
      replace(note, more);
    },
  };
}
