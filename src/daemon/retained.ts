// What stands on retained topics: whether the bridge is there, what it is, how each model is, and how far the numbers of
// each producer are settled.

import type { Broker } from "../mqtt/broker.ts";
import type { ModelMark } from "../stream/flow.ts";
import type { Model } from "../stream/model.ts";
import { markTold } from "./mark-told.ts";
import { Pace } from "./pace.ts";

export const OFFLINE = "offline";
const ONLINE = "online";
/** A model's state is published that often at most. */
const STATE_MS_MIN = 1000;
/** A producer's mark is published that often at most. */
const MARK_MS_MIN = 100;

/** Names the topic that says whether the daemon is there. */
export function bridgeStateTopic(prefix: string): string {
  return `${prefix}/bridge/state`;
}

/** Names a model that was live once, and the producers that numbered rows for it. */
export interface FormerModel {
  readonly name: string;
  readonly sources: readonly string[];
}

/** Is a message by which others find a model; an empty payload takes it away. */
export interface Discovery {
  readonly topic: string;
  readonly payload: string;
}

/** Publishes the retained topics: all of them on each connection, states and marks when they changed, at their pace. */
export class Retained {
  readonly #prefix: string;
  readonly #models: ReadonlyMap<string, Model>;
  readonly #info: () => unknown;
  readonly #discovery: (model: string) => Discovery | null;
  /** The topics on which models were made known, by name. */
  readonly #discovered = new Map<string, string>();
  readonly #former: readonly FormerModel[];
  /** When the store was restored from a backup: marks may have gone back then. */
  readonly #restored: { readonly restored?: string };
  #broker: Broker | null = null;
  readonly #states = new Pace<Model>(STATE_MS_MIN, (model) => this.#state(model));
  readonly #marks = new Pace<string>(MARK_MS_MIN, (topic) => this.#publish(topic, this.#payloads.get(topic) ?? ""));
  /** The durable marks by topic. */
  readonly #payloads = new Map<string, string>();

  /**
   * `info` tells what the bridge is; `discovery` by what others find a model, or null; `former` are stored models that are not live: nothing is to stand of them; `restoredMs`
   * is when the store was restored from a backup, or null.
   */
  constructor(
    prefix: string,
    models: ReadonlyMap<string, Model>,
    info: () => unknown,
    discovery: (model: string) => Discovery | null,
    former: readonly FormerModel[],
    restoredMs: number | null,
  ) {
    this.#prefix = prefix;
    this.#models = models;
    this.#info = info;
    this.#discovery = discovery;
    this.#former = former;
    this.#restored = restoredMs === null ? {} : { restored: new Date(restoredMs).toISOString() };
    for (const { name, state } of models.values()) {
      for (const mark of state.marks.newest()) this.#remember({ model: name, mark });
    }
  }

  /** Publishes everything: a broker may have forgotten it, or hold what was true once. */
  announce(broker: Broker): void {
    this.#broker = broker;
    this.#publish(bridgeStateTopic(this.#prefix), ONLINE);
    this.informed();
    for (const model of this.#former) this.forget(model);
    for (const model of this.#models.values()) {
      this.#discover(model.name);
      this.#states.now(model);
    }
    for (const topic of this.#payloads.keys()) this.#marks.now(topic);
  }

  /** Publishes what the bridge is: when something of that has changed. */
  informed(): void {
    this.#publish(`${this.#prefix}/bridge/info`, JSON.stringify(this.#info()));
  }

  /** Publishes by what a model is found, and takes away what was said elsewhere or is no more to be said. */
  #discover(model: string): void {
    const discovery = this.#discovery(model);
    const former = this.#discovered.get(model);
    if (former !== undefined && former !== discovery?.topic) this.#publish(former, "");
    if (discovery === null) this.#discovered.delete(model);
    else {
      this.#discovered.set(model, discovery.topic);
      this.#publish(discovery.topic, discovery.payload);
    }
  }

  /** Takes what stands of a model that is no more off the broker. */
  forget({ name, sources }: FormerModel): void {
    this.#publish(`${this.#prefix}/${name}/state`, "");
    for (const source of sources) this.#publish(this.#markTopic(name, source), "");
    this.#discover(name);
  }

  /** Publishes a model's state, now or when a second has passed since the last time. */
  changed(model: Model): void {
    if (this.#broker !== null) this.#states.changed(model);
  }

  /** Publishes a mark that has become durable, at most ten times a second. */
  settled(mark: ModelMark): void {
    const topic = this.#remember(mark);
    if (this.#broker !== null) this.#marks.changed(topic);
  }

  /** Publishes what is still due, and that the daemon leaves. */
  end(): void {
    this.#states.flush();
    this.#marks.flush();
    this.#publish(bridgeStateTopic(this.#prefix), OFFLINE);
    this.#broker = null;
  }

  #remember({ model, mark }: ModelMark): string {
    const { source, ...told } = markTold(mark);
    const topic = this.#markTopic(model, source);
    const payload = { ...told, ...this.#restored };
    this.#payloads.set(topic, JSON.stringify(payload));
    return topic;
  }

  #markTopic(model: string, source: string): string {
    return `${this.#prefix}/${model}/committed/${source}`;
  }

  #state(model: Model): void {
    const { state, durableSequence, pending, newestSnapshot } = model;
    const { step, sequence, cost, undone } = state;
    this.#publish(
      `${this.#prefix}/${model.name}/state`,
      JSON.stringify({
        step,
        sequence,
        durableSequence,
        pending,
        cost,
        undone,
        newestSnapshot,
        metrics: model.metrics,
        drift: model.drift,
      }),
    );
  }

  #publish(topic: string, payload: string): void {
    this.#broker?.publish({ topic, payload, retain: true, qos: 1 });
  }
}
