/**
 * Runs something when asked to, but not more often than every `ms`, and one at a time: what is asked for meanwhile is done
 * once, afterwards.
 */
export class Pace {
  readonly #ms: number;
  readonly #run: () => Promise<void>;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #running = false;
  #wanted = false;
  #closed = false;
  #endedAt = Number.NEGATIVE_INFINITY;

  constructor(ms: number, run: () => Promise<void>) {
    this.#ms = ms;
    this.#run = run;
  }

  ask(): void {
    if (this.#closed) return;
    if (this.#running) this.#wanted = true;
    else
      this.#timer ??= setTimeout(() => void this.#start(), Math.max(0, this.#endedAt + this.#ms - performance.now()));
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  async #start(): Promise<void> {
    this.#timer = undefined;
    this.#running = true;
    this.#wanted = false;
    try {
      await this.#run();
    } finally {
      this.#running = false;
      this.#endedAt = performance.now();
      if (this.#wanted) this.ask();
    }
  }
}
