import { appendFileSync, existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { rowsOf } from "./bananas.ts";
import { rivulet, rivuletJson, type Started, spawnRivulet, startDaemon, stopped, temporaryFolder } from "./run.ts";

interface Published {
  readonly sent: number;
  readonly acknowledged: number;
  readonly seconds: number;
  readonly committed: number | null;
  readonly resumed: number;
  readonly epoch: string | null;
  readonly refusal: string | null;
}

const numbers = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);
const lines = (from: number, to: number) =>
  numbers(from, to)
    .map((x1) => `${x1},1,${x1 % 2}\n`)
    .join("");

/** Is a CSV file, and an outbox that is not there yet. */
function places(rows: number): { readonly data: string; readonly file: string; readonly outbox: string } {
  const folder = temporaryFolder();
  const file = join(folder, "rows.csv");
  writeFileSync(file, `x1,x2,y\n${lines(1, rows)}`);
  return { data: join(folder, "data"), file, outbox: join(folder, "outbox") };
}

async function trained(data: string): Promise<readonly number[]> {
  const { stdout } = await rivulet(["journal", "export", "--data", data]);
  return rowsOf(stdout).map(([, x1]) => x1 ?? Number.NaN);
}

function numbered({ file, outbox }: { readonly file: string; readonly outbox: string }, { port }: Started) {
  return ["publish", file, "--source", "pump", "--outbox", outbox, "--set", `mqtt.port=${port}`];
}

describe("publish with numbers and an outbox", () => {
  it("has nothing to do when it is given again, and takes rows that were added to the file", async () => {
    const world = places(500);
    const daemon = await startDaemon(world.data);
    const args = numbered(world, daemon);
    const first = await rivuletJson<Published>(args);
    expect(first).toEqual({
      file: world.file,
      stream: null,
      model: "default",
      rows: 500,
      sent: 500,
      acknowledged: 500,
      seconds: expect.any(Number),
      committed: 500,
      resumed: 0,
      epoch: expect.stringMatching(/^[0-9a-f]{16}$/),
      refusal: null,
    });
    const again = await rivuletJson<Published>(args);
    expect(again).toMatchObject({ sent: 500, committed: 500, resumed: 500, epoch: first.epoch });
    appendFileSync(world.file, lines(501, 520));
    const more = await rivulet(args);
    expect([more.code, more.stdout]).toEqual([
      0,
      expect.stringMatching(/^520 of 520 rows committed .*, 500 of them sent by an earlier run\n$/),
    ]);
    expect(await trained(world.data)).toEqual(numbers(1, 520));
  });

  it("goes on where it was when it was killed", async () => {
    const world = places(3000);
    const daemon = await startDaemon(world.data);
    const slow = spawnRivulet([...numbered(world, daemon), "--rate", "1000"]);
    await expect.poll(() => existsSync(world.outbox), { timeout: 20_000 }).toBe(true);
    await expect.poll(async () => (await trained(world.data)).length, { timeout: 20_000 }).toBeGreaterThan(100);
    await stopped(slow, "SIGKILL");
    const published = await rivuletJson<Published>(numbered(world, daemon));
    expect(published).toMatchObject({ sent: 3000, committed: 3000 });
    expect(published.resumed).toBeGreaterThan(100);
    expect(await trained(world.data)).toEqual(numbers(1, 3000));
  });

  it("refuses an outbox that was begun for other rows, another source or another epoch", async () => {
    const world = places(50);
    const daemon = await startDaemon(world.data);
    const args = numbered(world, daemon);
    expect((await rivulet(args)).code).toBe(0);
    writeFileSync(world.file, `x1,x2,y\n${lines(2, 60)}`);
    const others = await rivulet(args);
    expect([others.code, others.stderr]).toEqual([64, expect.stringContaining("they are not the first of these")]);
    const source = await rivulet([...args, "--source", "other"]);
    expect([source.code, source.stderr]).toEqual([64, expect.stringContaining("is of source pump, not of other")]);
    const epoch = await rivulet([...args, "--epoch", "two"]);
    expect([epoch.code, epoch.stderr]).toEqual([64, expect.stringContaining("not of two")]);
    expect(await trained(world.data)).toEqual(numbers(1, 50));
  });

  it("tells without numbers that nobody knows what is committed, and needs a source for an outbox", async () => {
    const world = places(20);
    const { port } = await startDaemon(world.data);
    const at = ["--set", `mqtt.port=${port}`];
    const plain = await rivuletJson<Published>(["publish", world.file, ...at]);
    expect(plain).toMatchObject({ sent: 20, acknowledged: 20, committed: null, resumed: 0, epoch: null });
    const { code, stderr } = await rivulet(["publish", world.file, "--outbox", world.outbox, ...at]);
    expect([code, stderr]).toEqual([64, expect.stringContaining("--source")]);
  });

  it("counts a refused row as settled, says why, and goes on behind it", async () => {
    const world = places(10);
    appendFileSync(world.file, `11,1,7\n${lines(12, 20)}`);
    const daemon = await startDaemon(world.data);
    const { code, stdout, stderr } = await rivulet([...numbered(world, daemon), "--json"]);
    expect([code, stderr]).toEqual([1, expect.stringContaining("label-invalid")]);
    expect(JSON.parse(stdout)).toMatchObject({
      sent: 20,
      committed: 20,
      refusal: expect.stringContaining("label-invalid"),
    });
    expect(await trained(world.data)).toEqual([...numbers(1, 10), ...numbers(12, 20)]);
  });
});
