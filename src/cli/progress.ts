/** Progress lines in a second at most. */
const REFRESH_MS = 100;

/** Shows how far a long command is: one line on the terminal's error output that is written over, nothing elsewhere. */
export class Progress {
  #shownAt = 0;
  #shown = false;

  /** Shows a line, unless one was shown just now. */
  show(line: string): void {
    if (!process.stderr.isTTY || Date.now() - this.#shownAt < REFRESH_MS) return;
    this.#shownAt = Date.now();
    this.#shown = true;
    process.stderr.write(`\r\x1b[2K${line.slice(0, (process.stderr.columns ?? 80) - 1)}`);
  }

  /** Waits for something with what it tells on the way, and takes the line away, whatever came of it. */
  async during<T>(work: (show: (line: string) => void) => Promise<T>): Promise<T> {
    try {
      return await work((line) => this.show(line));
    } finally {
      this.end();
    }
  }

  /** Takes the line away. */
  end(): void {
    if (this.#shown) process.stderr.write("\r\x1b[2K");
    this.#shown = false;
  }
}
