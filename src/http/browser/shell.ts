// What stands around every page: head, places to go, banner, messages in passing, keys.

import { open, tokenDialog } from "./dialog.ts";
import { h, replace, setText } from "./element.ts";
import { compact } from "./format.ts";
import type { Connection, Live } from "./live.ts";
import { hrefOf, type Route } from "./route.ts";
import { isDark, themeChanged, toggleTheme } from "./theme.ts";

const TOAST_MS = 6000;
const CONNECTIONS: Readonly<Record<Connection, string>> = {
  connecting: "connecting",
  live: "live",
  lost: "not connected",
  paused: "paused",
  refused: "token needed",
};

export interface ShellOptions {
  readonly live: Live;
  readonly route: () => Route;
  readonly go: (href: string) => void;
}

export class Shell {
  readonly main = h("main", { id: "main", tabindex: -1 });
  readonly #options: ShellOptions;
  readonly #models = h("select", { "aria-label": "Model" });
  readonly #places = h("nav", { "aria-label": "Places" });
  readonly #state = h("span", { class: "state", role: "status" });
  readonly #banner = h("div", { class: "banner", role: "alert", hidden: true });
  readonly #toasts = h("div", { class: "toasts", role: "status", "aria-live": "polite" });
  readonly #theme = h("button", { type: "button", class: "icon", onclick: toggleTheme });
  #drawn = "";

  constructor(options: ShellOptions) {
    this.#options = options;
    const { live } = options;
    const skip = h("a", { class: "skip", href: "#main" }, "To the content");
    skip.addEventListener("click", (event) => {
      event.preventDefault();
      this.main.focus();
    });
    const keys = h(
      "button",
      { type: "button", class: "icon", title: "Keys (?)", "aria-label": "Keys", onclick: () => this.#keys() },
      "?",
    );
    document.body.replaceChildren(
      skip,
      h(
        "header",
        {},
        h(
          "a",
          { class: "name", href: "#/", "aria-label": "Rivulet, start page" },
          h("i", { class: "wave", "aria-hidden": "true" }),
          "Rivulet",
        ),
        h("label", { class: "model-choice" }, h("span", { class: "hidden" }, "Model"), this.#models),
        this.#places,
        h("div", { class: "head-end" }, this.#state, this.#theme, keys),
      ),
      this.#banner,
      this.main,
      this.#toasts,
    );
    this.#models.addEventListener("change", () => {
      const model = this.#models.value;
      const route = options.route();
      options.go(
        hrefOf(route.page === "snapshots" ? { page: "snapshots", model, snapshot: null } : { page: "model", model }),
      );
    });
    live.changed.listen(() => this.draw());
    live.connected.listen((connection) => this.#connection(connection));
    themeChanged.listen(() => this.#themeButton());
    document.addEventListener("keydown", (event) => this.#key(event));
    this.#themeButton();
    this.#connection(live.connection);
    this.draw();
  }

  /** Writes the head anew where something in it has changed. */
  draw(): void {
    const { live, route } = this.#options;
    const now = route();
    const names = Object.keys(live.status?.models ?? {});
    const chosen = ("model" in now ? now.model : null) ?? this.#models.value ?? names[0] ?? "";
    const refused = Object.values(live.status?.models ?? {}).reduce(
      (sum, one) => sum + Object.values(one.refused).reduce((all, count) => all + count, 0),
      0,
    );
    const drawn = JSON.stringify([now.page, names, chosen, refused]);
    if (drawn === this.#drawn) return;
    this.#drawn = drawn;
    const model = names.includes(chosen) ? chosen : (names[0] ?? chosen);
    replace(
      this.#models,
      names.map((name) => h("option", { value: name, selected: name === model }, name)),
    );
    this.#models.disabled = names.length < 2;
    const places: readonly [label: string, href: string, isHere: boolean, badge: string][] = [
      ["Model", hrefOf({ page: "model", model: model === "" ? null : model }), now.page === "model", ""],
      [
        "Snapshots",
        model === "" ? "#/" : hrefOf({ page: "snapshots", model, snapshot: null }),
        now.page === "snapshots" || now.page === "compare",
        "",
      ],
      ["Quarantine", "#/quarantine", now.page === "quarantine", refused === 0 ? "" : compact(refused)],
      ["System", "#/system", now.page === "system", ""],
    ];
    replace(
      this.#places,
      places.map(([label, href, isHere, badge]) =>
        h(
          "a",
          { href, "aria-current": isHere ? "page" : null },
          label,
          badge === "" ? null : h("span", { class: "badge" }, badge),
        ),
      ),
    );
  }

  /** Tells something in passing. */
  toast(text: string, kind: "good" | "bad" = "good"): void {
    const toast = h("div", { class: `toast ${kind}` }, text);
    this.#toasts.append(toast);
    setTimeout(() => toast.remove(), TOAST_MS);
  }

  #connection(connection: Connection): void {
    const { live } = this.#options;
    setText(this.#state, CONNECTIONS[connection]);
    this.#state.className = `state ${connection}`;
    this.#banner.hidden = connection !== "lost" && connection !== "refused";
    if (connection === "refused") {
      const enter = () => tokenDialog(() => live.retry());
      replace(
        this.#banner,
        "The daemon asks for its token.",
        h("button", { type: "button", onclick: enter }, "Enter it"),
      );
      enter();
    } else if (connection === "lost") {
      const retry = h("button", { type: "button", onclick: () => live.retry() }, "Try now");
      replace(
        this.#banner,
        "The connection to the daemon is lost. What is shown is what was known last; it is tried again.",
        retry,
      );
    }
  }

  #themeButton(): void {
    const label = isDark() ? "Light colours" : "Dark colours";
    this.#theme.setAttribute("aria-label", label);
    this.#theme.title = `${label} (t)`;
    setText(this.#theme, isDark() ? "☀" : "☾");
  }

  #key(event: KeyboardEvent): void {
    const { target, key, ctrlKey, metaKey, altKey } = event;
    const isTyping = target instanceof HTMLElement && target.matches("input, select, textarea");
    if (ctrlKey || metaKey || altKey || isTyping || document.querySelector("dialog[open]") !== null) return;
    const places = [...this.#places.querySelectorAll("a")];
    const place = { m: 0, s: 1, q: 2, y: 3 }[key];
    if (place !== undefined) places[place]?.click();
    else if (key === "t") toggleTheme();
    else if (key === "?") this.#keys();
    else return;
    event.preventDefault();
  }

  #keys(): void {
    const keys: readonly (readonly [key: string, what: string])[] = [
      ["m", "the model"],
      ["s", "its snapshots"],
      ["q", "quarantine"],
      ["y", "system"],
      ["t", "dark or light"],
      ["↑ ↓", "in the list of snapshots: from one to the next"],
      ["← → ↑ ↓", "on a surface: move the probe"],
      ["Esc", "close a dialog"],
      ["?", "these keys"],
    ];
    const close = h("button", { type: "button", class: "primary", onclick: () => dialog.close() }, "Close");
    const dialog: HTMLDialogElement = h(
      "dialog",
      { "aria-label": "Keys" },
      h("h2", {}, "Keys"),
      h(
        "dl",
        { class: "keys" },
        keys.map(([key, what]) => [h("dt", {}, h("kbd", {}, key)), h("dd", {}, what)]),
      ),
      h("div", { class: "buttons" }, close),
    );
    open(dialog);
  }
}
