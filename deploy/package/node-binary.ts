// Node for an architecture, as the lockfile pins it: the installed package where it is for this machine, else fetched
// once and kept beside the installed packages. What is fetched is held against the lockfile's integrity each time.

import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Arch } from "./elf.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** Tells where a pinned Node is, in which version. */
export interface PinnedNode {
  /** Folder of the npm package: `bin/node`, `LICENSE`. */
  readonly folder: string;
  readonly version: string;
}

/** Finds the pinned Node for `arch`; fetches it where it is not there. Throws where it is not what the lockfile has. */
export function pinnedNode(arch: Arch): PinnedNode {
  const name = `node-linux-${arch}`;
  const { packages } = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8"));
  const { version, integrity } = packages[`node_modules/${name}`] as { version: string; integrity: string };
  const installed = join(root, "node_modules", name);
  if (existsSync(join(installed, "bin", "node"))) return { folder: installed, version };
  const cache = join(root, "node_modules", ".cache", "rivulet", `${name}-${version}`);
  const archive = join(cache, "package.tgz");
  if (!existsSync(archive) || integrityOf(archive) !== integrity) {
    rmSync(cache, { recursive: true, force: true });
    fetchInto(cache, `${name}@${version}`, integrity);
  }
  return { folder: join(cache, "package"), version };
}

/** Fetches and unpacks a package beside its place, so that one that is half there has never its name. */
function fetchInto(cache: string, name: string, integrity: string): void {
  mkdirSync(join(cache, ".."), { recursive: true });
  const folder = mkdtempSync(`${cache}-`);
  // npm's own configuration in the checkout does not concern a single package.
  execFileSync("npm", ["pack", "--silent", "--pack-destination", folder, name], {
    cwd: tmpdir(),
    stdio: ["ignore", "ignore", "inherit"],
  });
  const archive = join(folder, "package.tgz");
  renameSync(join(folder, readdirSync(folder).find((file) => file.endsWith(".tgz")) ?? ""), archive);
  if (integrityOf(archive) !== integrity) throw new Error(`${name} is not what the lockfile has`);
  execFileSync("tar", ["-xzf", archive], { cwd: folder });
  renameSync(folder, cache);
}

function integrityOf(path: string): string {
  return `sha512-${createHash("sha512").update(readFileSync(path)).digest("base64")}`;
}
