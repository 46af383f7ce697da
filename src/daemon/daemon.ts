// Wires the rooms: the lock, the store, the models, the broker, the control socket, and the one subscription through
// which everything flows. It is a value: a test opens it on port 0, a command opens it without a broker.

import { mkdirSync } from "node:fs";
import { defer, map, merge, NEVER, type Observable, of, Subject, takeUntil } from "rxjs";
import { RivuletError } from "../error.ts";
import type { Transaction } from "../learner/transaction.ts";
import type { EmbeddedBroker } from "../mqtt/embedded.ts";
import { openStore } from "../store/open-store.ts";
import type { Store } from "../store/store.ts";
import type { CommandItem, Committed, MessagesItem } from "../stream/flow.ts";
import type { Model } from "../stream/model.ts";
import type { ConfigInForce } from "../stream/model-state.ts";
import { pipeline } from "../stream/pipeline.ts";
import type { Config } from "./config.ts";
import { type Control, controlSocketPath, serveControl } from "./control-socket.ts";
import { EventPublisher } from "./event-publisher.ts";
import type { Log } from "./log.ts";
import { startMaintenance } from "./maintenance.ts";
import { monotonicScheduler } from "./monotonic-scheduler.ts";
import { openBroker } from "./open-broker.ts";
import { type OpenedModels, openModels } from "./open-models.ts";
import { answer, type OnProgress } from "./verbs.ts";

export interface DaemonOptions {
  readonly config: Config;
  readonly log: Log;
  /** Listen for producers and requests; without, the value serves one command in its own process. */
  readonly listen: boolean;
  /** A stored model not to open, because it is to be deleted. */
  readonly without?: string;
}

/** Counts what a running daemon did since it started. */
export interface Counters {
  committedRows: number;
  commits: number;
  commitFailures: number;
}

/** What the verbs work on. */
export interface Rooms {
  readonly config: Config;
  readonly store: Store;
  readonly models: ReadonlyMap<string, Model>;
  /** The configuration that each configured model is wanted to have. */
  readonly wanted: ReadonlyMap<string, ConfigInForce>;
  readonly broker: EmbeddedBroker | null;
  readonly counters: Readonly<Counters>;
  readonly startedAt: number;
  readonly command: (command: CommandItem) => void;
  /** The reason why nothing can be committed at present, or null. */
  readonly failure: () => string | null;
}

/**
 * Opens the daemon on a data folder; what its models begin with is durable then. Throws RivuletError; then nothing is left
 * open.
 */
export async function openDaemon(options: DaemonOptions): Promise<Daemon> {
  const { config, log, listen } = options;
  mkdirSync(config.data, { recursive: true });
  const store = openStore({ folder: config.data });
  let broker: EmbeddedBroker | null = null;
  try {
    const opened = openModels(options, store);
    broker = listen ? await openBroker(config, log) : null;
    const daemon = new Daemon(options, store, opened, broker);
    await daemon.start();
    return daemon;
  } catch (error) {
    await broker?.close();
    store.close();
    throw error;
  }
}

export class Daemon {
  readonly rooms: Rooms;
  readonly #options: DaemonOptions;
  readonly #commands$ = new Subject<CommandItem>();
  readonly #stop$ = new Subject<void>();
  readonly #counters: Counters = { committedRows: 0, commits: 0, commitFailures: 0 };
  readonly #events: EventPublisher;
  readonly #committed$: Observable<Committed>;
  #failure: string | null = null;
  #ended: Promise<void> = Promise.resolve();
  #control: Control | null = null;
  #stopMaintenance: () => void = () => {};
  #closing: Promise<void> | null = null;

  /** Puts the rooms together; use `openDaemon`. */
  constructor(options: DaemonOptions, store: Store, opened: OpenedModels, broker: EmbeddedBroker | null) {
    const { config } = options;
    const { models, wanted, number } = opened;
    this.#options = options;
    this.rooms = {
      config,
      store,
      models,
      wanted,
      broker,
      counters: this.#counters,
      startedAt: Date.now(),
      command: (command) => this.#commands$.next(command),
      failure: () => this.#failure,
    };
    this.#events = new EventPublisher(config.mqtt.prefix, (topic, payload) => {
      broker?.publish(topic, payload, { retain: false, qos: 0 });
    });
    const messages$ = (broker?.chunks$ ?? NEVER).pipe(
      map((messages): MessagesItem => ({ kind: "messages", messages })),
    );
    this.#committed$ = merge(messages$, this.#commands$).pipe(
      takeUntil(this.#stop$),
      pipeline(
        {
          models: [...models.values()],
          number,
          prefix: config.mqtt.prefix,
          limits: config.intake,
          policy: config.commit,
          commit: (transaction) => this.#commit(transaction),
          timeOfDay: Date.now,
          onFailure: (error, delayMs) => this.#failed(error, delayMs),
        },
        monotonicScheduler,
      ),
    );
  }

  /** Ends when the pipeline has ended; rejects when it failed, which is a defect of the program. */
  get ended(): Promise<void> {
    return this.#ended;
  }

  /** Lets the data flow; resolves when what the models begin with is durable. */
  async start(): Promise<void> {
    const { config, log, listen } = this.#options;
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
    if (!listen) return;
    const path = controlSocketPath(config.data, process.env);
    this.#control = await serveControl(path, (verb, params, onProgress) => this.request(verb, params, onProgress));
    this.#stopMaintenance = startMaintenance(this.rooms.store, config, log);
  }

  /** Answers a verb. Throws RivuletError. */
  request(verb: string, params: unknown, onProgress: OnProgress = async () => {}): Promise<unknown> {
    return answer(this.rooms, verb, params, onProgress);
  }

  /** Leaves the broker, trains and commits what is pending, saves, and closes the store. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const { broker, store } = this.rooms;
    this.#stopMaintenance();
    await broker?.stopIntake();
    this.#stop$.next();
    await this.#ended;
    await broker?.close();
    await this.#control?.close();
    store.close();
  }

  #commit(transaction: Transaction): Observable<void> {
    return defer(() => {
      this.rooms.store.commit(transaction);
      this.#failure = null;
      return of(undefined);
    });
  }

  #failed(error: unknown, delayMs: number): void {
    // Anything but a failing store is a defect of the program: the pipeline ends with it, loudly.
    if (!(error instanceof RivuletError)) throw error;
    this.#failure = error.message;
    this.#counters.commitFailures++;
    this.#options.log.error(
      { error: this.#failure, delayMs },
      "a commit failed; nothing is acknowledged until it succeeds",
    );
  }

  /** Tells those who wait that what they sent is durable. */
  #settle({ transaction, messages, replies, events }: Committed): void {
    if (transaction !== null) {
      this.#counters.commits++;
      for (const section of transaction.sections) this.#counters.committedRows += section.rows;
    }
    for (const message of messages) message.ack();
    for (const { command, snapshot } of replies) command.reply(snapshot);
    for (const event of events) this.#events.tell(event, transaction?.at ?? Date.now());
  }
}
