import type { RivuletError } from "../error.ts";
import { ClockWatch } from "./clock-watch.ts";
import type { BridgeEvent, EventPublisher } from "./event-publisher.ts";
import type { Log } from "./log.ts";
import type { Retained } from "./retained.ts";
import type { Rooms } from "./rooms.ts";
import { type StoreFailure, StoreHealth } from "./store-health.ts";

/** Tells what happens to the daemon as a whole: in the log, as an event, and in what is retained. */
export class BridgeNews {
  readonly #events: EventPublisher;
  readonly #retained: Retained;
  readonly #log: Log;
  readonly #health = new StoreHealth((event) => this.#tell(event));
  readonly #clock = new ClockWatch(Date.now(), performance.now());
  #startTold = false;

  constructor(events: EventPublisher, retained: Retained, log: Log) {
    this.#events = events;
    this.#retained = retained;
    this.#log = log;
  }

  /** Why nothing can be committed at present, or null. */
  get failure(): StoreFailure | null {
    return this.#health.failure;
  }

  /** Notes that a commit failed. */
  failed(error: RivuletError): void {
    this.#health.failed(error, performance.now());
  }

  /** Notes that a commit succeeded, which is when the time of day is looked at: it bears that time. */
  committed(): void {
    this.#health.worked(performance.now());
    const jumpMs = this.#clock.jump(Date.now(), performance.now());
    if (jumpMs !== 0) this.#tell({ event: "clock", jumpMs });
  }

  /** Tells, once, what became of the store before this start; call it when there is somebody to tell. */
  started({ replaced, restored, models, store }: Rooms): void {
    if (this.#startTold) return;
    this.#startTold = true;
    if (replaced !== null) {
      const { file, reason, from } = replaced;
      this.#events.bridge({ event: "set-aside", file, reason, from }, Date.now());
    }
    if (restored === null || restored.told) return;
    for (const { name, state } of models.values()) {
      this.#events.restored(name, restored.atMs, state.marks.newest(), Date.now());
    }
    // Where that cannot be remembered it is told again, at the next start.
    store
      .restoredTold()
      .catch((error) => this.#log.warn({ error: String(error) }, "that the store was restored is told again"));
  }

  #tell(event: Exclude<BridgeEvent, { readonly event: "set-aside" }>): void {
    switch (event.event) {
      case "store-failing":
        this.#log.error(event, "a commit failed; nothing is acknowledged until it succeeds");
        break;
      case "store-working":
        this.#log.info(event, "commits succeed again; nothing that was read was forgotten");
        break;
      case "clock":
        this.#log.warn(event, "the time of day jumped; nothing waits for it, but what is written down bears it");
        break;
    }
    this.#events.bridge(event, Date.now());
    this.#retained.informed();
  }
}
