import type { ModelStatus, Numbers } from "./answers.ts";
import { h } from "./element.ts";
import { baselineName } from "./figures.ts";
import { count, digits, percent } from "./format.ts";
import { figuresRow, figuresTable, metricKeys, metricName, metricText } from "./metrics-table.ts";

/** Shows the scores over the newest rows and over all, beside those of the baselines. */
export function scoresTable({ metrics }: ModelStatus): readonly Node[] {
  const head = h("div", { class: "panel-head" }, h("h2", {}, "Scores"));
  if (metrics === null) return [head, h("p", { class: "soft" }, "The configuration wants no metrics of this model.")];
  const { window } = metrics;
  const isClasses = metrics.kind === "classes";
  const baselines: Numbers = isClasses ? window.baselines : (window.baselinesRmse ?? {});
  const overall: Numbers = (isClasses ? metrics.baselines : metrics.baselinesRmse) ?? {};
  const show = (value: number | null | undefined) => (isClasses ? percent(value) : digits(value));
  const at = (of: object, key: string) => (of as Numbers)[key];
  const without = `${isClasses ? "Accuracy" : "RMSE"} without a network`;
  return [
    head,
    figuresTable(
      ["", `newest ${count(window.samples)}`, `all ${count(metrics.samples)}`],
      metricKeys({ ...window }).map((key) =>
        figuresRow(metricName(key), [metricText(key, at(window, key)), metricText(key, at(metrics, key))]),
      ),
      [
        h("tr", { class: "group" }, h("th", { colspan: 3, scope: "rowgroup" }, without)),
        ...Object.keys(baselines).map((key) =>
          figuresRow(baselineName(key), [show(baselines[key]), show(overall[key])]),
        ),
      ],
    ),
  ];
}
