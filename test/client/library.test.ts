// What a program gets that installs the package: the entry points of package.json, as the build writes them, and the
// README's examples, run as they stand there.

import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { open, temporaryFolder } from "../daemon/open.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const program = mkdtempSync(join(tmpdir(), "rivulet-program-"));
const installed = join(program, "node_modules", "rivulet");

beforeAll(() => {
  mkdirSync(installed, { recursive: true });
  copyFileSync(join(root, "package.json"), join(installed, "package.json"));
  symlinkSync(join(root, "node_modules"), join(installed, "node_modules"));
  for (const name of ["@types", "rxjs"]) {
    symlinkSync(join(root, "node_modules", name), join(program, "node_modules", name));
  }
  const { status, stderr } = run([join(root, "deploy", "build.ts"), join(installed, "dist")]);
  expect([status, stderr]).toEqual([0, ""]);
});

afterAll(() => rmSync(program, { recursive: true, force: true }));

function run(args: readonly string[]) {
  return spawnSync(process.execPath, args, { cwd: program, encoding: "utf8" });
}

/** Finds the example under a heading of the README. */
function example(heading: string): string {
  const readme = readFileSync(join(root, "README.md"), "utf8");
  const section = readme.slice(readme.indexOf(`\n${heading}\n`));
  const code = /```js\n([\s\S]*?)```/.exec(section)?.[1];
  if (code === undefined) throw new Error(`there is no example under ${heading}`);
  return code;
}

/** Runs a program without waiting for it in the way of the daemon, which lives in this process. */
async function output(file: string): Promise<string> {
  const child = spawn(process.execPath, [file], { cwd: program, stdio: ["ignore", "pipe", "inherit"] });
  let text = "";
  child.stdout.setEncoding("utf8").on("data", (piece: string) => {
    text += piece;
  });
  const [code] = await once(child, "close");
  expect(code).toBe(0);
  return text;
}

describe("the package", () => {
  it("has the files behind each entry point", () => {
    const { exports } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
    const files = Object.values<Record<string, string> | string>(exports).flatMap((conditions) =>
      typeof conditions === "string" ? conditions : Object.values(conditions),
    );
    expect(files).toHaveLength(15);
    expect(files.filter((file) => !existsSync(join(installed, file)))).toEqual([]);
  });

  it("trains a learner as the README says", async () => {
    writeFileSync(join(program, "learner.mjs"), example("## As a library"));
    const [cost, high, low] = (await output("learner.mjs")).split(" ").map(Number);
    expect(cost).toBeLessThan(0.1);
    expect(high).toBeGreaterThan(0.9);
    expect(low).toBeLessThan(0.1);
  });

  it("publishes rows once each as the README says, however often the program is run", async () => {
    const daemon = await open(temporaryFolder());
    const source = example("### From your own program").replace(
      "mqtt://127.0.0.1:1883",
      daemon.rooms.broker?.status().url ?? "",
    );
    writeFileSync(join(program, "producer.mjs"), source);
    for (const _ of [1, 2]) expect(await output("producer.mjs")).toBe("100 rows are trained or refused\n");
    expect(daemon.rooms.models.get("default")?.durableSequence).toBe(100);
  });

  it("has types for the examples", () => {
    const examples = ["## As a library", "### From your own program"];
    for (const [i, heading] of examples.entries()) writeFileSync(join(program, `example-${i}.mts`), example(heading));
    const options = ["--noEmit", "--strict", "--target", "es2024", "--module", "nodenext", "--types", "node"];
    const tsc = join(root, "node_modules", "typescript", "bin", "tsc");
    const { status, stdout } = run([tsc, ...options, ...examples.map((_, i) => `example-${i}.mts`)]);
    expect([status, stdout]).toEqual([0, ""]);
  });
});
