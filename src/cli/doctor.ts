import { Command } from "commander";
import { type Diagnosis, diagnose, type Outcome } from "../daemon/doctor.ts";
import { RivuletError } from "../error.ts";
import { askRunning, configOf, type GlobalOptions, print } from "./context.ts";
import { optionsOf } from "./options.ts";
import { type Style, styled } from "./style.ts";

const LOOKS: Readonly<Record<Outcome, Style>> = { ok: "green", warn: "yellow", fail: "red", unknown: "yellow" };
const EXIT_CODES: Readonly<Record<Outcome, number>> = { ok: 0, warn: 0, fail: 1, unknown: 2 };

/** Looks at everything that may be wrong, and says what to type. */
export function doctorCommand(exit: (code: number) => void): Command {
  return new Command("doctor")
    .description(
      "look at store, lock, permissions, disk, clock, broker and backups, whether the daemon runs or not, and say what to type (exit 1: something is wrong, 2: cannot tell)",
    )
    .option("--json", "print JSON")
    .action(async (_, command: Command) => {
      const options = optionsOf(command);
      const diagnosis = await examine(options);
      print(options, diagnosis, () => doctorText(diagnosis));
      exit(EXIT_CODES[diagnosis.outcome]);
    });
}

async function examine(options: GlobalOptions): Promise<Diagnosis> {
  try {
    const config = configOf(options);
    return (await askRunning(config, "doctor", {})) ?? (await diagnose(config, null));
  } catch (error) {
    if (!(error instanceof RivuletError) || !error.code.startsWith("config-")) throw error;
    const says = error.message;
    const finding = { what: "config", outcome: "fail", says, todo: "rivulet config check" } as const;
    return { outcome: "fail", data: options.data ?? "", running: false, findings: [finding] };
  }
}

function doctorText({ findings, running, data }: Diagnosis): string {
  const width = Math.max(...findings.map(({ what }) => what.length));
  const lines = findings.flatMap(({ what, outcome, says, todo }) => [
    `${styled(LOOKS[outcome], outcome.padEnd(7))}  ${what.padEnd(width)}  ${says}`,
    ...(todo === null ? [] : [`${" ".repeat(11 + width)}${todo}`]),
  ]);
  return [running ? `a daemon runs on ${data}` : `no daemon answers on ${data}`, ...lines].join("\n");
}
