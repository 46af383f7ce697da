// Requests and predictions over MQTT. A request keeps its place in the stream: what came before it is in the pipeline
// already, and what it orders is applied after that. One that changes something holds back what comes after it until its
// order is in the pipeline: so its own acknowledgement follows the commit of what it ordered, like a sample's; but not one
// that must find out first what to order. Refused is what may not be asked here, and what is asked too much.

import { Observable, of } from "rxjs";
import { RivuletError } from "../error.ts";
import type { Broker } from "../mqtt/broker.ts";
import type { Message } from "../mqtt/message.ts";
import { parseTopic } from "../sample/topic.ts";
import type { MessagesItem, QuestionAsked, Message as StreamMessage } from "../stream/flow.ts";
import type { Model } from "../stream/model.ts";
import { obeysOver } from "./bridge-info.ts";
import type { Log } from "./log.ts";
import { predictionOf, predictObject } from "./predict.ts";
import { labelOf, readPayload } from "./read-payload.ts";
import { liveModel } from "./resolve-model.ts";
import type { Rooms } from "./rooms.ts";
import { answerText, type Told, toldOf, type VerbDesk } from "./verb-desk.ts";
import { GUARDED, MUTATING } from "./verbs.ts";

/** Rows of one prediction message. */
const PREDICTIONS_MAX = 1000;
const BRIDGE = "bridge";

interface Envelope {
  readonly model: string;
  readonly verb: string;
  readonly message: Message;
  readonly broker: Broker;
  /** Called when what is ordered is in the pipeline, or when nothing will be. */
  readonly placed: () => void;
}

/** Answers what is asked over MQTT. */
export class Requests {
  readonly #rooms: Rooms;
  readonly #log: Log;
  readonly #desk: VerbDesk;

  constructor(rooms: Rooms, desk: VerbDesk, log: Log) {
    this.#rooms = rooms;
    this.#desk = desk;
    this.#log = log;
  }

  /**
   * Hands a broker's messages on, in order, and answers the questions among them on their way. What is yielded is to be
   * subscribed to one after the other: a request that changes something is obeyed when its turn comes.
   */
  *take(messages: readonly Message[]): Generator<Observable<MessagesItem>> {
    let from = 0;
    for (const [i, message] of messages.entries()) {
      if (!isAsked(message.topic) || message.retain) continue;
      if (i > from) yield of({ kind: "messages", messages: messages.slice(from, i) });
      from = i;
      yield* this.#ask(message);
      // It waits for nothing: a full disk, which holds all others, must not fill the memory with questions.
      if (this.#isDone(message)) {
        yield once(() => message.ack());
        from = i + 1;
      }
    }
    if (from < messages.length) yield of({ kind: "messages", messages: from === 0 ? messages : messages.slice(from) });
  }

  /** Tells whether a message is a question that was answered, and of which nobody waits for an acknowledgement. */
  #isDone({ topic, qos, payload, cut }: Message): boolean {
    const { mqtt, intake } = this.#rooms.config;
    const isWhole = cut === undefined && payload.length <= intake.payloadBytesMax;
    return qos === 0 && isWhole && parseTopic(mqtt.prefix, topic).kind === "predict";
  }

  *#ask(message: Message): Generator<Observable<never>> {
    const { broker, config } = this.#rooms;
    const topic = parseTopic(config.mqtt.prefix, message.topic);
    if (broker === null) return;
    if (topic.kind !== "predict" && topic.kind !== "request") return;
    const verb = topic.kind === "predict" ? "predict" : topic.verb;
    const envelope = { model: topic.model, verb, message, broker, placed: () => {} };
    if (topic.kind === "predict") yield once(() => this.#predict(envelope));
    else if (!MUTATING.includes(verb)) yield once(() => void this.#request(envelope));
    else {
      yield new Observable((subscriber) => {
        void this.#request({ ...envelope, placed: () => subscriber.complete() });
      });
    }
  }

  /** Tells what a model predicts for the questions of a message, where predictions are told. */
  tellAsked(model: Model, message: StreamMessage, asked: readonly QuestionAsked[]): void {
    const { broker } = this.#rooms;
    if (broker === null) return;
    const predictions = asked.map(({ id, outputs }) => ({ ...predictionOf(model, outputs), id }));
    const payload = JSON.stringify(predictions.length === 1 ? predictions[0] : predictions);
    this.#publish({ message, broker }, `${model.name}/prediction`, payload);
  }

  #predict(envelope: Envelope): void {
    this.#publish(envelope, `${envelope.model}/prediction`, this.#predicted(envelope));
  }

  #predicted(envelope: Envelope): string {
    try {
      this.#checkReply(envelope.message);
      const model = liveModel(this.#rooms.models, envelope.model);
      const asked = this.#read(envelope.message);
      const rows = Array.isArray(asked) ? asked : [asked];
      if (rows.length > PREDICTIONS_MAX) {
        throw new RivuletError("usage", `${rows.length} rows came; allowed: up to ${PREDICTIONS_MAX}`);
      }
      const predictions = rows.map((row) => {
        if (!isObject(row)) throw new RivuletError("usage", "a row must be a JSON object with the model's features");
        const [id, transaction] = [labelOf(row["id"], "id"), labelOf(row["transaction"], "transaction")];
        return {
          ...predictObject(model, row),
          ...(id === null ? {} : { id }),
          ...(transaction === null ? {} : { transaction }),
        };
      });
      return JSON.stringify(Array.isArray(asked) ? predictions : predictions[0]);
    } catch (error) {
      return JSON.stringify({ error: this.#told(error, envelope) });
    }
  }

  async #request(envelope: Envelope): Promise<void> {
    const body = await this.#answered(envelope);
    envelope.placed();
    this.#publish(envelope, `${envelope.model}/response/${envelope.verb}`, body);
  }

  async #answered(envelope: Envelope): Promise<string> {
    let transaction: string | number | null = null;
    try {
      this.#checkReply(envelope.message);
      const asked = this.#read(envelope.message);
      if (!isObject(asked)) throw new RivuletError("usage", "a request must be a JSON object, or empty");
      const { transaction: named, ...params } = asked;
      transaction = labelOf(named, "transaction");
      const data = await this.#obey(envelope, params, transaction);
      return answerText({ status: "ok", data: data ?? null, transaction });
    } catch (error) {
      return JSON.stringify({ status: "error", data: null, error: this.#told(error, envelope), transaction });
    }
  }

  #read(message: Message): unknown {
    return readPayload(message, this.#rooms.config.intake.payloadBytesMax);
  }

  #obey(
    { model, verb, broker, placed }: Envelope,
    params: Record<string, unknown>,
    transaction: string | number | null,
  ): Promise<unknown> {
    if (model !== BRIDGE) {
      if (Object.hasOwn(params, "name") && params["name"] !== model) {
        throw new RivuletError("usage", `the topic names model ${model}, the request another one`);
      }
      if (!DAEMON_WIDE.includes(verb)) params["name"] = model;
    }
    if (!MUTATING.includes(verb) && !GUARDED.includes(verb)) return this.#desk.query(verb, params);
    if (!obeysOver(this.#rooms.config, broker)) {
      throw new RivuletError("forbidden", `${verb} changes something, and such verbs are not obeyed over this broker`, {
        hint: "Set mqtt.commands to on, and let only those publish on …/request/# who may.",
      });
    }
    return this.#desk.order({ verb, params, transaction, placed });
  }

  /** Refuses an answer to a topic where it could be taken for something else. */
  #checkReply({ reply }: Message): void {
    if (reply === undefined) return;
    const allowed = this.#replyPrefix();
    if (reply.topic.startsWith(`${allowed}/`) && !/[+#\0]/.test(reply.topic)) return;
    throw new RivuletError("forbidden", `answers are not sent to ${reply.topic.slice(0, 200)}`, {
      hint: `A response topic must begin with ${allowed}/ (mqtt.replyPrefix).`,
    });
  }

  #replyPrefix(): string {
    const { prefix, replyPrefix } = this.#rooms.config.mqtt;
    return replyPrefix ?? `${prefix}/${BRIDGE}/reply`;
  }

  #publish(
    { message, broker }: { readonly message: StreamMessage; readonly broker: Broker },
    topic: string,
    payload: string,
  ): void {
    const { reply, qos } = message;
    const isAllowed = reply?.topic.startsWith(`${this.#replyPrefix()}/`) === true && !/[+#\0]/.test(reply.topic);
    broker.publish({
      topic: isAllowed && reply !== undefined ? reply.topic : `${this.#rooms.config.mqtt.prefix}/${topic}`,
      payload,
      retain: false,
      qos: qos === 0 ? 0 : 1,
      correlation: reply?.correlation ?? null,
    });
  }

  /** Tells what went wrong, without ever failing itself. A defect ends its own request only: others share the daemon. */
  #told(error: unknown, { model, verb }: Envelope): Told {
    const told = toldOf(error);
    if (told !== null) return told;
    const stack = error instanceof Error ? error.stack : String(error);
    this.#log.error({ model, verb, stack }, "a request could not be answered: this is a defect of the program");
    return { code: "internal", message: "the daemon has a defect here", hint: "Its log tells more." };
  }
}

/** Verbs that are not about one model. */
const DAEMON_WIDE: readonly string[] = ["status", "quarantine", "models-list", "config-check", "doctor", "backup"];

/** Does something when its turn comes, and emits nothing. */
function once(act: () => void): Observable<never> {
  return new Observable((subscriber) => {
    act();
    subscriber.complete();
  });
}

/** Tells, at the price of a glance, topics that are no samples. */
function isAsked(topic: string): boolean {
  return topic.endsWith("/predict") || topic.includes("/request/");
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
