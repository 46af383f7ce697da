// What is in a package: one tree for the tarball and the .deb, made of the bundle, the packages that stay outside of it,
// Node, and the files of this folder's neighbours.

import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Arch, stripped } from "./elf.ts";
import { pinnedNode } from "./node-binary.ts";
import { type Entry, file, filesFrom } from "./tree.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const deploy = (...path: readonly string[]) => join(root, "deploy", ...path);
const NATIVE = "better-sqlite3";
const LICENCE = /^(licen[cs]e|copying)(\.(md|txt))?$/i;

/** Says which package of what is built. */
export interface Release {
  readonly version: string;
  readonly arch: Arch;
  /** Time of the commit, seconds since 1970: the time of every file. */
  readonly seconds: number;
  readonly commit: string;
}

/** Bundles the program with its packages, as `lib/` and below. The same for all architectures. */
export function bundle(): readonly Entry[] {
  const folder = mkdtempSync(join(tmpdir(), "rivulet-bundle-"));
  try {
    execFileSync(process.execPath, [deploy("build.ts"), folder, "--standalone"], {
      stdio: ["ignore", "ignore", "inherit"],
    });
    return filesFrom(folder, "lib");
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Lists all files of the program for one architecture, the manifest among them. */
export function contents(release: Release, bundled: readonly Entry[]): readonly Entry[] {
  const node = pinnedNode(release.arch);
  const program = stripped(readFileSync(join(node.folder, "bin", "node")), release.arch);
  const entries: Entry[] = [
    file("bin/node", program, true),
    file("bin/rivulet", readFileSync(deploy("rivulet.sh")), true),
    file("install.sh", readFileSync(deploy("install.sh")), true),
    ...bundled,
    file("lib/package.json", '{"type":"module"}\n'),
    ...nativePackage(release.arch),
    ...filesFrom(join(root, "config"), "config"),
    file("config/rivulet.yaml", readFileSync(deploy("rivulet.yaml"))),
    ...filesFrom(deploy("systemd"), "systemd"),
    ...["mosquitto", "node-red", "grafana"].flatMap((folder) => filesFrom(deploy(folder), folder)),
    file("README.md", readFileSync(deploy("README.md"))),
    file("LICENSE", readFileSync(join(root, "LICENSE"))),
    file("THIRD-PARTY-NOTICES.md", readFileSync(join(root, "THIRD-PARTY-NOTICES.md"))),
    file("licenses/node.txt", readFileSync(join(node.folder, "LICENSE"))),
    ...licences(),
  ];
  return [...entries, manifest(release, node.version, entries)];
}

/** Takes of the native package what runs, for one architecture and glibc. Its own JavaScript stays as it is. */
function nativePackage(arch: Arch): readonly Entry[] {
  const source = join(root, "node_modules", NATIVE);
  const prebuilt = `prebuilds/linux-${arch}.node`;
  const wanted = (path: string) => /\/(package\.json|LICENSE|lib\/.*\.js)$/.test(path) || path.endsWith(`/${prebuilt}`);
  const entries = filesFrom(source, `lib/node_modules/${NATIVE}`, wanted);
  if (!entries.some(({ path }) => path.endsWith(prebuilt))) throw new Error(`${NATIVE} brings no ${prebuilt}`);
  return entries;
}

/** Reads the licence of each package that is installed with the program, those that these depend on included. */
function licences(): readonly Entry[] {
  const { packages } = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8"));
  return Object.entries<{ readonly dev?: boolean; readonly optional?: boolean }>(packages).flatMap(
    ([path, { dev, optional }]) => {
      if (path === "" || dev === true || optional === true) return [];
      const name = path.replace(/^node_modules\//, "").replaceAll("node_modules/", "in/");
      const texts = readdirSync(join(root, path)).filter((file) => LICENCE.test(file));
      if (texts.length === 0) throw new Error(`${path} has no licence text`);
      return texts.map((text) =>
        file(`licenses/${name.replaceAll("/", "-")}.txt`, readFileSync(join(root, path, text))),
      );
    },
  );
}

/** Writes the checksum of every file: `install.sh` reads the lines, so each file has one of its own. */
function manifest({ version, arch, commit, seconds }: Release, node: string, entries: readonly Entry[]): Entry {
  const files = entries
    .filter((entry) => entry.kind === "file")
    .sort((a, b) => (a.path < b.path ? -1 : 1))
    .map(({ path, bytes }) => `    ${JSON.stringify(path)}: "${createHash("sha256").update(bytes).digest("hex")}"`);
  const head = { format: "rivulet-package", version, arch, node, commit, date: new Date(seconds * 1000).toISOString() };
  const lines = Object.entries(head).map(([key, value]) => `  ${JSON.stringify(key)}: ${JSON.stringify(value)},`);
  return file("manifest.json", `{\n${lines.join("\n")}\n  "sha256": {\n${files.join(",\n")}\n  }\n}\n`);
}
