import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { onEnd } from "../daemon/open.ts";

const program = fileURLToPath(new URL("producer-program.ts", import.meta.url));

export interface ProducerProgramOptions {
  readonly url: string;
  readonly file: string;
  readonly rows: number;
  readonly source?: string;
  readonly acknowledges?: "durable" | "received";
  readonly bytesMax?: number;
  /** Lets no file grow beyond it. */
  readonly fileKilobytesMax?: number;
}

/** A program that publishes through an outbox, in a process of its own. */
export interface ProducerProgram {
  readonly process: ChildProcess;
  readonly source: string;
  /** Resolves when it has printed a line. Rejects where it ended before. */
  said(line: string): Promise<void>;
  /** Resolves when it has said that this number, or a higher one, is settled. */
  settled(number: number): Promise<void>;
  /** Resolves when it ended, with its exit code; null where a signal ended it. */
  readonly ended: Promise<number | null>;
  readonly lines: readonly string[];
}

/** Starts the program; it is killed after the test. */
export function spawnProducer(options: ProducerProgramOptions): ProducerProgram {
  const source = options.source ?? "pump";
  const { fileKilobytesMax } = options;
  const limit = fileKilobytesMax === undefined ? "" : `ulimit -f ${fileKilobytesMax}; `;
  const args = ["-c", `${limit}exec "$0" "$@"`, process.execPath, program, JSON.stringify({ ...options, source })];
  const child = spawn("bash", args, { stdio: ["ignore", "pipe", "inherit"] });
  onEnd(() => child.kill("SIGKILL"));
  const lines: string[] = [];
  let text = "";
  let wake = () => {};
  child.stdout.setEncoding("utf8").on("data", (piece: string) => {
    const parts = (text + piece).split("\n");
    text = parts.pop() ?? "";
    lines.push(...parts);
    wake();
  });
  const ended = new Promise<number | null>((resolve) => child.once("close", (code) => resolve(code)));
  let isEnded = false;
  void ended.then(() => {
    isEnded = true;
    wake();
  });
  const until = async (what: string, isSaid: () => boolean) => {
    while (!isSaid()) {
      if (isEnded) throw new Error(`the producer ended before it said ${what}: ${lines.slice(-5).join("; ")}`);
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };
  const said = (line: string) => until(line, () => lines.includes(line));
  const settled = (number: number) =>
    until(`settled ${number}`, () => Number(lines.findLast((line) => line.startsWith("settled "))?.slice(8)) >= number);
  return { process: child, source, said, settled, ended, lines };
}
