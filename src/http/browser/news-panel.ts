import { h, replace } from "./element.ts";
import { ago, NOTHING } from "./format.ts";
import type { Happened, Live } from "./live.ts";
import { hrefOf } from "./route.ts";

const SHOWN_MAX = 40;

/** What happened to a model, the newest first. */
export class NewsPanel {
  readonly element: HTMLElement;
  readonly #live: Live;
  readonly #model: string;
  readonly #list = h("ol", { class: "news", "aria-live": "polite", "aria-label": "What happened" });
  readonly #unlisten: () => void;

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

  draw(): void {
    const now = Date.now();
    const news = this.#live.news.filter(({ model }) => model === this.#model || model === "bridge").slice(0, SHOWN_MAX);
    if (news.length === 0) {
      replace(
        this.#list,
        h("li", { class: "soft" }, "Snapshots, drifts, rollbacks and refused messages appear here as they happen."),
      );
      return;
    }
    replace(
      this.#list,
      news.map((one) =>
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

  #text({ kind, data, step }: Happened): string | Node {
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
        return `Drift at step ${step ?? NOTHING}: ${actionText(data["action"])}`;
      case "rejected":
        return h("span", {}, h("a", { href: "#/quarantine" }, `Refused: ${data["code"]}`), ` on ${data["topic"]}`);
      case "gap":
        return `${data["missing"]} rows of ${data["source"]} are missing`;
      case "undone":
        return `Step ${data["step"]} was undone: its numbers were not finite`;
      default:
        return kind;
    }
  }
}

function actionText(action: unknown): string {
  if (typeof action === "string") return action;
  const kind = (action as { readonly kind?: unknown } | null)?.kind;
  return typeof kind === "string" ? kind : "noted";
}
