import { stripVTControlCharacters } from "node:util";
import { describe, expect, it } from "vitest";
import { plotWidth } from "../../src/cli/plot.ts";
import { clipped, widthOf } from "../../src/cli/style.ts";
import { table } from "../../src/cli/table.ts";
import { rivulet, startDaemon, stopped, temporaryFolder } from "./run.ts";

const RED = "\x1b[31mno\x1b[39m";

describe("styled text", () => {
  it("takes no more room in a table than it shows", () => {
    const styled = table(
      ["is", "n"],
      [
        [RED, 1],
        ["online", 22],
      ],
    );
    const plain = table(
      ["is", "n"],
      [
        ["no", 1],
        ["online", 22],
      ],
    );
    expect(stripVTControlCharacters(styled)).toBe(stripVTControlCharacters(plain));
    expect(styled).toContain(RED);
  });

  it("is cut off by what it shows", () => {
    expect(widthOf(`a${RED}`)).toBe(3);
    expect(stripVTControlCharacters(clipped(`a${RED}bcd`, 4))).toBe("anob");
    expect(clipped(`a${RED}`, 2)).toContain("\x1b[39m");
  });

  it("is for terminals: a table is the same text without colours elsewhere, or by NO_COLOR", async () => {
    const data = temporaryFolder();
    const { process: child } = await startDaemon(data);
    await stopped(child, "SIGTERM");
    const list = async (extra: Readonly<Record<string, string>>) =>
      (await rivulet(["models", "list", "--data", data], extra)).stdout;
    const plain = await list({});
    expect(plain).not.toContain("\x1b");
    expect(await list({ NO_COLOR: "1" })).toBe(plain);
    const coloured = await list({ FORCE_COLOR: "1" });
    expect(coloured).toContain("\x1b[32mactive\x1b[39m");
    expect(stripVTControlCharacters(coloured)).toBe(plain);
  });
});

it("a plot is as wide as the terminal, within reason, and 64 characters elsewhere", () => {
  expect(plotWidth({ isTTY: true, columns: 132 })).toBe(120);
  expect(plotWidth({ isTTY: true, columns: 5 })).toBe(8);
  expect(plotWidth({ isTTY: true, columns: 10_000 })).toBe(240);
  expect(plotWidth({ isTTY: false, columns: 132 })).toBe(64);
});
