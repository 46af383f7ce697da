import { closeSync, openSync } from "node:fs";
import { Command } from "commander";
import { checkConfig } from "../daemon/config.ts";
import { type Daemon, openDaemon } from "../daemon/daemon.ts";
import { openLog } from "../daemon/log.ts";
import { memoryPlan } from "../daemon/memory-plan.ts";
import { openNotifier } from "../daemon/notify.ts";
import { version } from "../daemon/version.ts";
import { keepHeapSmall } from "./ahead.ts";
import { brokerAccess } from "./broker-access.ts";
import { configOf, sourcesOf } from "./context.ts";
import { optionsOf } from "./options.ts";
import { bytes } from "./table.ts";

const MODELS_SHOWN_MAX = 5;

/** Runs the daemon until it is told to stop. */
export function startCommand(exit: (code: number) => void): Command {
  return new Command("start")
    .description("run the daemon: take samples over MQTT, train, keep history (Ctrl-C stops it cleanly)")
    .action(async (_, command: Command) => {
      // Done already, where it is the first word.
      keepHeapSmall();
      const options = optionsOf(command);
      const config = configOf(options);
      const reread = () => checkConfig(sourcesOf(options));
      const reload = { now: () => {} };
      const stopped = stopSignal(() => reload.now());
      const isTerminal = process.stdout.isTTY === true;
      const write = (line: string) => void process.stdout.write(line);
      const log = openLog({ level: config.log.level, write, isTerminal });
      const notifier = openNotifier(process.env, log);
      const opening = openDaemon({ config, log, listen: true, reread });
      // While a full disk keeps the daemon from opening, a signal must still end it.
      const daemon = await Promise.race([opening, stopped.then(() => null)]);
      if (daemon === null) return endNow();
      try {
        reload.now = () => void daemon.reload();
        notifier.ready(
          () => statusLine(daemon),
          () => daemon.stalledMs,
        );
        if (isTerminal) write(greeting(daemon));
        else log.info(readyFields(daemon), readyText(daemon));
        await Promise.race([stopped, daemon.ended]);
        notifier.stopping();
        log.info("rivulet stops: trains what is pending, commits, saves");
      } finally {
        // Whatever failed, nothing stays open that would keep the process alive.
        await daemon.close();
        await notifier.close();
      }
      exit(0);
    });
}

/** Says in a line how the daemon is, for whoever asks the service manager. */
function statusLine({ rooms }: Daemon): string {
  const { models, broker } = rooms;
  const [first] = models.values();
  const what =
    models.size === 1 && first !== undefined ? `${first.name} at step ${first.state.step}` : `${models.size} models`;
  const { online, url } = broker?.status() ?? { online: false, url: "no broker" };
  return `${what}; ${url} is ${online ? "online" : "offline"}`;
}

/** Says that it runs, for whoever reads the log of a service: no secret is in it. */
function readyText({ rooms }: Daemon): string {
  const broker = rooms.broker?.status();
  const place = broker?.kind === "external" ? `takes samples from ${broker.url}` : `listens on ${broker?.url}`;
  return `rivulet ${place}, data in ${rooms.config.data}`;
}

function readyFields({ rooms: { models }, http }: Daemon): object {
  const steps = Object.fromEntries([...models].map(([name, { state }]) => [name, state.step]));
  return { version, pid: process.pid, http: http?.url ?? null, steps };
}

/** Says what listens, where the data is, and what to type next, to who sits at the terminal. */
function greeting(daemon: Daemon): string {
  const { rooms, http } = daemon;
  const { config, models } = rooms;
  const broker = rooms.broker?.status();
  const { url, password, tls } = brokerAccess(config);
  const { hostname } = new URL(url);
  const port = broker?.kind === "embedded" ? broker.port : new URL(url).port || "1883";
  const access = `${tls === undefined ? "" : " --cafile CA.pem"}${password === null ? "" : " -u NAME -P PASSWORD"}`;
  const lines = [...models.values()].map(({ name, state }) => {
    const { features, label } = state.config.learner;
    const sample = JSON.stringify(Object.fromEntries([...features.map((feature) => [feature, 0.5]), [label, 1]]));
    return `  ${name} learns ${features.join(", ")} → ${label}, is at step ${state.step}; try
    mosquitto_pub -h ${hostname} -p ${port}${access} -q 1 -t ${config.mqtt.prefix}/${name}/sample -m '${sample}'`;
  });
  const more = lines.length - MODELS_SHOWN_MAX;
  const dashboard = http === null ? "" : `  dashboard and API: ${http.url}/#token=${http.token}\n`;
  // npm says that it runs a script; where the program is installed, it is on the path.
  const program = process.env["npm_lifecycle_event"] === undefined ? "rivulet" : "npm run -s rivulet --";
  const { totalBytes } = memoryPlan(config.models, config.intake);
  return `${readyText(daemon)}, ${bytes(totalBytes)} of memory for the models
${lines.slice(0, MODELS_SHOWN_MAX).join("\n")}${more > 0 ? `\n  … and ${more} more models` : ""}
${dashboard}  or, in another terminal: ${program} publish FILE.csv | status | history | snapshots list | rollback ID
`;
}

/**
 * Resolves at the first SIGINT or SIGTERM; a second one ends the process at once, which is safe: it is as a crash. SIGHUP
 * reloads, unless it says that the terminal is gone.
 */
function stopSignal(reload: () => void): Promise<void> {
  return new Promise((resolve) => {
    let asked = false;
    const stop = () => {
      if (asked) endNow();
      asked = true;
      resolve();
    };
    process.on("SIGINT", stop);
    process.on("SIGTERM", stop);
    process.on("SIGHUP", () => {
      if (process.stdin.isTTY && !hasTerminal()) stop();
      else reload();
    });
  });
}

/** Ends as a crash would. An exit would wait for the store's thread, which a disk may hold for as long as it likes. */
function endNow(): void {
  process.kill(process.pid, "SIGKILL");
}

function hasTerminal(): boolean {
  try {
    closeSync(openSync("/dev/tty", "r"));
    return true;
  } catch {
    return false;
  }
}
