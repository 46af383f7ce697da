import { h } from "./element.ts";
import { count, difference, digits, percent } from "./format.ts";

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
const LESS_IS_BETTER = ["logLoss", "brier", "mae", "rmse", "cost"];
/** A change by less is none. */
const CHANGE_MIN = 1e-3;

export type Metrics = Readonly<Record<string, number | null>>;

/** Is one of two states: a snapshot, or the present. */
export interface Side {
  readonly name: string;
  readonly step: number | null;
  readonly cost: number | null;
  readonly metrics: Metrics;
}

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

/** Makes a table of figures: headings, the first of which is of the rows, then rows. */
export function figuresTable(headings: readonly string[], ...bodies: readonly (readonly Node[])[]): HTMLElement {
  return h(
    "table",
    { class: "figures-table" },
    h(
      "thead",
      {},
      h(
        "tr",
        {},
        headings.map((name) => (name === "" ? h("td", {}) : h("th", { scope: "col" }, name))),
      ),
    ),
    bodies.map((rows) => h("tbody", {}, rows)),
  );
}

/** Makes a row of such a table. */
export function figuresRow(name: string, values: readonly (string | Node)[]): HTMLElement {
  return h(
    "tr",
    {},
    h("th", { scope: "row" }, name),
    values.map((value) => h("td", { class: "number" }, value)),
  );
}

/** Compares two states: step, cost, and what metrics they have. */
export function comparison(a: Side, b: Side): HTMLElement {
  const keys = metricKeys({ ...a.metrics, ...b.metrics });
  return figuresTable(
    ["", a.name, b.name, "change"],
    [
      figuresRow("Step", [count(a.step), count(b.step), changed("step", a.step, b.step)]),
      figuresRow("Cost", [digits(a.cost), digits(b.cost), changed("cost", a.cost, b.cost)]),
      ...keys.map((key) => {
        const [one, two] = [a.metrics[key], b.metrics[key]];
        return figuresRow(metricName(key), [metricText(key, one), metricText(key, two), changed(key, one, two)]);
      }),
    ],
  );
}

function changed(key: string, a: number | null | undefined, b: number | null | undefined): Node {
  const change = a == null || b == null ? null : b - a;
  if (key === "step")
    return h("span", { class: "soft" }, change === null ? "" : `${change < 0 ? "" : "+"}${count(change)}`);
  if (change === null || Math.abs(change) < CHANGE_MIN)
    return h("span", { class: "soft" }, change === null ? "" : "±0");
  const isBetter = LESS_IS_BETTER.includes(key) ? change < 0 : change > 0;
  const text = Object.hasOwn(SHARES, key) ? `${difference(change * 100, 2)} pt` : difference(change);
  return h("span", { class: isBetter ? "good" : "bad" }, text);
}
