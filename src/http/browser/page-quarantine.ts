import type { Quarantine, QuarantineMessage } from "./answers.ts";
import { ask } from "./api.ts";
import { h, replace } from "./element.ts";
import { bytes, count, dateTime, plural } from "./format.ts";
import { Pace } from "./pace.ts";
import type { Page, PageContext } from "./page.ts";

const PAGE = 50;
const READ_MS = 1000;

/** Shows what was refused, and why. */
export function quarantinePage({ live, toast }: PageContext): Page {
  const counts = h("div", { class: "panel" });
  const rows = h("tbody", {});
  const more = h("button", { type: "button", class: "quiet" }, "Older ones");
  const table = h(
    "table",
    { class: "list" },
    h(
      "thead",
      {},
      h(
        "tr",
        {},
        ["When", "Topic", "Why", "What came"].map((name) => h("th", { scope: "col" }, name)),
      ),
    ),
    rows,
  );
  const box = h("section", { class: "panel scroll" });
  let older: QuarantineMessage[] = [];
  let newest: readonly QuarantineMessage[] = [];

  async function readNewest(): Promise<void> {
    const answer = await ask<Quarantine>("quarantine", { limit: PAGE }).catch(() => null);
    if (answer === null) return;
    newest = answer.messages;
    replace(counts, countsOf(answer));
    draw();
  }

  async function readOlder(): Promise<void> {
    const last = older.at(-1) ?? newest.at(-1);
    if (last === undefined) return;
    const { messages } = await ask<Quarantine>("quarantine", { limit: PAGE, before: last.id });
    older = [...older, ...messages];
    more.hidden = messages.length < PAGE;
    draw();
  }

  function draw(): void {
    const all = [...newest, ...older.filter(({ id }) => id < (newest.at(-1)?.id ?? 0))];
    if (all.length === 0) {
      replace(box, nothingRefused());
      return;
    }
    replace(rows, all.map(rowOf));
    if (newest.length < PAGE) more.hidden = true;
    replace(box, table, more);
  }

  more.addEventListener("click", () => void readOlder().catch((error: Error) => toast(error.message, "bad")));
  const pace = new Pace(READ_MS, readNewest);
  pace.ask();
  const end = live.happened.listen(({ kind }) => {
    if (kind === "rejected") pace.ask();
  });
  return {
    title: "Quarantine",
    element: h(
      "div",
      { class: "page" },
      h(
        "div",
        { class: "page-head" },
        h("h1", {}, "Quarantine"),
        h("p", { class: "soft" }, "Messages that were refused, and why. They were acknowledged, and trained nothing."),
      ),
      counts,
      box,
    ),
    close() {
      end();
      pace.close();
    },
  };
}

function nothingRefused(): HTMLElement {
  return h(
    "div",
    { class: "empty" },
    h("h2", {}, "Nothing was refused"),
    h(
      "p",
      { class: "soft" },
      "A message that is no sample, or of no model, would be listed here with the reason. To see one:",
    ),
    h("pre", { tabindex: 0 }, h("code", {}, "mosquitto_pub -q 1 -t rivulet/default/sample -m 'not a sample'")),
  );
}

function countsOf({ counts }: Quarantine): readonly Node[] {
  const all = counts.reduce((sum, one) => sum + one.count, 0);
  const most = Math.max(1, ...counts.map((one) => one.count));
  const head = h("div", { class: "panel-head" }, h("h2", {}, `${plural(all, "message")} refused`));
  if (all === 0) return [head, h("p", { class: "soft" }, "Since the store was made.")];
  return [
    head,
    h(
      "table",
      { class: "bars" },
      [...counts]
        .sort((a, b) => b.count - a.count)
        .map((one) =>
          h(
            "tr",
            {},
            h("th", { scope: "row" }, h("code", {}, one.code), h("span", { class: "soft" }, one.model ?? "no model")),
            h("td", {}, h("meter", { min: 0, max: most, value: one.count }, String(one.count))),
            h("td", { class: "number" }, count(one.count)),
          ),
        ),
    ),
  ];
}

function rowOf({ at, topic, code, detail, bytes: length, head }: QuarantineMessage): HTMLElement {
  return h(
    "tr",
    {},
    h("td", { class: "number" }, h("time", { datetime: at }, dateTime(at))),
    h("td", {}, h("code", {}, topic)),
    h("td", {}, h("strong", {}, code), h("div", { class: "soft" }, detail)),
    h(
      "td",
      {},
      h(
        "details",
        {},
        h("summary", {}, h("code", {}, shortened(head)), h("span", { class: "soft number" }, bytes(length))),
        [
          h("pre", { tabindex: 0 }, h("code", {}, head)),
          length > head.length ? h("p", { class: "soft" }, "Only the beginning is kept.") : null,
        ],
      ),
    ),
  );
}

function shortened(text: string): string {
  const line = text.replace(/\s+/g, " ");
  return line.length > 60 ? `${line.slice(0, 59)}…` : line || "(empty)";
}
