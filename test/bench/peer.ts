// The programs that a bench compares with: each in a process of its own, one thread, by the line protocol of peers/peer.py.

import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from "node:child_process";
import { join } from "node:path";
import { createInterface, type Interface } from "node:readline";
import { fileURLToPath } from "node:url";

const folder = fileURLToPath(new URL("peers/", import.meta.url));
const ONE_THREAD = {
  OMP_NUM_THREADS: "1",
  OPENBLAS_NUM_THREADS: "1",
  MKL_NUM_THREADS: "1",
  PYTHONDONTWRITEBYTECODE: "1",
  TF_CPP_MIN_LOG_LEVEL: "3",
};

/** A program that answers cases. */
export class Peer {
  /** What it says that it is. */
  readonly name: string;
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #lines: AsyncIterator<string>;

  private constructor(name: string, child: ChildProcessWithoutNullStreams, lines: AsyncIterator<string>) {
    this.name = name;
    this.#child = child;
    this.#lines = lines;
  }

  /** Starts a program; null where it ends before it has said its name. */
  static async start(command: string, args: readonly string[]): Promise<Peer | null> {
    const child = spawn(command, args, { env: { ...process.env, ...ONE_THREAD } });
    child.stderr.resume();
    child.on("error", () => {});
    const input: Interface = createInterface({ input: child.stdout });
    const lines = input[Symbol.asyncIterator]();
    const { value, done } = await lines.next();
    return done === true ? null : new Peer(value, child, lines);
  }

  /** Sends a case and returns the number that comes back. */
  async ask(line: string): Promise<number> {
    this.#child.stdin.write(`${line}\n`);
    const { value, done } = await this.#lines.next();
    if (done === true) throw new Error(`${this.name} ended at "${line}"`);
    return Number(value);
  }

  end(): void {
    this.#child.kill();
  }
}

/** Starts one of the engines. */
export async function startEngine(kind: "wasm" | "reference"): Promise<Peer> {
  const peer = await Peer.start(process.execPath, ["--expose-gc", join(folder, "rivulet-peer.ts"), kind]);
  if (peer === null) throw new Error(`the ${kind} engine does not start`);
  return peer;
}

/** Starts a peer that is written in TypeScript. */
export async function startNode(file: string, args: readonly string[] = []): Promise<Peer> {
  const peer = await Peer.start(process.execPath, [join(folder, file), ...args]);
  if (peer === null) throw new Error(`${file} does not start`);
  return peer;
}

/** Starts a peer of Python's with the first interpreter that has what it imports; null where none has. */
export async function startPython(file: string, args: readonly string[] = []): Promise<Peer | null> {
  for (const python of ["python3", "/usr/bin/python3"]) {
    const peer = await Peer.start(python, [join(folder, file), ...args]);
    if (peer !== null) return peer;
  }
  return null;
}

/** Starts TensorFlow.js; null where it is not installed. */
export function startTensorFlow(backend: string): Promise<Peer | null> {
  return Peer.start(process.execPath, [join(folder, "tfjs-peer.mjs"), backend]);
}

/** Compiles the peer in C for one network, and starts it; null where there is no gcc. */
export function startC(to: string, network: string, batch: number, precision: string, flags: readonly string[]) {
  const real = precision === "f32" ? "float" : "double";
  const sizes = [`-DUNITS=${network.replaceAll("-", ",")}`, `-DBATCH=${batch}`, `-DREAL=${real}`];
  const { status } = spawnSync("gcc", ["-O3", ...flags, ...sizes, join(folder, "network.c"), "-lm", "-o", to]);
  return status === 0 ? Peer.start(to, []) : null;
}
