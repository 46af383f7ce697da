import type { LearnedFile, SnapshotLine } from "./answers.ts";
import { ask } from "./api.ts";
import { Pace } from "./pace.ts";
import { type Predictor, predictorOf } from "./predictor.ts";

const LIST_MAX = 500;
const LIST_MS = 1000;
/** Networks of snapshots that are kept. */
const FILES_MAX = 64;

/** Is a model as a snapshot holds it. */
export interface Held {
  readonly file: LearnedFile;
  readonly predictor: Predictor;
}

/** The snapshots of a model, newest first, and what they hold: fetched once, for a snapshot never changes. */
export class SnapshotsFeed {
  lines: readonly SnapshotLine[] = [];
  readonly #model: string;
  readonly #onChange: () => void;
  readonly #pace = new Pace(LIST_MS, () => this.#read());
  readonly #held = new Map<number, Promise<Held>>();

  constructor(model: string, onChange: () => void) {
    this.#model = model;
    this.#onChange = onChange;
    this.refresh();
  }

  /** Reads the list soon. */
  refresh(): void {
    this.#pace.ask();
  }

  find(id: number): SnapshotLine | null {
    return this.lines.find((line) => line.id === id) ?? null;
  }

  /** Gives what a snapshot holds. Throws `ApiError`. */
  held(id: number): Promise<Held> {
    const known = this.#held.get(id);
    if (known !== undefined) return known;
    const asked = ask<LearnedFile>("model", { name: this.#model, id }).then((file) => ({
      file,
      predictor: predictorOf(file),
    }));
    this.#held.set(id, asked);
    asked.catch(() => this.#held.delete(id));
    const [oldest] = this.#held.keys();
    if (this.#held.size > FILES_MAX && oldest !== undefined) this.#held.delete(oldest);
    return asked;
  }

  close(): void {
    this.#pace.close();
  }

  async #read(): Promise<void> {
    const lines = await ask<readonly SnapshotLine[]>("snapshots-list", { name: this.#model, limit: LIST_MAX }).catch(
      () => null,
    );
    if (lines === null) return;
    this.lines = lines;
    this.#onChange();
  }
}
