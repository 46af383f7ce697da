import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { connectTo, open, temporaryFolder } from "../daemon/open.ts";
import { publishRows, SAMPLE } from "../daemon/request.ts";

interface Dashboard {
  readonly panels: readonly { readonly title: string; readonly targets: readonly { readonly expr: string }[] }[];
  readonly annotations: { readonly list: readonly { readonly expr: string }[] };
  readonly templating: { readonly list: readonly { readonly name: string; readonly query: unknown }[] };
}

const text = readFileSync(new URL("../../deploy/grafana/rivulet.json", import.meta.url), "utf8");
const { panels, annotations, templating } = JSON.parse(text) as Dashboard;

/** Shown of models of values only. */
const OF_VALUES = "rivulet_root_mean_square_error";

describe("the dashboard for Grafana", () => {
  it("asks for metrics and labels that a daemon has", async () => {
    const daemon = await open(temporaryFolder(), null, ["http.port=0"]);
    const client = await connectTo(daemon);
    await publishRows(client, 100);
    await client.publishAsync(SAMPLE, "no JSON", { qos: 1 });
    let metrics = "";
    const isTold = async () => {
      metrics = await (await fetch(`${daemon.http?.url}/metrics`)).text();
      // What each reading begins anew is not in one that follows at once.
      return /rivulet_quarantine_messages_total\{[^}]*\} 1[\s\S]*rivulet_event_loop_delay_seconds\{/.test(metrics);
    };
    await expect.poll(isTold, { timeout: 20_000, interval: 500 }).toBe(true);
    const labels = new Map<string, Set<string>>();
    for (const line of metrics.split("\n")) {
      const [, name, inside = ""] = /^([a-z_]+)(?:\{(.*)\})? /.exec(line) ?? [];
      if (name === undefined) continue;
      const known = labels.get(name) ?? new Set(["job", "instance"]);
      for (const [, label] of inside.matchAll(/([a-z_]+)="/g)) known.add(label ?? "");
      labels.set(name, known);
    }
    const asked = [...panels.flatMap(({ targets }) => targets), ...annotations.list].map(({ expr }) => expr);
    expect(asked.length).toBeGreaterThan(15);
    for (const expr of asked) {
      const selectors = [...expr.matchAll(/((?:rivulet|process|nodejs)_[a-z_]+)\{([^}]*)\}/g)];
      expect(selectors, expr).not.toHaveLength(0);
      for (const [, name = "", inside = ""] of selectors) {
        if (name === OF_VALUES) continue;
        expect([...labels.keys()]).toContain(name);
        for (const [, label] of inside.matchAll(/([a-z_]+)=/g))
          expect([...(labels.get(name) ?? [])], expr).toContain(label);
      }
    }
    const variables = new Set(templating.list.map(({ name }) => name));
    for (const [, name] of text.matchAll(/\$\{?([a-z]+)\b/g)) expect([...variables]).toContain(name);
  });
});
