// What all faces that are asked from afar have in common: each answer is one piece and bounded, so many are worked on at a
// time, and what is asked for under a name is done once.

import { type ErrorCode, RivuletError } from "../error.ts";
import type { NamedRequests } from "./named-requests.ts";
import { chooseName } from "./resolve-model.ts";
import type { Rooms } from "./rooms.ts";
import { answer, checkParams, deliberates, GUARDED } from "./verbs.ts";

/** Requests that may be worked on at a time. */
const RUNNING_MAX = 64;
/** Longest answer, in UTF-16 code units. */
const ANSWER_LENGTH_MAX = 4_194_304;
/** Rows of the journal in one answer. */
const JOURNAL_ROWS_MAX = 1000;
/** Longest message of an error: some repeat what was asked. */
const MESSAGE_LENGTH_MAX = 1000;

/** Is an error as it is told from afar. */
export interface Told {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint: string;
}

/** Is a verb that changes something, and how its asker calls that. */
export interface Order {
  readonly verb: string;
  readonly params: Readonly<Record<string, unknown>>;
  readonly transaction: string | number | null;
  /** Called when what is ordered is in the pipeline, or cannot be told yet. */
  readonly placed: () => void;
}

/** Has verbs answered for one face; the names of requests are shared by all faces. */
export class VerbDesk {
  readonly #rooms: Rooms;
  readonly #named: NamedRequests;
  #running = 0;

  constructor(rooms: Rooms, named: NamedRequests) {
    this.#rooms = rooms;
    this.#named = named;
  }

  /** Answers a verb that changes nothing. */
  async query(verb: string, params: Readonly<Record<string, unknown>>): Promise<unknown> {
    return this.#run(this.#rooms, verb, bounded(verb, params));
  }

  /** Obeys a verb that changes something, or that writes a file; such a one takes no parameters. */
  async order({ verb, params, transaction, placed }: Order): Promise<unknown> {
    const isGuarded = GUARDED.includes(verb);
    if (isGuarded && Object.keys(params).length > 0) {
      // Where files go is for those to say who have an account on this machine.
      throw new RivuletError("usage", `${verb} takes no parameters over MQTT or HTTP`);
    }
    const { name, ...rest } = checkParams(verb, params);
    // The same is asked for on a model's topic and on the bridge's, where the only model need not be named.
    const named = () => chooseName([...this.#rooms.models.keys()], typeof name === "string" ? name : undefined);
    const checked = isGuarded ? rest : { ...rest, name: named() };
    if (deliberates(verb, checked)) placed();
    const run = (rooms: Rooms) => this.#run(tellingWhenPlaced(rooms, placed), verb, checked);
    if (transaction === null) return run(this.#rooms);
    return this.#named.once({ transaction: String(transaction), verb, params: checked }, run, placed);
  }

  async #run(rooms: Rooms, verb: string, params: unknown): Promise<unknown> {
    if (this.#running >= RUNNING_MAX) {
      throw new RivuletError("busy", `${RUNNING_MAX} requests are being worked on`, { hint: "Ask again later." });
    }
    this.#running++;
    try {
      let text = "";
      const data = await answer(rooms, verb, params, async (progress) => {
        if (isObject(progress) && typeof progress["text"] === "string") text += progress["text"];
      });
      return verb === "journal-export" && isObject(data) ? { ...data, text } : data;
    } finally {
      this.#running--;
    }
  }
}

/** Writes an answer as JSON. Throws `answer-too-large`. */
export function answerText(answered: unknown): string {
  const text = JSON.stringify(answered);
  if (text.length <= ANSWER_LENGTH_MAX) return text;
  throw new RivuletError(
    "answer-too-large",
    `the answer has ${text.length} characters; allowed: ${ANSWER_LENGTH_MAX}`,
    { hint: "Ask for less, or on the command line." },
  );
}

/** Tells what went wrong; null where that is a defect of the program. */
export function toldOf(error: unknown): Told | null {
  if (!(error instanceof RivuletError)) return null;
  const { code, message, hint } = error;
  return { code, message: message.slice(0, MESSAGE_LENGTH_MAX), hint };
}

/** Bounds what a verb that changes nothing answers. */
function bounded(verb: string, params: Readonly<Record<string, unknown>>): unknown {
  if (verb !== "journal-export") return params;
  const checked = checkParams(verb, { format: "ndjson", ...params });
  return { ...checked, limit: Math.min(Number(checked["limit"] ?? JOURNAL_ROWS_MAX), JOURNAL_ROWS_MAX) };
}

function tellingWhenPlaced(rooms: Rooms, placed: () => void): Rooms {
  return {
    ...rooms,
    command: (command) => {
      rooms.command(command);
      placed();
    },
  };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
