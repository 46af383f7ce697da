// The network of a model; of an ensemble its members, how much each counts, and the network of the one that is chosen.

import type { LearnedFile, ModelStatus } from "./answers.ts";
import { drawingOf, heaviest, type Member, membersOf } from "./drawing.ts";
import { h, replace, setText } from "./element.ts";
import { digits, percent } from "./format.ts";
import { NetworkView } from "./network-view.ts";

export class NetworkPanel {
  readonly element: HTMLElement;
  readonly #title = h("h2", {}, "The network");
  readonly #view = new NetworkView();
  readonly #bars = h("tbody", {});
  readonly #table = h(
    "table",
    { class: "bars members", hidden: true },
    h("caption", {}, "How much each member counts, and its loss of late"),
    this.#bars,
  );
  #file: LearnedFile | null = null;
  #standings: NonNullable<ModelStatus["members"]> = [];
  /** The member that is drawn; null is the one that counted most at first. */
  #chosen: number | null = null;

  constructor() {
    this.element = h(
      "section",
      { class: "panel" },
      h("div", { class: "panel-head" }, this.#title, signs()),
      this.#table,
      this.#view.element,
    );
  }

  /** Shows what was learned; `standings` tells the members' losses, where they are known. */
  show(file: LearnedFile, standings: ModelStatus["members"]): void {
    this.#file = file;
    this.#standings = standings ?? [];
    const members = membersOf(file);
    this.#table.hidden = members.length < 2;
    this.#chosen ??= members.length === 0 ? null : heaviest(members);
    const chosen = Math.min(this.#chosen ?? 0, Math.max(0, members.length - 1));
    setText(this.#title, members.length < 2 ? "The network" : `The ensemble, and its member ${chosen + 1}`);
    if (members.length > 1) this.#showMembers(members, chosen);
    this.#view.show(drawingOf(file, chosen));
  }

  #showMembers(members: readonly Member[], chosen: number): void {
    // A row that is pressed must stay: only what it says is written anew.
    if (this.#bars.rows.length !== members.length)
      replace(
        this.#bars,
        members.map((_, n) => this.#row(n)),
      );
    const most = Math.max(...members.map(({ weight }) => weight), 1e-9);
    members.forEach(({ name, weight }, n) => {
      const row = this.#bars.rows[n];
      if (row === undefined) return;
      const [button, meter] = [row.querySelector("button"), row.querySelector("meter")];
      if (button === null || meter === null) return;
      setText(button, this.#standings[n]?.name ?? name);
      button.setAttribute("aria-pressed", String(n === chosen));
      meter.value = Math.max(0, weight / most);
      setText(row.cells[2] ?? row, percent(weight));
      setText(row.cells[3] ?? row, digits(this.#standings[n]?.loss, 3));
    });
  }

  #row(n: number): HTMLElement {
    const choose = () => {
      this.#chosen = n;
      if (this.#file !== null) this.show(this.#file, this.#standings);
    };
    return h(
      "tr",
      {},
      h("th", { scope: "row" }, h("button", { type: "button", class: "quiet", onclick: choose })),
      h("td", {}, h("meter", { min: 0, max: 1, "aria-label": "weight" })),
      h("td", { class: "number" }),
      h("td", { class: "number soft" }),
    );
  }
}

function signs(): HTMLElement {
  return h(
    "span",
    { class: "legend" },
    h("span", { class: "key" }, h("i", { class: "dash positive" }), "positive weight"),
    h("span", { class: "key" }, h("i", { class: "dash negative" }), "negative"),
  );
}
