import type { LearnedFile, ModelStatus, SnapshotLine, Status } from "./answers.ts";
import { change } from "./api.ts";
import { withToken } from "./dialog.ts";
import { shapeOf } from "./drawing.ts";
import { h, replace, setText } from "./element.ts";
import { Figures } from "./figures.ts";
import { ModelFeed } from "./model-feed.ts";
import { NetworkPanel } from "./network-panel.ts";
import { NewsPanel } from "./news-panel.ts";
import type { Page, PageContext } from "./page.ts";
import { QualityPanel } from "./quality-panel.ts";
import { hrefOf } from "./route.ts";
import { scoresTable } from "./scores-table.ts";
import { SnapshotsFeed } from "./snapshots-feed.ts";
import { SurfacePanel } from "./surface-panel.ts";
import { whatToPublish } from "./what-to-publish.ts";

/** How often ages are written anew, while nothing happens. */
const AGES_MS = 15_000;

/** Shows one model: how good it is, what it believes, what changed. */
export function modelPage({ live, toast }: PageContext, model: string): Page {
  const figures = new Figures();
  const quality = new QualityPanel(live, model);
  const surface = new SurfacePanel([`What ${model} believes`]);
  const network = new NetworkPanel();
  const news = new NewsPanel(live, model);
  const scores = h("section", { class: "panel" });
  const about = h("span", { class: "soft" });
  const empty = h("div", {});
  let statusAtMs = 0;
  const snapshots = new SnapshotsFeed(model, () => {
    quality.snapshots = snapshots.lines;
    news.snapshots = snapshots.lines;
    look();
  });
  const feed = new ModelFeed(model, () => {
    if (feed.predictor !== null) surface.show([feed.predictor], feed.samples, true);
    if (feed.file === null) return;
    network.show(feed.file, live.model(model)?.members ?? null);
    setText(about, aboutOf(feed.file, live.model(model)));
  });
  const surfaceBox = h(
    "section",
    { class: "panel first" },
    h(
      "div",
      { class: "panel-head" },
      h("h2", {}, "What it believes"),
      h("span", { class: "soft" }, "and the newest samples"),
    ),
    surface.element,
  );
  const watcher = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) (target as HTMLElement).dataset["seen"] = String(isIntersecting);
    feed.pause(surfaceBox.dataset["seen"] === "false" && network.element.dataset["seen"] === "false");
  });
  watcher.observe(surfaceBox);
  watcher.observe(network.element);

  function look(): void {
    const { status } = live;
    const now = live.model(model);
    if (status === null || now === null) return;
    figures.show(model, now, snapshots.find(now.newestSnapshot ?? 0), Date.now());
    quality.reached(now.step);
    // A rollback gives the same step another network.
    feed.reached(now.step + (now.newestSnapshot ?? 0) / 2);
    if (live.statusAtMs === statusAtMs) return;
    statusAtMs = live.statusAtMs;
    replace(empty, now.sequence === 0 ? nothingYet(status, model, now) : null);
    replace(scores, scoresTable(now));
  }

  const take = () =>
    withToken(
      async () => {
        const { id } = await change<SnapshotLine>("snapshots-take", { name: model });
        toast(`Snapshot ${id} is taken.`);
      },
      (text) => toast(text, "bad"),
    );
  const ages = setInterval(() => {
    look();
    news.draw();
  }, AGES_MS);
  const ends = [
    live.changed.listen(look),
    live.happened.listen(({ kind, model: of }) => {
      if (of !== model) return;
      if (["snapshot", "rollback", "reset", "config"].includes(kind)) snapshots.refresh();
      quality.draw();
      feed.refresh();
    }),
  ];
  look();
  return {
    title: model,
    element: h(
      "div",
      { class: "page" },
      h(
        "div",
        { class: "page-head" },
        h("h1", {}, model),
        about,
        h(
          "div",
          { class: "buttons" },
          h("button", { type: "button", onclick: take }, "Take a snapshot"),
          h(
            "a",
            { class: "button primary", href: hrefOf({ page: "snapshots", model, snapshot: null }) },
            "Compare or go back",
          ),
        ),
      ),
      empty,
      figures.element,
      h(
        "div",
        { class: "columns" },
        h("div", { class: "column wide" }, quality.element, network.element),
        h("div", { class: "column" }, surfaceBox, news.element, scores),
      ),
    ),
    close() {
      for (const end of ends) end();
      clearInterval(ages);
      watcher.disconnect();
      feed.close();
      snapshots.close();
      quality.close();
      surface.close();
      news.close();
    },
  };
}

function aboutOf(file: LearnedFile, status: ModelStatus | null): string {
  const { features, label } = file;
  const shown = features.length > 4 ? `${features.length} features` : features.join(", ");
  const engine = status === null ? "" : ` · ${status.engine} ${status.precision}`;
  return `${shown} → ${label} · ${shapeOf(file)}${engine}`;
}

function nothingYet(status: Status, name: string, model: ModelStatus): HTMLElement {
  return h(
    "section",
    { class: "panel empty" },
    h("h2", {}, "No sample has come yet"),
    h("p", {}, "Publish one from a terminal, and watch it learn:"),
    whatToPublish(status, name, model),
  );
}
