import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { RivuletError } from "../error.ts";
import type { Transaction } from "../learner/transaction.ts";
import { ByteWriter } from "./byte-writer.ts";
import { buffersOf, encodeTransaction } from "./encode-transaction.ts";
import type { FolderTasks } from "./folder-tasks.ts";
import { type JournalPage, type JournalQuery, unpackPage } from "./journal-page.ts";
import type { CommitRecord } from "./records.ts";
import type { Store } from "./store.ts";
import type { StoreAnswer, StoreCall } from "./store-worker.ts";

/** In the checkout the files are TypeScript; in a bundle they are not, and lie side by side. */
const WORKER = new URL(import.meta.url.endsWith(".ts") ? "./store-worker.ts" : "./store-worker.js", import.meta.url);

export type { Backup } from "./backup.ts";
export type { Replaced, Restored } from "./replace.ts";

const METHODS = [
  "request",
  "remember",
  "restored",
  "restoredTold",
  "models",
  "setActive",
  "deleteModel",
  "snapshots",
  "snapshot",
  "findSnapshot",
  "tag",
  "lastSnapshotId",
  "state",
  "recoveryStateIds",
  "recoveryState",
  "journalFrom",
  "lastCommitId",
  "commitForSequence",
  "stateBefore",
  "journalPage",
  "feedCosts",
  "history",
  "quarantine",
  "quarantineCounts",
  "maintain",
  "status",
] as const satisfies readonly (keyof Store)[];

type Methods = {
  readonly [M in (typeof METHODS)[number]]: (...args: Parameters<Store[M]>) => Promise<ReturnType<Store[M]>>;
};

/**
 * Is a store in a thread of its own: what `Store` answers, later. Calls are answered in their order; each rejects with
 * what the store throws. What is handed over is copied before the call returns.
 */
export interface StoreThread extends Methods {
  commit(transaction: Transaction): Promise<void>;
  /** Reads commits from an id on, in order, with the sections of some models: at most `limit`, and fewer where they are large. */
  commits(query: JournalQuery): Promise<readonly CommitRecord[]>;
  /** Closes the store and ends its thread; what was asked before is answered first. */
  close(): Promise<void>;
}

/** A thread without a store, for who opens the next one. */
let spare: Thread | null = null;

/**
 * Begins the thread of the store that will be opened: it takes as long to begin as the program to be read, and both can be
 * done at once. It keeps no process alive.
 */
export function beginStoreThread(): void {
  spare ??= new Thread();
  spare.unref();
}

/** Opens the store of a data folder in a thread of its own. Throws as `openStore` does; then nothing is left open. */
export async function openStoreThread({ folder }: { readonly folder: string }): Promise<StoreThread> {
  const thread = spare ?? new Thread();
  spare = null;
  thread.ref();
  try {
    await thread.ask("open", [folder]);
  } catch (error) {
    await thread.end();
    throw error;
  }
  const writer = new ByteWriter();
  const methods = Object.fromEntries(
    METHODS.map((method) => [method, (...args: readonly unknown[]) => thread.ask(method, args)]),
  ) as unknown as Methods;
  let closing: Promise<void> | null = null;
  const close = async () => {
    try {
      await thread.ask("close", []);
    } finally {
      await thread.end();
    }
  };
  return {
    ...methods,
    commit: async (transaction) => {
      const encoded = encodeTransaction(writer, transaction);
      await thread.ask("commit", [encoded], buffersOf(encoded));
    },
    commits: async (query) => unpackPage((await thread.ask("journalPage", [query])) as JournalPage),
    close: () => {
      closing ??= close();
      return closing;
    },
  };
}

/** Does something to a data folder, in a thread of its own, which `signal` ends wherever it is. Throws as the task does. */
export async function onFolder<T extends keyof FolderTasks>(
  task: T,
  args: Parameters<FolderTasks[T]>,
  signal?: AbortSignal,
): Promise<Awaited<ReturnType<FolderTasks[T]>>> {
  const thread = new Thread();
  const end = () => void thread.end();
  signal?.addEventListener("abort", end);
  if (signal?.aborted === true) end();
  try {
    return (await thread.ask(task, args)) as Awaited<ReturnType<FolderTasks[T]>>;
  } finally {
    signal?.removeEventListener("abort", end);
    await thread.end();
  }
}

interface Waiting {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** Asks the worker, and gives each answer to who waits for it. */
class Thread {
  readonly #worker = new Worker(WORKER, { name: "store" });
  readonly #waiting = new Map<number, Waiting>();
  #asked = 0;
  #failure: Error | null = null;

  constructor() {
    this.#worker.on("message", (answer: StoreAnswer) => this.#settle(answer));
    // It ends by itself only through a defect, or for want of memory: whoever waits must not wait for ever.
    this.#worker.on("error", (cause) => this.#fail(new Error("the thread of the store has failed", { cause })));
    this.#worker.on("exit", (code) => this.#fail(new Error(`the thread of the store has ended with ${code}`)));
  }

  ask(method: StoreCall["method"], args: readonly unknown[], transfer: readonly ArrayBuffer[] = []): Promise<unknown> {
    if (this.#failure !== null) return Promise.reject(this.#failure);
    const id = ++this.#asked;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      const call: StoreCall = { id, method, args };
      this.#worker.postMessage(call, [...transfer]);
    });
  }

  ref(): void {
    this.#worker.ref();
  }

  /** Lets the process end though the thread runs. */
  unref(): void {
    this.#worker.unref();
  }

  async end(): Promise<void> {
    if (this.#failure !== null) return;
    const ended = once(this.#worker, "exit");
    await this.#worker.terminate();
    await ended;
  }

  #settle(answer: StoreAnswer): void {
    const waiting = this.#waiting.get(answer.id);
    this.#waiting.delete(answer.id);
    if ("value" in answer) return waiting?.resolve(answer.value);
    if ("defect" in answer) return waiting?.reject(answer.defect);
    const { code, message, hint } = answer.error;
    waiting?.reject(new RivuletError(code, message, { hint }));
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    for (const { reject } of this.#waiting.values()) reject(this.#failure);
    this.#waiting.clear();
  }
}
