import { join } from "node:path";
import { connectAsync } from "mqtt";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";
import { Random } from "../../src/learner/random.ts";
import { streamRows } from "../../src/sample/streams.ts";
import { binary, programs } from "../programs.ts";
import { processorSeconds } from "../sim/usage.ts";
import { buildProgram, type RunningDaemon, startDaemon, Workplace } from "./processes.ts";
import { goal, median, quantile, report } from "./report.ts";

const ROUNDS = 5;
const THROTTLE = 4;
const COST_SECONDS = 10;
const STEPS = 10_000_000;
const BLOCK_ROWS = 4096;
const ROWS_A_SECOND = 400;
/** A step a row, as fast as can be, and a history that keeps them all. */
const LONG = [
  "models.default.learner=network",
  "models.default.network.hidden=[2]",
  "models.default.optimizer.kind=sgd",
  "models.default.optimizer.learningRate=0.01",
  "models.default.metrics=none",
  "models.default.batch.size=1",
  `models.default.history.keepSteps=${2 * STEPS}`,
];
/** Collects how long each interaction took, from the input to the next picture, by the browser's own measure. */
const WATCH = `
  window.interactions = [];
  new PerformanceObserver((list) => {
    for (const one of list.getEntries()) if (one.interactionId > 0) window.interactions.push([one.name, one.duration]);
  }).observe({ type: "event", durationThreshold: 16, buffered: true });
`;

/** Measures the dashboard in Chromium: what its user waits for, on a processor four times as slow, and what it costs the daemon. */
export async function benchDashboard(): Promise<void> {
  if (!programs.chromium) {
    console.log("the dashboard is not measured: chromium is absent");
    return;
  }
  buildProgram();
  const place = new Workplace();
  try {
    const launched = await chromium.launch({ executablePath: binary("chromium"), args: ["--no-sandbox"] });
    const browser = place.keep(launched, (one) => one.close());
    const daemon = await open(place, "small", []);
    await publish(daemon, 4000);
    await firstPaint(browser, daemon);
    await interactions(browser, daemon);
    await costs(browser, daemon);
    const long = await open(place, "long", LONG);
    await train(long, STEPS);
    await zoom(browser, long);
  } finally {
    await place.close();
  }
}

async function firstPaint(browser: Browser, daemon: RunningDaemon): Promise<void> {
  const [paints, wholes]: [number[], number[]] = [[], []];
  for (let round = 0; round < ROUNDS; round++) {
    const { page, context } = await throttled(browser);
    await page.goto(daemon.http);
    await page.locator('.surface[data-state="painted"]').waitFor();
    wholes.push(await page.evaluate("performance.now()"));
    paints.push(await page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime"));
    await context.close();
  }
  report("first paint, nothing cached", median(paints), "ms", goal(median(paints), "≤", 1000));
  report("the surface at its finest, nothing cached", median(wholes), "ms");
}

/** Does what a user does, while the model learns. */
async function interactions(browser: Browser, daemon: RunningDaemon): Promise<void> {
  const { page, context } = await throttled(browser);
  await page.goto(daemon.http);
  await page.locator('.surface[data-state="painted"]').waitFor();
  await beside(daemon, async () => {
    for (let round = 0; round < ROUNDS; round++) await walk(page);
  });
  const took = (await page.evaluate("window.interactions")) as [string, number][];
  const durations = took.map(([, duration]) => duration);
  const most = quantile(durations, 0.9);
  report(
    `${durations.length} interactions, from input to picture: median`,
    median(durations),
    "ms",
    goal(median(durations), "≤", 100),
  );
  report("nine of ten of them", most, "ms", goal(most, "≤", 100));
  report("the slowest of them", Math.max(...durations), "ms");
  await context.close();
}

/** Goes where a user goes, and presses what a user presses. */
async function walk(page: Page): Promise<void> {
  await page.keyboard.press("s");
  await page.locator(".timeline-row").first().click();
  await page.keyboard.press("ArrowDown");
  await page.getByRole("link", { name: "Compare with now" }).click();
  await page.locator(".network svg").waitFor();
  await page.keyboard.press("m");
  await page.locator(".quality .uplot").first().waitFor();
  await page.getByRole("button", { name: "Log" }).click();
  await page.locator(".surface canvas").focus();
  await page.keyboard.press("ArrowUp");
  await page.keyboard.press("t");
  await page.keyboard.press("y");
  await page.locator(".tile").first().waitFor();
  await page.keyboard.press("q");
  await page.keyboard.press("m");
  await page.locator(".figure-value").first().waitFor();
}

/** Measures what an open dashboard costs the daemon. */
async function costs(browser: Browser, daemon: RunningDaemon): Promise<void> {
  const [idleAlone, busyAlone] = [await share(daemon), await beside(daemon, () => share(daemon))];
  const page = await browser.newPage();
  await page.goto(daemon.http);
  await page.locator('.surface[data-state="painted"]').waitFor();
  const [idle, busy] = [await share(daemon), await beside(daemon, () => share(daemon))];
  report("an idle daemon with this dashboard open", 100 * idle, "% of a core", goal(100 * idle, "≤", 1));
  report("an idle daemon alone", 100 * idleAlone, "% of a core");
  report(`${ROWS_A_SECOND} rows/s with this dashboard open`, 100 * busy, "% of a core");
  report(`${ROWS_A_SECOND} rows/s alone`, 100 * busyAlone, "% of a core");
  await page.close();
}

/** Measures from the choice of a stretch of a long history until it is drawn. */
async function zoom(browser: Browser, daemon: RunningDaemon): Promise<void> {
  const { page, context } = await throttled(browser);
  await page.goto(daemon.http);
  await page.locator(".quality:not([aria-busy=true]) .uplot").first().waitFor();
  await page.evaluate(`
    window.zooms = [];
    let began = 0;
    new MutationObserver(() => {
      const isBusy = document.querySelector(".quality").ariaBusy === "true";
      if (isBusy) began = performance.now();
      else requestAnimationFrame(() => window.zooms.push(performance.now() - began));
    }).observe(document.querySelector(".quality"), { attributeFilter: ["aria-busy"] });
  `);
  const box = await page.locator(".quality .u-over").first().boundingBox();
  if (box === null) throw new Error("there is no chart");
  for (let round = 0; round < ROUNDS; round++) {
    for (const [from, to] of [
      [0.2, 0.7],
      [0.3, 0.31],
      [0.45, 0.55],
    ] as const) {
      await page.mouse.move(box.x + from * box.width, box.y + 50);
      await page.mouse.down();
      await page.mouse.move(box.x + Math.max(to * box.width, from * box.width + 6), box.y + 60, { steps: 3 });
      await page.mouse.up();
      await settled(page);
    }
    await page.getByRole("button", { name: "All" }).click();
    await settled(page);
  }
  const zooms = (await page.evaluate("window.zooms")) as number[];
  report(`a stretch of ${STEPS} steps, until it is drawn: median`, median(zooms), "ms", goal(median(zooms), "≤", 100));
  report("the slowest of them", Math.max(...zooms), "ms");
  await context.close();
}

async function settled(page: Page): Promise<void> {
  await page.locator('.quality[aria-busy="false"]').waitFor();
  await page.waitForTimeout(50);
}

/** Opens a page, empty as yet, with a processor that is slowed down. */
async function throttled(browser: Browser): Promise<{ readonly page: Page; readonly context: BrowserContext }> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
  const page = await context.newPage();
  await page.addInitScript(WATCH);
  const session = await context.newCDPSession(page);
  await session.send("Emulation.setCPUThrottlingRate", { rate: THROTTLE });
  return { page, context };
}

async function open(place: Workplace, name: string, set: readonly string[]): Promise<RunningDaemon> {
  const all = ["http.port=0", "commit.profile=eager", ...set];
  return place.keep(await startDaemon({ data: join(place.folder, name), set: all }), ({ end }) => end());
}

async function publish({ url }: RunningDaemon, rows: number, seed = 1): Promise<void> {
  const client = await connectAsync(url);
  const stream = streamRows("sine", 2, new Random(seed));
  const batch = Array.from({ length: rows }, () => {
    const { features, label } = stream.next().value ?? { features: [], label: 0 };
    return { x1: features[0], x2: features[1], y: label };
  });
  await client.publishAsync("rivulet/default/sample", JSON.stringify(batch), { qos: 1 });
  await client.endAsync();
}

/** Does something while rows are published, ten times a second. */
async function beside<T>(daemon: RunningDaemon, run: () => Promise<T>): Promise<T> {
  let isOver = false;
  const publishing = (async () => {
    for (let seed = 2; !isOver; seed++) {
      await publish(daemon, ROWS_A_SECOND / 10, seed);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  })();
  try {
    return await run();
  } finally {
    isOver = true;
    await publishing;
  }
}

/** Trains so many steps of a row each. */
async function train({ url, http }: RunningDaemon, steps: number): Promise<void> {
  const client = await connectAsync(url);
  const stream = streamRows("sine", 2, new Random(1));
  const block = Float32Array.from(
    Array.from({ length: BLOCK_ROWS }, () => stream.next().value ?? { features: [0, 0], label: 0 }).flatMap(
      ({ features, label }) => [...features, label],
    ),
  );
  const payload = Buffer.from(block.buffer);
  for (let sent = 0; sent < steps; sent += 8 * BLOCK_ROWS) {
    await Promise.all(Array.from({ length: 8 }, () => client.publishAsync("rivulet/default/f32", payload, { qos: 1 })));
  }
  await client.endAsync();
  const reached = async () => ((await (await fetch(`${http}/api/history?points=1`)).json()) as { to: number }).to;
  while ((await reached()) < steps) await new Promise((resolve) => setTimeout(resolve, 200));
}

async function share({ pid }: RunningDaemon): Promise<number> {
  const [before, beganAt] = [processorSeconds(pid), performance.now()];
  await new Promise((resolve) => setTimeout(resolve, 1000 * COST_SECONDS));
  return (1000 * (processorSeconds(pid) - before)) / (performance.now() - beganAt);
}
