import type { Client } from "aedes";
import { IN_FORMS } from "./broker.ts";

/**
 * Knows whether anybody could listen to what producers publish: then it is relayed, else that can be spared. Who asked
 * once counts until the connection, or the session that outlives it, is gone.
 */
export class Audience {
  readonly #prefix: readonly string[];
  /** By client identifier. */
  readonly #listeners = new Map<string, Client>();

  constructor(prefix: string) {
    this.#prefix = prefix.split("/");
  }

  /** Notes that a client is granted a subscription, new or kept from a former connection. */
  subscribed(client: Client, filter: string): void {
    if (this.#reaches(filter)) this.#listeners.set(client.id, client);
  }

  /** Notes that a client is let in: without a session to go on with, whatever had its name is gone. */
  connected(client: Client): void {
    if (client.clean) this.#listeners.delete(client.id);
  }

  get present(): boolean {
    for (const [id, { closed, clean }] of this.#listeners) {
      if (!(closed && clean)) return true;
      this.#listeners.delete(id);
    }
    return false;
  }

  /** Tells whether a filter can match a topic that producers publish on (MQTT 3.1.1, 4.7). */
  #reaches(filter: string): boolean {
    const levels = filter.split("/");
    const wanted = [...this.#prefix, null, IN_FORMS];
    for (const [i, level] of wanted.entries()) {
      const given = levels[i];
      if (given === "#") return true;
      if (given === undefined) return false;
      if (given === "+" || level === null) continue;
      if (typeof level === "string" ? given !== level : !level.includes(given)) return false;
    }
    return true;
  }
}
