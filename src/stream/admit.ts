import { asyncScheduler, concatMap, defer, from, type OperatorFunction, type SchedulerLike } from "rxjs";
import { categoriesOf } from "../learner/learner-config.ts";
import { createDecoder, type Decoder } from "../sample/decode.ts";
import {
  createRows,
  type Decoded,
  type NumberRun,
  QUESTION,
  type Rows,
  type SampleLimits,
  type SampleSchema,
} from "../sample/rows.ts";
import { parseTopic, type Topic } from "../sample/topic.ts";
import { Chunk } from "./chunk.ts";
import type { AdmittedItem, CommandItem, Message, MessagesItem, QuestionAsked, SettledItem, StopItem } from "./flow.ts";
import { lateFault } from "./late.ts";
import type { Model } from "./model.ts";
import type { ConfigInForce } from "./model-state.ts";

type In = MessagesItem | CommandItem | SettledItem | StopItem;
type Out = AdmittedItem | CommandItem | SettledItem | StopItem;

/** Refused messages kept in a second; what comes above is counted. */
const REFUSALS_KEPT_PER_SECOND = 10;

export interface AdmitOptions {
  readonly models: readonly Model[];
  /** Levels before the model's name in every topic. */
  readonly prefix: string;
  readonly limits: SampleLimits;
  /** Rows after which what was admitted goes on, so that a commit stays bounded. */
  readonly policy: { readonly maxSamples: number };
  /** Told here that messages wait for room: what makes room must not wait then. */
  readonly gate: Gate;
  /** Told what a model predicts for the questions of a message, when they are asked. */
  readonly onAsked: (model: Model, message: Message, asked: readonly QuestionAsked[]) => void;
}

/** Is shared by admission, which writes it, and the group commit, which reads it. */
export interface Gate {
  waiting: boolean;
}

/**
 * Decodes messages into the rings of their models, or refuses them whole. A message that its model's ring has no room
 * for waits, with all that came after it, until slots are free again; order is never changed.
 */
export function admit(options: AdmitOptions, scheduler: SchedulerLike = asyncScheduler): OperatorFunction<In, Out> {
  return (source) =>
    defer(() => {
      const admission = new Admission(options, scheduler);
      return source.pipe(concatMap((item) => from(admission.take(item))));
    });
}

interface Lane {
  readonly model: Model;
  decoder: Decoder;
  /** What the decoder was made for. */
  config: ConfigInForce;
}

class Admission {
  readonly #options: AdmitOptions;
  readonly #scheduler: SchedulerLike;
  readonly #lanes: ReadonlyMap<string, Lane>;
  /** The decoders take turns, so one buffer serves them all. */
  readonly #rows: Rows;
  /** Messages, commands and the stop that wait for room, in order of arrival. */
  #waiting: (Message | CommandItem | StopItem)[] = [];
  /** The topic that came last: a producer's messages mostly come on the same. */
  #topic: { readonly text: string; readonly read: Topic } = {
    text: "",
    read: { kind: "unknown", model: null, detail: "it is empty" },
  };
  /** The message that waits first, and that was counted. */
  #waiter: Message | null = null;
  #second = Number.NaN;
  #keptThisSecond = 0;

  constructor(options: AdmitOptions, scheduler: SchedulerLike) {
    this.#options = options;
    this.#scheduler = scheduler;
    const { models, limits } = options;
    const widest = Math.max(0, ...models.map((model) => model.ring.featureCount));
    this.#rows = createRows(widest, limits.rowsMax);
    this.#lanes = new Map(
      models.map((model) => {
        const { config } = model.state;
        return [model.name, { model, config, decoder: createDecoder(schemaOf(config), limits, this.#rows) }];
      }),
    );
  }

  /** Yields what can go on now; downstream has trained it, and maybe committed it, before the next is asked for. */
  *take(item: In): Generator<Out> {
    switch (item.kind) {
      case "messages":
        for (const message of item.messages) this.#waiting.push(message);
        // The first item of a stream has no messages: it tells that the stream began.
        if (item.messages.length === 0) yield new Chunk().item();
        break;
      case "command":
        this.#waiting.push(item);
        break;
      case "stop":
        // What still waits for room was not acknowledged: whoever sent it sends it again, and the stop need not wait for it.
        this.#waiting = [item];
        break;
      case "settled":
        yield item;
        break;
    }
    yield* this.#drain();
  }

  *#drain(): Generator<Out> {
    let chunk = new Chunk();
    let done = 0;
    for (const head of this.#waiting) {
      if ("kind" in head) {
        if (!chunk.empty) yield chunk.item();
        chunk = new Chunk();
        yield head;
      } else if (!this.#admit(head, chunk)) {
        // What is in the ring goes on; where it was committed at once, there is room now.
        if (!chunk.empty) yield chunk.item();
        chunk = new Chunk();
        if (!this.#admit(head, chunk)) break;
      }
      done++;
      if (chunk.rows < this.#options.policy.maxSamples) continue;
      yield chunk.item();
      chunk = new Chunk();
    }
    this.#waiting = this.#waiting.slice(done);
    const { gate } = this.#options;
    const begins = this.#waiting.length > 0 && !gate.waiting;
    gate.waiting = this.#waiting.length > 0;
    // Where nothing goes on, an empty item says that there is a wait.
    if (!chunk.empty || begins) yield chunk.item();
  }

  /** Puts a message's rows into their ring, or refuses it. Returns false where there is no room yet. */
  #admit(message: Message, chunk: Chunk): boolean {
    if (message.retain) {
      // A retained sample is an old one that the broker repeats: it is not for training.
      chunk.add(message);
      return true;
    }
    const topic = this.#read(message.topic);
    const lane = topic.model === null ? undefined : this.#lanes.get(topic.model);
    const tooLarge = faultOfSize(message, this.#options.limits.payloadBytesMax);
    if (topic.kind === "predict" || topic.kind === "request") {
      // It is answered elsewhere; here it keeps its place among the acknowledgements, or among what was refused.
      if (tooLarge === null) chunk.add(message);
      else this.#refuse(message, lane?.model ?? null, "too-large", tooLarge, chunk);
      return true;
    }
    if (topic.kind === "unknown" || lane === undefined) {
      const code = topic.model === null || lane !== undefined ? "unknown-topic" : "unknown-model";
      const detail =
        topic.kind === "unknown" && code === "unknown-topic" ? topic.detail : `there is no model ${topic.model}`;
      this.#refuse(message, lane?.model ?? null, code, detail, chunk);
      return true;
    }
    if (tooLarge !== null) {
      this.#refuse(message, lane.model, "too-large", tooLarge, chunk);
      return true;
    }
    // Rows are decoded again when the message has waited: that is rare, and keeps no second buffer.
    const decoded = decode(this.#decoderOf(lane), topic, message.payload);
    if (decoded.kind === "refused") {
      this.#refuseRows(message, lane.model, decoded, decoded.numbering, chunk);
      return true;
    }
    const { rows } = decoded;
    const { model } = lane;
    const fault = rows.hasLate ? lateFault(rows, model.state.questions, model.state.marks) : null;
    if (fault !== null) {
      this.#refuseRows(message, model, fault, rows.numbering, chunk);
      return true;
    }
    if (!model.ring.makeRoom(rows.rows)) {
      if (this.#waiter !== message) model.ringWaits++;
      this.#waiter = message;
      return false;
    }
    chunk.append(model, rows, this.#scheduler.now());
    chunk.add(message);
    if (rows.hasLate) this.#tellAsked(message, model, rows);
    return true;
  }

  /** Gives the decoder for the configuration in force: what is taken may change while the model is live. */
  #decoderOf(lane: Lane): Decoder {
    const { config } = lane.model.state;
    if (lane.config === config) return lane.decoder;
    lane.config = config;
    lane.decoder = createDecoder(schemaOf(config), this.#options.limits, this.#rows);
    return lane.decoder;
  }

  /** Tells the predictions that were made for a message's questions, old ones where it came before. */
  #tellAsked(message: Message, model: Model, rows: Rows): void {
    const asked: QuestionAsked[] = [];
    for (let r = 0; r < rows.rows; r++) {
      const id = rows.ids[r];
      if (rows.kinds[r] !== QUESTION || id == null) continue;
      const found = model.state.questions.find(id);
      if (found.kind === "open") asked.push({ id, outputs: [...found.asked.prediction] });
    }
    if (asked.length > 0) this.#options.onAsked(model, message, asked);
  }

  #refuseRows(
    message: Message,
    model: Model,
    { code, detail }: { readonly code: string; readonly detail: string },
    numbering: readonly NumberRun[],
    chunk: Chunk,
  ): void {
    this.#refuse(message, model, code, detail, chunk);
    for (const { source, epoch, seq, rows } of numbering) {
      const missing = model.decide({ kind: "settled", source, epoch, seq, rows });
      if (missing > 0) chunk.tell(model, { event: "gap", source, epoch, missing });
    }
    chunk.touch(model);
  }

  #read(text: string): Topic {
    if (text !== this.#topic.text) this.#topic = { text, read: parseTopic(this.#options.prefix, text) };
    return this.#topic.read;
  }

  #refuse(message: Message, model: Model | null, code: string, detail: string, chunk: Chunk): void {
    chunk.add(message);
    const second = Math.floor(this.#scheduler.now() / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#keptThisSecond = 0;
    }
    const kept = this.#keptThisSecond < REFUSALS_KEPT_PER_SECOND;
    if (kept) this.#keptThisSecond++;
    const { topic, payload, cut } = message;
    const payloadBytes = cut?.payloadBytes ?? payload.length;
    const name = model?.name ?? null;
    chunk.refuse({ model: name, topic, code, detail, payloadBytes, payload, sha256: cut?.sha256 ?? null }, kept);
    if (kept && model !== null) chunk.tell(model, { event: "rejected", topic, code, detail });
  }
}

function schemaOf({ learner }: ConfigInForce): SampleSchema {
  const { features, label, classes, network, categorical, missing } = learner;
  const several = classes !== null && classes.length > 2;
  const labelKind = network.loss === "mse" ? "number" : several ? "index" : "binary";
  const categories = categorical === undefined ? {} : { categories: categoriesOf(learner) };
  return { features, label, classes, labelKind, ...categories, mayMiss: missing !== "refuse" };
}

function faultOfSize({ payload, cut }: Message, bytesMax: number): string | null {
  if (cut === undefined && payload.length <= bytesMax) return null;
  return `${cut?.payloadBytes ?? payload.length} bytes; at most ${bytesMax} are allowed`;
}

function decode(decoder: Decoder, topic: Extract<Topic, { kind: "sample" | "packed" }>, payload: Uint8Array): Decoded {
  switch (topic.kind) {
    case "sample":
      return decoder.json(payload, topic.source);
    case "packed":
      return decoder.packed(payload, topic.precision, topic.number);
  }
}
