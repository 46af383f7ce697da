// Bundles the CLI, the library's doors, the producer's outbox and the dashboard into dist/, or the folder that is named, and
// writes the type declarations of what is imported. Packages stay outside of the bundle, and npm installs them, the native one
// among them; but for two of which little is used: the rest of zod (its messages in fifty languages) would take 15 MB and
// 90 ms. With --standalone it bundles the program alone, its packages included but the native one: what is installed without npm.
import { spawnSync } from "node:child_process";
import { chmodSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { type BuildOptions, build, type Plugin } from "esbuild";
import { buildDashboard } from "./dashboard.ts";
import { doorEntries, doorPlugin, writeDoorTypes } from "./doors.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { standalone: { type: "boolean", default: false } },
});
const dist = resolve(positionals[0] ?? join(root, "dist"));
const started = performance.now();
/** Their licences stand in THIRD-PARTY-NOTICES.md. */
const BUNDLED = ["zod", "hono"];
const { version, dependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));

rmSync(dist, { recursive: true, force: true });
const { outputs } = (
  await build({
    absWorkingDir: root,
    entryPoints: {
      main: "src/main.ts",
      ...(values.standalone
        ? {}
        : { index: "src/index.ts", ...doorEntries(), client: "src/client/numbered-outbox.ts" }),
      "store-worker": "src/store/store-worker.ts",
      "score-worker": "src/daemon/score-worker.ts",
    },
    plugins: [doorPlugin(root), inEnglish()],
    outdir: dist,
    bundle: true,
    splitting: !values.standalone,
    format: "esm",
    platform: "node",
    target: "node22",
    ...(values.standalone
      ? standalone()
      : { external: Object.keys(dependencies).filter((name) => !BUNDLED.includes(name)), sourcemap: "linked" }),
    define: { RIVULET_VERSION: JSON.stringify(version) },
    metafile: true,
    logLevel: "warning",
  })
).metafile;
makeExecutable(join(dist, "main.js"));
const dashboardBytes = await buildDashboard(root, join(dist, "dashboard"));
if (!values.standalone) {
  emitTypes();
  writeDoorTypes(root, join(dist, "types"));
}

const code = Object.entries(outputs).filter(([path]) => path.endsWith(".js"));
const kilobytes = code.reduce((sum, [, { bytes }]) => sum + bytes, 0) / 1000;
const dashboard = `${(dashboardBytes / 1000).toFixed(0)} kB of dashboard`;
console.log(
  `built dist/: ${kilobytes.toFixed(0)} kB and ${dashboard} in ${(performance.now() - started).toFixed(0)} ms`,
);

/** Says how packages are bundled. Names stay, so that a stack tells something without a source map. */
function standalone(): BuildOptions {
  // Packages in CommonJS ask for Node's modules by a `require` that a bundle of ES modules does not have.
  const require = 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);';
  return {
    external: ["better-sqlite3"],
    // What Node is given of it is CommonJS, of which all is kept, and run at the start.
    alias: { rxjs: "./node_modules/rxjs/dist/esm/index.js" },
    banner: { js: require },
    minifyWhitespace: true,
    minifySyntax: true,
    legalComments: "none",
  };
}

/** Leaves zod its messages in English; those in fifty other languages would be read at each start. */
function inEnglish(): Plugin {
  return {
    name: "in-english",
    setup({ onLoad }) {
      onLoad({ filter: /[\\/]zod[\\/]v4[\\/]locales[\\/]index\.js$/ }, () => ({
        contents: 'export { default as en } from "./en.js";',
      }));
    },
  };
}

/** Makes a program of the CLI door. Its source map moves down by the line that is put in front. */
function makeExecutable(path: string): void {
  const code = readFileSync(path, "utf8");
  if (!code.startsWith("#!")) {
    writeFileSync(path, `#!/usr/bin/env node\n${code}`);
    if (!values.standalone) {
      const map = JSON.parse(readFileSync(`${path}.map`, "utf8"));
      writeFileSync(`${path}.map`, JSON.stringify({ ...map, mappings: `;${map.mappings}` }));
    }
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
