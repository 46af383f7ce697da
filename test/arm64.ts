// Compares the bits of learners on an emulated arm64 with those of this machine: npm run test:arm64.
// It needs qemu's user emulation and Debian's libraries for arm64, and fetches Node for arm64 as the lockfile has it.

import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { pinnedNode } from "../deploy/package/node-binary.ts";
import { ARM64, missingEmulator } from "./emulator.ts";

const script = fileURLToPath(new URL("state-hash.ts", import.meta.url));

function linesOf(command: string, args: readonly string[]): readonly string[] {
  const { status, stdout, stderr } = spawnSync(command, [...args, script], { encoding: "utf8", maxBuffer: 1e8 });
  if (status !== 0) throw new Error(`${command} exited with ${status}: ${stderr}`);
  return stdout.trim().split("\n");
}

function main(): number {
  const hint = missingEmulator();
  if (hint !== null) {
    const required = (process.env["RIVULET_TEST_REQUIRE"] ?? "").split(",").includes("arm64");
    console.log(`${required ? "absent" : "skipped"}: the emulated arm64 (install: ${hint})`);
    return required ? 1 : 0;
  }
  const [emulator = "", ...options] = ARM64;
  const here = linesOf(process.execPath, []);
  const there = linesOf(emulator, [...options, join(pinnedNode("arm64").folder, "bin", "node")]);
  const differ = here.filter((line, i) => line !== there[i]);
  for (const line of differ) console.log(`differs: ${line}`);
  const same = here.length - differ.length;
  console.log(`${same} of ${here.length} hashes on arm64 are those of ${process.arch}`);
  return differ.length === 0 && here.length === there.length ? 0 : 1;
}

process.exitCode = main();
