// Scores states of the past in a thread of its own, where it holds up no prediction: calls come in as messages and are
// answered in their order. The first one, `open`, makes the scorer.

import { parentPort } from "node:worker_threads";
import { type ErrorCode, RivuletError } from "../error.ts";
import { Scorer } from "./scorer.ts";

export interface ScoreCall {
  readonly method: keyof Scorer | "open";
  readonly args: readonly unknown[];
}

/** Answers a call. A `defect` is an error that is none of ours. */
export type ScoreAnswer =
  | { readonly value: unknown }
  | { readonly error: { readonly code: ErrorCode; readonly message: string; readonly hint: string } }
  | { readonly defect: unknown };

const port = parentPort;
if (port === null) throw new Error("the worker that scores is run as a thread");
let scorer: Scorer | null = null;

port.on("message", (call: ScoreCall) => port.postMessage(answer(call)));

function answer(call: ScoreCall): ScoreAnswer {
  try {
    return { value: obey(call) };
  } catch (error) {
    if (!(error instanceof RivuletError)) return { defect: error };
    const { code, message, hint } = error;
    return { error: { code, message, hint } };
  }
}

function obey({ method, args }: ScoreCall): unknown {
  if (method === "open") {
    scorer = Reflect.construct(Scorer, args) as Scorer;
    return null;
  }
  if (scorer === null) throw new Error("there is no scorer yet");
  return Reflect.apply(scorer[method], scorer, args);
}
