// Orders over MQTT while all else goes on: snapshots, rollbacks, questions, nonsense. What changes something has the name
// of a transaction and is asked again, under that name, until it is answered; so it must have been done once, whatever
// happened meanwhile.

import { isDeepStrictEqual } from "node:util";
import { oneIn, pick } from "./draw.ts";
import { Link } from "./link.ts";
import type { Sender, SenderOptions } from "./sender.ts";
import { MODELS } from "./sim-models.ts";

const PAUSE_MS = 40;
const REPEAT_MS = 300;
/** Answered orders that may be given once more. */
const REMEMBERED = 20;

interface Answer {
  readonly status: "ok" | "error";
  readonly data: unknown;
  readonly error?: { readonly code: string; readonly message: string };
  readonly transaction: string | null;
}

interface Order {
  readonly model: string;
  readonly verb: "snapshots-take" | "rollback";
  readonly transaction: string;
  readonly body: string;
}

/** Is an order that was obeyed, with the line of the snapshot that it made. */
export interface Obeyed {
  readonly model: string;
  readonly verb: Order["verb"];
  readonly snapshot: { readonly id: number } & Readonly<Record<string, unknown>>;
}

/** Gives orders. */
export class Commander implements Sender {
  readonly link: Link;
  paused = false;
  readonly refusable = 0;
  readonly refusableAcknowledged = 0;
  readonly obeyed: Obeyed[] = [];
  /** Orders that were answered with an error, by its code. */
  readonly failed = new Map<string, number>();
  /** Predictions that were answered. */
  predictions = 0;
  readonly #options: Pick<SenderOptions, "url" | "random">;
  readonly #prefix: string;
  #given = 0;
  #open: Order | null = null;
  #sentAt = 0;
  /** The newest answers, to be had once more. */
  readonly #answered: { readonly order: Order; readonly data: unknown }[] = [];
  /** Snapshots to go back to. */
  readonly #known = new Map<string, number[]>();
  readonly #timer: ReturnType<typeof setInterval>;
  #stopped = false;

  constructor(options: Pick<SenderOptions, "url" | "random">) {
    this.#options = options;
    // Another run on the same broker must not meet the answers of this one.
    this.#prefix = `o${options.random.uint32().toString(36)}`;
    this.link = new Link({
      url: options.url,
      topics: ["rivulet/+/response/+", "rivulet/+/prediction"],
      onOnline: () => this.#repeat(),
      onMessage: (topic, payload) => this.#hear(topic, payload),
    });
    this.#timer = setInterval(() => this.#pump(), PAUSE_MS);
  }

  stop(): void {
    this.#stopped = true;
  }

  get settled(): boolean {
    return this.#open === null;
  }

  end(): void {
    clearInterval(this.#timer);
    this.link.end();
  }

  /** Gives an order now, if none is open. */
  order(): void {
    if (this.#open !== null) return this.#repeat();
    const { random } = this.#options;
    const model = pick(random, MODELS).name;
    const transaction = `${this.#prefix}-${++this.#given}`;
    const targets = this.#known.get(model) ?? [1];
    const isRollback = oneIn(random, 2);
    // Sometimes to one that there is not.
    const snapshot = oneIn(random, 10) ? "999999" : String(pick(random, targets));
    this.#open = {
      model,
      verb: isRollback ? "rollback" : "snapshots-take",
      transaction,
      body: JSON.stringify(isRollback ? { transaction, snapshot } : { transaction }),
    };
    this.#repeat();
  }

  /** Asks for a prediction; `predictions` counts the answers. */
  askPrediction(): void {
    this.link.publish("rivulet/default/predict", '{"x1":1,"x2":2}', 0);
  }

  #pump(): void {
    if (!this.link.online) return;
    if (this.#open !== null) {
      if (performance.now() - this.#sentAt > REPEAT_MS) this.#repeat();
      return;
    }
    if (this.paused || this.#stopped) return;
    const { random } = this.#options;
    switch (random.uint32() % 8) {
      case 0:
        return this.order();
      case 1:
        return this.#ask("status", "{}");
      case 2:
        return this.askPrediction();
      case 3:
        return this.#ask(
          pick(random, ["history", "rollback", "snapshots-list", "nonsense"]),
          pick(random, ["", "{", "[]", "{}"]),
        );
      case 4: {
        // An order that was obeyed already is given again.
        const former = this.#answered[random.uint32() % REMEMBERED];
        if (former !== undefined) this.#send(former.order);
      }
    }
  }

  #ask(verb: string, body: string): void {
    this.link.publish(`rivulet/${pick(this.#options.random, MODELS).name}/request/${verb}`, body, 1);
  }

  #repeat(): void {
    if (this.#open !== null) this.#send(this.#open);
  }

  #send({ model, verb, body }: Order): void {
    this.#sentAt = performance.now();
    this.link.publish(`rivulet/${model}/request/${verb}`, body, 1);
  }

  #hear(topic: string, payload: string): void {
    if (topic.endsWith("/prediction")) {
      this.predictions++;
      return;
    }
    const { status, data, error, transaction } = JSON.parse(payload) as Answer;
    if (error?.code === "internal") throw new Error(`${topic}: ${payload}`);
    if (transaction === null) return;
    const order = this.#open;
    if (order?.transaction !== transaction) return this.#compare(transaction, data);
    // It was not obeyed: it is asked again.
    if (error?.code === "busy") return;
    this.#open = null;
    if (status === "error") {
      const code = error?.code ?? "none";
      this.failed.set(code, (this.failed.get(code) ?? 0) + 1);
      return;
    }
    const { model, verb } = order;
    const snapshot = data as Obeyed["snapshot"];
    this.obeyed.push({ model, verb, snapshot });
    const known = this.#known.get(model) ?? [];
    this.#known.set(model, [...known, snapshot.id].slice(-REMEMBERED));
    this.#answered.push({ order, data });
    if (this.#answered.length > REMEMBERED) this.#answered.shift();
  }

  #compare(transaction: string, data: unknown): void {
    const former = this.#answered.find(({ order }) => order.transaction === transaction);
    if (former === undefined || isDeepStrictEqual(former.data, data)) return;
    throw new Error(`${transaction} was answered ${JSON.stringify(former.data)}, and then ${JSON.stringify(data)}`);
  }
}
