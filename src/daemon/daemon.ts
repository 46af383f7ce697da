// Wires the rooms: the lock, the store, the models, the broker, the control socket, and the one subscription through
// which everything flows. It is a value: a test opens it on port 0, a command opens it without a broker.

import { mkdirSync, readFileSync, rmSync } from "node:fs";
import type { Server } from "node:net";
import { defer, map, merge, NEVER, of, Subject, takeUntil } from "rxjs";
import { RivuletError } from "../error.ts";
import { type EmbeddedBroker, openEmbeddedBroker } from "../mqtt/embedded.ts";
import { openStore } from "../store/open-store.ts";
import type { Store } from "../store/store.ts";
import type { CommitNumber } from "../stream/draft.ts";
import type { CommandItem, Committed, MessagesItem } from "../stream/flow.ts";
import type { Model } from "../stream/model.ts";
import type { ConfigInForce } from "../stream/model-state.ts";
import { pipeline } from "../stream/pipeline.ts";
import { type Config, learnerConfigJson, type ModelConfig } from "./config.ts";
import { controlSocketPath, serveControl } from "./control-socket.ts";
import { EventPublisher } from "./event-publisher.ts";
import type { Log } from "./log.ts";
import { startMaintenance } from "./maintenance.ts";
import { openModel } from "./open-model.ts";
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

export interface Daemon {
  readonly rooms: Rooms;
  /** Ends when the pipeline has ended; rejects when it failed, which is a defect of the program. */
  readonly ended: Promise<void>;
  /** Answers a verb. Throws RivuletError. */
  request(verb: string, params: unknown, onProgress?: OnProgress): Promise<unknown>;
  /** Leaves the broker, trains and commits what is pending, saves, and closes the store. */
  close(): Promise<void>;
}

/** Opens the daemon on a data folder. Throws RivuletError; then nothing is left open. */
export async function openDaemon(options: DaemonOptions): Promise<Daemon> {
  const { config } = options;
  mkdirSync(config.data, { recursive: true });
  const store = openStore({ folder: config.data });
  try {
    return await open(options, store);
  } catch (error) {
    store.close();
    throw error;
  }
}

async function open(options: DaemonOptions, store: Store): Promise<Daemon> {
  const { config, log, listen } = options;
  const number: CommitNumber = { filling: store.lastCommitId() + 1 };
  let newestSnapshot = store.lastSnapshotId();
  const wanted = new Map(Object.entries(config.models).map(([name, model]) => [name, learnerConfigJson(model)]));
  const models = new Map<string, Model>();
  for (const [name, policy] of policies(options, store)) {
    const model = openModel({
      name,
      store,
      log,
      policy,
      ringRows: config.intake.ringRows,
      wanted: listen ? (wanted.get(name) ?? null) : null,
      commit: number,
      nextSnapshot: () => ++newestSnapshot,
      now: Date.now(),
    });
    models.set(name, model);
  }
  if (listen) store.setActive([...models.keys()]);
  const broker = listen ? await openBroker(config, log) : null;
  const counters: Counters = { committedRows: 0, commits: 0, commitFailures: 0 };
  let failure: string | null = null;
  const commands$ = new Subject<CommandItem>();
  const stop$ = new Subject<void>();
  const events = new EventPublisher(config.mqtt.prefix, (topic, payload) => {
    broker?.publish(topic, payload, { retain: false, qos: 0 });
  });
  const messages$ = (broker?.chunks$ ?? NEVER).pipe(map((messages): MessagesItem => ({ kind: "messages", messages })));
  const committed$ = merge(messages$, commands$).pipe(
    takeUntil(stop$),
    pipeline({
      models: [...models.values()],
      number,
      prefix: config.mqtt.prefix,
      limits: config.intake,
      policy: config.commit,
      commit: (transaction) =>
        defer(() => {
          store.commit(transaction);
          failure = null;
          return of(undefined);
        }),
      onFailure: (error, delayMs) => {
        failure = String(error instanceof Error ? error.message : error);
        counters.commitFailures++;
        log.error({ error: failure, delayMs }, "a commit failed; nothing is acknowledged until it succeeds");
      },
    }),
  );
  const stopMaintenance = listen ? startMaintenance(store, config, log) : () => {};
  const settled = (committed: Committed) => {
    if (committed.transaction !== null) {
      counters.commits++;
      for (const section of committed.transaction.sections) counters.committedRows += section.rows;
    }
    for (const message of committed.messages) message.ack();
    for (const { command, snapshot } of committed.replies) command.reply(snapshot);
    for (const event of committed.events) events.tell(event, committed.transaction?.at ?? Date.now());
  };
  const ended = new Promise<void>((resolve, reject) => {
    committed$.subscribe({ next: settled, complete: resolve, error: reject });
  });
  const rooms: Rooms = {
    config,
    store,
    models,
    wanted,
    broker,
    counters,
    startedAt: Date.now(),
    command: (command) => commands$.next(command),
    failure: () => failure,
  };
  const request = (verb: string, params: unknown, onProgress: OnProgress = async () => {}) =>
    answer(rooms, verb, params, onProgress);
  const socketPath = controlSocketPath(config.data, process.env);
  const control = listen ? await serveControl(socketPath, request) : null;
  let closing: Promise<void> | null = null;
  const close = async () => {
    stopMaintenance();
    await broker?.stopIntake();
    stop$.next();
    await ended;
    await broker?.close();
    if (control !== null) await closeServer(control, socketPath);
    store.close();
  };
  return {
    rooms,
    ended,
    request,
    close: () => {
      closing ??= close();
      return closing;
    },
  };
}

/** Tells the models to open: those of the configuration; for a command of its own, those that are stored and active. */
function policies({ config, listen, without }: DaemonOptions, store: Store): (readonly [string, ModelConfig])[] {
  if (listen) return Object.entries(config.models);
  const fallback = Object.values(config.models)[0];
  return store
    .models()
    .filter(({ name, active }) => active && name !== without)
    .flatMap(({ name }) => {
      const policy = config.models[name] ?? fallback;
      return policy === undefined ? [] : [[name, policy] as const];
    });
}

function openBroker({ mqtt, intake }: Config, log: Log): Promise<EmbeddedBroker> {
  if (mqtt.broker !== "embedded") {
    throw new RivuletError(
      "not-supported-yet",
      `this release cannot join the broker ${mqtt.broker}; it only brings its own`,
      {
        hint: "Set mqtt.broker to embedded.",
      },
    );
  }
  if (mqtt.certFile !== null || mqtt.keyFile !== null) {
    throw new RivuletError("not-supported-yet", "this release's embedded broker has no TLS", {
      hint: "Take mqtt.certFile and mqtt.keyFile out of the configuration, and keep the broker on the loopback address.",
    });
  }
  const password = mqtt.passwordFile === null ? null : readSecret(mqtt.passwordFile);
  return openEmbeddedBroker({
    host: mqtt.host,
    port: mqtt.port,
    prefix: mqtt.prefix,
    username: mqtt.username,
    password,
    insecure: mqtt.insecure,
    payloadBytesMax: intake.payloadBytesMax,
    bytesMax: intake.bytesMax,
    onOversized: (oversized) => log.warn(oversized, "a packet over the limit; its connection was closed"),
  });
}

/** Reads a secret; the end of the line is not part of it. Throws `file-unreadable`. */
function readSecret(file: string): string {
  try {
    return readFileSync(file, "utf8").replace(/\r?\n$/, "");
  } catch (cause) {
    throw new RivuletError("file-unreadable", `the password file ${file} cannot be read`, { cause });
  }
}

function closeServer(server: Server, path: string): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    rmSync(path, { force: true });
  });
}
