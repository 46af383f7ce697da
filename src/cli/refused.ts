import { parseObject } from "../client/mark.ts";

/** Hears from a model's events whether it refused something. Which producer sent it they do not tell, nor how much there was. */
export class Refused {
  /** Why the first one was refused, or null. */
  first: string | null = null;

  /** Hears an event. What else stands on its topic, where other clients of a broker may write, is passed over. */
  hear(payload: string): void {
    const { event, code, detail } = parseObject(payload);
    if (event === "rejected") this.first ??= `${code}: ${detail}`;
  }
}
