import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { bars } from "../../src/cli/bars.ts";
import type { Backtest } from "../../src/daemon/verb-backtest.ts";
import type { Explained, Importances } from "../../src/daemon/verb-explain.ts";
import { Random } from "../../src/learner/random.ts";
import { rivulet, rivuletJson, startDaemon, stopped, temporaryFolder } from "./run.ts";

const NO_POLICY = ["--set", "models.default.drift.policy=none"];

/** Writes points that are of class 1 right of a line, one in ten labelled wrongly; turned over, the others are. */
function csvOf(path: string, count: number, turned = 0): string {
  const random = new Random(count);
  const lines = Array.from({ length: count }, () => {
    const [a, b] = [random.normal(), random.normal()];
    const isOther = random.uniform() < 0.1 ? 1 - turned : turned;
    return [a, b, a + b / 4 > 0 ? 1 - isOther : isOther].join();
  });
  writeFileSync(path, `x1,x2,y\n${lines.join("\n")}\n`);
  return path;
}

describe("backtest, rollback best and explain", () => {
  it("are answered by the daemon, and without one", async () => {
    const folder = temporaryFolder();
    const data = join(folder, "data");
    const at = ["--data", data];
    const { process: child, port } = await startDaemon(data, NO_POLICY);
    const publish = (path: string) => rivulet(["publish", path, ...at, "--set", `mqtt.port=${port}`]);
    expect((await publish(csvOf(join(folder, "a.csv"), 1000))).code).toBe(0);
    expect((await rivulet(["snapshots", "take", ...at])).code).toBe(0);
    expect((await rivulet(["snapshots", "tag", "2", "good", ...at])).code).toBe(0);
    expect((await publish(csvOf(join(folder, "b.csv"), 40, 1))).code).toBe(0);

    const { rows, snapshots } = await rivuletJson<Backtest>(["backtest", "--snapshots", "good, 1", ...at]);
    expect(rows).toEqual({ count: 1000, from: 41, to: 1040 });
    expect(snapshots.map(({ id }) => id)).toEqual([2, 1, null]);
    const { stdout: listed } = await rivulet(["backtest", "--last", "500", ...at]);
    expect(listed).toMatch(/^model default on 500 rows, 541 to 1040:$/m);
    expect(listed).toMatch(/^ *2 +250 .*good$/m);
    expect(listed).toMatch(/^ *live +260 /m);

    expect(await rivulet(["rollback", "best", ...at])).toMatchObject({
      code: 0,
      stdout: expect.stringContaining("goes on from snapshot 2: that is snapshot 3 now"),
    });
    await stopped(child, "SIGTERM");

    const offline = [...at, ...NO_POLICY, "--set", "mqtt.port=0"];
    expect(await rivulet(["rollback", "best", ...offline])).toMatchObject({
      code: 1,
      stdout: "",
      stderr: expect.stringContaining("goes on as it is"),
    });
    const explained = await rivuletJson<Explained>(["explain", "-0.5", "1", "--snapshot", "good", ...offline]);
    expect(explained).toMatchObject({
      snapshot: 2,
      class: 0,
      features: [{ feature: "x1", value: -0.5 }, { value: 1 }],
    });
    const { stdout: drawn } = await rivulet(["explain", "-0.5", "1", ...offline]);
    expect(drawn).toMatch(/→ class 0, at step 260\nthe logit of class 1 is -/);
    expect(drawn).toMatch(/^x1 .*█+│$/m);
    const importance = ["explain", "--importance", "--seed", "3", ...offline];
    const measured = await rivuletJson<Importances>(importance);
    expect(measured).toMatchObject({
      seed: 3,
      rows: { count: 1000 },
      features: [{ feature: "x1" }, { feature: "x2" }],
    });
    expect((await rivulet(importance)).stdout).toMatch(/^x1 .*│█{24}$/m);
    for (const wrong of [[], ["1", "1", "--importance"], ["1", "1", "--seed", "1"], ["1", "x"]]) {
      expect((await rivulet(["explain", ...wrong, ...offline])).code).toBe(64);
    }
  });
});

describe("bars", () => {
  it("are drawn from one axis, the longest over the whole width", () => {
    expect(bars([1, 0.5, 0, 0.125], 4)).toEqual(["│████", "│██", "│", "│▌"]);
    expect(bars([-1, 0.5, -0.375], 4)).toEqual(["████│", "    │██", "  ▐█│"]);
    expect(bars([0, 0], 4)).toEqual(["│", "│"]);
    expect(bars([Number.NaN, -2], 2)).toEqual(["  │", "██│"]);
  });
});
