// Runs the store in a thread of its own, where a slow disk holds nobody up: calls come in as messages and are answered
// in their order, one at a time.

import { parentPort } from "node:worker_threads";
import { type ErrorCode, RivuletError } from "../error.ts";
import { storeError } from "./failures.ts";
import { FOLDER_TASKS, type FolderTasks } from "./folder-tasks.ts";
import { openStore } from "./open-store.ts";
import type { Store } from "./store.ts";

/**
 * Is a call of a method of the store, or of something that is done to a data folder whose store is not open; `open`, which
 * takes the folder, is answered with nothing.
 */
export interface StoreCall {
  readonly id: number;
  readonly method: keyof Store | keyof FolderTasks | "open";
  readonly args: readonly unknown[];
}

/** Answers the call of that id. A `defect` is an error that is none of the store's own. */
export type StoreAnswer = { readonly id: number } & (
  | { readonly value: unknown }
  | { readonly error: { readonly code: ErrorCode; readonly message: string; readonly hint: string } }
  | { readonly defect: unknown }
);

const port = parentPort;
if (port === null) throw new Error("the store's worker is run as a thread");
let store: Store | null = null;

port.on("message", (call: StoreCall) => {
  if (isFolderTask(call.method)) void work(call, FOLDER_TASKS[call.method]);
  else port.postMessage(answer(call));
});

function answer(call: StoreCall): StoreAnswer {
  const { id } = call;
  try {
    return { id, value: obey(call) };
  } catch (cause) {
    return refusal(id, store === null ? cause : store.failed(cause));
  }
}

/** Answers with what becomes of a task, when it is done. */
async function work({ id, args }: StoreCall, task: FolderTasks[keyof FolderTasks]): Promise<void> {
  try {
    const value: unknown = await Reflect.apply(task, null, args);
    port?.postMessage({ id, value } satisfies StoreAnswer);
  } catch (cause) {
    port?.postMessage(refusal(id, storeError(cause, "the store")));
  }
}

function refusal(id: number, error: unknown): StoreAnswer {
  if (!(error instanceof RivuletError)) return { id, defect: error };
  const { code, message, hint } = error;
  return { id, error: { code, message, hint } };
}

function obey({ method, args }: StoreCall): unknown {
  if (method === "open") {
    store = openStore({ folder: String(args[0]) });
    return null;
  }
  if (store === null) throw new Error("the store is not open");
  return Reflect.apply(store[method as keyof Store], store, args);
}

function isFolderTask(method: StoreCall["method"]): method is keyof FolderTasks {
  return Object.hasOwn(FOLDER_TASKS, method);
}
