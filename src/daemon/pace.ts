/** What is done for so many keys holds nobody up; the others have their turns when the event loop has turned. */
const KEYS_PER_TURN = 16;

/** Does something for a key when it changed: at once, or as soon as enough time has passed since the last time. */
export class Pace<K> {
  readonly #msMin: number;
  readonly #act: (key: K) => void;
  readonly #actedAt = new Map<K, number>();
  readonly #due = new Map<K, NodeJS.Timeout>();
  /** Keys whose time has come, and that wait for a turn. */
  readonly #waiting = new Set<K>();
  #actedThisTurn = 0;
  #turning = false;

  constructor(msMin: number, act: (key: K) => void) {
    this.#msMin = msMin;
    this.#act = act;
  }

  changed(key: K): void {
    if (this.#due.has(key) || this.#waiting.has(key)) return;
    const wait = (this.#actedAt.get(key) ?? Number.NEGATIVE_INFINITY) + this.#msMin - performance.now();
    if (wait <= 0) return this.#come(key);
    this.#due.set(
      key,
      setTimeout(() => this.#come(key), wait),
    );
  }

  /** Acts at once, whenever the last time was. */
  now(key: K): void {
    clearTimeout(this.#due.get(key));
    this.#due.delete(key);
    this.#waiting.delete(key);
    this.#actedAt.set(key, performance.now());
    this.#act(key);
  }

  /** Acts for all keys that wait. */
  flush(): void {
    for (const key of [...this.#due.keys(), ...this.#waiting]) this.now(key);
  }

  /** Acts in this turn of the event loop, or in one that comes. */
  #come(key: K): void {
    this.#due.delete(key);
    if (this.#actedThisTurn < KEYS_PER_TURN) {
      this.#actedThisTurn++;
      this.now(key);
    } else this.#waiting.add(key);
    if (this.#turning) return;
    this.#turning = true;
    setImmediate(() => this.#turn());
  }

  #turn(): void {
    this.#actedThisTurn = 0;
    for (const key of this.#waiting) {
      if (this.#actedThisTurn === KEYS_PER_TURN) break;
      this.#actedThisTurn++;
      this.now(key);
    }
    this.#turning = this.#actedThisTurn > 0;
    if (this.#turning) setImmediate(() => this.#turn());
  }
}
