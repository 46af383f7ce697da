// Producers with an outbox, daemons and brokers that are killed without warning at moments that a seed draws, and data
// folders that go back. Afterwards every number must be in the journal once, in order.

import { cpSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Quarantine, Status } from "../../src/daemon/verb-queries.ts";
import { Random } from "../../src/learner/random.ts";
import { rowsOf } from "../cli/bananas.ts";
import { rivulet, rivuletJson, type Started, startDaemon, stopped, temporaryFolder } from "../cli/run.ts";
import { NETWORK } from "../daemon/open.ts";
import { openMosquitto } from "../mqtt/mosquitto.ts";
import { freePort } from "../mqtt/mosquitto-process.ts";
import { programs } from "../programs.ts";
import { type ProducerProgram, type ProducerProgramOptions, spawnProducer } from "./spawn-producer.ts";

const seed = Number(process.env["RIVULET_OUTBOX_SEED"] ?? 11);
const kills = Number(process.env["RIVULET_OUTBOX_KILLS"] ?? 4);
const ROWS = 20_000;
/** Some rows that a producer runs ahead of what is settled, so that it is at work whenever it is killed. */
const AHEAD_BYTES_MAX = 100_000;

const numbers = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Tells the numbers that the journal of a data folder holds, in its order. */
async function journal(data: string): Promise<readonly number[]> {
  const { code, stdout } = await rivulet(["journal", "export", "--data", data]);
  expect(code).toBe(0);
  return rowsOf(stdout).map(([, x1]) => x1 ?? Number.NaN);
}

/** Is a daemon that can be killed and started again, on one data folder and one broker. */
class World {
  readonly data = join(temporaryFolder(), "data");
  readonly url: string;
  readonly outbox = join(temporaryFolder(), "outbox");
  readonly #set: readonly string[];
  #daemon: Started | null = null;

  constructor(url: string, set: readonly string[]) {
    this.url = url;
    this.#set = set;
  }

  static async embedded(): Promise<World> {
    const port = await freePort();
    return new World(`mqtt://127.0.0.1:${port}`, [`mqtt.port=${port}`]);
  }

  static on(url: string): World {
    return new World(url, [`mqtt.broker=${url}`, "mqtt.keepalive=1s"]);
  }

  async start(): Promise<void> {
    this.#daemon = await startDaemon(
      this.data,
      [...this.#set, NETWORK].flatMap((assignment) => ["--set", assignment]),
    );
  }

  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
    if (this.#daemon !== null) await stopped(this.#daemon.process, signal);
  }

  producer(rows: number, extra: Partial<ProducerProgramOptions> = {}): ProducerProgram {
    return spawnProducer({ url: this.url, file: this.outbox, rows, bytesMax: AHEAD_BYTES_MAX, ...extra });
  }
}

/** Kills producers until one comes through, and lets something else happen in each of their lives. */
async function survive(
  world: World,
  extra: Partial<ProducerProgramOptions>,
  disturb: (random: Random) => Promise<void>,
): Promise<void> {
  const random = new Random(seed);
  await world.start();
  for (let life = 0; life < kills; life++) {
    const producer = world.producer(ROWS, extra);
    const somewhere = () => Math.ceil((ROWS * (life + 0.9 * random.uniform())) / kills);
    const [first = 1, second = 1] = [somewhere(), somewhere()].sort((a, b) => a - b);
    await producer.settled(first);
    // Some milliseconds later: what is settled is told when a flush or a commit is over, and others are under way then.
    await pause(random.uniform() * 20);
    if (random.uniform() < 0.5) {
      await disturb(random);
      await producer.settled(second);
    } else await Promise.all([disturb(random), stopped(producer.process, "SIGKILL")]);
    await stopped(producer.process, "SIGKILL");
  }
  const last = world.producer(ROWS, extra);
  await last.said("done");
  expect(await last.ended).toBe(0);
  expect(last.lines.filter((line) => line.startsWith("restored"))).toEqual([]);
  await world.stop();
  expect(await journal(world.data)).toEqual(numbers(1, ROWS));
}

describe(`${kills} lives of a producer, seed ${seed}`, () => {
  const timeout = 60_000 + kills * 10_000;

  it.each(["durable", "received"] as const)(
    "on the daemon's own broker, the daemon killed as well, lose and repeat nothing (acknowledges: %s)",
    { timeout },
    async (acknowledges) => {
      const world = await World.embedded();
      await survive(world, { acknowledges }, async () => {
        await world.stop("SIGKILL");
        await world.start();
      });
    },
  );

  it.skipIf(!programs.mosquitto)(
    "through Mosquitto, which is killed and forgets, lose and repeat nothing",
    { timeout },
    async () => {
      const mosquitto = await openMosquitto();
      const world = World.on(mosquitto.url);
      let what = seed;
      await survive(world, {}, async (random) => {
        if (what % 3 === 0) {
          await world.stop("SIGKILL");
          await world.start();
        } else if (what % 3 === 1) {
          // While no daemon is there it acknowledges what it will have forgotten.
          await world.stop("SIGKILL");
          await pause(random.uniform() * 300);
          await mosquitto.stop("SIGKILL");
          await mosquitto.start();
          await world.start();
        } else {
          await mosquitto.stop();
          await pause(random.uniform() * 300);
          await mosquitto.start();
        }
        what++;
      });
    },
  );
});

describe("a daemon's store that goes back", () => {
  const brokers = [
    ["embedded", "durable"],
    ["embedded", "received"],
    ["mosquitto", "received"],
  ] as const;

  async function worldOn(broker: "embedded" | "mosquitto"): Promise<World> {
    return broker === "embedded" ? World.embedded() : World.on((await openMosquitto()).url);
  }

  it.skipIf(!programs.mosquitto).each(brokers)(
    "to a copy gets everything that was held, once, and its mark is reached (%s, acknowledges: %s)",
    async (broker, acknowledges) => {
      const world = await worldOn(broker);
      await world.start();
      const early = world.producer(700, { acknowledges });
      await early.said("done");
      await world.stop();
      cpSync(world.data, `${world.data}-copy`, { recursive: true });
      await world.start();
      // It lives through all that follows.
      const producer = world.producer(6000, { acknowledges });
      await producer.settled(900);
      await world.stop("SIGKILL");
      renameSync(world.data, `${world.data}-aside`);
      renameSync(`${world.data}-copy`, world.data);
      await world.start();
      await producer.said("done");
      expect(await producer.ended).toBe(0);

      const held = await journal(world.data);
      const aside = await journal(`${world.data}-aside`);
      // What Mosquitto had for the daemon comes before what the producer sends again: numbers in between had been settled.
      const rest = broker === "embedded" ? held.slice(700) : held.slice(700).sort((a, b) => a - b);
      const first = rest[0] ?? 0;
      expect([...held.slice(0, 700), ...rest]).toEqual([...numbers(1, 700), ...numbers(first, 6000)]);
      // What is missing here was settled there.
      expect(aside).toEqual(numbers(1, aside.length));
      expect(aside.length).toBeGreaterThanOrEqual(first - 1);
      expect(producer.lines.filter((line) => line.startsWith("restored"))).toEqual([`restored 701 ${first - 1}`]);

      // The mark was reached, so the next one begins where this one ended, without a word.
      const next = world.producer(6010, { acknowledges });
      await next.said("done");
      expect(next.lines.filter((line) => line.startsWith("restored"))).toEqual([]);
      await world.stop();
      expect((await journal(world.data)).slice(held.length)).toEqual(numbers(6001, 6010));
      // What was given up by the producer stands in quarantine; past the rest the window may have slid before.
      const { counts } = await rivuletJson<Quarantine>(["quarantine", "--data", world.data]);
      expect(counts.every(({ code }) => code === "feature-missing")).toBe(true);
    },
  );

  it.skipIf(!programs.mosquitto).each(brokers)(
    "to nothing gets everything that was held, once (%s, acknowledges: %s)",
    async (broker, acknowledges) => {
      const world = await worldOn(broker);
      await world.start();
      const producer = world.producer(6000, { acknowledges });
      await producer.settled(900);
      await world.stop("SIGKILL");
      rmSync(world.data, { recursive: true });
      await world.start();
      await producer.said("done");
      await world.stop();
      const journaled = await journal(world.data);
      const held = broker === "embedded" ? journaled : journaled.toSorted((a, b) => a - b);
      const first = held[0] ?? 0;
      expect(held).toEqual(numbers(first, 6000));
      expect(producer.lines.filter((line) => line.startsWith("restored"))).toEqual([`restored 1 ${first - 1}`]);
    },
  );

  it("while no producer runs is found by the next one", async () => {
    const world = await World.embedded();
    await world.start();
    await world.producer(500).said("done");
    await world.stop();
    cpSync(world.data, `${world.data}-copy`, { recursive: true });
    await world.start();
    await world.producer(900).said("done");
    await world.stop();
    const producer = world.producer(1000);
    await producer.said("sent 1000");
    await stopped(producer.process, "SIGKILL");
    rmSync(world.data, { recursive: true });
    renameSync(`${world.data}-copy`, world.data);
    await world.start();
    const next = world.producer(1000);
    await next.said("done");
    expect(next.lines).toContain("restored 501 900");
    expect(await journal(world.data)).toEqual([...numbers(1, 500), ...numbers(901, 1000)]);
    const { models } = await rivuletJson<Status>(["status", "--data", world.data]);
    expect(models["default"]?.durableSequence).toBe(600);
  });
});
