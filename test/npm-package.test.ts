// What `npm pack` makes of the checkout: which files, what manifest, and whether Node, TypeScript and browsers can use it.
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createContext, Script } from "node:vm";
import { checkPackage, createPackageFromTarballData } from "@arethetypeswrong/core";
import { build } from "esbuild";
import { chromium } from "playwright-core";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DOORS } from "../deploy/doors.ts";
import { binary, programs } from "./programs.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const PACKED = ["src", "deploy", "config", "package.json", "README.md", "LICENSE", "THIRD-PARTY-NOTICES.md"];
/** Trains on seeded rows, and gives a prediction. */
const LEARN = `
  const learner = new Learner({
    features: ["x1", "x2"], label: "y", classes: null,
    network: { hidden: [8], activation: ["tanh"], output: "sigmoid", loss: "cross-entropy", init: "he", seed: 1 },
    scale: "standard", optimizer: { kind: "adam", learningRate: 0.1 }, batch: { size: 4 },
  });
  for (let step = 0; step < 100; step++) {
    for (let i = 0; i < 8; i++) learner.raw[i] = ((step * 8 + i) * 7919) % 13;
    learner.engine.labels.set([0, 1, step % 2, 1]);
    learner.step(4);
  }
  globalThis.learned = [learner.engine.kind, learner.predict([1, 2])];
`;

const folder = mkdtempSync(join(tmpdir(), "rivulet-package-"));
const checkout = join(folder, "checkout");
const installed = join(folder, "node_modules", "rivulet");
let tarball = "";

beforeAll(() => {
  mkdirSync(checkout);
  for (const name of [...PACKED, "tsconfig.json", ".npmrc"]) {
    cpSync(join(root, name), join(checkout, name), { recursive: true });
  }
  symlinkSync(join(root, "node_modules"), join(checkout, "node_modules"));
  const npm = spawnSync("npm", ["pack", "--pack-destination", folder], { cwd: checkout, encoding: "utf8" });
  expect([npm.status, npm.stderr]).toEqual([0, expect.any(String)]);
  tarball = join(folder, readdirSync(folder).find((name) => name.endsWith(".tgz")) ?? "");
  mkdirSync(installed, { recursive: true });
  expect(spawnSync("tar", ["xzf", tarball, "-C", installed, "--strip-components=1"]).status).toBe(0);
  symlinkSync(join(root, "node_modules"), join(installed, "node_modules"));
}, 120_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

function manifestIn(where: string): Record<string, unknown> {
  return JSON.parse(readFileSync(join(where, "package.json"), "utf8"));
}

/** Runs a program that imports the package. */
function run(code: string) {
  return spawnSync(process.execPath, ["--input-type=module", "-e", code], { cwd: folder, encoding: "utf8" });
}

/** Bundles a program for a browser. */
async function bundle(code: string): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents: code, resolveDir: folder },
    bundle: true,
    write: false,
    format: "iife",
    platform: "browser",
    target: "es2022",
    minify: true,
    logLevel: "silent",
  });
  return outputFiles[0]?.text ?? "";
}

function learnedIn(from: string): readonly [engine: string, prediction: number] {
  const { stdout, stderr } = run(
    `import { Learner } from "${from}"; ${LEARN} console.log(JSON.stringify(globalThis.learned));`,
  );
  expect(stderr).toBe("");
  return JSON.parse(stdout);
}

describe("the package", () => {
  it("holds the program, the library with its types, the configurations and the notices, and nothing else", () => {
    const { stdout } = spawnSync("tar", ["tzf", tarball], { encoding: "utf8" });
    const paths = stdout
      .trim()
      .split("\n")
      .map((path) => path.replace(/^package\//, ""));
    const kinds = [
      /^(package\.json|README\.md|LICENSE|THIRD-PARTY-NOTICES\.md)$/,
      /^config\/[a-z]+\.(yaml|json)$/,
      /^dist\/(main|index|client|store-worker|score-worker|learner|sample|evaluate|stream|export)\.js(\.map)?$/,
      /^dist\/[a-z-]+-[A-Z0-9]{8}\.js(\.map)?$/,
      /^dist\/types\/(index|error|learner|sample|evaluate|stream|export)\.d\.ts$/,
      /^dist\/types\/(learner|sample|evaluate|stream|export|client)\/[a-z/-]+\.d\.ts$/,
      /^dist\/dashboard\//,
    ];
    expect(paths.filter((path) => !kinds.some((kind) => kind.test(path)))).toEqual([]);
    const needed = PACKED.filter((name) => name.includes(".") || name === "LICENSE");
    for (const path of [...needed, "config/default.yaml", "config/schema.json", "dist/main.js"]) {
      expect(paths).toContain(path);
    }
  });

  it("leaves out of the manifest what is for a checkout, and leaves the checkout's as it was", () => {
    const [packed, whole] = [manifestIn(installed), manifestIn(root)];
    const missing = Object.keys(whole).filter((key) => !Object.hasOwn(packed, key));
    expect(missing.sort()).toEqual(["allowScripts", "devDependencies", "optionalDependencies", "scripts"]);
    for (const key of Object.keys(packed)) expect(packed[key]).toEqual(whole[key]);
    expect(manifestIn(checkout)).toEqual(whole);
    expect(existsSync(join(checkout, ".package.json.whole"))).toBe(false);
  });

  it("is imported by each of its names", () => {
    const names = ["rivulet", ...[...DOORS, "client"].map((door) => `rivulet/${door}`)];
    const { exports } = manifestIn(installed);
    const entries = Object.keys(exports as object).map((path) => path.replace(".", "rivulet"));
    expect(entries.sort()).toEqual([...names, "rivulet/package.json"].sort());
    const code = names.map((name) => `console.log("${name}", Object.keys(await import("${name}")).join());`);
    const { stdout, stderr } = run(code.join("\n"));
    expect(stderr).toBe("");
    const lines = new Map(
      stdout
        .trim()
        .split("\n")
        .map((line) => line.split(" ") as [string, string]),
    );
    for (const [name, wanted] of [
      ["rivulet", ["Learner", "miniBatch", "trainOn", "Monitor", "onnxOf", "createDecoder"]],
      ["rivulet/learner", ["Learner", "RivuletError"]],
      ["rivulet/sample", ["createDecoder"]],
      ["rivulet/evaluate", ["Monitor", "createDetector"]],
      ["rivulet/stream", ["miniBatch", "trainOn", "pipeline"]],
      ["rivulet/export", ["modelFileOf", "onnxOf", "cHeaderOf"]],
      ["rivulet/client", ["openOutbox"]],
    ] as const) {
      for (const one of wanted) expect(lines.get(name)?.split(","), name).toContain(one);
    }
    expect(lines.get("rivulet/learner")).not.toContain("Monitor");
  });

  it("has nothing that publint complains of", async () => {
    const bytes = readFileSync(tarball);
    const { messages } = await publint({ pack: { tarball: new Uint8Array(bytes).buffer }, strict: true });
    const manifest = manifestIn(installed);
    expect(messages.map((message) => formatMessage(message, manifest))).toEqual([]);
  });

  it("has types that TypeScript finds wherever it resolves modules of ECMAScript", async () => {
    const result = await checkPackage(createPackageFromTarballData(new Uint8Array(readFileSync(tarball))));
    if (result.types === false) throw new Error("the package has no types");
    const problems = result.problems.filter(
      (problem) => !("resolutionKind" in problem && ["node10", "node16-cjs"].includes(problem.resolutionKind)),
    );
    // Who requires it gets a module of ECMAScript, which Node 22 can require.
    expect(problems.filter(({ kind }) => kind !== "CJSResolvesToESM")).toEqual([]);
  }, 60_000);
});

describe("in a browser", () => {
  it("the learner is small, asks for nothing of Node, and learns the same bits", async () => {
    const wanted = learnedIn("rivulet/learner");
    const code = await bundle(`import { Learner } from "rivulet/learner"; ${LEARN}`);
    expect(code).not.toMatch(/\bprocess\.|\brequire\(|node:/);
    // Neither a global of Node nor one of a browser but these.
    const context = createContext({ WebAssembly: Reflect.get(globalThis, "WebAssembly"), TextEncoder, console });
    new Script(code).runInContext(context);
    expect([...(context["learned"] as unknown[])]).toEqual(wanted);
  });

  it("the whole library is bundled", async () => {
    const code = await bundle(
      `import { Learner, miniBatch, trainOn } from "rivulet"; globalThis.all = [miniBatch, trainOn]; ${LEARN}`,
    );
    const context = createContext({
      WebAssembly: Reflect.get(globalThis, "WebAssembly"),
      TextEncoder,
      TextDecoder,
      setTimeout,
      clearTimeout,
      setInterval,
      clearInterval,
      console,
    });
    new Script(code).runInContext(context);
    expect([...(context["learned"] as unknown[])]).toEqual(learnedIn("rivulet"));
  });

  // Shared memory, which the compiled engine lives in, is for isolated pages only.
  it.skipIf(!programs.chromium).each([
    ["a page that is isolated", "wasm", ["same-origin", "require-corp"]],
    ["any other page", "reference", ["unsafe-none", "unsafe-none"]],
  ] as const)(
    "in Chromium %s learns the same bits, by the engine %s",
    async (_, kind, [opener, embedder]) => {
      const code = await bundle(`import { Learner } from "rivulet/learner"; ${LEARN}`);
      const server = createServer((__, response) => {
        response.setHeader("Content-Type", "text/html");
        response.setHeader("Cross-Origin-Opener-Policy", opener);
        response.setHeader("Cross-Origin-Embedder-Policy", embedder);
        response.end(`<!doctype html><title>learner</title><script>${code}</script>`);
      });
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      const browser = await chromium.launch({ executablePath: binary("chromium"), args: ["--no-sandbox"] });
      try {
        const address = server.address();
        const tab = await browser.newPage();
        await tab.goto(`http://127.0.0.1:${typeof address === "object" ? address?.port : 0}/`);
        const [, prediction] = learnedIn("rivulet/learner");
        expect(await tab.evaluate("globalThis.learned")).toEqual([kind, prediction]);
      } finally {
        await browser.close();
        server.close();
      }
    },
    120_000,
  );
});
