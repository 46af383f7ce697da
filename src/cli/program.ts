// The command line: global options, one file a verb, and what an error looks like. Exit codes: 0 ok, 1 a negative answer
// or an error, 2 cannot tell, 64 usage.

import { Command, CommanderError } from "commander";
import { RivuletError } from "../error.ts";
import { backtestCommand } from "./backtest.ts";
import { backupCommand } from "./backup.ts";
import { brokerSetupCommand } from "./broker-setup.ts";
import { completionCommand } from "./completion.ts";
import { configCommand } from "./config.ts";
import { demoCommand } from "./demo.ts";
import { doctorCommand } from "./doctor.ts";
import { evaluateCommand } from "./evaluate.ts";
import { examplesText } from "./examples.ts";
import { explainCommand } from "./explain.ts";
import { fitCommand } from "./fit.ts";
import { fleetCommand } from "./fleet.ts";
import { historyCommand } from "./history.ts";
import { journalCommand } from "./journal.ts";
import { modelsCommand } from "./models.ts";
import { predictCommand } from "./predict.ts";
import { publishCommand } from "./publish.ts";
import { quarantineCommand } from "./quarantine.ts";
import { restoreCommand } from "./restore.ts";
import { rollbackCommand } from "./rollback.ts";
import { snapshotsCommand } from "./snapshots.ts";
import { startCommand } from "./start.ts";
import { statusCommand } from "./status.ts";
import { styled } from "./style.ts";
import { topCommand } from "./top.ts";
import { verifyCommand } from "./verify.ts";

const EXIT_ERROR = 1;
const EXIT_USAGE = 64;

/** Runs a command line and resolves with the exit code. */
export async function run(args: readonly string[]): Promise<number> {
  // Whoever reads the output may go away (`| head`, a closed terminal): that ends neither a query nor the daemon.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
  });
  let exitCode = 0;
  const program = createProgram((code) => {
    exitCode = code;
  });
  try {
    await program.parseAsync(args, { from: "user" });
    return exitCode;
  } catch (error) {
    return report(error, pathOf(program, args));
  }
}

/** Makes the program with all its commands; `exit` is told the code of one that ends otherwise than well. */
export function createProgram(exit: (code: number) => void): Command {
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
  const commands = [
    startCommand(exit),
    fitCommand(exit),
    evaluateCommand(),
    publishCommand(exit),
    predictCommand(),
    statusCommand(),
    topCommand(),
    historyCommand(),
    snapshotsCommand(),
    rollbackCommand(),
    backtestCommand(),
    explainCommand(),
    journalCommand(),
    quarantineCommand(),
    verifyCommand(exit),
    modelsCommand(),
    backupCommand(),
    restoreCommand(),
    doctorCommand(exit),
    brokerSetupCommand(),
    fleetCommand(),
    configCommand(exit),
    demoCommand(),
    completionCommand(() => program),
  ];
  for (const command of commands) program.addCommand(inherit(command));
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
