import { statSync } from "node:fs";
import { RivuletError } from "../error.ts";
import type { StoreStatus } from "./records.ts";
import type { Statements } from "./statements.ts";

/** Reads how the store is; where it cannot be read, says why. `failed` makes an error of ours of what is thrown. */
export function readStatus(statements: Statements, path: string, failed: (cause: unknown) => unknown): StoreStatus {
  const files = { fileBytes: bytesOf(path), walBytes: bytesOf(`${path}-wal`) };
  try {
    const totals = statements.journalTotals.get();
    return {
      ...files,
      commitsHeld: totals?.commits ?? 0,
      rowsHeld: totals?.rows ?? 0,
      firstCommit: statements.journalSpan.get()?.first ?? null,
      newestAtMs: statements.commitNewest.get()?.at_ms ?? null,
      unreadable: null,
    };
  } catch (cause) {
    const error = failed(cause);
    if (!(error instanceof RivuletError)) throw cause;
    const unreadable = error.message;
    return { ...files, commitsHeld: null, rowsHeld: null, firstCommit: null, newestAtMs: null, unreadable };
  }
}

function bytesOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}
