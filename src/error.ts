/** Codes for machines; each has a test that raises it. */
export type ErrorCode =
  | "config-invalid"
  | "config-unreadable"
  | "model-file-invalid"
  | "csv-invalid"
  | "file-unreadable"
  | "unknown-model"
  | "unknown-snapshot"
  | "unknown-verb"
  | "usage"
  | "topology-differs"
  | "no-better"
  | "state-damaged"
  | "numerics-differ"
  | "journal-damaged"
  | "journal-pruned"
  | "store-locked"
  | "store-foreign"
  | "store-newer"
  | "store-damaged"
  | "store-failed"
  | "backup-failed"
  | "port-in-use"
  | "broker-failed"
  | "http-failed"
  | "not-committed"
  | "outbox-full"
  | "outbox-locked"
  | "outbox-damaged"
  | "outbox-outdated"
  | "outbox-failed"
  | "node-too-old"
  | "daemon-unreachable"
  | "data-unusable"
  | "forbidden"
  | "token-needed"
  | "too-many-attempts"
  | "busy"
  | "too-large"
  | "too-deep"
  | "answer-too-large"
  | "memory-exceeded"
  | "internal";

/** Reports an operational failure: `code` for machines, the message for people, `hint` says what the operator can do. */
export class RivuletError extends Error {
  override readonly name = "RivuletError";
  readonly code: ErrorCode;
  readonly hint: string;

  constructor(code: ErrorCode, message: string, options: { readonly hint?: string; readonly cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.hint = options.hint ?? "";
  }
}
