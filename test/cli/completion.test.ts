import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import { describe, expect, it } from "vitest";
import { completionScript } from "../../src/cli/completion.ts";
import { createProgram } from "../../src/cli/program.ts";
import { programs } from "../programs.ts";
import { rivulet, temporaryFolder } from "./run.ts";

const program = await createProgram(() => {});

/** Has bash complete the last of some words, as it does for who types them. */
function completed(words: readonly string[]): readonly string[] {
  const file = join(temporaryFolder(), "rivulet.bash");
  writeFileSync(file, completionScript(program, "bash"));
  const quoted = ["rivulet", ...words].map((word) => `'${word}'`).join(" ");
  const code = `source '${file}'; COMP_WORDS=(${quoted}); COMP_CWORD=${words.length}; _rivulet; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout, stderr } = spawnSync("bash", ["--norc", "-c", code], { encoding: "utf8", timeout: 20_000 });
  expect(stderr).toBe("");
  return stdout.split("\n").filter((word) => word !== "");
}

function everyWord(command: Command): readonly string[] {
  const own = command.options.flatMap(({ long }) => (long == null ? [] : [long.slice(2)]));
  return [...own, ...command.commands.flatMap((child) => [child.name(), ...everyWord(child)])];
}

describe("completion", () => {
  it.skipIf(!programs.bash).each([
    [["sn"], ["snapshots"]],
    [
      ["snapshots", "ta"],
      ["tag", "take"],
    ],
    [["--data", "folder", "snapshots", "ex"], ["export"]],
    [
      ["snapshots", "export", "--format", ""],
      ["json", "onnx", "c"],
    ],
    [["snapshots", "export", "3", "--fo"], ["--format"]],
    [["completion", "z"], ["zsh"]],
    [["models", "import", "--na"], ["--name"]],
    // A value of one's own: bash offers files.
    [["start", "--config", "s"], []],
    [["nonsense", "--js"], []],
  ])("in bash of %j is %j", (words, wanted) => {
    expect(completed(words)).toEqual(wanted);
  });

  it.skipIf(!programs.bash)("in bash knows every option of every command", () => {
    const missing = program.commands.flatMap((command) => {
      const offered = completed([command.name(), ""]);
      const wanted = [
        ...command.commands.map((child) => child.name()),
        ...command.options.flatMap(({ long }) => long ?? []),
      ];
      return wanted.filter((word) => !offered.includes(word)).map((word) => `${command.name()} ${word}`);
    });
    expect(missing).toEqual([]);
  });

  it.each(["bash", "zsh", "fish"] as const)("for %s has every command and option, and is printed", async (shell) => {
    const { code, stdout } = await rivulet(["completion", shell]);
    expect(code).toBe(0);
    for (const word of everyWord(program)) expect(stdout).toContain(word);
  });

  it.skipIf(!programs.zsh)("in zsh is read without a complaint, and completes", () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, "_rivulet"), completionScript(program, "zsh"));
    const code = `
      compdef() { :; }; _describe() { local name="\${@[-1]}"; print -l -- "\${(@P)name}"; }
      compadd() { print -l -- "$@"; }; _files() { print FILES; }
      source '${join(folder, "_rivulet")}'
      try() { words=(rivulet "$@"); CURRENT=\${#words}; PREFIX="\${@[-1]}"; _rivulet; }
      try snapshots ''; print -- '=='; try snapshots export --format ''; print -- '=='; try history --fr; print -- '=='; try start --config ''`;
    const { stdout, stderr } = spawnSync("zsh", ["-f", "-c", code], { encoding: "utf8", timeout: 20_000 });
    expect(stderr).toBe("");
    const [commands, formats, options, files] = stdout.split("==");
    expect(commands).toContain("export:write a snapshot's network");
    expect(formats?.trim().split("\n")).toEqual(["--", "json", "onnx", "c"]);
    expect(options).toContain("--from:first step");
    expect(files?.trim()).toBe("FILES");
  });

  it.skipIf(!programs.fish)("in fish completes", () => {
    const file = join(temporaryFolder(), "rivulet.fish");
    writeFileSync(file, completionScript(program, "fish"));
    const complete = (line: string) => {
      const code = `source '${file}'; complete -C '${line}'`;
      const { stdout, stderr } = spawnSync("fish", ["--no-config", "-c", code], { encoding: "utf8", timeout: 20_000 });
      expect(stderr).toBe("");
      return stdout.split("\n").map((found) => found.split("\t")[0]);
    };
    expect(complete("rivulet sn")).toContain("snapshots");
    expect(complete("rivulet snapshots ta")).toEqual(expect.arrayContaining(["tag", "take"]));
    expect(complete("rivulet snapshots export --format ")).toEqual(expect.arrayContaining(["json", "onnx", "c"]));
    expect(complete("rivulet --data x history --fr")).toContain("--from");
    expect(complete("rivulet history --fo")).not.toContain("--format");
  });
});
