import { Observable, type Subscriber } from "rxjs";
import type { Message } from "./message.ts";

/** What a message weighs besides its payload: its objects (measured: about 1 kB with those of the broker). */
export const MESSAGE_BYTES = 1024;

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

  /** Takes a message; `acknowledge` is called once, when the pipeline is done with it. */
  take(message: Omit<Message, "ack">, acknowledge: () => void): void {
    const bytes = message.payload.length + MESSAGE_BYTES;
    let held = true;
    this.messages++;
    this.#hold(bytes);
    this.#chunk.push({
      ...message,
      ack: () => {
        if (!held) return;
        held = false;
        this.#hold(-bytes);
        acknowledge();
      },
    });
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => this.#flush());
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
