import { describe, expect, it } from "vitest";
import { type Log, openLog } from "../../src/daemon/log.ts";

function opened(isTerminal: boolean): { readonly log: Log; readonly lines: string[]; pass(ms: number): void } {
  const lines: string[] = [];
  let now = 0;
  const log = openLog({ level: "info", isTerminal, write: (line) => lines.push(line), now: () => now });
  return {
    log,
    lines,
    pass: (ms) => {
      now += ms;
    },
  };
}

describe("the log", () => {
  it("is a line of JSON for each thing, where no terminal is", () => {
    const { log, lines } = opened(false);
    log.warn({ code: "store-failed" }, "a commit failed\nand more");
    log.debug("not told");
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0] ?? "")).toEqual({
      level: "warn",
      time: expect.stringMatching(/^\d{4}-.*Z$/),
      code: "store-failed",
      msg: "a commit failed\nand more",
    });
    expect(lines[0]?.indexOf("\n")).toBe((lines[0]?.length ?? 0) - 1);
  });

  it("is text for people at a terminal", () => {
    const { log, lines } = opened(true);
    log.error({ code: "store-failed", attempts: 3 }, "a commit failed");
    expect(lines).toEqual([
      expect.stringMatching(/^\d\d:\d\d:\d\d error a commit failed {2}code=store-failed {2}attempts=3\n$/),
    ]);
  });

  it("tells what repeats itself ten times in ten seconds, and then how often it was kept back", () => {
    const { log, lines, pass } = opened(false);
    for (let i = 0; i < 25; i++) log.warn({ i }, "again");
    log.info("something else");
    expect(lines).toHaveLength(11);
    pass(10_000);
    log.warn({ i: 25 }, "again");
    log.warn("again");
    expect(lines.slice(11).map((line) => JSON.parse(line))).toMatchObject([
      { i: 25, suppressed: 15 },
      { msg: "again" },
    ]);
    expect(JSON.parse(lines[12] ?? "")).not.toHaveProperty("suppressed");
  });
});
