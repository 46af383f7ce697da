// The dashboard begins here: the token out of the address, the colours, the connection, then the page that is asked for.

import { takeToken } from "./api.ts";
import { h } from "./element.ts";
import { Live } from "./live.ts";
import type { Page, PageContext } from "./page.ts";
import { comparePage } from "./page-compare.ts";
import { modelPage } from "./page-model.ts";
import { quarantinePage } from "./page-quarantine.ts";
import { snapshotsPage } from "./page-snapshots.ts";
import { systemPage } from "./page-system.ts";
import { hrefOf, parseRoute, type Route } from "./route.ts";
import { Shell } from "./shell.ts";
import { startTheme } from "./theme.ts";

takeToken();
startTheme();

const live = new Live();
const route = () => parseRoute(location.hash);
const go = (href: string) => {
  location.hash = href;
};
const shell = new Shell({ live, route, go });
const context: PageContext = { live, go, toast: (text, kind) => shell.toast(text, kind) };
let page: Page | null = null;
let shown = "";

/** Shows the page that the address asks for, once it is known which models there are. */
function show(): void {
  const { status } = live;
  if (status === null) return;
  const asked = route();
  const [first] = Object.keys(status.models);
  const model = ("model" in asked ? asked.model : null) ?? first ?? null;
  const key = hrefOf("model" in asked && asked.model === null ? ({ ...asked, model } as Route) : asked);
  shell.draw();
  if (key === shown) return;
  shown = key;
  page?.close();
  page = pageOf(asked, model);
  shell.main.replaceChildren(page.element);
  document.title = `${page.title} · Rivulet`;
}

function pageOf(asked: Route, model: string | null): Page {
  if (asked.page === "quarantine") return quarantinePage(context);
  if (asked.page === "system") return systemPage(context);
  if (model === null || live.model(model) === null) return noModel(model);
  switch (asked.page) {
    case "model":
      return modelPage(context, model);
    case "snapshots":
      return snapshotsPage(context, model, asked.snapshot);
    case "compare":
      return comparePage(context, model, asked.a, asked.b);
  }
}

function noModel(name: string | null): Page {
  const text = name === null ? "The configuration has no model." : `There is no model ${name} here.`;
  return {
    title: "No model",
    element: h(
      "div",
      { class: "page" },
      h("section", { class: "panel empty" }, h("h1", {}, text), h("a", { href: "#/" }, "To the start page")),
    ),
    close() {},
  };
}

window.addEventListener("hashchange", () => {
  takeToken();
  show();
  window.scrollTo(0, 0);
});
live.changed.listen(show);
