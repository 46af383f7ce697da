import type { Socket } from "node:net";

/** First bytes of the two acknowledgements (MQTT 3.1.1, 3.4 and 3.5). */
const PUBACK = 0x40;
const PUBREC = 0x50;
const BYTES = 4;

/** Writes acknowledgements to one socket, in the order in which they are let go: those of a commit in one write. */
export class Acknowledgements {
  readonly #socket: Socket;
  #types: number[] = [];
  #identifiers: number[] = [];

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** Lets a message's acknowledgement go; returns false where whoever waits for it is gone. At QoS 0 nobody waits. */
  add(qos: 0 | 1 | 2, identifier: number): boolean {
    if (qos === 0) return true;
    if (!this.#socket.writable) return false;
    if (this.#identifiers.length === 0) queueMicrotask(() => this.#flush());
    this.#types.push(qos === 1 ? PUBACK : PUBREC);
    this.#identifiers.push(identifier);
    return true;
  }

  #flush(): void {
    const types = this.#types;
    const identifiers = this.#identifiers;
    this.#types = [];
    this.#identifiers = [];
    if (!this.#socket.writable) return;
    const bytes = Buffer.allocUnsafe(BYTES * identifiers.length);
    for (let i = 0; i < identifiers.length; i++) {
      bytes[BYTES * i] = types[i]!;
      bytes[BYTES * i + 1] = 2;
      bytes[BYTES * i + 2] = identifiers[i]! >> 8;
      bytes[BYTES * i + 3] = identifiers[i]!;
    }
    this.#socket.write(bytes);
  }
}
