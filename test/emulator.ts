// The emulated arm64: where its parts are on a Debian, and how to get them.
import { existsSync } from "node:fs";

const PROGRAM = "/usr/bin/qemu-aarch64-static";
const LIBRARIES = "/usr/aarch64-linux-gnu";

/** Runs a program for arm64, whose path comes next. */
export const ARM64: readonly string[] = [PROGRAM, "-L", LIBRARIES];

/** Says how to install what is missing; null where nothing is. */
export function missingEmulator(): string | null {
  if (existsSync(PROGRAM) && existsSync(LIBRARIES)) return null;
  return "apt-get install qemu-user-static libc6-arm64-cross libstdc++6-arm64-cross libgcc-s1-arm64-cross libatomic1-arm64-cross";
}
