import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { afterAll, afterEach, expect } from "vitest";
import type { Daemon } from "../../../src/daemon/daemon.ts";
import { binary } from "../../programs.ts";

const ARTEFACTS = fileURLToPath(new URL("../../artefacts/", import.meta.url));
/** What a machine that is busy with something else may take. */
const WAIT_MS = 30_000;

/** Is a page of the dashboard, watched: what it does that it must not do is listed. */
export interface Watched {
  readonly page: Page;
  /** Errors on the console, violations of the policy, and requests to elsewhere. */
  readonly faults: string[];
  /** Lets a fault be where it is looked for: a request that is refused is an error on the console. */
  readonly expected: RegExp[];
}

let browser: Promise<Browser> | null = null;
const watched: Watched[] = [];

afterEach(async () => {
  for (const { page, faults, expected } of watched.splice(0)) {
    await page.context().close();
    expect(faults.filter((fault) => !expected.some((one) => one.test(fault)))).toEqual([]);
  }
});

afterAll(async () => {
  await (await browser)?.close();
  browser = null;
});

/** The address of a daemon's dashboard, with the token or without it. */
export function urlOf({ http }: Daemon, withToken = true): string {
  if (http === null) throw new Error("the daemon serves no HTTP");
  return withToken ? `${http.url}/#token=${http.token}` : `${http.url}/`;
}

/** Opens the dashboard in a real browser. It is closed after the test, which fails where the page did what it must not. */
export async function openPage(url: string, options: BrowserContextOptions = {}): Promise<Watched> {
  browser ??= chromium.launch({
    executablePath: binary("chromium"),
    args: ["--no-sandbox", "--disable-dev-shm-usage"],
  });
  const context = await (await browser).newContext({ viewport: { width: 1280, height: 900 }, ...options });
  context.setDefaultTimeout(WAIT_MS);
  const page = await context.newPage();
  const one: Watched = { page, faults: [], expected: [] };
  watched.push(one);
  const { origin } = new URL(url);
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") one.faults.push(`console: ${message.text()}`);
  });
  page.on("pageerror", (error) => one.faults.push(`page: ${error.message}`));
  page.on("request", (request) => {
    const target = new URL(request.url());
    if (target.origin !== origin && target.protocol !== "data:") one.faults.push(`request: ${request.url()}`);
  });
  await page.addInitScript(
    "addEventListener('securitypolicyviolation', (e) => console.error('policy: ' + e.violatedDirective + ' ' + e.blockedURI))",
  );
  await page.goto(url);
  return one;
}

/** Waits until the dashboard is connected and shows its page. */
export async function ready({ page }: Watched): Promise<void> {
  await page.locator(".state.live").waitFor();
  await page.locator("main .page").waitFor();
}

/** Hashes what a canvas shows. */
export function pixels(page: Page, selector: string): Promise<number> {
  return page.evaluate(`(() => {
    const canvas = document.querySelector(${JSON.stringify(selector)});
    const text = canvas.toDataURL();
    let hash = 0;
    for (let i = 0; i < text.length; i++) hash = (hash * 31 + text.charCodeAt(i)) | 0;
    return hash;
  })()`);
}

/** Writes a picture of the whole page among the artefacts of the tests. */
export async function picture(page: Page, name: string): Promise<void> {
  mkdirSync(ARTEFACTS, { recursive: true });
  await page.screenshot({ path: join(ARTEFACTS, `${name}.png`), fullPage: true });
}
