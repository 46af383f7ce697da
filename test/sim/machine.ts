// The machine that tries: a crew of senders, a broker, and the real daemon, which is killed at any moment, while its disk
// is full, slow or broken, its broker is restarted, frozen or killed, and its configuration changes. One seed draws it all;
// when things happen is up to the machine that it runs on. Needs no test framework.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Random } from "../../src/learner/random.ts";
import { freePort, launchMosquitto, type Mosquitto } from "../mqtt/mosquitto-process.ts";
import { programs } from "../programs.ts";
import { type Checked, check } from "./check.ts";
import { type Crew, openCrew } from "./crew.ts";
import { DaemonProcess } from "./daemon-process.ts";
import { randomOf } from "./draw.ts";
import { type Faults, openFaults } from "./faults.ts";
import { drawLife, drawSettings, type Life } from "./life.ts";
import { configText, type Settings } from "./sim-models.ts";

/** Time in which everything must be settled once nothing breaks any more. */
const DRAIN_MS_MAX = 60_000;
const READY_MS_MAX = 30_000;
/** Time for what an ending waits for; if it does not come, the daemon ends all the same. */
const MOMENT_MS_MAX = 2000;
const STARTING_MS_MAX = 350;
const BUSY_MS_MIN = 200;
const BUSY_MS_MAX = 1000;
const SHORTLY_MS_MAX = 40;
const LOOK_MS = 4;
const FINAL: Settings = { learningRate: 0.3, batchSize: 4, plainKind: "sgd", profile: "balanced" };

export interface TortureOptions {
  readonly seed: number;
  readonly kills: number;
  readonly broker: "embedded" | "mosquitto";
  /** The program that is run: src/main.ts or dist/main.js. */
  readonly main: string;
  readonly onLife: (count: Counts) => void;
}

export interface Counts {
  lives: number;
  kills: number;
  stops: number;
  diskTroubles: number;
  brokerTroubles: number;
}

export interface Tortured extends Counts, Checked {
  readonly orders: number;
  /** How often a producer sent again for want of news. */
  readonly silences: number;
  readonly seconds: number;
}

/** Runs lives until so many were ended by SIGKILL, lets all senders finish, and checks. Throws at what does not hold. */
export async function torture(options: TortureOptions): Promise<Tortured> {
  const machine = await Machine.open(options);
  try {
    return await machine.run();
  } finally {
    await machine.end();
  }
}

class Machine {
  readonly #options: TortureOptions;
  readonly #folder: string;
  readonly #mosquitto: Mosquitto | null;
  readonly #args: readonly string[];
  readonly #faults: Faults | null;
  readonly #random: Random;
  readonly #crew: Crew;
  readonly #counts: Counts = { lives: 0, kills: 0, stops: 0, diskTroubles: 0, brokerTroubles: 0 };
  #daemon: DaemonProcess | null = null;

  private constructor(
    options: TortureOptions,
    folder: string,
    place: string,
    mosquitto: Mosquitto | null,
    faults: Faults | null,
  ) {
    this.#options = options;
    this.#folder = folder;
    this.#mosquitto = mosquitto;
    this.#faults = faults;
    const set = mosquitto === null ? `mqtt.port=${new URL(place).port}` : `mqtt.broker=${place}`;
    this.#args = ["start", "--config", this.#config, "--data", this.#data, "--set", set];
    this.#random = randomOf(options.seed, 0);
    this.#crew = openCrew(options.seed, place, mosquitto === null);
  }

  static async open(options: TortureOptions): Promise<Machine> {
    const folder = mkdtempSync(join(tmpdir(), "rivulet-torture-"));
    const mosquitto = options.broker === "embedded" ? null : await launchMosquitto();
    const url = mosquitto?.url ?? `mqtt://127.0.0.1:${await freePort()}`;
    const faults = programs.cc ? await openFaults(join(folder, "data")) : null;
    return new Machine(options, folder, url, mosquitto, faults);
  }

  get #config(): string {
    return join(this.#folder, "rivulet.yaml");
  }

  get #data(): string {
    return join(this.#folder, "data");
  }

  async run(): Promise<Tortured> {
    const startedAt = performance.now();
    const { kills, main, onLife } = this.#options;
    while (this.#counts.kills < kills) {
      const life = drawLife(this.#random);
      try {
        await this.#live(life);
      } catch (error) {
        throw new Error(`life ${this.#counts.lives}: ${JSON.stringify(life)}`, { cause: error });
      }
      onLife(this.#counts);
    }
    await this.#drain();
    const checked = await check(main, this.#data, this.#crew, this.#mosquitto === null);
    const orders = this.#crew.commander.obeyed.length;
    const silences = this.#crew.producers.reduce((sum, producer) => sum + producer.silences, 0);
    return { ...this.#counts, ...checked, orders, silences, seconds: (performance.now() - startedAt) / 1000 };
  }

  async end(): Promise<void> {
    for (const sender of this.#crew.all) sender.end();
    await this.#daemon?.kill();
    await this.#mosquitto?.end();
    this.#faults?.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #start(settings: Settings): DaemonProcess {
    writeFileSync(this.#config, configText(settings));
    this.#daemon = new DaemonProcess(this.#options.main, this.#args, this.#faults?.env);
    return this.#daemon;
  }

  async #live(life: Life): Promise<void> {
    if (life.trouble === "full-start") this.#spoilDisk(life);
    const daemon = this.#start(life.settings);
    const troubles = Promise.all([this.#trouble(life, daemon), this.#troubleBroker(life)]);
    // What they throw is thrown below, where they are waited for.
    troubles.catch(() => {});
    await this.#moment(life, daemon);
    daemon.assertAlive();
    if (life.ending === "stopped") {
      // While the disk takes nothing, a stop gives up after some attempts, and does not end well.
      await troubles;
      await daemon.stop();
      this.#counts.stops++;
    } else {
      await daemon.kill();
      this.#counts.kills++;
    }
    await troubles;
    if (this.#faults !== null) this.#faults.flushDelayMs = 0;
    for (const sender of this.#crew.all) sender.paused = false;
    this.#counts.lives++;
    this.#assertNoFault();
  }

  /** Waits for the moment in which the daemon is to end. */
  async #moment({ ending, at, trouble }: Life, daemon: DaemonProcess): Promise<void> {
    if (ending === "starting") return sleep(at * STARTING_MS_MAX);
    // Signals mean what they are to mean once it is ready.
    const isSignalled = ending === "stopping" || ending === "stopped" || ending === "reloading";
    if (trouble !== "full-start" || isSignalled) await this.#ready(daemon);
    if (ending === "ready") return;
    const { all, producers, commander } = this.#crew;
    if (ending === "first-commit") {
      const before = producers.map(({ known }) => known);
      await until(() => producers.some(({ known }, i) => known !== before[i]), MOMENT_MS_MAX);
    } else if (ending === "idle") {
      for (const sender of all) sender.paused = true;
      await until(() => all.every(({ settled }) => settled), MOMENT_MS_MAX);
    } else if (ending === "ordered") {
      await until(() => commander.link.online, MOMENT_MS_MAX);
      commander.order();
      await sleep(at * SHORTLY_MS_MAX);
    } else {
      await sleep(BUSY_MS_MIN + at * (BUSY_MS_MAX - BUSY_MS_MIN));
      if (ending === "reloading") {
        writeFileSync(this.#config, configText(drawSettings(this.#random)));
        daemon.signal("SIGHUP");
        await sleep(at * SHORTLY_MS_MAX);
      } else if (ending === "stopping") {
        daemon.assertAlive();
        daemon.signal("SIGTERM");
        return daemon.kill(at * SHORTLY_MS_MAX);
      }
    }
  }

  async #ready(daemon: DaemonProcess): Promise<void> {
    let isReady = false;
    void daemon.ready.then(() => {
      isReady = true;
    });
    await until(() => isReady || daemon.ended, READY_MS_MAX);
    daemon.assertAlive();
    if (!isReady) throw new Error(`the daemon is not ready after ${READY_MS_MAX} ms: ${daemon.said}`);
  }

  #spoilDisk({ roomBytes, trouble, faultMode }: Life): void {
    if (this.#faults === null) return;
    this.#counts.diskTroubles++;
    this.#faults.roomBytes = trouble === "full-start" ? 0 : roomBytes;
    this.#faults.mode = trouble === "broken-disk" ? faultMode : "full";
  }

  async #trouble(life: Life, daemon: DaemonProcess): Promise<void> {
    const { trouble, troubleMs, at } = life;
    if (trouble === "none") return;
    if (trouble === "slow-disk") {
      // It lasts for the whole life: `#live` ends it.
      if (this.#faults !== null) this.#faults.flushDelayMs = Math.round(troubleMs / 5);
      return;
    }
    if (trouble !== "full-start") await Promise.race([daemon.ready.then(() => sleep(at * troubleMs)), daemon.gone]);
    if (daemon.ended) return;
    if (trouble === "daemon-freeze") daemon.signal("SIGSTOP");
    else if (trouble !== "full-start") this.#spoilDisk(life);
    await sleep(troubleMs);
    if (trouble === "daemon-freeze") daemon.signal("SIGCONT");
    else if (this.#faults !== null) this.#faults.mode = "none";
  }

  async #troubleBroker({ brokerTrouble, troubleMs, at }: Life): Promise<void> {
    const mosquitto = this.#mosquitto;
    if (mosquitto === null || brokerTrouble === "none") return;
    this.#counts.brokerTroubles++;
    await sleep(at * BUSY_MS_MAX);
    if (brokerTrouble === "freeze") {
      mosquitto.signal("SIGSTOP");
      await sleep(4 * troubleMs);
      mosquitto.signal("SIGCONT");
    } else {
      await mosquitto.stop(brokerTrouble === "restart" ? "SIGTERM" : "SIGKILL");
      await mosquitto.start();
    }
  }

  /** Lets nothing break any more, until everything that was begun is settled. */
  async #drain(): Promise<void> {
    const daemon = this.#start(FINAL);
    for (const sender of this.#crew.all) sender.stop();
    await until(() => this.#crew.all.every(({ settled }) => settled) || daemon.ended, DRAIN_MS_MAX);
    daemon.assertAlive();
    this.#assertNoFault();
    const open = this.#crew.all.flatMap((sender, i) => (sender.settled ? [] : [i + 1]));
    if (open.length > 0)
      throw new Error(`after ${DRAIN_MS_MAX} ms senders ${open.join(", ")} are not settled: ${daemon.said}`);
    // Broken connections of the ruffian may still hand rows in: what it sent last is not counted before they are through.
    await this.#crew.ruffian.link.hear();
    await daemon.stop();
  }

  #assertNoFault(): void {
    for (const { link } of this.#crew.all) if (link.fault !== null) throw link.fault;
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Waits until something holds, or for so long. */
async function until(holds: () => boolean, ms: number): Promise<void> {
  const end = performance.now() + ms;
  while (!holds() && performance.now() < end) await sleep(LOOK_MS);
}
