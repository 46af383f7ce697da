// Wires the rooms: the lock, the store, the models, the broker, the control socket, and the one subscription through
// which everything flows. It is a value: a test opens it on port 0, a command opens it without a broker.

import { concat, concatMap, defer, from, map, merge, NEVER, type Observable, Subject, takeUntil } from "rxjs";
import { RivuletError } from "../error.ts";
import type { EventHub } from "../http/event-hub.ts";
import { defaultEngine } from "../learner/engines.ts";
import type { Transaction } from "../learner/transaction.ts";
import type { Broker, Credentials } from "../mqtt/broker.ts";
import type { CommandItem, Committed } from "../stream/flow.ts";
import { pipeline } from "../stream/pipeline.ts";
import { bridgeInfo, homeAssistantDiscovery } from "./bridge-info.ts";
import { BridgeNews } from "./bridge-news.ts";
import { type Config, type ConfigCheck, formatFault } from "./config.ts";
import { type Control, controlSocketPath, type Handler, serveControl } from "./control-socket.ts";
import { Durations } from "./durations.ts";
import { EventPublisher } from "./event-publisher.ts";
import type { Log } from "./log.ts";
import { startMaintenance } from "./maintenance.ts";
import { monotonicScheduler } from "./monotonic-scheduler.ts";
import { NamedRequests } from "./named-requests.ts";
import { oneAtATime } from "./one-at-a-time.ts";
import { openBroker, readCredentials } from "./open-broker.ts";
import { type OpenHttp, openEventHub, openHttp, stepEvent } from "./open-http.ts";
import { modelPolicy } from "./open-model.ts";
import type { OpenedModels } from "./open-models.ts";
import { type OpenedStore, openStored } from "./open-stored.ts";
import { changedFiles, planReload } from "./reload.ts";
import { Requests } from "./requests.ts";
import { Retained } from "./retained.ts";
import type { Counters, Reloaded, Rooms } from "./rooms.ts";
import { VerbDesk } from "./verb-desk.ts";
import { act } from "./verb-snapshots.ts";
import { answer, type OnProgress } from "./verbs.ts";

export type { Rooms } from "./rooms.ts";

/** Wait for the next attempt to commit at which a stop gives up: a few were made by then. */
const STOP_RETRY_MS_MAX = 400;

export interface DaemonOptions {
  readonly config: Config;
  readonly log: Log;
  /** Listen for producers and requests; without, the value serves one command in its own process. */
  readonly listen: boolean;
  /** A stored model not to open, because it is to be deleted. */
  readonly without?: string;
  /** Reads the configuration again, as it is written now; without, it stays as it is. */
  readonly reread?: () => ConfigCheck;
}

/**
 * Opens the daemon on a data folder; what its models begin with is durable then. Throws RivuletError; then nothing is left
 * open.
 */
export async function openDaemon(options: DaemonOptions): Promise<Daemon> {
  const { config, log, listen } = options;
  const stored = await openStored(options);
  let broker: Broker | null = null;
  let daemon: Daemon | null = null;
  try {
    const credentials = listen ? readCredentials(config) : null;
    if (credentials !== null) broker = await openBroker(config, credentials, log, () => daemon?.announce());
    daemon = new Daemon(options, stored, broker, credentials);
    await daemon.start();
    return daemon;
  } catch (error) {
    // What flows already is led to its end: it would keep the process alive.
    if (daemon !== null) await daemon.close();
    else {
      await broker?.close();
      await stored.store.close();
    }
    throw error;
  }
}

export class Daemon {
  readonly rooms: Rooms;
  readonly #options: DaemonOptions;
  readonly #opened: OpenedModels;
  readonly #commands$ = new Subject<CommandItem>();
  readonly #stop$ = new Subject<void>();
  readonly #stopping = new AbortController();
  readonly #counters: Counters = { committedRows: 0, commits: 0, commitFailures: 0 };
  readonly #events: EventPublisher;
  readonly #hub: EventHub;
  readonly #named: NamedRequests;
  readonly #retained: Retained;
  readonly #news: BridgeNews;
  readonly #committed$: Observable<Committed>;
  /** In force; a reload puts another one in its place. */
  #config: Config;
  /** What the files held that `#config` names; null without a broker. */
  #credentials: Credentials | null;
  /** What the pipeline reads of it, each time anew. */
  readonly #commitPolicy: OpenedModels["commitPolicy"];
  #reloaded: Reloaded | null = null;
  /** When a commit was begun that has not succeeded yet, by the monotonic clock; null where none waits. */
  #uncommittedSince: number | null = null;
  #ended: Promise<void> = Promise.resolve();
  #control: Control | null = null;
  #http: OpenHttp | null = null;
  #stopMaintenance: () => void = () => {};
  #closing: Promise<void> | null = null;

  /** Puts the rooms together; use `openDaemon`. */
  constructor(
    options: DaemonOptions,
    { store, opened, replaced, restored }: OpenedStore,
    broker: Broker | null,
    credentials: Credentials | null,
  ) {
    const { config, reread } = options;
    const { models, wanted, number, commitPolicy } = opened;
    this.#options = options;
    this.#opened = opened;
    this.#config = config;
    this.#credentials = credentials;
    this.#commitPolicy = commitPolicy;
    const daemon = this;
    this.rooms = {
      get config() {
        return daemon.#config;
      },
      store,
      models,
      wanted,
      broker,
      counters: this.#counters,
      commitTimes: new Durations(),
      startedAt: Date.now(),
      command: (command) => this.#commands$.next(command),
      record: () => null,
      alone: oneAtATime(),
      stopping: this.#stopping.signal,
      failure: () => this.#news.failure,
      restored,
      replaced,
      checkConfig: reread ?? (() => ({ ok: true, config: this.#config })),
      reloaded: () => this.#reloaded,
      forget: (model) => this.#retained.forget(model),
    };
    this.#hub = openEventHub(models, this.rooms.startedAt);
    this.#events = new EventPublisher((whose, event, payload) => {
      broker?.publish({ topic: `${config.mqtt.prefix}/${whose}/event`, payload, retain: false, qos: 0 });
      this.#hub.tell({ event, data: `{"model":"${whose}",${payload.slice(1)}` });
    });
    this.#named = new NamedRequests(this.rooms);
    const info = () => bridgeInfo(this.rooms);
    const discovery = (model: string) => homeAssistantDiscovery(this.rooms, model);
    this.#retained = new Retained(config.mqtt.prefix, models, info, discovery, opened.former, restored?.atMs ?? null);
    this.#news = new BridgeNews(this.#events, this.#retained, options.log);
    const requests = new Requests(this.rooms, new VerbDesk(this.rooms, this.#named), options.log);
    const messages$ = (broker?.chunks$ ?? NEVER).pipe(concatMap((messages) => concat(...requests.take(messages))));
    this.#committed$ = merge(messages$, this.#commands$).pipe(
      takeUntil(this.#stop$),
      pipeline(
        {
          models: [...models.values()],
          number,
          prefix: config.mqtt.prefix,
          limits: config.intake,
          policy: this.#commitPolicy,
          commit: (transaction) => {
            this.#uncommittedSince ??= performance.now();
            return this.#commit(transaction);
          },
          timeOfDay: Date.now,
          onFailure: (error, delayMs) => this.#failed(error, delayMs),
          onAsked: (model, message, asked) => requests.tellAsked(model, message, asked),
        },
        monotonicScheduler,
      ),
    );
  }

  /** Ends when the pipeline has ended; rejects when it failed, which is a defect of the program. */
  get ended(): Promise<void> {
    return this.#ended;
  }

  /** Lets the data flow; resolves when what the models begin with is durable. Throws what made the pipeline fail. */
  async start(): Promise<void> {
    const { config, listen, log } = this.#options;
    const { reason } = defaultEngine();
    if (reason !== null) log.warn({ reason }, "the compiled engine cannot run: the models learn several times slower");
    await new Promise<void>((resolve, reject) => {
      this.#ended = new Promise((end, fail) => {
        this.#committed$.subscribe({
          next: (committed) => {
            this.#settle(committed);
            resolve();
          },
          complete: end,
          error: (error) => {
            fail(error);
            reject(error);
          },
        });
      });
    });
    // It may have failed after its first commit, in the same turn.
    await Promise.race([this.#ended, Promise.resolve()]);
    if (!listen) return;
    const path = controlSocketPath(config.data, process.env);
    const ask: Handler = (verb, params, onProgress) => this.request(verb, params, onProgress);
    this.#control = await serveControl(path, ask, config.control.access);
    this.#http = await this.#openHttp();
    this.#maintain();
    if (this.rooms.broker?.status().online === true) this.announce();
  }

  /** The HTTP face; null where none is served. */
  get http(): Pick<OpenHttp, "url" | "port" | "token"> | null {
    return this.#http;
  }

  /** How long, in ms, a commit has been tried without success; 0 where none waits. */
  get stalledMs(): number {
    return this.#uncommittedSince === null ? 0 : performance.now() - this.#uncommittedSince;
  }

  /** Answers a verb. Throws RivuletError. */
  request(verb: string, params: unknown, onProgress: OnProgress = async () => {}): Promise<unknown> {
    return answer(this.rooms, verb, params, onProgress);
  }

  /** Publishes what is retained: on each connection to a broker, for it may hold something else. */
  announce(): void {
    if (this.rooms.broker === null) return;
    this.#retained.announce(this.rooms.broker);
    this.#news.started(this.rooms);
  }

  /**
   * Reads the configuration again and puts in force what can be while running. Where it has a fault the old one stays.
   * What came of it is logged, told by `status`, and returned.
   */
  async reload(): Promise<Reloaded> {
    const { log } = this.#options;
    const at = Date.now();
    try {
      const { changed, waiting } = await this.#applyReload();
      this.#reloaded = { at, changed, waiting, failure: null };
      log.info({ changed, waiting }, "the configuration was read again");
    } catch (error) {
      if (!(error instanceof RivuletError)) throw error;
      this.#reloaded = { at, changed: [], waiting: [], failure: error.message };
      log.error({ error: error.message, hint: error.hint }, "the new configuration was refused; the old one stays");
    }
    return this.#reloaded;
  }

  async #applyReload(): Promise<{ readonly changed: readonly string[]; readonly waiting: readonly string[] }> {
    const { log } = this.#options;
    const check = this.rooms.checkConfig();
    if (!check.ok) throw new RivuletError("config-invalid", check.faults.map(formatFault).join("; "));
    const { config, changed: changedKeys, waiting, learners } = planReload(this.#config, check.config);
    const changed = [...changedKeys];
    if (this.rooms.broker !== null && this.#credentials !== null) {
      const credentials = readCredentials(config);
      this.rooms.broker.renew(credentials);
      for (const key of changedFiles(this.#credentials, credentials)) if (!changed.includes(key)) changed.push(key);
      this.#credentials = credentials;
    }
    this.#config = config;
    Object.assign(this.#commitPolicy, config.commit);
    if (changed.includes("log.level")) log.level = config.log.level;
    this.#maintain();
    for (const [name, model] of this.rooms.models) {
      const policy = config.models[name];
      if (policy !== undefined) model.setPolicy(modelPolicy(policy));
      const learner = learners.get(name);
      if (learner === undefined) continue;
      this.#opened.wanted.set(name, learner);
      await act(this.rooms, model, { kind: "configure", config: learner });
    }
    this.announce();
    return { changed, waiting };
  }

  /** Leaves the broker, trains and commits what is pending, saves, and closes the store. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const { broker, store } = this.rooms;
    this.#stopMaintenance();
    this.#stopping.abort();
    await broker?.stopIntake();
    this.#stop$.next();
    // Where the pipeline has failed, `ended` tells it; what is open is closed all the same.
    const [{ status }] = await Promise.allSettled([this.#ended]);
    if (status === "rejected")
      this.#options.log.error("it stops without a last commit; what that misses was not acknowledged");
    this.#retained.end();
    await this.#http?.close();
    await broker?.close();
    await this.#control?.close();
    await store.close();
  }

  #openHttp(): Promise<OpenHttp | null> {
    let end: string | null = null;
    this.#ended.then(
      () => {
        end = "the daemon stops";
      },
      (error) => {
        end = `the pipeline failed: ${error}`;
      },
    );
    const desk = new VerbDesk(this.rooms, this.#named);
    return openHttp({ rooms: this.rooms, desk, events: this.#hub, log: this.#options.log, ended: () => end });
  }

  #maintain(): void {
    this.#stopMaintenance();
    this.#stopMaintenance = startMaintenance(this.rooms.store, this.#config, this.#options.log);
  }

  #commit(transaction: Transaction): Observable<void> {
    return defer(() => {
      const beganAt = performance.now();
      return from(this.rooms.store.commit(transaction)).pipe(
        map(() => {
          this.rooms.commitTimes.observe((performance.now() - beganAt) / 1000);
          this.#news.committed();
        }),
      );
    });
  }

  #failed(error: unknown, delayMs: number): void {
    // Anything but a failing store is a defect of the program: the pipeline ends with it, loudly.
    if (!(error instanceof RivuletError)) throw error;
    this.#counters.commitFailures++;
    this.#news.failed(error);
    // A stop does not wait for a disk: what is left was not acknowledged, and whoever sent it sends it again.
    if (this.#closing !== null && delayMs >= STOP_RETRY_MS_MAX) throw error;
    this.#options.log.debug({ error: error.message, delayMs }, "a commit failed, and will be tried again");
  }

  /** Tells those who wait that what they sent is durable. */
  #settle({ transaction, messages, replies, events, marks }: Committed): void {
    if (transaction !== null) {
      this.#uncommittedSince = null;
      this.#counters.commits++;
      for (const section of transaction.sections) this.#counters.committedRows += section.rows;
    }
    for (const message of messages) message.ack();
    for (const { command, snapshot } of replies) command.reply(snapshot);
    for (const event of events) this.#events.tell(event, transaction?.at ?? Date.now());
    for (const mark of marks) this.#retained.settled(mark);
    for (const { model } of transaction?.sections ?? []) {
      const live = this.rooms.models.get(model);
      if (live === undefined) continue;
      this.#retained.changed(live);
      this.#hub.changed(model, () => stepEvent(live));
    }
  }
}
