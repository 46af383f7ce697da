// Runs what takes too long for `npm test`, and tells what came of it as a table for the README:
// npm run acceptance [-- --quick]. Exit code 1 when something failed.

import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { cpus } from "node:os";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const root = fileURLToPath(new URL("..", import.meta.url));
const { values } = parseArgs({ options: { quick: { type: "boolean", default: false } } });

interface Step {
  readonly command: readonly string[];
  /** Its outcome is told by the lines that match. */
  readonly telling: RegExp;
}

interface Outcome {
  readonly command: string;
  readonly passed: boolean;
  readonly seconds: number;
  readonly lines: readonly string[];
}

const [kills, minutes, runs] = values.quick ? ["20", "0.5", "2000"] : ["1000", "30", "100000"];
const steps: readonly Step[] = [
  { command: ["torture", "--", "--kills", kills], telling: /^(npm run|embedded|mosquitto|nothing lost|failed)/ },
  { command: ["soak", "--", "--minutes", minutes], telling: /^(flat|NOT FLAT|FAULT)/ },
  { command: ["fuzz", "--", "--runs", runs], telling: /^(npm run|\d+ passed)/ },
  { command: ["walk"], telling: /as it should be|Error/ },
  { command: ["bench"], telling: /\S/ },
];

const outcomes: Outcome[] = [];
for (const step of steps) outcomes.push(await outcomeOf(step));
console.log(table(outcomes));
process.exitCode = outcomes.every(({ passed }) => passed) ? 0 : 1;

/** Runs a step to its end; what it writes is seen at once. */
async function outcomeOf({ command, telling }: Step): Promise<Outcome> {
  const startedAt = performance.now();
  const child = spawn("npm", ["run", "-s", ...command], { cwd: root, stdio: ["ignore", "pipe", "inherit"] });
  const exit = once(child, "exit");
  const lines: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    console.log(line);
    if (telling.test(line)) lines.push(line.trim());
  }
  const [code] = await exit;
  const seconds = (performance.now() - startedAt) / 1000;
  return { command: `npm run ${command.join(" ")}`, passed: code === 0, seconds, lines };
}

function table(outcomes: readonly Outcome[]): string {
  const git = (...args: readonly string[]) => execFileSync("git", args, { cwd: root, encoding: "utf8" }).trim();
  const changed = git("status", "--porcelain", "-uno") === "" ? "" : ", changed";
  const [processor] = cpus();
  const when = new Date().toISOString().slice(0, 10);
  const rows = outcomes.map(({ command, passed, seconds, lines }) => {
    const told = lines.map((line) => line.replaceAll("|", "\\|").replaceAll(/ {2,}/g, " ")).join("<br>");
    return `| \`${command}\` | ${passed ? "passed" : "FAILED"}, ${Math.round(seconds)} s | ${told} |`;
  });
  return `
${when}, commit ${git("rev-parse", "--short", "HEAD")}${changed}, ${cpus().length} × ${processor?.model.trim()}, Node ${process.versions.node}

| command | outcome | figures |
| --- | --- | --- |
${rows.join("\n")}
`;
}
