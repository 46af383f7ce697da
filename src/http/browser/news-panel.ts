import type { SnapshotLine } from "./answers.ts";
import { h, replace } from "./element.ts";
import { ago, count, NOTHING } from "./format.ts";
import type { Happened, Live } from "./live.ts";
import { hrefOf } from "./route.ts";

const SHOWN_MAX = 40;
const ACTIONS: Readonly<Record<string, string>> = {
  event: "only told",
  boost: "the learning rate was raised",
  reset: "it began anew",
  rollback: "it went back to what it had learned of this concept",
  challenge: "a fresh learner runs beside it",
  promotion: "the fresh learner took its place",
};

/** What happened to a model, the newest first: what was told, and before that what its snapshots say. */
export class NewsPanel {
  readonly element: HTMLElement;
  readonly #live: Live;
  readonly #model: string;
  readonly #list = h("ol", { class: "news", "aria-label": "What changed", tabindex: 0 });
  readonly #unlisten: () => void;
  #snapshots: readonly SnapshotLine[] = [];

  constructor(live: Live, model: string) {
    this.#live = live;
    this.#model = model;
    this.element = h(
      "section",
      { class: "panel" },
      h("div", { class: "panel-head" }, h("h2", {}, "What changed")),
      this.#list,
    );
    this.#unlisten = live.happened.listen(() => this.draw());
    this.draw();
  }

  set snapshots(snapshots: readonly SnapshotLine[]) {
    this.#snapshots = snapshots;
    this.draw();
  }

  draw(): void {
    const now = Date.now();
    const news = this.#news();
    replace(
      this.#list,
      news.length === 0
        ? h("li", { class: "soft" }, "Snapshots, drifts, rollbacks and refused messages appear here as they happen.")
        : news.map((one) =>
            h(
              "li",
              {},
              h("i", { class: `mark-${one.kind}`, "aria-hidden": "true" }),
              h("span", {}, this.#text(one)),
              h("time", { datetime: one.at, class: "soft number" }, ago(Date.parse(one.at), now)),
            ),
          ),
    );
  }

  close(): void {
    this.#unlisten();
  }

  #news(): readonly Happened[] {
    const told = this.#live.news.filter(({ model }) => model === this.#model || model === "bridge");
    const known = told.map(({ data }) => Number(data["id"] ?? data["snapshot"]));
    const former = this.#snapshots
      .filter(({ id }) => !known.includes(id))
      .map(({ id, reason, parent, createdAt: at, model, step }): Happened => {
        const back = { snapshot: id, from: parent ?? id };
        const isBack = reason === "rollback" && parent !== null;
        return { kind: isBack ? "rollback" : "snapshot", model, at, step, data: isBack ? back : { id, reason } };
      });
    return [...told, ...former].sort((a, b) => Date.parse(b.at) - Date.parse(a.at)).slice(0, SHOWN_MAX);
  }

  #text({ kind, data, step }: Happened): Node | string {
    const link = (id: unknown) => {
      const snapshot = Number(id);
      return h("a", { href: hrefOf({ page: "snapshots", model: this.#model, snapshot }) }, `#${snapshot}`);
    };
    switch (kind) {
      case "snapshot":
        return h("span", {}, "Snapshot ", link(data["id"]), ` (${data["reason"]})`);
      case "rollback":
        return h("span", {}, "Rolled back to ", link(data["from"]), ": that is ", link(data["snapshot"]), " now");
      case "reset":
        return h("span", {}, "Began anew: ", link(data["snapshot"]));
      case "config":
        return h("span", {}, "Another configuration, after ", link(data["snapshot"]));
      case "drift":
        return `Drift at step ${step === null ? NOTHING : count(step)}: ${ACTIONS[String(data["action"])] ?? data["action"]}`;
      case "rejected":
        return h(
          "span",
          {},
          "Refused: ",
          h("a", { href: "#/quarantine" }, String(data["code"])),
          ` on ${data["topic"]}`,
        );
      case "gap":
        return `${data["missing"]} rows of ${data["source"]} are missing`;
      case "undone":
        return `Step ${data["step"]} was undone: its numbers were not finite`;
      default:
        return kind;
    }
  }
}
