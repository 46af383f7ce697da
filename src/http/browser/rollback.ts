import type { SnapshotLine } from "./answers.ts";
import { change } from "./api.ts";
import { confirmDialog, describe } from "./dialog.ts";
import { h } from "./element.ts";
import { count, difference, percent } from "./format.ts";
import type { Live } from "./live.ts";

/** Asks, then makes a snapshot's learner state the current one. `done` is called with the snapshot that came of it. */
export function askRollback(live: Live, target: SnapshotLine, done: (made: SnapshotLine) => void): void {
  const { model, id, step } = target;
  const keep = h("input", { type: "checkbox", checked: true });
  const now = live.model(model);
  const then = target.metrics?.["accuracy"] ?? null;
  const quality = now?.metrics?.window.accuracy ?? null;
  const better =
    then === null || quality === null
      ? null
      : h(
          "p",
          {},
          `Accuracy was ${percent(then)} then, and is ${percent(quality)} now (${difference((then - quality) * 100)} points).`,
        );
  confirmDialog({
    title: `Roll ${model} back to snapshot ${id}?`,
    body: [
      h("p", {}, `What the model had learned at ${describe(target)} becomes what it knows now.`),
      ...(better === null ? [] : [better]),
      h(
        "p",
        { class: "soft" },
        `Nothing is deleted: this makes a new snapshot whose parent is ${id}, and steps go on from ${count(now?.step ?? step)}. Metrics stay; drift detection starts afresh.`,
      ),
      h("label", { class: "check" }, keep, "Take a snapshot of now first, to be able to come back"),
    ],
    confirm: "Roll back",
    run: async () => {
      if (keep.checked) await change("snapshots-take", { name: model });
      // Tried once more after a fault, it is not taken twice.
      keep.checked = false;
      done(await change<SnapshotLine>("rollback", { name: model, snapshot: String(id) }));
    },
  });
}

/** Asks for a name of a snapshot. */
export function askTag({ model, id }: SnapshotLine, done: (tagged: SnapshotLine) => void): void {
  const field = h("input", { type: "text", required: true, maxlength: 64, placeholder: "good", autocomplete: "off" });
  confirmDialog({
    title: `Tag snapshot ${id}`,
    body: [
      h("p", {}, "A tagged snapshot is kept for good, and can be named by its tag."),
      h("label", { class: "field" }, "Tag", field),
    ],
    confirm: "Tag",
    run: async () =>
      done(await change<SnapshotLine>("snapshots-tag", { name: model, snapshot: String(id), tag: field.value.trim() })),
  });
  field.focus();
}
