import { Observable, type Subscriber } from "rxjs";
import type { Message } from "./message.ts";

/** What a message weighs besides its payload: its objects (measured: about 1 kB with those of the broker). */
export const MESSAGE_BYTES = 1024;

/** Is a message as it comes. */
export interface Incoming extends Omit<Message, "ack"> {
  /** Packet identifier; 0 at QoS 0. */
  readonly identifier: number;
}

export interface IntakeOptions {
  /** Called when somebody begins to listen. */
  readonly onOpen: () => void;
  /** Called when nobody listens any more. */
  readonly onClose: () => void;
  /** Called when the bytes held have changed. */
  readonly onHeld: (bytes: number) => void;
  /** Called after each chunk was handed over. */
  readonly onChunk: () => void;
}

/** Gathers what one turn of the event loop brings, and counts what is held until it is acknowledged. */
export class Intake {
  readonly chunks$: Observable<readonly Message[]>;
  messages = 0;
  heldBytes = 0;
  readonly #options: IntakeOptions;
  #subscriber: Subscriber<readonly Message[]> | null = null;
  #chunk: Message[] = [];
  #scheduled = false;

  constructor(options: IntakeOptions) {
    this.#options = options;
    this.chunks$ = new Observable((subscriber) => {
      this.#subscriber = subscriber;
      options.onOpen();
      return () => {
        this.#subscriber = null;
        options.onClose();
      };
    });
  }

  get open(): boolean {
    return this.#subscriber !== null;
  }

  /** Takes a message; `acknowledge` is called once with it, when the pipeline is done with it. */
  take(message: Incoming, acknowledge: (message: Incoming) => void): void {
    this.messages++;
    this.#hold(message.payload.length + MESSAGE_BYTES);
    this.#chunk.push(new Held(this, message, acknowledge));
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => this.#flush());
  }

  /** Counts a message no longer; called by the message itself. */
  release(message: Message): void {
    this.#hold(-message.payload.length - MESSAGE_BYTES);
  }

  #flush(): void {
    this.#scheduled = false;
    const chunk = this.#chunk;
    this.#chunk = [];
    this.#subscriber?.next(chunk);
    this.#options.onChunk();
  }

  #hold(bytes: number): void {
    this.heldBytes += bytes;
    this.#options.onHeld(this.heldBytes);
  }
}

/** Is a message on its way; one object each, for a flood brings hundreds of thousands in a second. */
class Held implements Message, Incoming {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly retain: boolean;
  readonly qos: 0 | 1 | 2;
  readonly identifier: number;
  readonly connection: number;
  readonly cut?: NonNullable<Message["cut"]>;
  readonly reply?: NonNullable<Message["reply"]>;
  readonly #intake: Intake;
  #acknowledge: ((message: Incoming) => void) | null;

  constructor(intake: Intake, message: Incoming, acknowledge: (message: Incoming) => void) {
    this.topic = message.topic;
    this.payload = message.payload;
    this.retain = message.retain;
    this.qos = message.qos;
    this.identifier = message.identifier;
    this.connection = message.connection;
    if (message.cut !== undefined) this.cut = message.cut;
    if (message.reply !== undefined) this.reply = message.reply;
    this.#intake = intake;
    this.#acknowledge = acknowledge;
  }

  ack(): void {
    const acknowledge = this.#acknowledge;
    if (acknowledge === null) return;
    this.#acknowledge = null;
    this.#intake.release(this);
    acknowledge(this);
  }
}
