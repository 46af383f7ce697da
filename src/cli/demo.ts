// Runs everything at once, to be looked at: a daemon on a folder of its own, a publisher of a stream that drifts, and a
// view of what happens. When a concept comes back that was learned before, it rolls back to what was learned then.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Command } from "commander";
import { publish } from "../client/publisher.ts";
import { watch } from "../client/watcher.ts";
import { parseConfig } from "../daemon/config.ts";
import { type Daemon, openDaemon } from "../daemon/daemon.ts";
import { silentLog } from "../daemon/log.ts";
import type { Verb, Verbs } from "../daemon/verbs.ts";
import { RivuletError } from "../error.ts";
import { Random } from "../learner/random.ts";
import { isStreamKind, STREAMS, type StreamKind, streamRows } from "../sample/streams.ts";
import { type DemoScene, demoLine, demoLines } from "./demo-view.ts";
import { optionsOf, positiveNumber, wholeNumber } from "./options.ts";
import { PLOT_COLUMNS } from "./plot.ts";
import { Screen } from "./screen.ts";

interface Options {
  readonly stream: string;
  readonly rate: number;
  readonly seed: number;
  readonly seconds?: number;
}

const FRAME_MS = 250;
const LINE_MS = 1000;
/** Rows over which accuracy is told. */
const NEWEST = 500;
const NEWS_MAX = 50;
const ACCURACIES_MAX = 500;
/** Rows after a drift until it is looked at whether the concept is known. */
const LOOK_ROWS = 100;
/** Concepts of the streams that come back to them: what was learned of one is of use when it comes again. */
const CONCEPTS: Readonly<Partial<Record<StreamKind, number>>> = { sine: 2, sea: 4 };
const SETTINGS = [
  "mqtt.port=0",
  "http.port=0",
  "commit.profile=eager",
  "models.default.snapshot.every=5s",
  "models.default.snapshot.minGap=2s",
];

/** Shows a daemon that learns a drifting stream, until Ctrl-C; nothing is left behind. */
export function demoCommand(): Command {
  return new Command("demo")
    .description("show a daemon that learns a drifting stream, until Ctrl-C; nothing is left behind")
    .option("--stream <kind>", STREAMS.map(({ kind }) => kind).join(", "), "sine")
    .option("--rate <r>", "rows a second", positiveNumber("--rate"), 500)
    .option("--seed <s>", "seed of the stream", wholeNumber("--seed", 0), 1)
    .option("--seconds <n>", "end by itself after so long", positiveNumber("--seconds"))
    .action(async (_, command: Command) => {
      const options = optionsOf<Options>(command);
      if (!isStreamKind(options.stream)) throw new RivuletError("usage", `there is no stream ${options.stream}`);
      const stop = new AbortController();
      const interrupt = () => stop.abort();
      for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, interrupt);
      const timer = options.seconds === undefined ? undefined : setTimeout(interrupt, options.seconds * 1000);
      const data = mkdtempSync(join(tmpdir(), "rivulet-demo-"));
      try {
        const config = parseConfig(null, { data, set: SETTINGS });
        const daemon = await openDaemon({ config, log: silentLog, listen: true });
        try {
          await new Demo(daemon, options.stream, options).run(stop.signal);
        } finally {
          await daemon.close();
        }
      } finally {
        clearTimeout(timer);
        rmSync(data, { recursive: true, force: true });
      }
    });
}

class Demo {
  readonly #daemon: Daemon;
  readonly #stream: StreamKind;
  readonly #options: Options;
  readonly #url: string;
  readonly #dashboard: string | null;
  readonly #startedAt = performance.now();
  readonly #hits: boolean[] = [];
  readonly #accuracies: number[] = [];
  readonly #news: { at: number; what: string }[] = [];
  #acknowledged = 0;

  constructor(daemon: Daemon, stream: StreamKind, options: Options) {
    this.#daemon = daemon;
    this.#stream = stream;
    this.#options = options;
    this.#url = daemon.rooms.broker?.status().url ?? "";
    this.#dashboard = daemon.http === null ? null : `${daemon.http.url}/#token=${daemon.http.token}`;
  }

  async run(signal: AbortSignal): Promise<void> {
    const unwatch = await watch({
      url: this.#url,
      filters: ["rivulet/+/event"],
      onMessage: (_, payload) => this.#tell(eventText(payload)),
    });
    const screen = process.stdout.isTTY ? new Screen() : null;
    if (screen === null && this.#dashboard !== null) process.stdout.write(`dashboard: ${this.#dashboard}\n`);
    const frame = async () => {
      const scene = await this.#scene();
      if (screen === null) process.stdout.write(`${demoLine(scene)}\n`);
      else screen.draw((columns, rows) => demoLines(scene, columns, rows));
    };
    const timer = setInterval(() => void frame(), screen === null ? LINE_MS : FRAME_MS);
    try {
      await publish({
        url: this.#url,
        username: null,
        password: null,
        topic: "rivulet/default/sample",
        qos: 1,
        rate: this.#options.rate,
        payloads: this.#payloads(),
        signal,
        onProgress: ({ acknowledged }) => {
          this.#acknowledged = acknowledged;
        },
      });
    } finally {
      clearInterval(timer);
      await unwatch();
      screen?.close();
    }
    const { samples, step, seconds } = await this.#scene();
    process.stdout.write(`${samples} samples in ${seconds.toFixed(0)} s, ${step} steps; the demo's data is removed\n`);
  }

  /** Writes rows, each predicted before it goes out: test, then train. */
  *#payloads(): Generator<string> {
    let concept = 0;
    let since = 0;
    for (const { features, label, concept: now } of streamRows(this.#stream, 2, new Random(this.#options.seed))) {
      this.#score(features, label);
      if (now !== concept) this.#drifted(concept, now);
      since = now === concept ? since + 1 : 0;
      concept = now;
      if (since === LOOK_ROWS && concept >= this.#concepts) this.#remember(concept);
      yield JSON.stringify({ x1: features[0], x2: features[1], y: label });
    }
  }

  #score(features: readonly number[], label: number): void {
    const model = this.#daemon.rooms.models.get("default");
    if (model === undefined) return;
    this.#hits.push(model.state.learner.predict(features) >= 0.5 === (label === 1));
    if (this.#hits.length > NEWEST) this.#hits.shift();
  }

  #drifted(from: number, to: number): void {
    this.#tell(`the stream drifts: concept ${to + 1} begins`);
    this.#ask("snapshots-take", {})
      .then(({ id }) => this.#ask("snapshots-tag", { snapshot: String(id), tag: this.#tagOf(from) }))
      .catch((error: unknown) => this.#tell(String(error)));
  }

  /** Goes back to what was learned when the concept was here before. */
  #remember(concept: number): void {
    const tag = this.#tagOf(concept);
    this.#tell(`this concept was here before: rollback to the snapshot tagged ${tag}`);
    this.#ask("rollback", { snapshot: tag }).catch((error: unknown) => this.#tell(String(error)));
  }

  get #concepts(): number {
    return CONCEPTS[this.#stream] ?? Number.POSITIVE_INFINITY;
  }

  #tagOf(concept: number): string {
    return `concept-${(concept % this.#concepts) + 1}`;
  }

  #tell(what: string): void {
    this.#news.unshift({ at: this.#seconds, what });
    this.#news.length = Math.min(this.#news.length, NEWS_MAX);
  }

  get #seconds(): number {
    return (performance.now() - this.#startedAt) / 1000;
  }

  async #ask<V extends Verb>(verb: V, params: Verbs[V]["params"]): Promise<Verbs[V]["result"]> {
    return (await this.#daemon.request(verb, params)) as Verbs[V]["result"];
  }

  async #scene(): Promise<DemoScene> {
    const accuracy = this.#hits.length === 0 ? null : this.#hits.filter((hit) => hit).length / this.#hits.length;
    if (accuracy !== null) this.#accuracies.push(accuracy);
    if (this.#accuracies.length > ACCURACIES_MAX) this.#accuracies.shift();
    const { points } = await this.#ask("history", { points: PLOT_COLUMNS });
    const seconds = this.#seconds;
    return {
      stream: this.#stream,
      url: this.#url,
      dashboard: this.#dashboard,
      seconds,
      samples: this.#acknowledged,
      rate: this.#acknowledged / Math.max(seconds, 1e-3),
      step: points.at(-1)?.step ?? 0,
      accuracy,
      accuracies: this.#accuracies,
      costs: points.map(({ cost }) => cost),
      snapshots: await this.#ask("snapshots-list", { limit: 20 }),
      news: this.#news,
    };
  }
}

/** Puts an event of the daemon into words. */
function eventText(payload: string): string {
  const { event, ...rest } = JSON.parse(payload) as Readonly<Record<string, unknown>>;
  switch (event) {
    case "snapshot":
      return `snapshot ${rest["id"]} (${rest["reason"]})`;
    case "rollback":
      return `rolled back to snapshot ${rest["from"]}: that is snapshot ${rest["snapshot"]} now`;
    default:
      return String(event);
  }
}
