import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { get, type IncomingMessage } from "node:http";
import { fileURLToPath } from "node:url";
import { processorSeconds, residentBytes } from "../sim/usage.ts";
import { buildProgram, openDaemon, type RunningDaemon, Workplace } from "./processes.ts";
import { goal, median, report } from "./report.ts";

const ROUNDS = 6;
const LISTENERS = 20;
const RATE = 20_000;
const IDLE_SECONDS = 8;
const BUSY_SECONDS = 4;
const SETTLE_SECONDS = 1;
const STATUS_MS = 2000;
const PUBLISHER = fileURLToPath(new URL("../sim/soak-publisher.ts", import.meta.url));

/** Measures what dashboards cost the daemon: one while nothing happens, and twenty beside training. */
export async function benchHttp(): Promise<void> {
  buildProgram();
  const place = new Workplace();
  try {
    const daemon = await openDaemon(place, "http", ["http.port=0"]);
    const resident = residentBytes(daemon.pid);
    await idle(daemon);
    await busy(place, daemon);
    report(
      "memory at the start, and with all of this",
      residentBytes(daemon.pid) / 1e6,
      "MB",
      ` from ${Math.round(resident / 1e6)}`,
    );
  } finally {
    await place.close();
  }
}

/** A dashboard that is open listens; some also ask now and then how everything is. */
class Dashboard {
  readonly #stream: Promise<IncomingMessage>;
  readonly #timer: NodeJS.Timeout | null = null;
  bytes = 0;

  constructor(url: string, asks: boolean) {
    this.#stream = once(get(`${url}/api/events`, { agent: false }), "response").then(([incoming]) => incoming);
    this.#stream.then((incoming) => {
      incoming
        .on("error", () => {})
        .on("data", (piece: Buffer) => {
          this.bytes += piece.length;
        });
    });
    if (asks) this.#timer = setInterval(() => get(`${url}/api/status`, (incoming) => incoming.resume()), STATUS_MS);
  }

  async close(): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer);
    (await this.#stream).destroy();
  }
}

async function idle({ pid, http }: RunningDaemon): Promise<void> {
  const without: number[] = [];
  const beside: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    without.push(await share(pid, IDLE_SECONDS));
    const dashboard = new Dashboard(http, true);
    await seconds(SETTLE_SECONDS);
    beside.push(await share(pid, IDLE_SECONDS));
    await dashboard.close();
  }
  const percent = 100 * median(beside);
  report("an idle daemon with a dashboard open", percent, "% of a core", goal(percent, "≤", 1));
  report("an idle daemon alone", 100 * median(without), "% of a core");
}

async function busy(place: Workplace, daemon: RunningDaemon): Promise<void> {
  const publisher = spawn(process.execPath, [PUBLISHER, daemon.url, String(RATE)], {
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  place.keep(publisher, ended);
  await seconds(3 * SETTLE_SECONDS);
  const [ratios, costs, alone, extra]: [number[], number[], Trained[], number[]] = [[], [], [], []];
  for (let round = 0; round < ROUNDS; round++) {
    // What drifts on the machine is not to be taken for the cost of whoever comes second.
    const first = round % 2 === 0 ? await trained(daemon) : await trainedBeside(daemon);
    const second = round % 2 === 0 ? await trainedBeside(daemon) : await trained(daemon);
    const [without, beside] = round % 2 === 0 ? [first, second] : [second, first];
    ratios.push(beside.rate / without.rate);
    costs.push(beside.perSample / without.perSample);
    extra.push(beside.core - without.core * (beside.rate / without.rate));
    alone.push(without);
  }
  report(`of ${RATE} samples/s asked for, trained`, median(alone.map(({ rate }) => rate)), "samples/s");
  report("processor of the daemon then", 100 * median(alone.map(({ core }) => core)), "% of a core");
  const slower = 100 * (1 - median(ratios));
  report(`${LISTENERS} dashboards: samples/s that are missing`, slower, "%", goal(slower, "≤", 5));
  const dearer = 100 * (median(costs) - 1);
  report(`${LISTENERS} dashboards: processor time a sample, more by`, dearer, "%", goal(dearer, "≤", 5));
  report(`${LISTENERS} dashboards: processor taken`, 100 * median(extra), "% of a core");
}

interface Trained {
  readonly rate: number;
  /** Processor seconds. */
  readonly perSample: number;
  readonly core: number;
}

async function trainedBeside(daemon: RunningDaemon): Promise<Trained> {
  const dashboards = Array.from({ length: LISTENERS }, () => new Dashboard(daemon.http, false));
  await seconds(SETTLE_SECONDS);
  const beside = await trained(daemon);
  for (const dashboard of dashboards) await dashboard.close();
  await seconds(SETTLE_SECONDS);
  return beside;
}

/** Measures samples a second and processor seconds a sample over a while. */
async function trained({ pid, http }: RunningDaemon): Promise<Trained> {
  const [rowsBefore, beganAt, before] = [await durableRows(http), performance.now(), processorSeconds(pid)];
  await seconds(BUSY_SECONDS);
  const [rows, tookMs] = [(await durableRows(http)) - rowsBefore, performance.now() - beganAt];
  const took = processorSeconds(pid) - before;
  return { rate: (1000 * rows) / tookMs, perSample: took / rows, core: (1000 * took) / tookMs };
}

async function durableRows(url: string): Promise<number> {
  const status = (await (await fetch(`${url}/api/status`)).json()) as {
    models: { default: { durableSequence: number } };
  };
  return status.models.default.durableSequence;
}

async function share(pid: number, duration: number): Promise<number> {
  const [before, beganAt] = [processorSeconds(pid), performance.now()];
  await seconds(duration);
  return (1000 * (processorSeconds(pid) - before)) / (performance.now() - beganAt);
}

function seconds(duration: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 1000 * duration));
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, "exit");
  child.kill("SIGTERM");
  await exit;
}
