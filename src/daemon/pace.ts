/** Does something for a key when it changed: at once, or as soon as enough time has passed since the last time. */
export class Pace<K> {
  readonly #msMin: number;
  readonly #act: (key: K) => void;
  readonly #actedAt = new Map<K, number>();
  readonly #due = new Map<K, NodeJS.Timeout>();

  constructor(msMin: number, act: (key: K) => void) {
    this.#msMin = msMin;
    this.#act = act;
  }

  changed(key: K): void {
    if (this.#due.has(key)) return;
    const wait = (this.#actedAt.get(key) ?? Number.NEGATIVE_INFINITY) + this.#msMin - performance.now();
    if (wait <= 0) return this.now(key);
    this.#due.set(
      key,
      setTimeout(() => this.now(key), wait),
    );
  }

  /** Acts at once, whenever the last time was. */
  now(key: K): void {
    clearTimeout(this.#due.get(key));
    this.#due.delete(key);
    this.#actedAt.set(key, performance.now());
    this.#act(key);
  }

  /** Acts for all keys that wait. */
  flush(): void {
    for (const key of [...this.#due.keys()]) this.now(key);
  }
}
