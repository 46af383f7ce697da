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

port.on("message", (call: StoreCall) => port.postMessage(answer(call)));

function answer(call: StoreCall): StoreAnswer {
  const { id } = call;
  try {
    return { id, value: obey(call) };
  } catch (cause) {
    const error = store === null ? storeError(cause, "the store") : store.failed(cause);
    if (!(error instanceof RivuletError)) return { id, defect: error };
    const { code, message, hint } = error;
    return { id, error: { code, message, hint } };
  }
}

function obey({ method, args }: StoreCall): unknown {
  if (method === "open") {
    store = openStore({ folder: String(args[0]) });
    return null;
  }
  if (isFolderTask(method)) return Reflect.apply(FOLDER_TASKS[method], null, args);
  if (store === null) throw new Error("the store is not open");
  return Reflect.apply(store[method], store, args);
}

function isFolderTask(method: StoreCall["method"]): method is keyof FolderTasks {
  return Object.hasOwn(FOLDER_TASKS, method);
}
