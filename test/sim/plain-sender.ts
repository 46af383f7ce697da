import { oneIn } from "./draw.ts";
import { written } from "./forms.ts";
import { Link } from "./link.ts";
import type { Sender, SenderOptions } from "./sender.ts";
import { Tally } from "./tally.ts";

const UNACKNOWLEDGED_MAX = 40;
const PAUSE_MS = 8;

interface Sent {
  readonly first: number;
  readonly last: number;
}

/**
 * Sends rows without numbers that the daemon knows of. With QoS 1 and 2 it sends again on the next connection what was
 * not acknowledged; with QoS 0 it sends each row once.
 */
export class PlainSender implements Sender {
  readonly link: Link;
  readonly options: SenderOptions;
  last = 0;
  paused = false;
  readonly refusable = 0;
  readonly refusableAcknowledged = 0;
  /** How often each row was sent, and acknowledged. */
  readonly sent = new Tally();
  readonly acknowledged = new Tally();
  readonly #unacknowledged = new Set<Sent>();
  readonly #timer: ReturnType<typeof setInterval>;
  #stopped = false;

  constructor(options: SenderOptions) {
    this.options = options;
    this.link = new Link({
      url: options.url,
      topics: [],
      onOnline: () => this.#repeat(),
      onMessage: () => {},
    });
    this.#timer = setInterval(() => this.#pump(), PAUSE_MS);
  }

  stop(): void {
    this.#stopped = true;
  }

  get settled(): boolean {
    return this.#unacknowledged.size === 0;
  }

  end(): void {
    clearInterval(this.#timer);
    this.link.end();
  }

  #pump(): void {
    const { random } = this.options;
    if (!this.link.online || this.paused || this.#stopped || this.#unacknowledged.size >= UNACKNOWLEDGED_MAX) return;
    if (oneIn(random, 3)) return;
    const first = this.last + 1;
    this.last += 1 + (random.uint32() % 4);
    this.#send({ first, last: this.last });
  }

  #repeat(): void {
    for (const message of [...this.#unacknowledged]) this.#send(message);
  }

  #send(message: Sent): void {
    const { random, model, index, qos } = this.options;
    const { first, last } = message;
    if (qos > 0) this.#unacknowledged.add(message);
    const { topic, payload } = written(random, { model, sender: index, first, last }, null, false);
    for (let number = first; number <= last; number++) this.sent.add(number);
    this.link.publish(topic, payload, qos, () => {
      if (!this.#unacknowledged.delete(message)) return;
      for (let number = first; number <= last; number++) this.acknowledged.add(number);
    });
  }
}
