// A surface with the choice of its axes, and a legend. Several surfaces of one group share axes and ranges, so that they can
// be compared.

import type { Sample } from "./answers.ts";
import { h, replace } from "./element.ts";
import { digits } from "./format.ts";
import { type Axes, axisFeatures, labelRange, planeOf } from "./plane.ts";
import type { Predictor } from "./predictor.ts";
import { CLASS_COLOURS } from "./surface-colours.ts";
import type { Plane } from "./surface-grid.ts";
import type { Range } from "./surface-range.ts";
import { SurfaceView } from "./surface-view.ts";

/** Is what a view of the group shows. */
export type Shown = (Predictor | null)[];

export class SurfacePanel {
  readonly element: HTMLElement;
  readonly #views: readonly SurfaceView[];
  readonly #choice = h("div", { class: "surface-choice" });
  readonly #legend = h("div", { class: "legend" });
  readonly #note = h("p", { class: "soft" });
  #axes: Axes = { x: null, y: null };
  #plane: Plane | null = null;
  #labels: Range | null = null;
  #shape = "";
  #shown: readonly (Predictor | null)[] = [];
  #samples: readonly Sample[] = [];

  /** One view for each title. Captions are put above the views where there are several. */
  constructor(titles: readonly string[], captions: readonly (Node | null)[] = []) {
    this.#views = titles.map((title) => new SurfaceView(title));
    const cells = this.#views.map(({ element }, i) =>
      h("div", { class: "surface-cell" }, captions[i] ?? null, element),
    );
    this.element = h(
      "div",
      { class: "surface-panel" },
      this.#choice,
      h("div", { class: `surface-cells of-${titles.length}` }, cells),
      this.#legend,
      this.#note,
    );
  }

  /** Shows models side by side: as many as there are views. What is `live` takes its time, and is not coarse first. */
  show(predictors: readonly (Predictor | null)[], samples: readonly Sample[], isLive = false): void {
    this.#shown = predictors;
    this.#samples = samples;
    const [first] = predictors.filter((one) => one !== null);
    if (first === undefined) return;
    this.#plane = planeOf(first, samples, this.#axes, this.#plane);
    const labels = labelRange(first, samples);
    if (this.#labels === null || (labels !== null && first.classes === null)) this.#labels = labels;
    this.#describe(first);
    const plane = this.#plane;
    if (plane === null) return;
    predictors.forEach((predictor, i) => {
      if (predictor === null || predictor.features.length !== first.features.length) return;
      this.#views[i]?.show({ predictor, plane, samples, labels: this.#labels }, isLive);
    });
  }

  close(): void {
    for (const view of this.#views) view.close();
  }

  /** Writes choices and legend anew where the model has another shape. */
  #describe(predictor: Predictor): void {
    const { features, classes, label } = predictor;
    const plane = this.#plane;
    const shape = JSON.stringify([features, classes, plane?.x, plane?.y, classes === null ? this.#labels : null]);
    if (shape === this.#shape) return;
    this.#shape = shape;
    const choices = axisFeatures(predictor);
    const held = features.filter((_, f) => f !== plane?.x && f !== plane?.y);
    replace(this.#choice, choices.length > 2 && plane !== null ? this.#selects(predictor, plane, choices) : null);
    replace(this.#legend, classes === null ? this.#ramp(label) : classKeys(label, classes));
    replace(
      this.#note,
      plane === null
        ? "None of the features is a number: there is no surface to draw."
        : held.length === 0
          ? null
          : `${held.slice(0, 4).join(", ")}${held.length > 4 ? ` and ${held.length - 4} more` : ""} held at ${held.length === 1 ? "its mean" : "their means"}.`,
    );
  }

  #selects({ features }: Predictor, { x, y }: Plane, choices: readonly number[]): readonly Node[] {
    const select = (axis: "x" | "y", at: number) =>
      h(
        "label",
        { class: "inline-field" },
        axis === "x" ? "Across" : "Up",
        h(
          "select",
          {
            onchange: (event: Event) => {
              const chosen = Number((event.target as HTMLSelectElement).value);
              const other = axis === "x" ? y : x;
              // Choosing what the other axis has swaps the two.
              const kept = chosen === other ? at : other;
              this.#axes = axis === "x" ? { x: chosen, y: kept } : { x: kept, y: chosen };
              this.show(this.#shown, this.#samples);
            },
          },
          choices.map((f) => h("option", { value: f, selected: f === at }, features[f] ?? "")),
        ),
      );
    return [select("x", x), select("y", y)];
  }

  #ramp(label: string): readonly Node[] {
    const { min, max } = this.#labels ?? { min: Number.NaN, max: Number.NaN };
    return [
      h("span", { class: "soft" }, label),
      h("span", { class: "number" }, digits(min, 3)),
      h("span", { class: "ramp", "aria-hidden": "true" }),
      h("span", { class: "number" }, digits(max, 3)),
    ];
  }
}

function classKeys(label: string, classes: readonly string[]): readonly Node[] {
  return [
    h("span", { class: "soft" }, label),
    ...classes
      .slice(0, 12)
      .map((name, k) => h("span", { class: "key" }, h("i", { class: `dot class-${k % CLASS_COLOURS}` }), name)),
    ...(classes.length > 12 ? [h("span", { class: "soft" }, `and ${classes.length - 12} more`)] : []),
  ];
}
