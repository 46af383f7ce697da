// The program as it is installed: built once for a run of the tests, which start it hundreds of times. The sources would
// have their types taken away at each start.
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { TestProject } from "vitest/node";

const root = fileURLToPath(new URL("..", import.meta.url));

declare module "vitest" {
  export interface ProvidedContext {
    /** The file to run, and where Node may keep what it compiled of it. */
    program: { readonly main: string; readonly cache: string };
  }
}

/** Builds it into a folder from which the native package is found. Called once by Vitest. */
export default function setup(project: TestProject): () => void {
  mkdirSync(join(root, "build"), { recursive: true });
  const folder = mkdtempSync(join(root, "build", "test-"));
  execFileSync(process.execPath, [join(root, "deploy", "build.ts"), folder, "--standalone"], { stdio: "ignore" });
  writeFileSync(join(folder, "package.json"), '{"type":"module"}');
  project.provide("program", { main: join(folder, "main.js"), cache: join(folder, "cache") });
  return () => rmSync(folder, { recursive: true, force: true });
}
