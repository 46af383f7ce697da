// The machine that tries: producers, a broker, and the real daemon, which is killed without warning at any moment, also
// while it starts. Afterwards every number must be in the journal once, in order where its producer kept order, and the
// journal must replay to the saved bits. `npm run torture -- --seed S --kills N` runs more of it.

import { once } from "node:events";
import { join } from "node:path";
import Database from "better-sqlite3";
import { describe, expect, it } from "vitest";
import type { Quarantine, Status } from "../../src/daemon/verb-queries.ts";
import type { Verified } from "../../src/daemon/verify.ts";
import { Random } from "../../src/learner/random.ts";
import { rowsOf } from "../cli/bananas.ts";
import { rivulet, rivuletJson, spawnRivulet, stopped, temporaryFolder } from "../cli/run.ts";
import { freePort, openMosquitto } from "../mqtt/mosquitto.ts";
import { programs } from "../programs.ts";
import { Producer } from "./producer.ts";

const seed = Number(process.env["RIVULET_TORTURE_SEED"] ?? 5);
const kills = Number(process.env["RIVULET_TORTURE_KILLS"] ?? 6);
const PRODUCERS = 4;
/** A life of the daemon, from its start; it is ready after about 400 ms. */
const LIFE_MS_MIN = 150;
const LIFE_MS_MAX = 1400;
const DRAIN_MS_MAX = 60_000;

interface Broker {
  readonly url: string;
  readonly set: readonly string[];
  readonly isOwn: boolean;
  /** What else happens in a life of the daemon. */
  readonly disturb: (random: Random) => Promise<void>;
}

async function torture({ url, set, isOwn, disturb }: Broker): Promise<void> {
  const random = new Random(seed);
  const data = temporaryFolder();
  const args = ["start", "--data", data, ...set.flatMap((assignment) => ["--set", assignment])];
  let newest: ReturnType<typeof spawnRivulet> | null = null;
  const start = () => {
    const child = spawnRivulet(args);
    child.stdout.resume();
    child.stderr.resume();
    newest = child;
    return child;
  };
  const producers = Array.from(
    { length: PRODUCERS },
    (_, index) => new Producer({ url, index, random: new Random(seed + 1 + index), unruly: index > 0 }),
  );
  try {
    for (let life = 0; life < kills; life++) {
      const child = start();
      const ms = LIFE_MS_MIN + random.uniform() * (LIFE_MS_MAX - LIFE_MS_MIN);
      const end = new Promise((resolve) => setTimeout(resolve, ms));
      await Promise.all([end, disturb(random)]);
      if (child.exitCode !== null) throw new Error(`life ${life}: the daemon ended by itself with ${child.exitCode}`);
      child.kill("SIGKILL");
      await once(child, "close");
      if (kills > 20) process.stdout.write(`\r${life + 1} of ${kills} lives `);
    }
    const last = start();
    for (const producer of producers) producer.stop();
    await expect.poll(() => producers.every(({ drained }) => drained), { timeout: DRAIN_MS_MAX }).toBe(true);
    expect(await stopped(last, "SIGTERM")).toBe(0);
  } finally {
    for (const producer of producers) producer.end();
    // Where something failed, it is still there.
    if (newest !== null) await stopped(newest, "SIGKILL");
  }
  await check(data, producers, isOwn);
}

async function check(data: string, producers: readonly Producer[], isOwn: boolean): Promise<void> {
  const { code, stdout } = await rivulet(["journal", "export", "--data", data]);
  expect(code).toBe(0);
  const rows = rowsOf(stdout);
  expect(rows.map(([sequence]) => sequence)).toEqual(rows.map((_, i) => i + 1));
  for (const [index, { last }] of producers.entries()) {
    const numbers = rows.filter(([, x1]) => x1 === index).map(([, , x2 = Number.NaN]) => x2);
    expect(last).toBeGreaterThan(50);
    // Producer 0 keeps its order; the others are asked for no more than each number once.
    if (index > 0) numbers.sort((a, b) => a - b);
    expect(numbers).toEqual(Array.from({ length: last }, (_, i) => i + 1));
  }
  for (const [, , x2 = Number.NaN, y] of rows) expect(y).toBe(x2 % 2);
  expect(await rivuletJson<Verified>(["verify", "--data", data])).toMatchObject({ outcome: "same" });
  const { counts } = await rivuletJson<Quarantine>(["quarantine", "--data", data]);
  const refused = counts.reduce((sum, { count }) => sum + count, 0);
  const { models } = await rivuletJson<Status>(["status", "--data", data]);
  const garbage = producers.reduce((sum, producer) => sum + producer.garbage, 0);
  expect(garbage).toBeGreaterThan(0);
  // What another broker acknowledged need not have come here.
  if (isOwn) expect(refused).toBeGreaterThanOrEqual(garbage);
  expect(models["default"]?.durableSequence).toBe(rows.length);
  const file = new Database(join(data, "rivulet.db"), { readonly: true });
  expect(file.pragma("integrity_check")).toEqual([{ integrity_check: "ok" }]);
  file.close();
}

describe(`${kills} lives of the daemon, seed ${seed}`, () => {
  const timeout = 60_000 + kills * 4000;

  it("on its own broker lose no number and train none twice", { timeout }, async () => {
    const port = await freePort();
    await torture({
      url: `mqtt://127.0.0.1:${port}`,
      set: [`mqtt.port=${port}`],
      isOwn: true,
      disturb: async () => {},
    });
  });

  it.skipIf(!programs.mosquitto)("on Mosquitto, which is restarted and frozen, neither", { timeout }, async () => {
    const mosquitto = await openMosquitto();
    const disturb = async (random: Random) => {
      const ms = random.uniform() * LIFE_MS_MAX;
      const what = random.uint32() % 4;
      await new Promise((resolve) => setTimeout(resolve, ms));
      if (what === 0) {
        await mosquitto.stop("SIGTERM");
        await mosquitto.start();
      } else if (what === 1) {
        mosquitto.signal("SIGSTOP");
        await new Promise((resolve) => setTimeout(resolve, random.uniform() * 1500));
        mosquitto.signal("SIGCONT");
      }
    };
    await torture({
      url: mosquitto.url,
      set: [`mqtt.broker=${mosquitto.url}`, "mqtt.keepalive=1s"],
      isOwn: false,
      disturb,
    });
  });
});
