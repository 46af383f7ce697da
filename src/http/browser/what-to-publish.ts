import type { ModelStatus, Status } from "./answers.ts";
import { h } from "./element.ts";

/** Writes a line that publishes a sample, to be pasted into a terminal. */
export function publishLine({ broker }: Status, name: string, { features, label }: ModelStatus): string {
  const url = URL.parse((broker?.url ?? "mqtt://127.0.0.1:1883").replace(/^mqtt/, "http"));
  const host = url === null || url.hostname === "127.0.0.1" ? "" : ` -h ${url.hostname}`;
  const port = url === null || url.port === "" || url.port === "1883" ? "" : ` -p ${url.port}`;
  const sample = Object.fromEntries([...features.map((feature) => [feature, 0.5]), [label, 1]]);
  return `mosquitto_pub${host}${port} -q 1 -t ${broker?.prefix ?? "rivulet"}/${name}/sample -m '${JSON.stringify(sample)}'`;
}

/** Shows that line, with a button that copies it. */
export function whatToPublish(status: Status, name: string, model: ModelStatus): HTMLElement {
  const line = publishLine(status, name, model);
  const button = h("button", { type: "button", class: "quiet" }, "Copy");
  button.addEventListener("click", () => {
    // Only secure pages may write to the clipboard; elsewhere the line is at least marked.
    if (navigator.clipboard === undefined) getSelection()?.selectAllChildren(code);
    else void navigator.clipboard.writeText(line).then(() => button.replaceChildren("Copied"));
  });
  const code = h("code", {}, line);
  return h("div", { class: "paste" }, h("pre", { tabindex: 0 }, code), button);
}
