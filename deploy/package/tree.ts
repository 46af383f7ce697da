// The files of a package, in memory: what an archive is written of. Every property that an archive would take from the
// machine that builds it (owner, time, order) is fixed here or by the writer.

import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";

/** Is a file, a folder or a symbolic link. */
export type Entry =
  | { readonly kind: "file"; readonly path: string; readonly mode: number; readonly bytes: Buffer }
  | { readonly kind: "folder"; readonly path: string; readonly mode: number }
  | { readonly kind: "link"; readonly path: string; readonly target: string };

const PLAIN = 0o644;
const PROGRAM = 0o755;

/** Makes a file of bytes or text; `path` is relative, with slashes. */
export function file(path: string, bytes: Buffer | string, isProgram = false): Entry {
  return { kind: "file", path, mode: isProgram ? PROGRAM : PLAIN, bytes: Buffer.from(bytes) };
}

/** Reads a file or all files of a folder on the disk, as `path` and below. */
export function filesFrom(source: string, path: string, wanted: (path: string) => boolean = () => true): Entry[] {
  if (!statSync(source).isDirectory()) return [file(path, readFileSync(source), isProgram(source))];
  return readdirSync(source)
    .flatMap((name) => filesFrom(join(source, name), `${path}/${name}`, wanted))
    .filter((entry) => wanted(entry.path));
}

/** Puts entries below another folder. */
export function below(folder: string, entries: readonly Entry[]): Entry[] {
  return entries.map((entry) => ({ ...entry, path: `${folder}/${entry.path}` }));
}

/** Adds the folders that entries are in, and puts all in the order of their paths. Throws where a path is there twice. */
export function withFolders(entries: readonly Entry[]): readonly Entry[] {
  const all = new Map<string, Entry>();
  for (const entry of entries) {
    if (all.has(entry.path)) throw new Error(`${entry.path} is there twice`);
    all.set(entry.path, entry);
  }
  for (const { path } of entries) {
    const steps = path.split("/");
    for (let depth = 1; depth < steps.length; depth++) {
      const folder = steps.slice(0, depth).join("/");
      if (!all.has(folder)) all.set(folder, { kind: "folder", path: folder, mode: PROGRAM });
    }
  }
  return [...all.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** Git and npm keep of a file's mode whether it may be run, and nothing else. */
function isProgram(path: string): boolean {
  return (statSync(path).mode & 0o100) !== 0;
}
