import type { ModelStatus, Numbers } from "./answers.ts";
import { h } from "./element.ts";
import { baselineName } from "./figures.ts";
import { count, digits, percent } from "./format.ts";

const SHARES: Readonly<Record<string, string>> = { accuracy: "Accuracy", balancedAccuracy: "Balanced accuracy" };
const NUMBERS: Readonly<Record<string, string>> = {
  logLoss: "Log loss",
  brier: "Brier score",
  auc: "AUC",
  f1: "F1",
  kappa: "Kappa",
  mcc: "Matthews correlation",
  mae: "Mean absolute error",
  rmse: "RMSE",
  r2: "R²",
};
/** Of these less is better. */
export const LESS_IS_BETTER = ["logLoss", "brier", "mae", "rmse", "cost"];

/** Names a metric. */
export function metricName(key: string): string {
  return SHARES[key] ?? NUMBERS[key] ?? key;
}

/** Shows a metric. */
export function metricText(key: string, value: number | null | undefined): string {
  return Object.hasOwn(SHARES, key) ? percent(value) : digits(value);
}

/** Lists the metrics that are known by name. */
export function metricKeys(metrics: Readonly<Record<string, unknown>>): readonly string[] {
  return [...Object.keys(SHARES), ...Object.keys(NUMBERS)].filter((key) => typeof metrics[key] === "number");
}

/** Shows the scores over the newest rows and over all, beside those of the baselines. */
export function scoresTable({ metrics }: ModelStatus): readonly Node[] {
  if (metrics === null)
    return [h("h2", {}, "Scores"), h("p", { class: "soft" }, "The configuration wants no metrics of this model.")];
  const { window } = metrics;
  const isClasses = metrics.kind === "classes";
  const baselines: Numbers = isClasses ? window.baselines : (window.baselinesRmse ?? {});
  const overall: Numbers = (isClasses ? metrics.baselines : metrics.baselinesRmse) ?? {};
  const show = (value: number | null | undefined) => (isClasses ? percent(value) : digits(value));
  const at = (of: object, key: string) => (of as Numbers)[key];
  return [
    h("div", { class: "panel-head" }, h("h2", {}, "Scores")),
    h(
      "table",
      { class: "figures-table" },
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          h("td", {}),
          h("th", { scope: "col" }, `newest ${count(window.samples)}`),
          h("th", { scope: "col" }, `all ${count(metrics.samples)}`),
        ),
      ),
      h(
        "tbody",
        {},
        metricKeys(window as object as Record<string, unknown>).map((key) =>
          h(
            "tr",
            {},
            h("th", { scope: "row" }, metricName(key)),
            h("td", { class: "number" }, metricText(key, at(window, key))),
            h("td", { class: "number" }, metricText(key, at(metrics, key))),
          ),
        ),
      ),
      h(
        "tbody",
        {},
        h(
          "tr",
          { class: "group" },
          h("th", { colspan: 3, scope: "rowgroup" }, `${isClasses ? "Accuracy" : "RMSE"} without a network`),
        ),
        Object.keys(baselines).map((key) =>
          h(
            "tr",
            {},
            h("th", { scope: "row" }, baselineName(key)),
            h("td", { class: "number" }, show(baselines[key])),
            h("td", { class: "number" }, show(overall[key])),
          ),
        ),
      ),
    ),
  ];
}
