import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { connectAsync } from "mqtt";
import { describe, expect, it } from "vitest";
import type { Status } from "../../src/daemon/verb-queries.ts";
import type { SnapshotDifference, SnapshotLine } from "../../src/daemon/verb-snapshots.ts";
import type { Verified } from "../../src/daemon/verify.ts";
import { Random } from "../../src/learner/random.ts";
import { binary, programs } from "../programs.ts";
import { bananas, rowsOf } from "./bananas.ts";
import { rivulet, rivuletJson, startDaemon, stopped, temporaryFolder } from "./run.ts";

async function journal(data: string): Promise<readonly (readonly number[])[]> {
  const { code, stdout } = await rivulet(["journal", "export", "--data", data]);
  expect(code).toBe(0);
  expect(stdout.startsWith("sequence,x1,x2,y\n")).toBe(true);
  return rowsOf(stdout);
}

async function mosquittoPub(port: number, csv: string): Promise<void> {
  const pub = spawn(binary("mosquitto_pub"), ["-p", String(port), "-q", "1", "-t", "rivulet/default/sample", "-l"]);
  for (const [x1, x2, y] of rowsOf(csv)) pub.stdin.write(`${JSON.stringify({ x1, x2, y })}\n`);
  pub.stdin.end();
  expect(await once(pub, "exit")).toEqual([0, null]);
}

async function walk(publish: (port: number, file: string) => Promise<void>): Promise<void> {
  const data = temporaryFolder();
  const csv = bananas();
  const file = join(data, "stream.csv");
  writeFileSync(file, csv);
  const rows = rowsOf(csv);
  const daemon = await startDaemon(data, [
    "--set",
    "models.default.snapshot.every=300 steps",
    "--set",
    "models.default.snapshot.minGap=0s",
  ]);
  await publish(daemon.port, file);
  const at = ["--data", data];

  await expect
    .poll(async () => (await rivuletJson<Status>(["status", ...at])).models["default"]?.sequence)
    .toBe(rows.length);
  expect(await journal(data)).toEqual(rows.map((row, i) => [i + 1, ...row]));
  // How good it is stands beside what needs no network.
  expect((await rivulet(["status", ...at])).stdout).toMatch(/default +1,000 .*(yes|NO): 0\.\d+ against 0\.\d+ \(/);
  const history = await rivuletJson<{ points: { step: number; cost: number }[] }>(["history", ...at, "--points", "50"]);
  expect(history.points.length).toBeGreaterThan(25);
  expect(history.points.at(-1)?.cost).toBeLessThan(history.points[0]?.cost ?? 0);

  const snapshots = await rivuletJson<SnapshotLine[]>(["snapshots", "list", ...at]);
  expect(snapshots.length).toBeGreaterThanOrEqual(4);
  const target = snapshots[2];
  const rolled = await rivuletJson<SnapshotLine>(["rollback", String(target?.id), ...at]);
  expect(rolled).toMatchObject({ reason: "rollback", parent: target?.id });
  const difference = await rivuletJson<SnapshotDifference>([
    "snapshots",
    "diff",
    String(target?.id),
    String(rolled.id),
    ...at,
  ]);
  expect(difference.identical).toBe(true);

  await publish(daemon.port, file);
  await expect
    .poll(async () => (await rivuletJson<Status>(["status", ...at])).models["default"]?.sequence)
    .toBe(2 * rows.length);
  const verified = await rivuletJson<Verified>(["verify", ...at]);
  expect(verified).toMatchObject({ outcome: "same", rows: 2 * rows.length });
  expect(verified.snapshots).toBeGreaterThanOrEqual(snapshots.length);

  expect(await stopped(daemon.process, "SIGTERM")).toBe(0);
  expect(await rivuletJson<Verified>(["verify", ...at])).toMatchObject({ outcome: "same", rows: 2 * rows.length });
}

describe("the walk", () => {
  it("publish with rivulet, look at history and snapshots, roll back, go on, verify", () =>
    walk(async (port, file) => {
      const { code, stdout, stderr } = await rivulet(["publish", file, "--set", `mqtt.port=${port}`]);
      expect(stderr).toBe("");
      expect(code).toBe(0);
      expect(stdout).toContain("5,300 of 5,300 rows acknowledged");
    }));

  it.skipIf(!programs.mosquitto)("the same with mosquitto_pub", () =>
    walk((port, file) => mosquittoPub(port, readFileSync(file, "utf8"))),
  );
});

describe("kill -9 in the middle of a stream", () => {
  it("loses nothing that was acknowledged, and the journal replays to the same bits", async () => {
    const data = temporaryFolder();
    const random = new Random(Number(process.env["SEED"] ?? 7));
    let published = 0;
    const acknowledged = new Set<number>();
    for (let round = 0; round < 4; round++) {
      const daemon = await startDaemon(data, [
        "--set",
        "models.default.snapshot.every=50 steps",
        "--set",
        "models.default.snapshot.minGap=0s",
      ]);
      const client = await connectAsync(`mqtt://127.0.0.1:${daemon.port}`, { reconnectPeriod: 0 });
      const limit = 200 + (random.uint32() % 1500);
      let round_acks = 0;
      const killed = new Promise<void>((resolve) => {
        client.on("close", resolve);
        const next = () => {
          const x1 = ++published;
          client.publish(
            "rivulet/default/sample",
            JSON.stringify({ x1, x2: x1 % 7, y: x1 % 2 }),
            { qos: 1 },
            (error) => {
              if (error) return;
              acknowledged.add(x1);
              if (++round_acks === limit) daemon.process.kill("SIGKILL");
              else if (round_acks < limit) next();
            },
          );
        };
        for (let i = 0; i < 50; i++) next();
      });
      await killed;
      await stopped(daemon.process, "SIGKILL");
      client.end(true);
    }
    const rows = await journal(data);
    const seen = new Set(rows.map(([, x1]) => x1));
    expect([...acknowledged].filter((x1) => !seen.has(x1))).toEqual([]);
    expect(rows.map(([sequence]) => sequence)).toEqual(rows.map((_, i) => i + 1));
    expect(acknowledged.size).toBeGreaterThan(800);
    const verified = await rivuletJson<Verified>(["verify", "--data", data]);
    expect(verified).toMatchObject({ outcome: "same", difference: null });
    expect(verified.snapshots).toBeGreaterThan(5);
  });
});
