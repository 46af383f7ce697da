import type { ErrorCode } from "../error.ts";

const STATUS: Readonly<Partial<Record<ErrorCode, number>>> = {
  usage: 400,
  "too-deep": 400,
  "token-needed": 401,
  forbidden: 403,
  "unknown-model": 404,
  "unknown-snapshot": 404,
  "unknown-verb": 404,
  "topology-differs": 409,
  "no-better": 409,
  "numerics-differ": 409,
  "journal-pruned": 410,
  "too-large": 413,
  "answer-too-large": 422,
  "too-many-attempts": 429,
  busy: 503,
  "store-failed": 503,
  "not-committed": 503,
};

/** Tells the HTTP status that goes with an error's code. */
export function statusOf(code: ErrorCode): number {
  return STATUS[code] ?? 500;
}
