// Walks the way of a package on a device: npm run walk -- [--part arm64|deb|tarball|all]. What is installed is tried in a
// clean Debian with a real systemd (debian-root.ts: needs root and debootstrap); the arm64 program under emulation, on a
// real Mosquitto. Exit code 1 at the first thing that is not as it should be.

import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { debianBase } from "./debian-root.ts";
import { walkArm64 } from "./sim/walk-arm64.ts";
import { walkDeb } from "./sim/walk-deb.ts";
import { walkTarball } from "./sim/walk-tarball.ts";

const PARTS = ["arm64", "deb", "tarball"] as const;
/** Stands for the version to come. */
const NEXT = "0.99.0";

const root = fileURLToPath(new URL("..", import.meta.url));
const { values } = parseArgs({
  options: {
    part: { type: "string", default: "all" },
    /** A Debian that is there already, with systemd and mosquitto. */
    base: { type: "string" },
  },
});

const parts = PARTS.filter((part) => values.part === "all" || values.part === part);
if (parts.length === 0) throw new Error(`--part is ${PARTS.join(", ")} or all`);
const work = mkdtempSync(join(tmpdir(), "rivulet-walk-"));
try {
  for (const part of parts) {
    const startedAt = performance.now();
    await walk(part);
    console.log(`${part}: as it should be, ${Math.round((performance.now() - startedAt) / 1000)} s`);
  }
} finally {
  rmSync(work, { recursive: true, force: true });
}

async function walk(part: (typeof PARTS)[number]): Promise<void> {
  if (part === "arm64") return walkArm64(built("arm64", "tar"), work);
  const format = part === "deb" ? "deb" : "tar";
  const [now, next] = [built(process.arch, format), built(process.arch, format, NEXT)];
  const base = debianBase(values.base);
  return part === "deb" ? walkDeb(base, now, next) : walkTarball(base, now, next);
}

/** Builds a package, compressed as little as may be; returns its path. */
function built(arch: string, format: string, version?: string): string {
  const args = ["--arch", arch, "--format", format, "--level", "1", "--out", work];
  if (version !== undefined) args.push("--version", version);
  const script = join(root, "deploy", "package.ts");
  const told = execFileSync(process.execPath, [script, ...args], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
  });
  return join(work, told.split(/\s+/)[1] ?? "");
}
