import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

/** Runs the program to its end and hands over each line that it writes, none of which is kept. Throws where it does not end well. */
export async function commandLines(
  main: string,
  args: readonly string[],
  onLine: (line: string) => void,
): Promise<void> {
  const clean = Object.entries(process.env).filter(([name]) => !name.startsWith("RIVULET_"));
  const child = spawn(process.execPath, [main, ...args], {
    env: Object.fromEntries(clean),
    stdio: ["ignore", "pipe", "pipe"],
  });
  const exit = once(child, "close");
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr = (stderr + text).slice(-4000);
  });
  try {
    for await (const line of createInterface({ input: child.stdout })) onLine(line);
  } catch (error) {
    child.kill("SIGKILL");
    throw error;
  } finally {
    await exit;
  }
  if (child.exitCode !== 0) throw new Error(`rivulet ${args.join(" ")} exited with ${child.exitCode}: ${stderr}`);
}

/** Runs the program and reads its output as JSON. */
export async function commandJson<T>(main: string, args: readonly string[]): Promise<T> {
  const lines: string[] = [];
  await commandLines(main, [...args, "--json"], (line) => lines.push(line));
  return JSON.parse(lines.join("\n")) as T;
}
