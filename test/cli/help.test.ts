import type { Command } from "commander";
import { describe, expect, it } from "vitest";
import { EXAMPLES } from "../../src/cli/examples.ts";
import { createProgram } from "../../src/cli/program.ts";
import { rivulet, temporaryFolder } from "./run.ts";

const program = await createProgram(() => {});

/** Lists the commands that do something, by their path. */
function leavesOf(command: Command, path = ""): readonly (readonly [string, Command])[] {
  if (command.commands.length === 0) return [[path.trim(), command]];
  return command.commands.flatMap((child) => leavesOf(child, `${path} ${child.name()}`));
}

const leaves = new Map(leavesOf(program));

describe("the help", () => {
  it("has examples for every command, and for no other", () => {
    expect(Object.keys(EXAMPLES).sort()).toEqual(["", ...leaves.keys()].sort());
  });

  const lines = Object.entries(EXAMPLES).flatMap(([path, examples]) => examples.map(([line]) => [line, path] as const));
  it.each(lines)("%s is an example of a command with options that it has", (line, path) => {
    const words = line
      .replace(/^source <\((.*)\)$/, "$1")
      .replace(/ \| .*$/, "")
      .split(" ");
    expect(words[0]).toBe("rivulet");
    const found = [...leaves].filter(([leaf]) => words.join(" ").startsWith(`rivulet ${leaf}`));
    const [leaf = "", command] = found.sort(([a], [b]) => b.length - a.length)[0] ?? [];
    if (path !== "") expect(leaf).toBe(path);
    const rest = words.slice(1 + leaf.split(" ").length);
    let given = 0;
    for (let i = 0; i < rest.length; i++) {
      const word = rest[i] ?? "";
      if (!word.startsWith("--")) given++;
      else {
        const option = command?.options.find(({ long }) => long === word);
        expect(option, word).toBeDefined();
        const value = rest[i + 1] ?? "";
        if (option?.required) i++;
        if (option?.argChoices !== undefined) expect(option.argChoices).toContain(value);
      }
    }
    const expected = command?.registeredArguments ?? [];
    expect(given).toBeGreaterThanOrEqual(expected.filter(({ required }) => required).length);
    if (!expected.some(({ variadic }) => variadic)) expect(given).toBeLessThanOrEqual(expected.length);
  });

  it("shows them", async () => {
    const { code, stdout } = await rivulet(["snapshots", "export", "--help"]);
    expect([code, stdout]).toEqual([0, expect.stringContaining("$ rivulet snapshots export good --format onnx")]);
    expect((await rivulet(["--help"])).stdout).toContain("$ rivulet start");
  });
});

describe("an error", () => {
  it("of a mistyped word says what was meant, and where examples are", async () => {
    const command = await rivulet(["snapshots", "exprt"]);
    expect([command.code, command.stderr]).toEqual([64, expect.stringContaining("Did you mean export?")]);
    const option = await rivulet(["history", "--pionts", "3"]);
    expect([option.code, option.stderr]).toEqual([64, expect.stringContaining("Did you mean --points?")]);
    expect(option.stderr).toContain("rivulet history --help");
  });

  it("of a value has a hint, and colours only where they are wanted", async () => {
    const args = ["history", "--points", "x", "--data", temporaryFolder()];
    const plain = await rivulet(args, { NO_COLOR: "1" });
    expect(plain.stderr).toMatch(/^rivulet: --points is x; .*\n {2}`rivulet history --help` has examples\.\n$/);
    expect((await rivulet(args)).stderr).toBe(plain.stderr);
    expect((await rivulet(args, { FORCE_COLOR: "1" })).stderr).toContain("\x1b[31mrivulet:\x1b[39m ");
  });
});
