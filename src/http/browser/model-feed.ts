// A model as it stands, and its newest samples: fetched when it has learned something, and at a pace.

import type { LearnedFile, Recent, Sample } from "./answers.ts";
import { ask } from "./api.ts";
import { Pace } from "./pace.ts";
import { type Predictor, predictorOf } from "./predictor.ts";

const MODEL_MS = 500;
const SAMPLES_MS = 1000;
const SAMPLES = 150;

export class ModelFeed {
  file: LearnedFile | null = null;
  predictor: Predictor | null = null;
  samples: readonly Sample[] = [];
  readonly #name: string;
  readonly #onChange: () => void;
  readonly #models = new Pace(MODEL_MS, () => this.#readModel());
  readonly #recent = new Pace(SAMPLES_MS, () => this.#readSamples());
  #step = -1;
  #isPaused = false;
  #isDue = false;

  constructor(name: string, onChange: () => void) {
    this.#name = name;
    this.#onChange = onChange;
  }

  /** Notes where the model stands: `position` is another number whenever it is another model. */
  reached(position: number): void {
    if (position === this.#step) return;
    this.#step = position;
    this.refresh();
  }

  /** Fetches anew. */
  refresh(): void {
    this.#isDue = this.#isPaused;
    if (this.#isPaused) return;
    this.#models.ask();
    this.#recent.ask();
  }

  /** Stops fetching, or goes on: what nobody sees is not fetched. */
  pause(isPaused: boolean): void {
    this.#isPaused = isPaused;
    if (!isPaused && this.#isDue) this.refresh();
  }

  close(): void {
    this.#models.close();
    this.#recent.close();
  }

  async #readModel(): Promise<void> {
    const file = await ask<LearnedFile>("model", { name: this.#name }).catch(() => null);
    if (file === null) return;
    this.file = file;
    this.predictor = predictorOf(file);
    this.#onChange();
  }

  async #readSamples(): Promise<void> {
    const recent = await ask<Recent>("recent", { name: this.#name, count: SAMPLES }).catch(() => null);
    if (recent === null) return;
    this.samples = recent.samples;
    this.#onChange();
  }
}
