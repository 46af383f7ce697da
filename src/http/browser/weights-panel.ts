import type { LearnedFile } from "./answers.ts";
import { drawingOf, heaviest, membersOf } from "./drawing.ts";
import { h, replace, setText } from "./element.ts";
import { digits, percent } from "./format.ts";
import { figuresRow, figuresTable } from "./metrics-table.ts";
import { NetworkView } from "./network-view.ts";
import { type WeightsDifference, weightsDifference } from "./weights-difference.ts";

/** What became of the weights from one state to another: drawn, and as distances; of an ensemble member by member. */
export class WeightsPanel {
  readonly element: HTMLElement;
  readonly #view = new NetworkView(true);
  readonly #title = h("h2", {}, "What the weights did");
  readonly #table = h("div", {});

  constructor() {
    const head = h("div", { class: "panel-head" }, this.#title);
    this.element = h("section", { class: "panel" }, head, this.#view.element, this.#table);
  }

  show(a: LearnedFile, b: LearnedFile): void {
    const [former, members] = [membersOf(a), membersOf(b)];
    const chosen = heaviest(members);
    const found = differenceAt(a, b, chosen);
    this.#view.element.hidden = found === null;
    if (found === null || former.length !== members.length) {
      replace(
        this.#table,
        h("p", { class: "soft" }, "The two have different topologies: their weights cannot be compared."),
      );
      return;
    }
    this.#view.show(found.drawing);
    if (members.length < 2) {
      replace(this.#table, distances(found));
      return;
    }
    setText(this.#title, `What the weights of member ${chosen + 1} did, which counts most`);
    const rows = members.map(({ name, weight }, n) => {
      const between = differenceAt(a, b, n);
      return figuresRow(name, [
        percent(former[n]?.weight),
        percent(weight),
        digits(between?.euclidean, 3),
        relative(between),
      ]);
    });
    replace(this.#table, figuresTable(["member", "counted", "counts", "distance", "relative"], rows));
  }
}

function differenceAt(a: LearnedFile, b: LearnedFile, member: number): WeightsDifference | null {
  return weightsDifference(drawingOf(a, member), drawingOf(b, member));
}

function distances({ euclidean, largest, layers }: WeightsDifference): readonly Node[] {
  return [
    h("p", { class: "soft" }, `Distance ${digits(euclidean, 3)}, largest change ${digits(largest, 3)}.`),
    figuresTable(
      ["layer", "distance", "relative"],
      layers.map(({ distance, length }, l) =>
        figuresRow(l + 1 === layers.length ? "output" : `hidden ${l + 1}`, [
          digits(distance, 3),
          percent(length === 0 ? null : distance / length),
        ]),
      ),
    ),
  ];
}

function relative(between: WeightsDifference | null): string {
  const length = Math.hypot(...(between?.layers ?? []).map((layer) => layer.length));
  return percent(between === null || length === 0 ? null : between.euclidean / length);
}
