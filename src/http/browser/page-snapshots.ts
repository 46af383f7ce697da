import type { ModelStatus, SnapshotLine } from "./answers.ts";
import { change } from "./api.ts";
import { withToken } from "./dialog.ts";
import { h, replace, setText } from "./element.ts";
import { bytes, count, dateTime, plural } from "./format.ts";
import { comparison, type Metrics, type Side } from "./metrics-table.ts";
import { ModelFeed } from "./model-feed.ts";
import type { Page, PageContext } from "./page.ts";
import { askRollback, askTag } from "./rollback.ts";
import { hrefOf } from "./route.ts";
import { SnapshotsFeed } from "./snapshots-feed.ts";
import { SurfacePanel } from "./surface-panel.ts";
import { Timeline } from "./timeline.ts";

/** Shows the snapshots of a model: what it believed then, and the way back there. */
export function snapshotsPage({ live, toast, go }: PageContext, model: string, asked: number | null): Page {
  let chosen = asked;
  let looked: number | null = null;
  let isNew = 0;
  const surface = new SurfacePanel([`What ${model} believed then`]);
  const title = h("h2", {}, "As it was then");
  const details = h("div", { class: "details" });
  const actions = h("div", { class: "buttons" });
  const scrub = h("input", { type: "range", min: 0, step: 1, "aria-label": "Move through the snapshots" });
  const told = h("span", { class: "soft" });
  const timeline = new Timeline({
    onLook: (line) => look(line),
    onChoose: (line) => choose(line),
  });
  const feed = new ModelFeed(model, () => draw());
  const snapshots = new SnapshotsFeed(model, () => {
    const { lines } = snapshots;
    if (chosen === null || snapshots.find(chosen) === null) chosen = lines[0]?.id ?? null;
    timeline.show(lines, chosen);
    scrub.max = String(Math.max(0, lines.length - 1));
    setText(told, `${plural(lines.length, "snapshot")} kept`);
    if (isNew !== 0) timeline.element.querySelector(`[data-snapshot="${isNew}"]`)?.classList.add("new");
    const line = snapshots.find(looked ?? chosen ?? 0);
    if (line !== null) look(line);
  });

  function choose(line: SnapshotLine): void {
    chosen = line.id;
    timeline.choose(line.id);
    look(line);
    history.replaceState(null, "", hrefOf({ page: "snapshots", model, snapshot: line.id }));
    // On a phone the picture is below the list.
    if (matchMedia("(max-width: 860px)").matches) side.scrollIntoView({ block: "start" });
  }

  function look(line: SnapshotLine): void {
    looked = line.id;
    scrub.value = String(snapshots.lines.length - 1 - snapshots.lines.indexOf(line));
    scrub.setAttribute("aria-valuetext", `snapshot ${line.id}, step ${line.step}`);
    draw();
  }

  function draw(): void {
    const line = snapshots.find(looked ?? 0);
    if (line === null) return;
    setText(title, `As it was at snapshot ${line.id}`);
    replace(details, detailsOf(line, live.model(model)));
    actionsOf(line);
    void snapshots.held(line.id).then(
      ({ predictor }) => {
        if (looked === line.id) surface.show([predictor], feed.samples);
      },
      (error: Error) => toast(error.message, "bad"),
    );
  }

  function actionsOf(line: SnapshotLine): void {
    if (actions.dataset["of"] === String(line.id)) return;
    actions.dataset["of"] = String(line.id);
    const back = () =>
      askRollback(live, line, (made) => {
        toast(`Rolled back: the state of snapshot ${line.id} is snapshot ${made.id} now.`, "good");
        isNew = made.id;
        chosen = made.id;
        looked = made.id;
        snapshots.refresh();
      });
    const tagged = () =>
      askTag(line, ({ tags }) => {
        toast(`Snapshot ${line.id} is tagged ${tags.join(", ")}.`, "good");
        snapshots.refresh();
      });
    replace(
      actions,
      h("a", { class: "button", href: hrefOf({ page: "compare", model, a: line.id, b: null }) }, "Compare with now"),
      h("button", { type: "button", onclick: tagged }, "Tag"),
      h("button", { type: "button", class: "primary", onclick: back }, "Roll back to this"),
    );
  }

  scrub.addEventListener("input", () => {
    const line = snapshots.lines[snapshots.lines.length - 1 - Number(scrub.value)];
    if (line === undefined) return;
    timeline.choose(line.id);
    look(line);
  });
  const take = () =>
    withToken(
      async () => {
        const { id } = await change<SnapshotLine>("snapshots-take", { name: model });
        toast(`Snapshot ${id} is taken.`);
        isNew = id;
        snapshots.refresh();
      },
      (text) => toast(text, "bad"),
    );
  const end = live.happened.listen(({ kind, model: of }) => {
    if (of === model && ["snapshot", "rollback", "reset", "config"].includes(kind)) snapshots.refresh();
  });
  feed.refresh();
  const side = h(
    "section",
    { class: "panel sticky" },
    h("div", { class: "panel-head" }, title),
    surface.element,
    h("label", { class: "scrub" }, "Then", scrub, "now"),
    actions,
    details,
  );
  return {
    title: `Snapshots of ${model}`,
    element: h(
      "div",
      { class: "page" },
      h(
        "div",
        { class: "page-head" },
        h("h1", {}, "Snapshots"),
        told,
        h("div", { class: "buttons" }, [
          h("button", { type: "button", onclick: take }, "Take a snapshot"),
          h("button", { type: "button", onclick: () => go(hrefOf({ page: "model", model })) }, "Back to the model"),
        ]),
      ),
      h("div", { class: "columns" }, [
        h("div", { class: "column wide" }, h("section", { class: "panel flush" }, timeline.element)),
        h("div", { class: "column" }, side),
      ]),
    ),
    close() {
      end();
      feed.close();
      snapshots.close();
      surface.close();
    },
  };
}

/** Tells what is known of a snapshot, and how far the present is from it. */
function detailsOf(line: SnapshotLine, now: ModelStatus | null): readonly Node[] {
  const { id, step, sequence, cost, createdAt, reason, parent, bytes: size, tags, metrics } = line;
  const present: Side = {
    name: "now",
    step: now?.step ?? null,
    cost: now?.cost ?? null,
    metrics: { ...now?.metrics?.window } as object as Metrics,
  };
  return [
    h(
      "p",
      { class: "soft" },
      `Made ${dateTime(createdAt)} (${reason}${parent === null ? "" : `, of #${parent}`}) after row ${count(sequence)}; ${bytes(size)}`,
      tags.length === 0 ? "." : `; tagged ${tags.join(", ")}.`,
    ),
    comparison({ name: `#${id}`, step, cost, metrics: metrics ?? {} }, present),
  ];
}
