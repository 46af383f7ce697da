import type { Client } from "aedes";
import { pause, resume } from "./aedes-client.ts";

/**
 * Knows which clients have messages that are held. When too much is, those wait, and nobody else: who only asks for
 * predictions, which are answered at once, goes on asking while a full disk holds all samples.
 */
export class Holders {
  readonly #held = new Map<Client, number>();
  readonly #waiting = new Set<Client>();

  /** Notes a message of a client; returns what to call when it is held no more. */
  hold(client: Client): () => void {
    this.#held.set(client, (this.#held.get(client) ?? 0) + 1);
    return () => {
      const left = (this.#held.get(client) ?? 1) - 1;
      if (left > 0) this.#held.set(client, left);
      else this.#held.delete(client);
    };
  }

  /** Makes all wait of whom something is held, and lets those go on of whom nothing is any more. */
  review(): void {
    for (const client of this.#held.keys()) {
      if (this.#waiting.has(client)) continue;
      this.#waiting.add(client);
      pause(client);
    }
    for (const client of this.#waiting) if (!this.#held.has(client)) this.#goOn(client);
  }

  /** Lets all go on. */
  release(): void {
    for (const client of this.#waiting) this.#goOn(client);
  }

  #goOn(client: Client): void {
    this.#waiting.delete(client);
    resume(client);
  }
}
