// The cost history that a chart shows: a stretch of it, or all up to now. While it is followed only what is new is fetched,
// until there is so much of it that all is fetched anew, evenly thinned.

import type { History, HistoryPoint } from "./answers.ts";
import { ask } from "./api.ts";
import { Pace } from "./pace.ts";

const POINTS = 500;
const POINTS_MAX = 800;
const NEWS_POINTS = 20;
const FOLLOW_MS = 1000;

export class HistoryFeed {
  readonly #model: string;
  readonly #onChange: () => void;
  readonly #pace: Pace;
  #points: readonly HistoryPoint[] = [];
  #range: readonly [number, number] | null = null;
  #newest = 0;
  #loads = 0;
  #isLoaded = false;

  constructor(model: string, onChange: () => void) {
    this.#model = model;
    this.#onChange = onChange;
    this.#pace = new Pace(FOLLOW_MS, () => this.#follow());
  }

  get points(): readonly HistoryPoint[] {
    return this.#points;
  }

  /** The stretch that is shown; null is all. */
  get range(): readonly [number, number] | null {
    return this.#range;
  }

  /** The stretch of steps that is shown. */
  get extent(): readonly [number, number] {
    return this.#range ?? [1, Math.max(2, this.#newest)];
  }

  /** Shows a stretch, or all. Resolves when it is there. */
  async choose(range: readonly [number, number] | null): Promise<void> {
    this.#range = range;
    await this.#load();
  }

  /** Notes how far the model is. */
  reached(step: number): void {
    if (step === this.#newest) return;
    this.#newest = step;
    if (this.#range === null && this.#isLoaded) this.#pace.ask();
  }

  close(): void {
    this.#pace.close();
  }

  async #load(): Promise<void> {
    const load = ++this.#loads;
    const [from, to] = this.#range ?? [undefined, undefined];
    const history = await this.#ask(from, to, POINTS);
    // Another stretch was chosen meanwhile.
    if (history === null || load !== this.#loads) return;
    this.#points = history.points;
    this.#isLoaded = true;
    if (this.#range === null) this.#newest = Math.max(this.#newest, history.to);
    this.#onChange();
  }

  async #follow(): Promise<void> {
    const last = this.#points.at(-1)?.step;
    if (last === undefined || this.#points.length >= POINTS_MAX) return this.#load();
    const load = this.#loads;
    const history = await this.#ask(last + 1, undefined, NEWS_POINTS);
    if (history === null || load !== this.#loads) return;
    this.#points = [...this.#points, ...history.points.filter(({ step }) => step > last)];
    this.#onChange();
  }

  #ask(from: number | undefined, to: number | undefined, points: number): Promise<History | null> {
    return ask<History>("history", { name: this.#model, from, to, points }).catch(() => null);
  }
}
