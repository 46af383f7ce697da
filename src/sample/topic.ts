/** Names a producer may give: sources and epochs. */
export const NAME = /^[A-Za-z0-9._-]{1,64}$/;
const MODEL = /^[a-z][a-z0-9-]{0,39}$/;
const VERB = /^[a-z][a-z-]{0,39}$/;
const DIGITS = /^\d{1,16}$/;

/** Tells a producer's numbering of a message: its first row has number `seq`. */
export interface FirstNumber {
  readonly source: string;
  readonly epoch: string;
  readonly seq: number;
}

/** Is what a topic says about the message on it. `model` is null where not even that can be told. */
export type Topic =
  | { readonly kind: "sample"; readonly model: string; readonly source: string | null }
  | {
      readonly kind: "packed";
      readonly model: string;
      readonly precision: "f32" | "f64";
      readonly number: FirstNumber | null;
    }
  | { readonly kind: "predict"; readonly model: string }
  | { readonly kind: "request"; readonly model: string; readonly verb: string }
  | { readonly kind: "unknown"; readonly model: string | null; readonly detail: string };

/**
 * Reads a topic: `<prefix>/<model>/sample[/<source>]`, `<prefix>/<model>/f32` or `f64`, with numbers
 * `/<source>/<epoch>/<seq>`; `<prefix>/<model>/predict`; `<prefix>/<model>/request/<verb>`. Anything else is unknown.
 */
export function parseTopic(prefix: string, topic: string): Topic {
  const unknown = (model: string | null, detail: string): Topic => ({ kind: "unknown", model, detail });
  if (!topic.startsWith(`${prefix}/`)) return unknown(null, `the topic does not begin with ${prefix}/`);
  const [model = "", form, ...rest] = topic.slice(prefix.length + 1).split("/");
  if (!MODEL.test(model)) return unknown(null, "the topic names no model");
  const [source, epoch, seq] = rest;
  switch (form) {
    case "sample":
      if (source === undefined) return { kind: "sample", model, source: null };
      if (rest.length === 1 && NAME.test(source)) return { kind: "sample", model, source };
      return unknown(
        model,
        "after sample a topic has at most a source of 1 to 64 letters, digits, dots, underscores and hyphens",
      );
    case "f32":
    case "f64":
      if (source === undefined) return { kind: "packed", model, precision: form, number: null };
      if (
        rest.length === 3 &&
        NAME.test(source) &&
        NAME.test(epoch ?? "") &&
        DIGITS.test(seq ?? "") &&
        Number.isSafeInteger(Number(seq))
      ) {
        return { kind: "packed", model, precision: form, number: { source, epoch: epoch ?? "", seq: Number(seq) } };
      }
      return unknown(model, `after ${form} a topic has nothing, or a source, an epoch and a number`);
    case "predict":
      if (rest.length === 0) return { kind: "predict", model };
      return unknown(model, "after predict a topic has nothing");
    case "request":
      if (rest.length === 1 && VERB.test(source ?? "")) return { kind: "request", model, verb: source ?? "" };
      return unknown(model, "after request a topic has one verb, such as rollback or snapshots-list");
    default:
      return unknown(model, "a model takes samples on …/sample, …/f32 and …/f64");
  }
}
