import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import type { StaticFile } from "../http/static-files.ts";

/** In the checkout this is TypeScript, and the dashboard lies where it is built; in a bundle it lies beside this. */
const FOLDER = fileURLToPath(
  new URL(import.meta.url.endsWith(".ts") ? "../../dist/dashboard/" : "./dashboard/", import.meta.url),
);
const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".json": "application/json",
  ".webmanifest": "application/manifest+json",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".ico": "image/x-icon",
  ".woff2": "font/woff2",
  ".map": "application/json",
  ".txt": "text/plain; charset=utf-8",
};
/** A name as the bundler writes it: `main-KF3QZ7AB.js`. */
const HASHED = /-[A-Z0-9]{8}\.[a-z0-9]+$/;
const COMPRESSED = /^(text\/|application\/|image\/svg)/;

/** Finds the files of the dashboard. Only what lay in its folder at the first look is ever served. */
export class DashboardFiles {
  readonly #folder: string;
  readonly #read = new Map<string, StaticFile>();
  #paths: ReadonlySet<string> | null = null;

  constructor(folder = FOLDER) {
    this.#folder = folder;
  }

  /** Finds what is at a path of the address; `/` is the start page. Null where there is nothing. */
  find(path: string): StaticFile | null {
    const name = path === "/" ? "index.html" : path.slice(1);
    this.#paths ??= listed(this.#folder);
    if (!this.#paths.has(name)) return null;
    const known = this.#read.get(name);
    if (known !== undefined) return known;
    const bytes = readFileSync(join(this.#folder, name));
    const contentType = TYPES[extname(name)] ?? "application/octet-stream";
    const file: StaticFile = {
      bytes,
      gzip: COMPRESSED.test(contentType) ? gzipSync(bytes, { level: 9 }) : null,
      contentType,
      etag: `"${createHash("sha256").update(bytes).digest("base64url").slice(0, 22)}"`,
      isImmutable: HASHED.test(name),
    };
    this.#read.set(name, file);
    return file;
  }
}

function listed(folder: string): ReadonlySet<string> {
  try {
    const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
    const names = entries.filter((one) => one.isFile()).map((one) => join(one.parentPath, one.name));
    return new Set(names.map((name) => name.slice(folder.length).replace(/^\//, "")));
  } catch (error) {
    // A build without a dashboard.
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return new Set();
    throw error;
  }
}
