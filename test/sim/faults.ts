// The handle of faults.c: a disk for one program under test that is slow, full, broken or read-only when a test says so,
// and that counts; and a clock that is set. The test writes the control file, which the program has mapped, so all of it can change at any moment.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdirSync, mkdtempSync, openSync, readSync, realpathSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { binary } from "../programs.ts";

const source = fileURLToPath(new URL("faults.c", import.meta.url));

/** In the order of the enum in faults.c. */
const MODES = ["none", "full", "write-error", "flush-error", "read-error", "read-only"] as const;

/** In the order of the struct in faults.c, each of 8 bytes. */
const FIELDS = [
  "mode",
  "flushDelayMs",
  "roomBytes",
  "flushesBegun",
  "flushes",
  "logFlushes",
  "writes",
  "bytesWritten",
  "reads",
  "faults",
  "clockMs",
  "readFrom",
] as const;

/**
 * - `full`: writes fail with ENOSPC after `roomBytes` more; the last one writes what still fits.
 * - `write-error`: what writes, lengthens, cuts or flushes a file fails with EIO.
 * - `flush-error`: only flushes fail with EIO; what was written can be read.
 * - `read-error`: reads fail with EIO.
 * - `read-only`: writes, and opening for writing, fail with EROFS.
 */
export type FaultMode = (typeof MODES)[number];

export interface FaultCounts {
  /** fsync and fdatasync that were called; the delay comes after this. */
  readonly flushesBegun: number;
  /** Those that ended well. */
  readonly flushes: number;
  /** Those of them that went to a file whose name ends in -wal. */
  readonly logFlushes: number;
  readonly writes: number;
  readonly bytesWritten: number;
  readonly reads: number;
  /** Calls that were made to fail, or to write less than was asked. */
  readonly faults: number;
}

/** Controls the disk of the programs that were started with `env`. */
export class Faults {
  /** What the program has to be started with. */
  readonly env: Readonly<Record<string, string>>;
  readonly #folder: string;
  readonly #control: number;

  constructor(workFolder: string, library: string, folder: string) {
    const path = join(workFolder, "control");
    this.#folder = workFolder;
    this.#control = openSync(path, "w+");
    for (const name of FIELDS) this.#write(name, 0);
    // Not RIVULET_…: the program refuses variables of that name which are no key of its configuration.
    this.env = { LD_PRELOAD: library, FAULT_FOLDER: folder, FAULT_CONTROL: path };
  }

  get mode(): FaultMode {
    return MODES[this.#read("mode")] ?? "none";
  }

  set mode(mode: FaultMode) {
    this.#write("mode", MODES.indexOf(mode));
  }

  /** Holds each flush for so long; one that is held already goes on as soon as this is made shorter. */
  set flushDelayMs(ms: number) {
    this.#write("flushDelayMs", ms);
  }

  /** What can still be written in `full`, 0 from the beginning. */
  get roomBytes(): number {
    return this.#read("roomBytes");
  }

  set roomBytes(bytes: number) {
    this.#write("roomBytes", bytes);
  }

  /** Where in a file the bytes begin that cannot be read in `read-error`, 0 from the beginning. */
  set readFrom(bytes: number) {
    this.#write("readFrom", bytes);
  }

  /** Moves the program's time of day by so much; its clock that only goes forward stays. */
  set clockMs(ms: number) {
    this.#write("clockMs", ms);
  }

  counts(): FaultCounts {
    return {
      flushesBegun: this.#read("flushesBegun"),
      flushes: this.#read("flushes"),
      logFlushes: this.#read("logFlushes"),
      writes: this.#read("writes"),
      bytesWritten: this.#read("bytesWritten"),
      reads: this.#read("reads"),
      faults: this.#read("faults"),
    };
  }

  /** Removes its temporary files; the programs have ended before. */
  close(): void {
    closeSync(this.#control);
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #read(name: (typeof FIELDS)[number]): number {
    const bytes = Buffer.alloc(8);
    readSync(this.#control, bytes, 0, 8, 8 * FIELDS.indexOf(name));
    return Number(bytes.readBigInt64LE());
  }

  #write(name: (typeof FIELDS)[number], value: number): void {
    const bytes = Buffer.alloc(8);
    bytes.writeBigInt64LE(BigInt(value));
    writeSync(this.#control, bytes, 0, 8, 8 * FIELDS.indexOf(name));
  }
}

/** Compiles the shim for files under `folder`, which is made where it is missing. Needs `programs.cc`. */
export async function openFaults(folder: string): Promise<Faults> {
  mkdirSync(folder, { recursive: true });
  const workFolder = mkdtempSync(join(tmpdir(), "rivulet-faults-"));
  const library = join(workFolder, "faults.so");
  const args = ["-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o", library, source];
  const [code] = await once(spawn(binary("cc"), args, { stdio: "inherit" }), "exit");
  if (code !== 0) {
    rmSync(workFolder, { recursive: true });
    throw new Error("faults.c does not compile");
  }
  // The shim compares with what /proc says of open files, where no link is left.
  return new Faults(workFolder, library, realpathSync(folder));
}
