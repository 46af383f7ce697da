import { once } from "node:events";
import { describe, expect, it } from "vitest";
import { spawnRivulet } from "../../cli/run.ts";
import { eventually, onEnd, temporaryFolder } from "../../daemon/open.ts";
import { programs } from "../../programs.ts";
import { openPage, picture, pixels, ready } from "./open-page.ts";

const CLICKS_MAX = 4;

describe.skipIf(!programs.chromium)("the demo's dashboard", () => {
  it("tells what the model believes, how good it is, what changed, and goes back, in four clicks", async () => {
    const watched = await openPage(await demo());
    await ready(watched);
    const { page } = watched;
    let clicks = 0;
    const click = async (place: ReturnType<typeof page.locator>) => {
      clicks++;
      await place.click();
    };

    // What it believes and how good it is stand on the start page.
    await page.getByRole("heading", { name: "What it believes" }).waitFor();
    const blank = await pixels(page, ".surface canvas");
    await eventually(() => pixels(page, ".surface canvas")).not.toBe(blank);
    const quality = page.locator(".figure", { hasText: "Accuracy" });
    await eventually(() => quality.locator(".figure-value").textContent()).toMatch(/^\d+\.\d %$/);
    await eventually(() => quality.textContent()).toMatch(/better than/);
    await picture(page, "demo-1-start");

    // What changed.
    await eventually(() => page.locator(".news li").count()).toBeGreaterThan(1);
    await click(page.getByRole("link", { name: "Compare or go back" }));
    await eventually(() => page.locator(".timeline-row").count()).toBeGreaterThan(2);
    await picture(page, "demo-2-snapshots");
    const row = page.locator(".timeline-row").nth(1);
    const id = await row.getAttribute("data-snapshot");
    await click(page.locator(`[data-snapshot="${id}"]`));
    await page.getByText(`As it was at snapshot ${id}`).waitFor();

    // How to go back.
    await click(page.getByRole("button", { name: "Roll back to this" }));
    await picture(page, "demo-3-rollback");
    await click(page.getByRole("dialog").getByRole("button", { name: "Roll back" }));
    await page.locator(".toast", { hasText: `the state of snapshot ${id} is snapshot` }).waitFor();
    await page.locator(".timeline-row .rollback").first().waitFor();
    await picture(page, "demo-4-back");
    expect(clicks).toBe(CLICKS_MAX);
  });
});

/** Starts the demo; it is ended after the test. Returns the address that it prints. */
async function demo(): Promise<string> {
  const child = spawnRivulet(["demo", "--rate", "400"], { TMPDIR: temporaryFolder() });
  onEnd(async () => {
    child.kill("SIGTERM");
    if (child.exitCode === null) await once(child, "exit");
  });
  let printed = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    printed += text;
  });
  await eventually(() => printed).toMatch(/^dashboard: http\S+\n/);
  return /http\S+/.exec(printed)?.[0] ?? "";
}
