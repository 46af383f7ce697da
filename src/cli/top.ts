import { setTimeout as sleep } from "node:timers/promises";
import { Command } from "commander";
import { RivuletError } from "../error.ts";
import { askRunning, configOf, type GlobalOptions, print } from "./context.ts";
import { optionsOf, positiveNumber } from "./options.ts";
import { Screen, terminalSize } from "./screen.ts";
import { type Look, readingBetween, type TopReading } from "./top-reading.ts";
import { absentLines, topLines, topPoints } from "./top-view.ts";

type Options = GlobalOptions & { readonly interval: number };

/** Size of the one frame that is written where there is no terminal. */
const PLAIN_COLUMNS = 100;
const PLAIN_ROWS = 1000;
/** A range so far back shows what just happens, and still what was before. */
const STEPS_SHOWN = 20_000;
const MODELS_MAX = 16;
const CTRL_C = "\u0003";

/** Shows what a running daemon does, as it does it. */
export function topCommand(): Command {
  return new Command("top")
    .description("show throughput, cost, accuracy, drift and commits of a running daemon, live; q or Ctrl-C ends it")
    .option("--name <model>", "only this model")
    .option("--interval <seconds>", "time between two looks", positiveNumber("--interval"), 1)
    .option("--json", "print one reading as JSON")
    .action(async (_, command: Command) => {
      const options = optionsOf<Options>(command);
      if (process.stdout.isTTY && options.json !== true) return live(options);
      const reading = await once(options);
      print(options, reading, () => topLines(reading, PLAIN_COLUMNS, PLAIN_ROWS).join("\n").trimEnd());
    });
}

async function once(options: Options): Promise<TopReading> {
  const before = await look(options, PLAIN_COLUMNS);
  await sleep(1000 * options.interval);
  return readingBetween(before, await look(options, PLAIN_COLUMNS));
}

async function live(options: Options): Promise<void> {
  const { data } = configOf(options);
  let before = await look(options, terminalSize().columns);
  const end = new AbortController();
  const leave = listen(end);
  const screen = new Screen();
  try {
    while (!end.signal.aborted) {
      // The first frame comes at once, with nothing between two looks yet.
      const now = await look(options, terminalSize().columns).catch((error: unknown) => {
        if (error instanceof RivuletError && error.code === "daemon-unreachable") return null;
        throw error;
      });
      screen.draw((columns, rows) =>
        now === null ? absentLines(data, columns) : topLines(readingBetween(before, now), columns, rows),
      );
      if (now !== null) before = now;
      await sleep(1000 * options.interval, undefined, { signal: end.signal }).catch(() => {});
    }
  } finally {
    screen.close();
    leave();
  }
}

/** Listens for what ends the view; a terminal in raw mode sends Ctrl-C as a character. Returns how to stop that. */
function listen(end: AbortController): () => void {
  const { stdin } = process;
  const stop = () => end.abort();
  const onKey = (keys: Buffer) => {
    const text = keys.toString();
    if (text.includes("q") || text.includes(CTRL_C)) stop();
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, stop);
  if (stdin.isTTY) {
    stdin.setRawMode(true);
    stdin.on("data", onKey).resume();
  }
  return () => {
    if (!stdin.isTTY) return;
    stdin.setRawMode(false);
    stdin.off("data", onKey).pause();
  };
}

async function look(options: Options, columns: number): Promise<Look> {
  const config = configOf(options);
  const ask = async <T>(asked: Promise<T | null>): Promise<T> => {
    const answer = await asked;
    if (answer !== null) return answer;
    throw new RivuletError("daemon-unreachable", `no daemon runs on ${config.data}`, {
      hint: "Start one with `rivulet start`, or name another folder with --data.",
    });
  };
  const status = await ask(askRunning(config, "status", {}));
  const atMs = performance.now();
  const names = Object.keys(status.models).filter((name) => options.name === undefined || name === options.name);
  if (options.name !== undefined && names.length === 0) {
    throw new RivuletError("unknown-model", `there is no model ${options.name} in this daemon`, {
      hint: `It has ${Object.keys(status.models).join(", ")}.`,
    });
  }
  const shown = names.slice(0, MODELS_MAX);
  const histories = await Promise.all(
    shown.map((name) => {
      const from = Math.max(1, (status.models[name]?.step ?? 0) - STEPS_SHOWN + 1);
      return ask(askRunning(config, "history", { name, from, points: topPoints(columns) }));
    }),
  );
  const models = Object.fromEntries(Object.entries(status.models).filter(([name]) => shown.includes(name)));
  return { atMs, status: { ...status, models }, histories };
}
