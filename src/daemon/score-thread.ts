import { Worker } from "node:worker_threads";
import { RivuletError } from "../error.ts";
import type { Model } from "../stream/model.ts";
import type { ConfigInForce } from "../stream/model-state.ts";
import type { Rooms } from "./rooms.ts";
import type { ScoreAnswer, ScoreCall } from "./score-worker.ts";
import type { Bounds, Scorer } from "./scorer.ts";

/** In the checkout the files are TypeScript; in a bundle they are not, and lie side by side. */
const WORKER = new URL(import.meta.url.endsWith(".ts") ? "./score-worker.ts" : "./score-worker.js", import.meta.url);
/** Commits read at a time, so that no read holds the database for long. */
const COMMITS_PER_PAGE = 1000;
/** Numbers that the rows of one stretch may take: 64 MB. */
const NUMBERS_MAX = 2 ** 23;
/** Of each row besides its features and outputs: label, weight, sequence. */
const ROW_NUMBERS = 3;
/** How much further back it is read where there are questions among the rows. */
const FURTHER = 4;

/** Is a model as it stood when it was asked about. */
export interface LiveState {
  readonly config: ConfigInForce;
  readonly learner: Uint8Array;
  readonly step: number;
  readonly sequence: number;
  readonly cost: number | null;
}

/** Is a scorer in a thread of its own, with the rows that it was asked to read. */
export interface ScoreThread {
  readonly live: LiveState;
  readonly rows: Bounds;
  ask<M extends keyof Scorer>(method: M, ...args: Parameters<Scorer[M]>): Promise<ReturnType<Scorer[M]>>;
}

/**
 * Does something with a thread that scores states of a model on its newest `last` labelled rows, as they are in the journal;
 * one at a time in a daemon. Throws `usage` where the rows are too many, and `busy` where the daemon stops.
 */
export function withScores<T>(
  rooms: Rooms,
  model: Model,
  last: number,
  work: (thread: ScoreThread) => Promise<T>,
): Promise<T> {
  return rooms.alone(async () => {
    const { config, learner, step, sequence, cost } = model.state;
    const live = { config, learner: learner.save(), step, sequence, cost };
    const most = Math.floor(NUMBERS_MAX / (config.learner.features.length + learner.engine.outputCount + ROW_NUMBERS));
    if (last > most) throw new RivuletError("usage", `${last} rows were asked for; allowed with this model: ${most}`);
    const thread = new Thread();
    const stop = () => thread.fail(stopped());
    rooms.stopping.addEventListener("abort", stop);
    if (rooms.stopping.aborted) stop();
    try {
      await thread.call("open", [config.learner, last]);
      const rows = await readRows(rooms, model, last, thread);
      return await work({ live, rows, ask: (method, ...args) => thread.ask(method, ...args) });
    } catch (error) {
      throw rooms.stopping.aborted ? stopped() : error;
    } finally {
      rooms.stopping.removeEventListener("abort", stop);
      await thread.end();
    }
  });
}

/** Reads the newest labelled rows: from not far before them on, and from further back where too few have labels. */
async function readRows({ store }: Rooms, { name, durableSequence }: Model, last: number, thread: Thread) {
  const journalFrom = await store.journalFrom(name);
  for (let span = last; ; span *= FURTHER) {
    const before = await store.stateBefore(name, Math.max(1, durableSequence - span + 1));
    const isFirst = span >= durableSequence || before === null || before.commitFrom <= journalFrom;
    await thread.ask("start", before === null || before.commitFrom < journalFrom ? null : before.config);
    let held = 0;
    for (let from = Math.max(journalFrom, before?.commitFrom ?? 1); ; ) {
      const page = await store.journalPage({ from, limit: COMMITS_PER_PAGE, models: [{ name, from }] });
      const newest = page.ids.at(-1);
      if (newest === undefined) break;
      held = await thread.ask("add", page);
      from = newest + 1;
    }
    if (held >= last || isFirst) return thread.ask("seal");
  }
}

function stopped(): RivuletError {
  return new RivuletError("busy", "the daemon stops, and the scoring was given up", { hint: "Ask again later." });
}

/** Asks the worker, one call at a time. */
class Thread {
  readonly #worker = new Worker(WORKER, { name: "score" });
  #waiting: { readonly resolve: (value: unknown) => void; readonly reject: (error: unknown) => void } | null = null;
  #failure: Error | null = null;

  constructor() {
    this.#worker.on("message", (answer: ScoreAnswer) => this.#settle(answer));
    // It ends by itself only through a defect, or for want of memory: whoever waits must not wait for ever.
    this.#worker.on("error", (cause) => this.fail(new Error("the thread that scores has failed", { cause })));
    this.#worker.on("exit", (code) => this.fail(new Error(`the thread that scores has ended with ${code}`)));
  }

  async ask<M extends keyof Scorer>(method: M, ...args: Parameters<Scorer[M]>): Promise<ReturnType<Scorer[M]>> {
    return (await this.call(method, args)) as ReturnType<Scorer[M]>;
  }

  call(method: ScoreCall["method"], args: readonly unknown[]): Promise<unknown> {
    if (this.#failure !== null) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#worker.postMessage({ method, args } satisfies ScoreCall);
    });
  }

  /** Gives up: what is asked, and whatever will be, is refused. */
  fail(error: Error): void {
    this.#failure ??= error;
    this.#waiting?.reject(this.#failure);
    this.#waiting = null;
  }

  async end(): Promise<void> {
    await this.#worker.terminate();
  }

  #settle(answer: ScoreAnswer): void {
    const waiting = this.#waiting;
    this.#waiting = null;
    if ("value" in answer) return waiting?.resolve(answer.value);
    if ("defect" in answer) return waiting?.reject(answer.defect);
    const { code, message, hint } = answer.error;
    waiting?.reject(new RivuletError(code, message, { hint }));
  }
}
