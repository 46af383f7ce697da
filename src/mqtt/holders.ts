import type { Client } from "aedes";
import { pause, resume } from "./aedes-client.ts";

/** Is a client, with how many messages of it are held. */
export interface Holder {
  readonly client: Client;
  held: number;
  /** Whether it is not read, because too much is held. */
  waiting: boolean;
}

/**
 * Knows which clients have messages that are held. When too much is, those wait, and nobody else: who only asks for
 * predictions, which are answered at once, goes on asking while a full disk holds all samples.
 */
export class Holders {
  readonly #holders = new Set<Holder>();

  /** Begins to count for a client; whoever hands its messages over counts. */
  add(client: Client): Holder {
    const holder = { client, held: 0, waiting: false };
    this.#holders.add(holder);
    return holder;
  }

  /** Ends with a client that is gone. */
  remove(holder: Holder): void {
    this.#holders.delete(holder);
  }

  /** Makes all wait of whom something is held, and lets those go on of whom nothing is any more. */
  review(): void {
    for (const holder of this.#holders) {
      const { client, held, waiting } = holder;
      if (held > 0 === waiting) continue;
      holder.waiting = !waiting;
      if (waiting) resume(client);
      else pause(client);
    }
  }

  /** Lets all go on. */
  release(): void {
    for (const holder of this.#holders) {
      if (!holder.waiting) continue;
      holder.waiting = false;
      resume(holder.client);
    }
  }
}
