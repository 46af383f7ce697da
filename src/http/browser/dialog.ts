import type { SnapshotLine } from "./answers.ts";
import { ApiError, hasToken, keepToken } from "./api.ts";
import { h, replace } from "./element.ts";
import { digits, percent } from "./format.ts";

interface DialogOptions {
  readonly title: string;
  readonly body: readonly (Node | string)[];
  readonly confirm: string;
  /** Does what is confirmed; what it throws is shown, and the dialog stays. */
  readonly run: () => Promise<void>;
}

/** Asks before something is done. */
export function confirmDialog({ title, body, confirm, run }: DialogOptions): void {
  const fault = h("div", { class: "fault", role: "alert" });
  const yes = h("button", { type: "submit", class: "primary" }, confirm);
  const no = h("button", { type: "button", onclick: () => dialog.close() }, "Cancel");
  const form = h(
    "form",
    { method: "dialog" },
    h("h2", {}, title),
    ...body,
    fault,
    h("div", { class: "buttons" }, no, yes),
  );
  const dialog = h("dialog", { "aria-label": title }, form);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    yes.disabled = true;
    replace(fault);
    run().then(
      () => dialog.close(),
      (error: unknown) => {
        yes.disabled = false;
        showFault(fault, error);
      },
    );
  });
  open(dialog);
  yes.focus();
}

/** Asks for the token of the daemon; `reason` says why, where one was given already. */
export function tokenDialog(onToken: () => void, reason = ""): void {
  if (document.querySelector("dialog[open]") !== null) return;
  const field = h("input", {
    type: "password",
    name: "token",
    required: true,
    autocomplete: "off",
    spellcheck: "false",
  });
  confirmDialog({
    title: "What the daemon knows you by",
    body: [
      reason === "" ? "" : h("p", { class: "bad", role: "alert" }, `No: ${reason}.`),
      h(
        "p",
        {},
        "The token: what changes something, and all that comes from another machine, needs it. It stands in the file ",
        h("code", {}, "token"),
        " of its data folder.",
      ),
      h("label", { class: "field" }, "Token", field),
    ],
    confirm: "Continue",
    run: async () => {
      keepToken(field.value.trim());
      onToken();
    },
  });
  field.focus();
}

/** Does something that needs the token; where that is not known, it is asked for, and then it is done. */
export function withToken(run: () => Promise<void>, onFault: (text: string) => void): void {
  run().catch((error: unknown) => {
    if (error instanceof ApiError && error.code === "token-needed")
      tokenDialog(() => withToken(run, onFault), hasToken() ? error.message : "");
    else onFault(error instanceof Error ? error.message : String(error));
  });
}

/** Describes a snapshot in a line. */
export function describe({ id, step, cost, metrics, tags }: SnapshotLine): string {
  const quality = metrics?.["accuracy"];
  const parts = [
    `snapshot ${id}`,
    ...(tags.length > 0 ? [`“${tags.join("”, “")}”`] : []),
    `step ${step.toLocaleString("en-GB")}`,
    ...(cost === null ? [] : [`cost ${digits(cost, 3)}`]),
    ...(quality == null ? [] : [`accuracy ${percent(quality)}`]),
  ];
  return parts.join(", ");
}

/** Opens a dialog; it is removed when it is closed. */
export function open(dialog: HTMLDialogElement): void {
  dialog.addEventListener("close", () => dialog.remove());
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
  });
  document.body.append(dialog);
  dialog.showModal();
}

function showFault(place: HTMLElement, error: unknown): void {
  if (!(error instanceof ApiError)) {
    replace(place, String(error));
    return;
  }
  const { code, message, hint } = error;
  if (code !== "token-needed") return replace(place, h("strong", {}, message), hint === "" ? null : ` ${hint}`);
  const field = h("input", {
    type: "password",
    autocomplete: "off",
    "aria-label": "Token",
    placeholder: "token",
    spellcheck: "false",
  });
  field.addEventListener("input", () => keepToken(field.value.trim()));
  replace(
    place,
    h("strong", {}, "What changes something needs the token."),
    " Open the address that the daemon printed at its start, or paste what stands in the file ",
    h("code", {}, "token"),
    " of its data folder, and confirm again: ",
    field,
  );
}
