/** Tells those who listen that something has changed. */
export class Signal<T> {
  readonly #listeners = new Set<(value: T) => void>();

  /** Adds a listener; returns what removes it. */
  listen(listener: (value: T) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  tell(value: T): void {
    for (const listener of [...this.#listeners]) listener(value);
  }
}
