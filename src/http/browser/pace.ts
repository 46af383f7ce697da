// How often the daemon is asked. It tells how models stand at a pace of its own, which slackens when many listen; what is
// fetched after such news slackens with it. Nothing that takes long is asked for often.

/** The daemon's pace where few listen. */
const TOLD_MS = 250;
const SLACK_MAX = 8;
/** Steps between two tellings, above which a model is taken to learn all the time. */
const STEPS_MIN = 4;
/** Longer silences are pauses of the model, and no pace. */
const SILENCE_MS = 3000;
/** Of the time that something takes: so long is waited before it is done again. */
const REST = 8;

let slack = 1;
const toldAtMs = new Map<string, number>();

/** Notes that the daemon told how a model stands, so many steps after it did the last time. */
export function noteTold(model: string, steps: number, nowMs: number): void {
  const passedMs = nowMs - (toldAtMs.get(model) ?? Number.NEGATIVE_INFINITY);
  toldAtMs.set(model, nowMs);
  const measured = steps > STEPS_MIN && passedMs < SILENCE_MS ? passedMs / TOLD_MS : 1;
  slack += 0.3 * (Math.max(1, Math.min(SLACK_MAX, measured)) - slack);
}

/**
 * Runs something when asked to, but not more often than every `ms`, stretched as the daemon's own pace is, and one at a time:
 * what is asked for meanwhile is done once, afterwards.
 */
export class Pace {
  readonly #ms: number;
  readonly #run: () => Promise<void>;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #running = false;
  #wanted = false;
  #closed = false;
  #endedAt = Number.NEGATIVE_INFINITY;
  #tookMs = 0;

  constructor(ms: number, run: () => Promise<void>) {
    this.#ms = ms;
    this.#run = run;
  }

  ask(): void {
    if (this.#closed) return;
    if (this.#running) {
      this.#wanted = true;
      return;
    }
    const waitMs = this.#endedAt + Math.max(this.#ms * slack, this.#tookMs * REST) - performance.now();
    this.#timer ??= setTimeout(() => void this.#start(), Math.max(0, waitMs));
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  async #start(): Promise<void> {
    this.#timer = undefined;
    this.#running = true;
    this.#wanted = false;
    const startedAt = performance.now();
    try {
      await this.#run();
    } finally {
      this.#running = false;
      this.#endedAt = performance.now();
      this.#tookMs = this.#endedAt - startedAt;
      if (this.#wanted) this.ask();
    }
  }
}
