import { describe, expect, it } from "vitest";
import { ask, connectTo, eventually, onEnd, open, temporaryFolder } from "../../daemon/open.ts";
import { programs } from "../../programs.ts";
import { circle } from "./feed.ts";
import { openPage, pixels, ready, urlOf } from "./open-page.ts";

const HTTP = ["http.port=0", "commit.profile=eager"];

describe.skipIf(!programs.chromium)("the dashboard", () => {
  it("moves the curve, the figures and the surface when a sample is published over MQTT", async () => {
    const daemon = await open(temporaryFolder(), null, HTTP);
    const publish = circle(await connectTo(daemon));
    await publish(400);
    const watched = await openPage(urlOf(daemon));
    await ready(watched);
    const { page } = watched;
    const trained = page.locator(".figure", { hasText: "Trained" }).locator(".figure-value");
    await eventually(() => trained.textContent()).toBe("400");
    await page.locator(".quality .uplot").first().waitFor();
    const [curve, surface] = [".quality canvas", ".surface canvas"];
    await eventually(() => page.locator(".quality .panel-head .soft").textContent()).toBe("steps 1 – 100");
    const before = [await pixels(page, curve), await pixels(page, surface)] as const;
    await publish(40);
    await eventually(() => trained.textContent()).toBe("440");
    await eventually(() => page.locator(".quality .panel-head .soft").textContent()).toBe("steps 1 – 110");
    await eventually(() => pixels(page, curve)).not.toBe(before[0]);
    await eventually(() => pixels(page, surface)).not.toBe(before[1]);
  });

  it("keeps the token out of the address", async () => {
    const daemon = await open(temporaryFolder(), null, HTTP);
    const watched = await openPage(urlOf(daemon));
    await ready(watched);
    expect(watched.page.url()).not.toContain("token");
  });

  it("goes back to a snapshot when that is clicked and confirmed, and shows that it happened", async () => {
    const daemon = await open(temporaryFolder(), null, HTTP);
    const publish = circle(await connectTo(daemon));
    await publish(200);
    await eventually(() => ask(daemon, "status", {}).then(({ models }) => models["default"]?.sequence)).toBe(200);
    const { id } = await ask(daemon, "snapshots-take", {});
    const learned = [...(daemon.rooms.models.get("default")?.state.learner.engine.parameters ?? [])];
    await publish(200);
    await eventually(() => ask(daemon, "status", {}).then(({ models }) => models["default"]?.sequence)).toBe(400);
    const watched = await openPage(urlOf(daemon));
    await ready(watched);
    const { page } = watched;
    await page.getByRole("link", { name: "Snapshots" }).click();
    await page.locator(`[data-snapshot="${id}"]`).click();
    await page.getByRole("button", { name: "Roll back to this" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByText("Nothing is deleted").waitFor();
    expect((await ask(daemon, "snapshots-list", {})).map(({ reason }) => reason)).not.toContain("rollback");
    await dialog.getByRole("button", { name: "Roll back" }).click();
    await page.locator(".timeline-row", { hasText: "rollback" }).waitFor();
    const [newest] = await ask(daemon, "snapshots-list", {});
    expect(newest).toMatchObject({ reason: "rollback", parent: id });
    expect([...(daemon.rooms.models.get("default")?.state.learner.engine.parameters ?? [])]).toEqual(learned);
  });

  it("tags a snapshot, and takes one", async () => {
    const daemon = await open(temporaryFolder(), null, HTTP);
    const watched = await openPage(urlOf(daemon));
    await ready(watched);
    const { page } = watched;
    await page.getByRole("button", { name: "Take a snapshot" }).click();
    await page.getByText("is taken").waitFor();
    await page.getByRole("link", { name: "Snapshots" }).click();
    await page.getByRole("button", { name: "Tag" }).click();
    await page.getByLabel("Tag", { exact: true }).fill("good");
    await page.getByRole("dialog").getByRole("button", { name: "Tag" }).click();
    await page.locator(".timeline .tag", { hasText: "good" }).waitFor();
    expect((await ask(daemon, "snapshots-list", {})).flatMap(({ tags }) => tags)).toEqual(["good"]);
  });

  it("asks for the token where something is to be changed without it, and takes no other", async () => {
    const daemon = await open(temporaryFolder(), null, HTTP);
    const watched = await openPage(urlOf(daemon, false));
    watched.expected.push(/console: .*401/);
    await ready(watched);
    const { page } = watched;
    const before = await ask(daemon, "snapshots-list", {});
    await page.getByRole("button", { name: "Take a snapshot" }).click();
    await page.getByRole("textbox", { name: "Token" }).fill("wrong-token-that-is-long-enough");
    await page.getByRole("button", { name: "Continue" }).click();
    await page.getByText("that is not the token").waitFor();
    expect(await ask(daemon, "snapshots-list", {})).toHaveLength(before.length);
    await page.getByRole("textbox", { name: "Token" }).fill(daemon.http?.token ?? "");
    await page.getByRole("button", { name: "Continue" }).click();
    await page.getByText("is taken").waitFor();
    expect(await ask(daemon, "snapshots-list", {})).toHaveLength(before.length + 1);
  });

  it("says that the connection is lost, and finds the daemon again", async () => {
    const folder = temporaryFolder();
    const first = await open(folder, null, HTTP);
    const port = first.http?.port;
    const watched = await openPage(urlOf(first));
    watched.expected.push(/ERR_CONNECTION|ERR_INCOMPLETE|ERR_EMPTY|ERR_SOCKET/);
    await ready(watched);
    const { page } = watched;
    await first.close();
    await page.getByText("The connection to the daemon is lost").waitFor();
    await open(folder, null, [`http.port=${port}`]);
    await page.locator(".state.live").waitFor();
    await eventually(() => page.locator(".banner").isVisible()).toBe(false);
  });

  it("lets go of the connection while its tab is hidden, and comes back", async () => {
    const daemon = await open(temporaryFolder(), null, HTTP);
    const watched = await openPage(urlOf(daemon));
    await ready(watched);
    const { page } = watched;
    const listeners = async () =>
      /^rivulet_event_listeners (\d+)/m.exec(await (await fetch(`${daemon.http?.url}/metrics`)).text())?.[1];
    const hide = (isHidden: boolean) =>
      page.evaluate(
        `Object.defineProperty(document, "hidden", { value: ${isHidden}, configurable: true }); document.dispatchEvent(new Event("visibilitychange"))`,
      );
    await eventually(listeners).toBe("1");
    await hide(true);
    await eventually(listeners).toBe("0");
    await hide(false);
    await eventually(listeners).toBe("1");
    await page.locator(".state.live").waitFor();
  });

  it("lists what was refused, as it comes", async () => {
    const daemon = await open(temporaryFolder(), null, HTTP);
    const client = await connectTo(daemon);
    const watched = await openPage(urlOf(daemon));
    await ready(watched);
    const { page } = watched;
    await page.getByRole("link", { name: "Quarantine" }).click();
    await page.getByText("Nothing was refused").waitFor();
    await client.publishAsync("rivulet/default/sample", '{"x1":"<b>warm</b>","x2":0,"y":1}', { qos: 1 });
    await page.getByRole("cell", { name: "feature-invalid" }).waitFor();
    await page.locator("details summary").click();
    expect(await page.locator("details pre").textContent()).toBe('{"x1":"<b>warm</b>","x2":0,"y":1}');
    await page.locator("nav .badge", { hasText: "1" }).waitFor();
  });

  it("can be walked by the keyboard alone", async () => {
    const daemon = await open(temporaryFolder(), null, HTTP);
    await ask(daemon, "snapshots-take", {});
    const watched = await openPage(urlOf(daemon));
    await ready(watched);
    const { page } = watched;
    const focused = () =>
      page.evaluate("document.activeElement.textContent.trim() || document.activeElement.ariaLabel");
    await page.keyboard.press("Tab");
    expect(await focused()).toBe("To the content");
    await page.keyboard.press("Tab");
    expect(await focused()).toBe("Rivulet");
    expect(await page.evaluate("getComputedStyle(document.activeElement).outlineStyle")).toBe("solid");
    await page.keyboard.press("?");
    await page.getByRole("dialog", { name: "Keys" }).waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    await page.keyboard.press("s");
    await page.locator('.timeline-row[data-snapshot="2"]').focus();
    await page.keyboard.press("ArrowDown");
    await page.getByText("As it was at snapshot 1").waitFor();
    await page.keyboard.press("Enter");
    await eventually(() => page.url()).toContain("/snapshots/1");
    await page.getByRole("button", { name: "Roll back to this" }).focus();
    await page.keyboard.press("Enter");
    await page.getByRole("dialog").waitFor();
    await page.keyboard.press("Enter");
    await page.locator(".timeline-row", { hasText: "rollback" }).waitFor();
    await page.keyboard.press("y");
    await page.getByRole("heading", { name: "System", level: 1 }).waitFor();
  });

  it("changes between dark and light, and remembers that", async () => {
    const daemon = await open(temporaryFolder(), null, HTTP);
    const watched = await openPage(urlOf(daemon), { colorScheme: "dark" });
    await ready(watched);
    const { page } = watched;
    const ground = () => page.evaluate("getComputedStyle(document.body).backgroundColor");
    const dark = await ground();
    await page.getByRole("button", { name: "Light colours" }).click();
    await eventually(ground).not.toBe(dark);
    await page.reload();
    await ready(watched);
    expect(await ground()).not.toBe(dark);
    await page.keyboard.press("t");
    await eventually(ground).toBe(dark);
  });

  it("works with a processor four times as slow", async () => {
    const daemon = await open(temporaryFolder(), null, HTTP);
    const publish = circle(await connectTo(daemon));
    await publish(400);
    const watched = await openPage(urlOf(daemon));
    const { page } = watched;
    const session = await page.context().newCDPSession(page);
    onEnd(() => session.detach().catch(() => {}));
    await session.send("Emulation.setCPUThrottlingRate", { rate: 4 });
    await page.reload();
    await ready(watched);
    await page.locator(".figure", { hasText: "400" }).waitFor();
    await page.keyboard.press("s");
    await page.locator(".timeline-row").first().hover();
    await page.getByText("As it was at snapshot").waitFor();
    await page.locator(".surface canvas").hover();
    await eventually(() => page.locator(".surface-readout").textContent()).toMatch(/y is [01] \(/);
  });
});
