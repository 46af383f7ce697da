import { describe, expect, it } from "vitest";
import type { Daemon } from "../../../src/daemon/daemon.ts";
import { Random } from "../../../src/learner/random.ts";
import { ask, connectTo, eventually, open, temporaryFolder } from "../../daemon/open.ts";
import { programs } from "../../programs.ts";
import { circle } from "./feed.ts";
import { openPage, picture, pixels, ready, urlOf, type Watched } from "./open-page.ts";

const MODELS = `
models:
  default: {}
  boiler: { features: [inlet, outlet, flow, pressure], label: load, network: { hidden: [24, 12], loss: mse } }
  sorter: { features: [width, mass], label: grade, classes: [small, medium, large, odd], network: { hidden: [16] } }
  dial: { features: [angle], label: y }
  plant: { features: [x1, colour], label: y, categorical: { colour: [red, green] } }
  quiet: { features: [a, b], label: y }
`;
/** Pages, by their names, and what each shows when it is there. */
const PAGES: readonly (readonly [name: string, hash: string, sign: string])[] = [
  ["model", "#/models/default", ".quality .uplot >> nth=1"],
  ["snapshots", "#/models/default/snapshots", ".timeline-row >> nth=2"],
  ["compare", "#/models/default/compare/SNAPSHOT/now", ".network svg"],
  ["regression", "#/models/boiler", ".surface-choice select >> nth=1"],
  ["classes", "#/models/sorter", ".legend .class-3"],
  ["one-feature", "#/models/dial", ".surface canvas"],
  ["category", "#/models/plant", ".surface canvas"],
  ["empty", "#/models/quiet", ".empty pre"],
  ["quarantine", "#/quarantine", "details >> nth=0"],
  ["system", "#/system", ".tile >> nth=5"],
];

describe.skipIf(!programs.chromium)("every page of the dashboard", () => {
  const looks: readonly (readonly [look: string, options: Parameters<typeof openPage>[1]])[] = [
    ["light", { colorScheme: "light" }],
    ["dark", { colorScheme: "dark" }],
    ["phone", { colorScheme: "light", viewport: { width: 360, height: 740 }, deviceScaleFactor: 2, hasTouch: true }],
  ];

  it.each(looks)("is shown whole, without a fault, and within its width: %s", async (look, options) => {
    const { daemon, snapshot } = await prepare();
    const watched = await openPage(urlOf(daemon), options);
    await ready(watched);
    const { page } = watched;
    for (const [name, hash, sign] of PAGES) {
      await page.evaluate(`location.hash = ${JSON.stringify(hash.replace("SNAPSHOT", String(snapshot)))}`);
      await page.locator(sign).waitFor();
      await painted(watched);
      expect([name, await page.evaluate("document.documentElement.scrollWidth - innerWidth")]).toEqual([name, 0]);
      await picture(page, `${name}-${look}`);
    }
  });

  it("has a name for everything that can be pressed, and one main heading", async () => {
    const { daemon, snapshot } = await prepare();
    const watched = await openPage(urlOf(daemon));
    await ready(watched);
    const { page } = watched;
    for (const [name, hash, sign] of PAGES) {
      await page.evaluate(`location.hash = ${JSON.stringify(hash.replace("SNAPSHOT", String(snapshot)))}`);
      await page.locator(sign).waitFor();
      const nameless = await page.evaluate(`[...document.querySelectorAll("button, a, select, input, canvas[role]")]
        .filter((one) => !(one.ariaLabel || one.textContent.trim() || one.labels?.length))
        .map((one) => one.outerHTML)`);
      expect([name, nameless]).toEqual([name, []]);
      expect([name, await page.locator("h1").count()]).toEqual([name, 1]);
    }
  });

  it("lets the axes of a surface be chosen, and holds the other features", async () => {
    const { daemon } = await prepare();
    const watched = await openPage(`${urlOf(daemon)}`);
    await ready(watched);
    const { page } = watched;
    await page.getByLabel("Model", { exact: true }).selectOption("boiler");
    await page.getByText("flow, pressure held at their means").waitFor();
    await painted(watched);
    const before = await pixels(page, ".surface canvas");
    await page.getByLabel("Across").selectOption("flow");
    await page.getByText("inlet, pressure held at their means").waitFor();
    await eventually(() => pixels(page, ".surface canvas")).not.toBe(before);
    await page.getByLabel("Up").selectOption("flow");
    await eventually(() => page.getByLabel("Across").locator("option:checked").textContent()).toBe("outlet");
  });

  it("shows the surface of a snapshot while it is pointed at", async () => {
    const { daemon } = await prepare();
    const watched = await openPage(urlOf(daemon));
    await ready(watched);
    const { page } = watched;
    await page.keyboard.press("s");
    await page.locator('[data-snapshot="1"]').hover();
    await page.getByText("As it was at snapshot 1").waitFor();
    await painted(watched);
    const first = await pixels(page, ".surface canvas");
    await page.locator(".timeline-row").first().hover();
    await eventually(() => pixels(page, ".surface canvas")).not.toBe(first);
  });

  it("tells of a snapshot that is not there", async () => {
    const { daemon } = await prepare();
    const watched = await openPage(urlOf(daemon));
    watched.expected.push(/console: .*404/);
    await ready(watched);
    const { page } = watched;
    await page.evaluate('location.hash = "#/models/default/compare/4000/now"');
    await page.getByText("there is no snapshot 4000").waitFor();
    await page.evaluate('location.hash = "#/models/nobody"');
    await page.getByText("There is no model nobody").waitFor();
  });
});

/** Waits until the surface that is there is painted to its finest, if there is one. */
async function painted({ page }: Watched): Promise<void> {
  const states = "[...document.querySelectorAll('.surface')].map((one) => one.dataset.state ?? 'painted')";
  await eventually(() => page.evaluate(states)).not.toContain("painting");
}

/** Opens a daemon with models of every kind, which have learned something. */
async function prepare(): Promise<{ readonly daemon: Daemon; readonly snapshot: number }> {
  const daemon = await open(temporaryFolder(), MODELS, ["http.port=0", "commit.profile=eager"]);
  const client = await connectTo(daemon);
  const random = new Random(7);
  const send = (model: string, row: () => unknown) =>
    client.publishAsync(`rivulet/${model}/sample`, JSON.stringify(Array.from({ length: 400 }, row)), { qos: 1 });
  const publish = circle(client);
  await publish(300);
  await ask(daemon, "snapshots-take", { name: "default" });
  await publish(300);
  const { id } = await ask(daemon, "snapshots-take", { name: "default" });
  await publish(300);
  await ask(daemon, "rollback", { name: "default", snapshot: String(id) });
  await publish(100);
  await send("boiler", () => {
    const [inlet, outlet, flow] = [40 + 30 * random.uniform(), 50 + 20 * random.normal(), 5 * random.uniform()];
    return { inlet, outlet, flow, pressure: 2 + 0.2 * random.normal(), load: (inlet - outlet) * flow * 0.4 };
  });
  await send("sorter", () => {
    const [width, mass] = [10 * random.uniform(), 10 * random.uniform()];
    const size = width + mass < 7 ? "small" : width + mass < 13 ? "medium" : "large";
    return { width, mass, grade: (width - 5) ** 2 + (mass - 5) ** 2 < 4 ? "odd" : size };
  });
  await send("dial", () => {
    const angle = 6 * random.uniform() - 3;
    return { angle, y: Math.abs(angle) < 1.2 ? 1 : 0 };
  });
  await send("plant", () => {
    const x1 = random.normal();
    const colour = random.uniform() < 0.5 ? "red" : "green";
    return { x1, colour, y: (colour === "red") === x1 > 0 ? 1 : 0 };
  });
  await client.publishAsync("rivulet/default/sample", '{"x1":0.4,"x2":"warm","y":1}', { qos: 1 });
  await client.publishAsync("rivulet/kitchen/sample", "hello", { qos: 1 });
  await eventually(() => ask(daemon, "quarantine", {}).then(({ messages }) => messages.length)).toBe(2);
  return { daemon, snapshot: id };
}
