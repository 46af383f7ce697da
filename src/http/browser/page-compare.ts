import type { SnapshotDifference, SnapshotLine } from "./answers.ts";
import { ask } from "./api.ts";
import { h, replace } from "./element.ts";
import { count } from "./format.ts";
import { comparison, type Metrics, type Side } from "./metrics-table.ts";
import { ModelFeed } from "./model-feed.ts";
import type { Page, PageContext } from "./page.ts";
import { askRollback } from "./rollback.ts";
import { hrefOf } from "./route.ts";
import { type Held, SnapshotsFeed } from "./snapshots-feed.ts";
import { SurfacePanel } from "./surface-panel.ts";
import { WeightsPanel } from "./weights-panel.ts";

/** Retention thins snapshots out. */
const GONE = "It may have been thinned out: tagged snapshots are kept for good. Choose another one.";

/** Shows two states of a model side by side; `b` null is the present. */
export function comparePage({ live, toast, go }: PageContext, model: string, a: number, b: number | null): Page {
  const choiceA = h("select", { "aria-label": "The first of the two" });
  const choiceB = h("select", { "aria-label": "The second of the two" });
  const surface = new SurfacePanel(
    [`What ${model} believed at snapshot ${a}`, `What ${model} believes`],
    [h("div", { class: "surface-caption" }, choiceA), h("div", { class: "surface-caption" }, choiceB)],
  );
  const table = h("div", {});
  const weights = new WeightsPanel();
  const config = h("div", {});
  const gone = h("div", { role: "alert" });
  const back = h("button", { type: "button", class: "primary" }, `Roll back to ${a}`);
  const held: { a: Held | null; b: Held | null } = { a: null, b: null };

  const feed = new ModelFeed(model, () => {
    if (b === null && feed.file !== null && feed.predictor !== null)
      held.b = { file: feed.file, predictor: feed.predictor };
    draw(b === null);
  });
  const snapshots = new SnapshotsFeed(model, () => {
    options(choiceA, snapshots.lines, a, false);
    options(choiceB, snapshots.lines, b, true);
    back.disabled = snapshots.find(a) === null;
    draw();
  });
  const fault = (error: Error) =>
    replace(gone, h("section", { class: "panel empty" }, h("h2", {}, error.message), GONE));
  snapshots.held(a).then((one) => {
    held.a = one;
    draw();
  }, fault);
  if (b !== null) {
    snapshots.held(b).then((one) => {
      held.b = one;
      draw();
    }, fault);
    const params = { name: model, a: String(a), b: String(b) };
    ask<SnapshotDifference>("snapshots-diff", params).then(
      (found) => replace(config, configOf(found)),
      () => {},
    );
  }

  function draw(isLive = false): void {
    surface.show([held.a?.predictor ?? null, held.b?.predictor ?? null], feed.samples, isLive);
    replace(table, comparison(sideOf(a), sideOf(b)));
    if (held.a !== null && held.b !== null) weights.show(held.a.file, held.b.file);
  }

  function sideOf(id: number | null): Side {
    if (id === null) {
      const now = live.model(model);
      const metrics = (now?.metrics?.window ?? {}) as object as Metrics;
      return { name: "now", step: now?.step ?? null, cost: now?.cost ?? null, metrics };
    }
    const line = snapshots.find(id);
    return { name: `#${id}`, step: line?.step ?? null, cost: line?.cost ?? null, metrics: line?.metrics ?? {} };
  }

  choiceA.addEventListener("change", () => go(hrefOf({ page: "compare", model, a: Number(choiceA.value), b })));
  choiceB.addEventListener("change", () => {
    go(hrefOf({ page: "compare", model, a, b: choiceB.value === "now" ? null : Number(choiceB.value) }));
  });
  back.addEventListener("click", () => {
    const line = snapshots.find(a);
    if (line === null) return;
    askRollback(live, line, (made) => {
      toast(`Rolled back: the state of snapshot ${a} is snapshot ${made.id} now.`, "good");
      feed.refresh();
      snapshots.refresh();
    });
  });
  const ends = [
    live.changed.listen(() => {
      const now = live.model(model);
      if (b === null && now !== null) feed.reached(now.step + (now.newestSnapshot ?? 0) / 2);
    }),
    live.happened.listen(({ kind, model: of }) => {
      if (of === model && kind === "rollback") feed.refresh();
    }),
  ];
  feed.refresh();
  return {
    title: `Compare ${a} with ${b ?? "now"}`,
    element: h(
      "div",
      { class: "page" },
      h(
        "div",
        { class: "page-head" },
        h("h1", {}, "Compare"),
        h("span", { class: "soft" }, model),
        h("div", { class: "buttons" }, [
          h("a", { class: "button", href: hrefOf({ page: "snapshots", model, snapshot: a }) }, "All snapshots"),
          back,
        ]),
      ),
      gone,
      h("section", { class: "panel" }, surface.element),
      h("div", { class: "columns" }, [
        h("div", { class: "column wide" }, [weights.element]),
        h("div", { class: "column" }, h("section", { class: "panel" }, table), config),
      ]),
    ),
    close() {
      for (const end of ends) end();
      feed.close();
      snapshots.close();
      surface.close();
    },
  };
}

function options(
  select: HTMLSelectElement,
  lines: readonly SnapshotLine[],
  chosen: number | null,
  hasNow: boolean,
): void {
  if (document.activeElement === select) return;
  replace(
    select,
    hasNow ? h("option", { value: "now", selected: chosen === null }, "now") : null,
    chosen !== null && lines.every(({ id }) => id !== chosen)
      ? h("option", { value: chosen, selected: true }, `#${chosen} (not there)`)
      : null,
    lines.map(({ id, step, reason, tags }) =>
      h("option", { value: id, selected: id === chosen }, `#${id} · step ${count(step)} · ${tags[0] ?? reason}`),
    ),
  );
}

function configOf({ config, identical }: SnapshotDifference): HTMLElement | null {
  if (config.length === 0 && !identical) return null;
  return h(
    "section",
    { class: "panel" },
    identical ? h("p", {}, "What they had learned is the same, bit for bit.") : null,
    config.length === 0
      ? null
      : [
          h("div", { class: "panel-head" }, h("h2", {}, "Configuration")),
          h(
            "dl",
            { class: "pairs" },
            config.map(({ path, from, to }) => [
              h("dt", {}, path),
              h("dd", {}, `${JSON.stringify(from)} → ${JSON.stringify(to)}`),
            ]),
          ),
        ],
  );
}
