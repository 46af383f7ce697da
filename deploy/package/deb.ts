// A writer of Debian packages (deb(5), deb-control(5)): an ar archive of a version, the control files and the files. Its
// own, because dpkg-deb is not on every machine, and so that two of them write the same bytes.

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { compressed } from "./compressed.ts";
import type { Release } from "./contents.ts";
import { tar } from "./tar.ts";
import { below, type Entry, file, withFolders } from "./tree.ts";

const scripts = fileURLToPath(new URL("../debian", import.meta.url));
const SCRIPTS = ["preinst", "postinst", "prerm", "postrm"] as const;
const ARCHITECTURES = { x64: "amd64", arm64: "arm64" } as const;
const HOME = "opt/rivulet";
const CONFIG = "etc/rivulet/rivulet.yaml";

/** Names the architecture of a release as Debian does. */
export function debArchitecture({ arch }: Release): string {
  return ARCHITECTURES[arch];
}

/** Writes the package of a release; `entries` is the tree of the tarball. */
export function deb(release: Release, entries: readonly Entry[], level: number): Buffer {
  const files = withFolders(placed(entries)).map((entry) => ({ ...entry, path: `./${entry.path}` }));
  const members: readonly (readonly [name: string, bytes: Buffer])[] = [
    ["debian-binary", Buffer.from("2.0\n")],
    ["control.tar.xz", compressed("xz", tar(controlFiles(release, files), release.seconds), level)],
    ["data.tar.xz", compressed("xz", tar(files, release.seconds), level)],
  ];
  return Buffer.concat([
    Buffer.from("!<arch>\n"),
    ...members.flatMap(([name, bytes]) => member(name, bytes, release.seconds)),
  ]);
}

/** Puts the files where a package has them. What only the tarball needs is left out. */
function placed(entries: readonly Entry[]): Entry[] {
  const at = (path: string) => {
    const found = entries.find((entry) => entry.path === path);
    if (found?.kind !== "file") throw new Error(`${path} is missing`);
    return found;
  };
  const units = entries.filter(({ path }) => path.startsWith("systemd/"));
  const own = entries.filter(
    (entry) => !units.includes(entry) && entry.path !== "install.sh" && entry.path !== "manifest.json",
  );
  return [
    ...below(HOME, own),
    ...units.map((entry) => ({ ...entry, path: entry.path.replace(/^systemd\//, "usr/lib/systemd/system/") })),
    { ...at("config/rivulet.yaml"), path: CONFIG },
    { kind: "link", path: "usr/bin/rivulet", target: "/opt/rivulet/bin/rivulet" },
    file("usr/share/doc/rivulet/copyright", copyright(at("LICENSE").bytes, at("THIRD-PARTY-NOTICES.md").bytes)),
  ];
}

function copyright(own: Buffer, others: Buffer): string {
  return `${own.toString()}\n${others.toString()}\nThe full texts are in /${HOME}/licenses.\n`;
}

function controlFiles(release: Release, files: readonly Entry[]): readonly Entry[] {
  const sums = files.flatMap((entry) =>
    entry.kind === "file" && entry.path !== `./${CONFIG}`
      ? [`${createHash("md5").update(entry.bytes).digest("hex")}  ${entry.path.slice(2)}\n`]
      : [],
  );
  const bytes = files.reduce(
    (sum, entry) => sum + (entry.kind === "file" ? Math.ceil(entry.bytes.length / 1024) : 1),
    0,
  );
  return [
    file("./control", control(release, bytes)),
    file("./conffiles", `/${CONFIG}\n`),
    file("./md5sums", sums.join("")),
    ...SCRIPTS.map((name) => file(`./${name}`, readFileSync(join(scripts, name)), true)),
  ];
}

function control(release: Release, kilobytes: number): string {
  return `Package: rivulet
Version: ${release.version}
Architecture: ${debArchitecture(release)}
Maintainer: Rivulet <rivulet@localhost>
Installed-Size: ${kilobytes}
Depends: libc6 (>= 2.34), libstdc++6, passwd, util-linux
Recommends: systemd
Suggests: mosquitto, mosquitto-clients
Section: science
Priority: optional
Description: online learner for edge devices
 A daemon that takes labelled samples over MQTT and trains a small neural
 network on them as they arrive. The journal of all samples, the history of
 the cost and snapshots to roll back to are kept in one SQLite file.
 It brings its own Node.
`;
}

function member(name: string, bytes: Buffer, seconds: number): readonly Buffer[] {
  const fields = [
    name.padEnd(16),
    `${seconds}`.padEnd(12),
    "0".padEnd(6),
    "0".padEnd(6),
    "100644".padEnd(8),
    `${bytes.length}`.padEnd(10),
  ];
  return [Buffer.from(`${fields.join("")}\`\n`), bytes, Buffer.alloc(bytes.length % 2, "\n")];
}
