import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { configTable } from "../src/daemon/config-docs.ts";

const read = (name: string) => readFileSync(new URL(`../${name}`, import.meta.url), "utf8");
const readme = read("README.md");

describe("the README", () => {
  it("has the table of the configuration as the schema writes it", () => {
    expect(readme).toContain(configTable().trim());
  });

  it("names every code with which a message is refused", () => {
    const codes = [...read("src/sample/rows.ts").matchAll(/^ {2}\| "([a-z-]+)"/gm)].map(([, code]) => code);
    expect(codes.length).toBeGreaterThan(10);
    expect(codes.filter((code) => !readme.includes(`\`${code}\``))).toEqual([]);
  });

  it("names every command of the program", () => {
    const commands = [...read("src/cli/program.ts").matchAll(/\bimport\("\.\/([\w-]+)\.ts"\)/g)].map(
      ([, name]) => name,
    );
    expect(commands.length).toBeGreaterThan(10);
    expect(commands.filter((name) => !new RegExp(`\`${name}[ \`]`).test(readme))).toEqual([]);
  });
});

describe("the notices", () => {
  it("name every package that is installed with the program, in its version", () => {
    const { dependencies, optionalDependencies } = JSON.parse(read("package.json"));
    const notices = read("THIRD-PARTY-NOTICES.md");
    for (const [name, version] of Object.entries<string>({ ...dependencies, ...optionalDependencies })) {
      expect(notices).toContain(name);
      expect(notices).toContain(version);
    }
  });
});
