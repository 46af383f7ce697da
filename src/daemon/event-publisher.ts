import type { Mark } from "../sample/marks.ts";
import type { NamedEvent } from "../stream/flow.ts";
import { markTold } from "./mark-told.ts";

/** Events of a model published in a second at most; the rest is counted and told with the next one. */
const EVENTS_PER_SECOND_MAX = 20;

/** Says that commits began to fail, or succeed again. */
export type StoreEvent =
  | { readonly event: "store-failing"; readonly code: string; readonly error: string; readonly hint: string }
  | { readonly event: "store-working"; readonly failures: number; readonly outageMs: number };

/** What happened to the daemon as a whole, told on `<prefix>/bridge/event`. Rare by nature, so all of it is told. */
export type BridgeEvent =
  | StoreEvent
  /** The store was damaged: it is `file` now, and `from` took its place, or nothing. */
  | { readonly event: "set-aside"; readonly file: string; readonly reason: string; readonly from: string | null }
  /** The time of day moved by so much more than time passed. */
  | { readonly event: "clock"; readonly jumpMs: number };

/** Tells everybody of an event: `whose` is a model or the bridge, `payload` is a JSON object. */
type Publish = (whose: string, event: string, payload: string) => void;

/** Publishes what happened to the models, at a bounded rate. */
export class EventPublisher {
  readonly #publish: Publish;
  readonly #window = new Map<string, { second: number; sent: number; suppressed: number }>();

  constructor(publish: Publish) {
    this.#publish = publish;
  }

  /** Publishes what happened to the daemon as a whole. */
  bridge(event: BridgeEvent, atMs: number): void {
    this.#publish("bridge", event.event, JSON.stringify({ ...event, at: new Date(atMs).toISOString() }));
  }

  /** Publishes that a model was restored from a backup, with how far the numbers of its producers are settled now. */
  restored(model: string, restoredMs: number, marks: readonly Mark[], atMs: number): void {
    const event = {
      event: "restored",
      restored: new Date(restoredMs).toISOString(),
      marks: marks.map(markTold),
      at: new Date(atMs).toISOString(),
    };
    this.#publish(model, event.event, JSON.stringify(event));
  }

  /** Publishes an event on `<prefix>/<model>/event`; `atMs` is when it became durable. */
  tell({ model, event }: NamedEvent, atMs: number): void {
    const second = Math.floor(atMs / 1000);
    let window = this.#window.get(model);
    if (window === undefined) {
      window = { second, sent: 0, suppressed: 0 };
      this.#window.set(model, window);
    }
    if (window.second !== second) {
      window.second = second;
      window.sent = 0;
    }
    if (window.sent >= EVENTS_PER_SECOND_MAX && event.event !== "rollback" && event.event !== "reset") {
      window.suppressed++;
      return;
    }
    window.sent++;
    const suppressed = window.suppressed > 0 ? { suppressed: window.suppressed } : {};
    window.suppressed = 0;
    this.#publish(model, event.event, JSON.stringify({ ...event, at: new Date(atMs).toISOString(), ...suppressed }));
  }
}
