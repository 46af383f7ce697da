// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the planted sources hold templates of their own
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { checkArchitecture, describeViolation, type Rule } from "./architecture.ts";
import { importsOf } from "./imports.ts";
import { tokensOf } from "./tokens.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const subscribing = 'import { of } from "rxjs";\nof(1).subscribe();\n';
const house: Readonly<Record<string, string>> = {
  "README.md": "# Rivulet\n",
  ".npmrc": "fund=false\n",
  "src/error.ts": "export class RivuletError extends Error {}\n",
  "src/daemon/daemon.ts": subscribing,
  "src/learner/learner.ts": "export const state = 1;\n",
};

/** Checks the little house with some files added or replaced; gives one line for each violation. */
function check(planted: Readonly<Record<string, string>>): readonly string[] {
  return checkArchitecture(new Map(Object.entries({ ...house, ...planted }))).map(describeViolation);
}

describe("the repository", () => {
  it("keeps the rules of the house", { timeout: 60_000 }, () => {
    const listed = execFileSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], {
      cwd: root,
      encoding: "utf8",
    });
    // A file that was removed but not yet committed is still listed.
    const paths = listed.split("\0").filter((path) => path !== "" && existsSync(join(root, path)));
    const files = new Map(paths.map((path) => [path, readFileSync(join(root, path), "utf8")]));
    expect(checkArchitecture(files).map(describeViolation)).toEqual([]);
  });
});

describe("a planted violation", () => {
  it("is not seen where there is none", () => {
    expect(check({})).toEqual([]);
  });

  const cases: readonly (readonly [what: string, rule: Rule, path: string, text: string])[] = [
    ["a stranger on the top level", "closed-top-level", "jest.config.js", ""],
    ["a strange folder on the top level", "closed-top-level", "scripts/run.sh", ""],
    ["an unknown room", "known-room", "src/utils/text.ts", ""],
    ["a stray file beside the doors", "known-room", "src/helper.ts", ""],
    ["a static import", "allowed-imports", "src/learner/x.ts", 'import { a } from "../stream/a.ts";'],
    ["an import for its effect", "allowed-imports", "src/learner/x.ts", 'import "../stream/a.ts";'],
    ["a dynamic import", "allowed-imports", "src/learner/x.ts", 'const a = await import("../stream/a.ts");'],
    ["a dynamic import in backticks", "allowed-imports", "src/learner/x.ts", "await import(`../stream/a.ts`);"],
    ["a computed import", "allowed-imports", "src/daemon/x.ts", "await import(name);"],
    ["an import with a computed end", "allowed-imports", "src/daemon/x.ts", 'await import("../store/" + name);'],
    ["a re-export", "allowed-imports", "src/sample/x.ts", 'export * from "../learner/learner.ts";'],
    ["a named re-export", "allowed-imports", "src/sample/x.ts", 'export { state } from "../learner/learner.ts";'],
    ["a re-export of types", "allowed-imports", "src/sample/x.ts", 'export type { A } from "../learner/a.ts";'],
    ["a require", "allowed-imports", "src/stream/x.ts", 'const a = require("better-sqlite3");'],
    [
      "a type where nothing is allowed",
      "allowed-imports",
      "src/mqtt/x.ts",
      'import type { A } from "../learner/a.ts";',
    ],
    ["a value where types are", "allowed-imports", "src/store/x.ts", 'import { a } from "../learner/a.ts";'],
    [
      "inline types, which load the module",
      "allowed-imports",
      "src/store/x.ts",
      'import { type A } from "../learner/a.ts";',
    ],
    ["a default that is called type", "allowed-imports", "src/store/x.ts", 'import type from "../learner/a.ts";'],
    ["a path that goes round", "allowed-imports", "src/learner/x.ts", 'import "../learner/../stream/a.ts";'],
    ["a file outside of src", "allowed-imports", "src/cli/x.ts", 'import p from "../../package.json";'],
    ["a package of another room", "allowed-imports", "src/daemon/x.ts", 'import Database from "better-sqlite3";'],
    ["a path into such a package", "allowed-imports", "src/store/x.ts", 'import { map } from "rxjs/operators";'],
    ["a scoped package", "allowed-imports", "src/http/x.ts", 'import { a } from "@hono/node-server";'],
    ["node in a pure room", "allowed-imports", "src/sample/x.ts", 'import { readFileSync } from "node:fs";'],
    ["node without its prefix", "allowed-imports", "src/store/x.ts", 'import { readFileSync } from "fs";'],
    ["samples in the evaluation", "allowed-imports", "src/evaluate/x.ts", 'import { a } from "../sample/csv.ts";'],
    ["a logarithm in the evaluation", "own-mathematics", "src/evaluate/x.ts", "Math.log(2);"],
    ["a store in the CLI", "allowed-imports", "src/cli/x.ts", 'import { open } from "../store/open.ts";'],
    ["the page in the API", "allowed-imports", "src/http/x.ts", 'import { a } from "./browser/a.ts";'],
    ["a daemon behind the program's door", "allowed-imports", "src/main.ts", 'import "./daemon/daemon.ts";'],
    ["a daemon behind the library's door", "allowed-imports", "src/index.ts", 'export * from "./daemon/daemon.ts";'],
    ["a room in the errors", "allowed-imports", "src/error.ts", 'import "./learner/learner.ts";'],
    ["a second subscribe", "one-subscribe", "src/daemon/other.ts", subscribing],
    ["a subscribe in another room", "one-subscribe", "src/stream/x.ts", "source$?.subscribe(next);"],
    ["no subscribe at all", "one-subscribe", "src/daemon/daemon.ts", "// of(1).subscribe()\n'a.subscribe()';"],
    ["the time", "no-clock-no-chance", "src/learner/x.ts", "const t = Date.now();"],
    ["a date", "no-clock-no-chance", "src/export/x.ts", "const t = new Date();"],
    ["another clock", "no-clock-no-chance", "src/evaluate/x.ts", "const t = performance.now();"],
    ["chance", "no-clock-no-chance", "src/sample/x.ts", "const r = Math.random();"],
    ["a timer", "no-clock-no-chance", "src/stream/x.ts", "setTimeout(run, 10);"],
    ["a timer in a hole of a template", "no-clock-no-chance", "src/stream/x.ts", "`a ${`b ${setInterval(f)}`} c`;"],
    ["a microtask", "no-clock-no-chance", "src/stream/x.ts", "queueMicrotask(run);"],
    ["a logarithm of the machine", "own-mathematics", "src/learner/x.ts", "Math.log(2);"],
    ["a power", "own-mathematics", "src/learner/x.ts", "f(x) ** 2;"],
    ["mathematics taken apart", "own-mathematics", "src/learner/x.ts", "const { exp } = Math;"],
    ["any", "no-any", "src/store/x.ts", "const a: any = 1;"],
    ["any in a generic", "no-any", "test/store/x.ts", "new Map<string, any>();"],
    ["a cast to any", "no-any", "deploy/x.ts", "f(a as any);"],
    ["an exported Subject", "no-exported-subject", "src/stream/x.ts", "export const a$ = new Subject<number>();"],
    ["a listed Subject", "no-exported-subject", "src/stream/x.ts", "const a$ = new ReplaySubject(1);\nexport { a$ };"],
    ["a returned Subject", "no-exported-subject", "src/stream/x.ts", "export function f(): Subject<number> {}"],
    ["a public Subject", "no-exported-subject", "src/daemon/x.ts", "export class A { readonly a$ = new Subject(); }"],
    ["a default export", "no-default-export", "src/cli/x.ts", "export default function run() {}"],
    ["a renamed default export", "no-default-export", "src/cli/x.ts", "const a = 1;\nexport { a as default };"],
    ["a name in camel case", "kebab-case", "src/learner/miniBatch.ts", ""],
    ["a folder in capitals", "kebab-case", "test/golden/Big/a.json", ""],
    ["a file over its length", "file-length", "src/stream/x.ts", "// line\n".repeat(401)],
    ["tests of a room that is not", "tests-mirror-source", "test/utils/x.test.ts", ""],
    ["a path of one machine", "no-machine-paths", "config/default.yaml", `data: ${["", "home", "me"].join("/")}`],
  ];

  it.each(cases)("is named with its file and rule: %s", (_, rule, path, text) => {
    const file = rule === "one-subscribe" && text.startsWith("//") ? "src/daemon" : path;
    const room = path.split("/")[1] ?? "";
    const found = check({
      [path]: text,
      ...(path.startsWith("test/") && room === "store" ? { "src/store/open.ts": "" } : {}),
    });
    expect(found).toHaveLength(1);
    expect(found[0]).toContain(file);
    expect(found[0]).toContain(`: ${rule}: `);
  });

  it("is told with its line", () => {
    expect(check({ "src/learner/x.ts": "// one\n/* two\nthree */ const t = Date.now();\n" })).toEqual([
      "src/learner/x.ts:3: no-clock-no-chance: Date.now: no clock, timer or chance in this room",
    ]);
  });

  it("is told once for each place", () => {
    expect(check({ "src/learner/x.ts": 'import "zod";\nimport "yaml";\nMath.exp(Math.sin(1));\n' })).toHaveLength(4);
  });
});

describe("what is allowed", () => {
  const cases: readonly (readonly [what: string, path: string, text: string])[] = [
    [
      "the own room and the errors",
      "src/learner/x.ts",
      'import "./learner.ts";\nimport { RivuletError } from "../error.ts";',
    ],
    ["the learner in the evaluation", "src/evaluate/x.ts", 'import { log } from "../learner/elementary.ts";'],
    ["types where types are allowed", "src/store/x.ts", 'import type { A } from "../learner/a.ts";'],
    ["a re-export of such types", "src/store/x.ts", 'export type { A } from "../learner/a.ts";'],
    ["a package in its room", "src/store/x.ts", 'import Database from "better-sqlite3";\nimport "node:fs";'],
    ["the learner in the browser", "src/http/browser/x.ts", 'import "../../learner/learner.ts";\nimport "uplot";'],
    ["everything in the daemon", "src/daemon/x.ts", 'import "../store/a.ts";\nimport "../mqtt/a.ts";\nimport "zod";'],
    ["the CLI behind the program's door", "src/main.ts", 'await import("./cli/program.ts");'],
    ["the core behind the library's door", "src/index.ts", 'export * from "./learner/learner.ts";'],
    ["code in comments", "src/learner/x.ts", '// import "zod"; Date.now()\n/* a.subscribe(); Math.exp(1) */'],
    ["code in strings", "src/learner/x.ts", 'const a = \'import "zod"\'; const b = "it\'s Math.random()";'],
    ["code in templates", "src/learner/x.ts", 'const a = `Date.now() ${a ? `}` : "}"} a.subscribe()`;'],
    [
      "code in regular expressions",
      "src/learner/x.ts",
      "const a = /[/'\"]Date.now()/.test(b); const c = a / b / Math.PI;",
    ],
    ["a word that only begins like another", "src/learner/x.ts", "const anyway = company.any; const requires = 1;"],
    ["a promise of any", "src/daemon/x.ts", "await Promise.any(list);"],
    ["the scheduler's clock", "src/stream/x.ts", "const t = scheduler.now();"],
    ["exact mathematics", "src/learner/x.ts", "Math.sqrt(Math.abs(x)) * 2 ** -53;"],
    ["a method of the name", "src/learner/x.ts", "rng.random(); history.Date; options.setTimeout;"],
    ["a clock in the daemon", "src/daemon/x.ts", "setTimeout(run, Date.now()); Math.random(); Math.exp(1);"],
    ["a private Subject", "src/stream/x.ts", "class A { readonly #a$ = new Subject(); }\nconst b$ = new Subject();"],
    [
      "a private Subject behind an operator",
      "src/stream/x.ts",
      "export function f(): Observable<A> { return new Subject(); }",
    ],
    ["a method that is called subscribe", "src/mqtt/x.ts", "export class A { subscribe(): void {} }"],
    ["import.meta", "src/daemon/x.ts", "const here = new URL(import.meta.url);"],
    ["400 lines", "src/stream/x.ts", "// line\n".repeat(400)],
    ["tests of a room", "test/learner/x.test.ts", 'import { it } from "vitest";'],
    ["a design page", "src/learner/DESIGN.md", "Math.exp"],
    ["dot-files", ".ci/run", "#!/bin/sh"],
    ["an address with such a path", "README.md", `https://example.org${["", "home", ""].join("/")}`],
  ];

  it.each(cases)("is left alone: %s", (_, path, text) => {
    expect(check({ [path]: text })).toEqual([]);
  });
});

describe("the tokens", () => {
  const textsOf = (source: string) => tokensOf(source).map(({ kind, text }) => `${kind} ${text}`);

  it("end a string at its own quote and keep escapes", () => {
    expect(textsOf(`'a"b' "c'd" 'e\\'f'`)).toEqual([`string a"b`, `string c'd`, `string e\\'f`]);
  });

  it("find the code in the holes of a template, nested ones as well", () => {
    expect(textsOf("`a${ {b: `c${d}`} }e`f")).toEqual([
      "template a",
      "sign {",
      "word b",
      "sign :",
      "template c",
      "word d",
      "template ",
      "sign }",
      "template e",
      "word f",
    ]);
  });

  it("tell a division from a regular expression", () => {
    expect(textsOf("a / b / c")).toEqual(["word a", "sign /", "word b", "sign /", "word c"]);
    expect(textsOf("return /[/]\\//g")).toEqual(["word return", "regex /[/]\\//g"]);
    expect(textsOf("(a) / 2 // '")).toEqual(["sign (", "word a", "sign )", "sign /", "word 2"]);
    expect(textsOf("x = /*'*/ /'/")).toEqual(["word x", "sign =", "regex /'/"]);
  });

  it("come to an end in text that is cut off", () => {
    for (const source of ["`a${", "`a", "'a", "/* a", "a /", '"\\', "`\\"])
      expect(tokensOf(source).length).toBeLessThan(4);
  });

  it("count lines through comments, strings and templates", () => {
    expect(tokensOf("#!/usr/bin/env node\n/*\n*/ a `\n${b}\n` c").map(({ line }) => line)).toEqual([3, 3, 4, 4, 5]);
  });
});

describe("the imports", () => {
  it("are found in every form", () => {
    const source = `
      import a, { type b } from "1";
      import * as c from '2' with { type: "json" };
      import type { d } from "3";
      export * as e from "4";
      export type * from "5";
      const f = cond ? import("6") : require("7");
      export { g }; export const from = "8"; export type H = "9"; object.import("10"); object.require("11");
      require.resolve("12");
      class I { import(mean: readonly number[], n = f(1)): void {} require(name) {} }
      await import("13");
    `;
    const found = importsOf(tokensOf(source)).map(
      ({ specifier, typeOnly }) => `${specifier}${typeOnly ? " type" : ""}`,
    );
    expect(found).toEqual(["1", "2", "3 type", "4", "5 type", "6", "7", "12", "13"]);
  });
});
