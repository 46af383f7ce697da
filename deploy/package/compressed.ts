import { spawnSync } from "node:child_process";

const COMMANDS = { gzip: ["-n"], xz: ["-T1", "--check=crc64"] } as const;

/**
 * Compresses bytes by a program of the machine. Node's own gzip looks for repetitions by what the processor can do, so its
 * bytes differ from machine to machine; these programs write the same everywhere, and no time and name into the archive.
 */
export function compressed(program: keyof typeof COMMANDS, bytes: Buffer, level: number): Buffer {
  const { stdout, status, error } = spawnSync(program, [...COMMANDS[program], `-${level}`, "-c"], {
    input: bytes,
    maxBuffer: 2 ** 30,
    env: { PATH: process.env["PATH"] },
    stdio: ["pipe", "pipe", "inherit"],
  });
  if (error !== undefined)
    throw new Error(`${program} cannot be run: apt-get install ${program === "gzip" ? "gzip" : "xz-utils"}`, {
      cause: error,
    });
  if (status !== 0) throw new Error(`${program} exited with ${status}`);
  return stdout;
}
