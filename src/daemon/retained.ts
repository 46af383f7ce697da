// What stands on retained topics: whether the bridge is there, what it is, and how each model is.

import type { Broker } from "../mqtt/broker.ts";
import type { Model } from "../stream/model.ts";

export const OFFLINE = "offline";
const ONLINE = "online";
/** A model's state is published that often at most. */
const STATE_MS_MIN = 1000;

/** Names the topic that says whether the daemon is there. */
export function bridgeStateTopic(prefix: string): string {
  return `${prefix}/bridge/state`;
}

/** Publishes the retained topics: all of them on each connection, a model's state when it changed, at most once a second. */
export class Retained {
  readonly #prefix: string;
  readonly #models: ReadonlyMap<string, Model>;
  readonly #info: () => unknown;
  readonly #inactive: () => readonly string[];
  #broker: Broker | null = null;
  readonly #publishedAt = new Map<Model, number>();
  readonly #due = new Map<Model, NodeJS.Timeout>();

  /** `info` tells what the bridge is; `inactive` names stored models that are not live, and have no state any more. */
  constructor(
    prefix: string,
    models: ReadonlyMap<string, Model>,
    info: () => unknown,
    inactive: () => readonly string[],
  ) {
    this.#prefix = prefix;
    this.#models = models;
    this.#info = info;
    this.#inactive = inactive;
  }

  /** Publishes everything: a broker may have forgotten it, or hold what was true once. */
  announce(broker: Broker): void {
    this.#broker = broker;
    this.#publish(bridgeStateTopic(this.#prefix), ONLINE);
    this.#publish(`${this.#prefix}/bridge/info`, JSON.stringify(this.#info()));
    for (const name of this.#inactive()) this.forget(name);
    for (const model of this.#models.values()) this.#state(model);
  }

  /** Takes the state of a model that is no more off the broker. */
  forget(name: string): void {
    this.#publish(`${this.#prefix}/${name}/state`, "");
  }

  /** Publishes a model's state, now or when a second has passed since the last time. */
  changed(model: Model): void {
    if (this.#broker === null || this.#due.has(model)) return;
    const wait = (this.#publishedAt.get(model) ?? Number.NEGATIVE_INFINITY) + STATE_MS_MIN - performance.now();
    if (wait <= 0) return this.#state(model);
    this.#due.set(
      model,
      setTimeout(() => this.#state(model), wait),
    );
  }

  /** Publishes what is still due, and that the daemon leaves. */
  end(): void {
    for (const model of [...this.#due.keys()]) this.#state(model);
    this.#publish(bridgeStateTopic(this.#prefix), OFFLINE);
    this.#broker = null;
  }

  #state(model: Model): void {
    clearTimeout(this.#due.get(model));
    this.#due.delete(model);
    this.#publishedAt.set(model, performance.now());
    const { state, durableSequence, pending, newestSnapshot } = model;
    const { step, sequence, cost, undone } = state;
    this.#publish(
      `${this.#prefix}/${model.name}/state`,
      JSON.stringify({ step, sequence, durableSequence, pending, cost, undone, newestSnapshot, metrics: null }),
    );
  }

  #publish(topic: string, payload: string): void {
    this.#broker?.publish({ topic, payload, retain: true, qos: 1 });
  }
}
