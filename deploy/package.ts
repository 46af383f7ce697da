// Writes what is installed on devices into build/: npm run package -- [--arch arm64|x64|all] [--format tar|deb|all].
// The same commit gives the same bytes, whatever the folder, the user, the time and the processor.

import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { compressed } from "./package/compressed.ts";
import { bundle, contents, type Release } from "./package/contents.ts";
import { deb, debArchitecture } from "./package/deb.ts";
import type { Arch } from "./package/elf.ts";
import { tar } from "./package/tar.ts";
import { below, withFolders } from "./package/tree.ts";

const ARCHES: readonly Arch[] = ["arm64", "x64"];
const FORMATS = ["tar", "deb"] as const;
const LEVEL_MIN = 1;
const LEVEL_MAX = 9;

const root = fileURLToPath(new URL("..", import.meta.url));
const { values } = parseArgs({
  options: {
    arch: { type: "string", default: "all" },
    format: { type: "string", default: "all" },
    out: { type: "string", default: join(root, "build") },
    // A lower level is for tests: it takes a tenth of the time.
    level: { type: "string", default: `${LEVEL_MAX}` },
    // Another version is for tests: that of package.json is the true one.
    version: { type: "string" },
  },
});
main();

function main(): void {
  const arches = chosen("--arch", values.arch, ARCHES);
  const formats = chosen("--format", values.format, FORMATS);
  const level = Number(values.level);
  if (!(level >= LEVEL_MIN && level <= LEVEL_MAX)) throw new Error(`--level is ${LEVEL_MIN} to ${LEVEL_MAX}`);
  const out = resolve(values.out);
  mkdirSync(out, { recursive: true });
  const bundled = bundle();
  for (const arch of arches) {
    const release = releaseOf(arch);
    const entries = contents(release, bundled);
    for (const format of formats) {
      const [name, bytes] = format === "tar" ? tarball(release, entries, level) : debian(release, entries, level);
      writeFileSync(join(out, name), bytes);
      console.log(
        `${createHash("sha256").update(bytes).digest("hex")}  ${name}  ${(bytes.length / 1e6).toFixed(1)} MB`,
      );
    }
  }
}

function releaseOf(arch: Arch): Release {
  const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const git = (...args: readonly string[]) => execFileSync("git", args, { cwd: root, encoding: "utf8" }).trim();
  const changed = git("status", "--porcelain", "-uno") === "" ? "" : "-changed";
  const commit = `${git("rev-parse", "HEAD")}${changed}`;
  const seconds = Number(process.env["SOURCE_DATE_EPOCH"] ?? git("log", "-1", "--format=%ct"));
  return { version: values.version ?? version, arch, commit, seconds };
}

function tarball(release: Release, entries: ReturnType<typeof contents>, level: number): readonly [string, Buffer] {
  const name = `rivulet-${release.version}-linux-${release.arch}`;
  return [`${name}.tar.gz`, compressed("gzip", tar(withFolders(below(name, entries)), release.seconds), level)];
}

function debian(release: Release, entries: ReturnType<typeof contents>, level: number): readonly [string, Buffer] {
  return [`rivulet_${release.version}_${debArchitecture(release)}.deb`, deb(release, entries, Math.min(level, 6))];
}

function chosen<T extends string>(option: string, value: string, known: readonly T[]): readonly T[] {
  if (value === "all") return known;
  const found = known.filter((one) => one === value);
  if (found.length === 0) throw new Error(`${option} is ${known.join(", ")} or all; came ${value}`);
  return found;
}
