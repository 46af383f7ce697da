import { createHash } from "node:crypto";
import { RivuletError } from "../error.ts";
import { canonicalJson } from "./canonical-json.ts";
import type { Rooms } from "./rooms.ts";

/** Longest answer that is remembered, in UTF-16 code units. */
const OUTCOME_LENGTH_MAX = 16_384;

/** Is a request with a name: `params` are checked, and hold the name of the model. */
export interface NamedRequest {
  readonly transaction: string;
  readonly verb: string;
  readonly params: Readonly<Record<string, unknown>>;
}

/** Obeys requests with a name once, however often they come, and gives the same answer each time. */
export class NamedRequests {
  readonly #rooms: Rooms;
  /** Those that are being worked on. */
  readonly #running = new Map<string, { readonly digest: string; readonly answer: Promise<unknown> }>();

  constructor(rooms: Rooms) {
    this.#rooms = rooms;
  }

  /**
   * Answers a request; `run` obeys it with the rooms that it is given, and `joined` is called where another is being
   * obeyed already. Throws `usage` where the name is another one's.
   */
  once(request: NamedRequest, run: (rooms: Rooms) => Promise<unknown>, joined: () => void): Promise<unknown> {
    const { transaction, verb, params } = request;
    const digest = createHash("sha256").update(canonicalJson({ verb, params })).digest("hex");
    const running = this.#running.get(transaction);
    if (running !== undefined) {
      if (running.digest !== digest) throw another(transaction);
      joined();
      return running.answer;
    }
    const answer = this.#answer(transaction, digest, run).finally(() => this.#running.delete(transaction));
    this.#running.set(transaction, { digest, answer });
    return answer;
  }

  async #answer(transaction: string, digest: string, run: (rooms: Rooms) => Promise<unknown>): Promise<unknown> {
    const known = await this.#rooms.store.request(transaction);
    if (known !== null) {
      if (known.digest !== digest) throw another(transaction);
      return JSON.parse(known.outcome);
    }
    await run({
      ...this.#rooms,
      record: (data) => {
        const outcome = JSON.stringify(data);
        if (outcome.length <= OUTCOME_LENGTH_MAX) return { transaction, digest, outcome };
        throw new RivuletError("answer-too-large", "the answer is too long to be remembered; nothing was changed", {
          hint: "Ask without a transaction.",
        });
      },
    });
    // What is told at the first time is what will be told at every other.
    const obeyed = await this.#rooms.store.request(transaction);
    if (obeyed === null) throw new Error(`transaction ${transaction} changed something and was not remembered`);
    return JSON.parse(obeyed.outcome);
  }
}

function another(transaction: string): RivuletError {
  return new RivuletError("usage", `transaction ${transaction} was another request`, {
    hint: "Give each request a transaction of its own.",
  });
}
