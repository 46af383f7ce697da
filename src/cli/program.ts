// The command line: global options, one file a verb, and what an error looks like. Exit codes: 0 ok, 1 a negative answer
// or an error, 2 cannot tell, 64 usage.

import { Command, CommanderError } from "commander";
import { RivuletError } from "../error.ts";
import { examplesText } from "./examples.ts";
import { styled } from "./style.ts";

const EXIT_ERROR = 1;
const EXIT_USAGE = 64;

/** Is told the exit code of a command that ends otherwise than well. */
type Exit = (code: number) => void;

/** Loads each command, in the order of the help. One that is called brings what it needs, and not what the others need. */
const COMMANDS: Readonly<Record<string, (exit: Exit, program: () => Promise<Command>) => Promise<Command>>> = {
  start: async (exit) => (await import("./start.ts")).startCommand(exit),
  fit: async (exit) => (await import("./fit.ts")).fitCommand(exit),
  evaluate: async () => (await import("./evaluate.ts")).evaluateCommand(),
  publish: async (exit) => (await import("./publish.ts")).publishCommand(exit),
  predict: async () => (await import("./predict.ts")).predictCommand(),
  status: async () => (await import("./status.ts")).statusCommand(),
  top: async () => (await import("./top.ts")).topCommand(),
  history: async () => (await import("./history.ts")).historyCommand(),
  snapshots: async () => (await import("./snapshots.ts")).snapshotsCommand(),
  rollback: async () => (await import("./rollback.ts")).rollbackCommand(),
  backtest: async () => (await import("./backtest.ts")).backtestCommand(),
  explain: async () => (await import("./explain.ts")).explainCommand(),
  journal: async () => (await import("./journal.ts")).journalCommand(),
  quarantine: async () => (await import("./quarantine.ts")).quarantineCommand(),
  verify: async (exit) => (await import("./verify.ts")).verifyCommand(exit),
  models: async () => (await import("./models.ts")).modelsCommand(),
  backup: async () => (await import("./backup.ts")).backupCommand(),
  restore: async () => (await import("./restore.ts")).restoreCommand(),
  doctor: async (exit) => (await import("./doctor.ts")).doctorCommand(exit),
  "broker-setup": async () => (await import("./broker-setup.ts")).brokerSetupCommand(),
  fleet: async () => (await import("./fleet.ts")).fleetCommand(),
  config: async (exit) => (await import("./config.ts")).configCommand(exit),
  demo: async () => (await import("./demo.ts")).demoCommand(),
  completion: async (_, program) => (await import("./completion.ts")).completionCommand(program),
};

/** Runs a command line and resolves with the exit code. */
export async function run(args: readonly string[]): Promise<number> {
  // Whoever reads the output may go away (`| head`, a closed terminal): that ends neither a query nor the daemon.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
  });
  let exitCode = 0;
  const exit = (code: number) => {
    exitCode = code;
  };
  // A first word that is a command is the one that is called; anything else may be about any.
  const [first = ""] = args;
  const program = await (Object.hasOwn(COMMANDS, first) ? programOf([first], exit) : createProgram(exit));
  try {
    await program.parseAsync(args, { from: "user" });
    return exitCode;
  } catch (error) {
    return report(error, pathOf(program, args));
  }
}

/** Makes the program with all its commands; `exit` is told the code of one that ends otherwise than well. */
export function createProgram(exit: Exit): Promise<Command> {
  return programOf(Object.keys(COMMANDS), exit);
}

async function programOf(names: readonly string[], exit: Exit): Promise<Command> {
  const program = new Command("rivulet")
    .description(
      "An online learner for edge devices: samples over MQTT in, a trained network, its history and rollback in SQLite.",
    )
    .option("--config <file>", "configuration file (YAML)")
    .option("--data <folder>", "folder of the store (default: ./data)")
    .option("--set <path=value>", "override one key of the configuration; may be repeated", collect, [])
    .showHelpAfterError("(rivulet --help tells what there is)")
    .addHelpText("after", examplesText(""))
    .exitOverride();
  const commands = await Promise.all(names.map((name) => COMMANDS[name]?.(exit, () => createProgram(exit))));
  for (const command of commands) if (command !== undefined) program.addCommand(inherit(command));
  return program;
}

/** Finds the command that arguments name: "snapshots export". */
function pathOf(program: Command, args: readonly string[]): string {
  const path: string[] = [];
  let at = program;
  for (const word of args) {
    const next = at.commands.find((command) => command.name() === word);
    if (next === undefined) continue;
    path.push(word);
    at = next;
  }
  return path.join(" ");
}

/** Lets the global options stand behind the verb as well, where people type them. */
function inherit(command: Command, above = ""): Command {
  const path = `${above}${command.name()}`;
  command.exitOverride().showHelpAfterError(`(rivulet ${path} --help has examples)`);
  command.addHelpText("after", examplesText(path));
  for (const child of command.commands) inherit(child, `${path} `);
  if (command.commands.length > 0) return command;
  return command
    .option("--config <file>", "configuration file (YAML)")
    .option("--data <folder>", "folder of the store")
    .option("--set <path=value>", "override one key of the configuration; may be repeated", collect, []);
}

function collect(value: string, before: readonly string[]): readonly string[] {
  return [...before, value];
}

function report(error: unknown, path: string): number {
  if (error instanceof CommanderError) {
    // Commander has printed its message already; help and version are no errors.
    return error.exitCode === 0 ? 0 : EXIT_USAGE;
  }
  if (!(error instanceof RivuletError)) throw error;
  process.stderr.write(`${styled("red", "rivulet:", process.stderr)} ${error.message}\n`);
  const hint = error.hint === "" && error.code === "usage" ? `\`rivulet ${path} --help\` has examples.` : error.hint;
  if (hint !== "") process.stderr.write(`  ${hint}\n`);
  return error.code === "usage" ? EXIT_USAGE : EXIT_ERROR;
}
