// Bundles the CLI, the library door and the producer's outbox into dist/, or the folder that is named, and writes the type
// declarations of the two that are imported. Packages stay outside of the bundle: npm installs them, the native one among them.
import { spawnSync } from "node:child_process";
import { chmodSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = fileURLToPath(new URL("..", import.meta.url));
const dist = resolve(process.argv[2] ?? join(root, "dist"));
const started = performance.now();
const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));

rmSync(dist, { recursive: true, force: true });
const { outputs } = (
  await build({
    absWorkingDir: root,
    entryPoints: {
      main: "src/main.ts",
      index: "src/index.ts",
      client: "src/client/numbered-outbox.ts",
      "store-worker": "src/store/store-worker.ts",
      "score-worker": "src/daemon/score-worker.ts",
    },
    outdir: dist,
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node22",
    packages: "external",
    define: { RIVULET_VERSION: JSON.stringify(version) },
    sourcemap: "linked",
    metafile: true,
    logLevel: "warning",
  })
).metafile;
makeExecutable(join(dist, "main.js"));
emitTypes();

const code = Object.entries(outputs).filter(([path]) => path.endsWith(".js"));
const kilobytes = code.reduce((sum, [, { bytes }]) => sum + bytes, 0) / 1000;
console.log(`built dist/: ${kilobytes.toFixed(0)} kB in ${(performance.now() - started).toFixed(0)} ms`);

/** Makes a program of the CLI door. Its source map moves down by the line that is put in front. */
function makeExecutable(path: string): void {
  const code = readFileSync(path, "utf8");
  if (!code.startsWith("#!")) {
    const map = JSON.parse(readFileSync(`${path}.map`, "utf8"));
    writeFileSync(path, `#!/usr/bin/env node\n${code}`);
    writeFileSync(`${path}.map`, JSON.stringify({ ...map, mappings: `;${map.mappings}` }));
  }
  chmodSync(path, 0o755);
}

function emitTypes(): void {
  const tsc = join(root, "node_modules", ".bin", "tsc");
  const project = join(root, "deploy", "types.tsconfig.json");
  const { status, error } = spawnSync(tsc, ["-p", project, "--outDir", join(dist, "types")], { stdio: "inherit" });
  if (error !== undefined) throw error;
  if (status !== 0) process.exit(1);
}
