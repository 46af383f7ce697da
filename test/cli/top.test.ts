import { spawn } from "node:child_process";
import { once } from "node:events";
import { stripVTControlCharacters } from "node:util";
import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { type Look, readingBetween, type TopReading } from "../../src/cli/top-reading.ts";
import { topLines } from "../../src/cli/top-view.ts";
import type { Status } from "../../src/daemon/verb-queries.ts";
import { programs } from "../programs.ts";
import { main, rivulet, rivuletJson, startDaemon, stopped, temporaryFolder } from "./run.ts";

const cleanups: (() => unknown)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

const model = {
  name: "default",
  rowsPerSecond: 512.3,
  stepsPerSecond: 128,
  step: 41_000,
  pending: 3,
  cost: 0.123456,
  quality: 0.934,
  isAccuracy: true,
  drifts: 2,
  rowsSinceDrift: 300,
  refused: 4,
  costs: Array.from({ length: 240 }, (_, i) => 0.3 + 0.29 * Math.sin(i / 7)),
};
const reading: TopReading = {
  seconds: 1,
  version: "0.1.0",
  data: "/var/lib/rivulet",
  startedAt: "2026-01-01T00:00:00.000Z",
  broker: null,
  failure: null,
  fileBytes: 12_345_678,
  rowsPerSecond: 512.3,
  commits: { perSecond: 19.8, meanMs: 2.345, p99Ms: 10 },
  models: [model, { ...model, name: "other", quality: null, rowsSinceDrift: null, drifts: 0, refused: 0 }],
};

const textOf = (columns: number, rows: number, of = reading) =>
  topLines(of, columns, rows).map(stripVTControlCharacters);

describe("the view of top", () => {
  it("fits into a terminal of any size", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 200 }), fc.integer({ min: 1, max: 60 }), (columns, rows) => {
        const lines = textOf(columns, rows);
        expect(lines.length).toBeLessThanOrEqual(rows);
        for (const line of lines) expect([...line].length).toBeLessThanOrEqual(columns);
      }),
      { seed: 1 },
    );
  });

  it("shows throughput, commits and how long they take, and of each model cost, accuracy and drift", () => {
    const text = textOf(120, 40).join("\n");
    expect(text).toContain("512 rows a second made durable, 20 commits a second, mean 2.35 ms, 99 % within 10 ms");
    expect(text).toContain("cost 0.1235   accuracy 93.4 %   2 drifts, 300 rows ago   4 refused");
    expect(text.match(/┤/g)).toHaveLength(16);
  });

  it("leaves curves out where there is no room, and never what fails", () => {
    const lines = textOf(80, 12, { ...reading, failure: "disk full" });
    expect(lines.join("\n")).not.toContain("┤");
    expect(lines).toContain("NOTHING CAN BE COMMITTED: disk full");
    expect(lines.some((line) => line.startsWith("other"))).toBe(true);
  });
});

describe("a reading", () => {
  const look = (atMs: number, startedAt: string, rows: number, cumulative: readonly number[], sumSeconds: number) => {
    const count = cumulative.at(-1) ?? 0;
    const commitTimes = { count, sumSeconds, boundsSeconds: [0.001, 0.01, 0.1], cumulative };
    const store = { committedRows: rows, commitTimes, failure: null, fileBytes: 1 };
    const models = { m: { sequence: rows, step: rows / 4, pending: 0, cost: 1, metrics: null, refused: {} } };
    const status = { version: "1", data: "d", startedAt, broker: null, store, models } as unknown as Status;
    return { atMs, status, histories: [] } satisfies Look;
  };

  it("is of what happened between two looks", () => {
    const before = look(1000, "a", 100, [90, 95, 95], 5);
    const { rowsPerSecond, commits, models } = readingBetween(before, look(3000, "a", 500, [91, 103, 105], 5.1));
    expect(rowsPerSecond).toBe(200);
    expect(commits).toMatchObject({ perSecond: 5, p99Ms: 100 });
    expect(commits.meanMs).toBeCloseTo(10);
    expect(models[0]).toMatchObject({ name: "m", rowsPerSecond: 200, stepsPerSecond: 50 });
  });

  it("begins anew where the daemon did", () => {
    const { rowsPerSecond, commits } = readingBetween(
      look(0, "a", 900, [9, 9, 9], 1),
      look(1000, "b", 5, [1, 1, 1], 0),
    );
    expect(rowsPerSecond).toBe(0);
    expect(commits).toEqual({ perSecond: 0, meanMs: null, p99Ms: null });
  });
});

describe("top", () => {
  it("prints one frame where there is no terminal, and a reading as JSON", async () => {
    const data = temporaryFolder();
    const { port } = await startDaemon(data);
    const rows = ["--stream", "moons", "--count", "500", "--set", `mqtt.port=${port}`];
    expect(await rivulet(["publish", ...rows, "--data", data])).toMatchObject({ code: 0 });
    const { code, stdout } = await rivulet(["top", "--interval", "0.1", "--data", data]);
    expect([code, stdout]).toEqual([0, expect.stringContaining("accuracy")]);
    expect(stdout).toContain("┤");
    expect(stdout).not.toContain("\x1b");
    const read = await rivuletJson<TopReading>(["top", "--interval", "0.1", "--data", data]);
    expect(read.models).toMatchObject([{ name: "default", step: 125, rowsPerSecond: 0 }]);
    expect(read.models[0]?.costs.length).toBeGreaterThan(100);
    const other = await rivulet(["top", "--name", "other", "--data", data]);
    expect([other.code, other.stderr]).toEqual([1, expect.stringContaining("there is no model other")]);
  });

  it("says so where no daemon runs", async () => {
    const { code, stderr } = await rivulet(["top", "--data", temporaryFolder()]);
    expect([code, stderr]).toEqual([1, expect.stringContaining("rivulet start")]);
  });

  it.skipIf(!programs.script)(
    "is live on a terminal, outlives the daemon, and gives the terminal back at q",
    async () => {
      const data = temporaryFolder();
      const { process: daemon } = await startDaemon(data);
      const command = `'${process.execPath}' '${main}' top --interval 0.1 --data '${data}'`;
      const child = spawn("script", ["-qefc", command, "/dev/null"], { stdio: ["pipe", "pipe", "inherit"] });
      let shown = "";
      child.stdout.setEncoding("utf8").on("data", (text: string) => {
        shown += text;
      });
      cleanups.push(() => child.kill());
      const seen = (text: string) =>
        expect.poll(() => stripVTControlCharacters(shown), { timeout: 20_000 }).toContain(text);
      await seen("rows a second made durable");
      expect(shown).toContain("\x1b[?1049h");
      await stopped(daemon, "SIGTERM");
      await seen("no daemon answers");
      child.stdin.write("q");
      const [code] = await once(child, "close");
      expect(code).toBe(0);
      expect(shown.trimEnd().endsWith("\x1b[?25h\x1b[?1049l")).toBe(true);
    },
  );
});
