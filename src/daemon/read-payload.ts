// What comes with a request or a question: JSON from anyone who may publish. Its size and depth are bounded before a
// value is made of it, for what walks a value by recursion (JSON.stringify, zod) dies of one that is nested deeply enough,
// and with a persistent session the broker would hand the message over again at each start.

import { RivuletError } from "../error.ts";
import type { Message } from "../mqtt/message.ts";
import { JsonScanner } from "../sample/json-scanner.ts";
import { END } from "../sample/json-token.ts";
import { Malformed } from "../sample/malformed.ts";

const LABEL_LENGTH_MAX = 64;

const utf8 = new TextDecoder("utf-8", { fatal: true });

/** Reads a payload; an empty one is an empty object. Throws `too-large`, `too-deep`, or `usage` where it is no JSON. */
export function readPayload({ payload, cut }: Pick<Message, "payload" | "cut">, bytesMax: number): unknown {
  if (cut !== undefined || payload.length > bytesMax) {
    const bytes = cut?.payloadBytes ?? payload.length;
    throw new RivuletError("too-large", `${bytes} bytes came; at most ${bytesMax} are allowed`);
  }
  const scanner = new JsonScanner();
  scanner.begin(payload);
  if (scanner.space() === END) return {};
  try {
    scanner.value();
    if (scanner.space() !== END) scanner.fail();
    return JSON.parse(utf8.decode(payload));
  } catch (cause) {
    if (!(cause instanceof Malformed)) throw new RivuletError("usage", "the payload is not JSON in UTF-8", { cause });
    if (cause.code === "too-deep") throw new RivuletError("too-deep", `the payload is ${cause.detail}`);
    throw new RivuletError("usage", `the payload is not JSON: ${cause.detail}`);
  }
}

/** Checks what an answer gives back as it came, such as a transaction; null where there is none. Throws `usage`. */
export function labelOf(value: unknown, what: string): string | number | null {
  if (value == null) return null;
  if (typeof value === "number" && Number.isFinite(value)) return value;
  const isShort = typeof value === "string" && value.length >= 1 && value.length <= LABEL_LENGTH_MAX;
  // What is not well-formed would be stored as another text.
  if (isShort && value.isWellFormed()) return value;
  throw new RivuletError("usage", `${what} must be a number, or a text of 1 to ${LABEL_LENGTH_MAX} characters`);
}
