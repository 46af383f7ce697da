// From a row as the journal has it to the inputs of the engine: what is missing gets the running mean of its feature. Alike
// when a model trains, replays and predicts. As long as nothing is missing the rows are where the engine reads them, and
// nothing is done; from the first missing value on the statistics are learned here, each feature by a count of its own, for
// a mean that was filled in is no observation.

import type { Engine } from "./engine.ts";
import type { Vector } from "./precision.ts";
import { Scaler } from "./scaler.ts";

type Tagged = readonly [tag: string, values: Vector];

/** Prepares the rows of mini-batches and predictions. Its state is part of the learner state. Allocates only in the constructor. */
export class Encoder {
  /** (B, F) row-major, NaN where a feature is missing: where the rows of a mini-batch are put. */
  readonly raw: Float64Array;
  readonly #inputs: Float64Array;
  readonly #width: number;
  readonly #isScaled: boolean;
  /** The engine's scaler, or where it has none, statistics that nothing but the mean is taken of. */
  readonly #statistics: Scaler;
  /** (I) how often each feature was there; of use while `#counting`. */
  readonly #counts: Float64Array;
  #counting = false;
  readonly #before: { readonly state: Float64Array; readonly counts: Float64Array; counting: boolean };

  constructor(engine: Engine, width: number) {
    this.raw = engine.inputs;
    this.#inputs = engine.inputs;
    this.#width = width;
    this.#isScaled = engine.scaler !== null;
    this.#statistics = engine.scaler ?? new Scaler(width);
    this.#counts = new Float64Array(width);
    this.#before = { state: this.#statistics.state.slice(), counts: this.#counts.slice(), counting: false };
  }

  /** Tells whether every mini-batch must be encoded, not only those in which something is missing. */
  get counting(): boolean {
    return this.#counting;
  }

  /** The state to be saved: nothing before the first missing value. */
  get vectors(): readonly Tagged[] {
    if (!this.#counting) return [];
    const counts: Tagged = ["MISS", this.#counts];
    return this.#isScaled ? [counts] : [counts, ["MEAN", this.#statistics.state]];
  }

  /** Gets ready to take a state over: what `vectors` has then is to be filled from sections of these tags. */
  resume(tags: readonly string[]): void {
    this.#counting = tags.includes("MISS") && tags.includes(this.#isScaled ? "SCAL" : "MEAN");
    this.#counts.fill(0);
    if (!this.#isScaled) this.#statistics.reset();
  }

  /** Learns from the first `rows` rows and puts the inputs of the engine in place. Returns how many values were missing. */
  encode(rows: number): number {
    const length = rows * this.#width;
    let missing = 0;
    for (let i = 0; i < length; i++) if (Number.isNaN(this.raw[i])) missing++;
    this.#keep();
    if (missing > 0 && !this.#counting) this.#begin();
    if (this.#counting) this.#statistics.learnPresent(this.#counts, this.#inputs, rows);
    if (missing > 0) this.#fill(rows);
    return missing;
  }

  /** Takes back what the last `encode` learned. */
  undo(): void {
    const { state, counts, counting } = this.#before;
    this.#statistics.state.set(state);
    this.#counts.set(counts);
    this.#counting = counting;
  }

  /** Puts the inputs of a prediction in place. */
  encodeRow(features: ArrayLike<number>): void {
    for (let i = 0; i < this.#width; i++) this.#inputs[i] = features[i]!;
    this.#fill(1);
  }

  /** Begins to count at the first missing value; an imported scaler without a count never learns. */
  #begin(): void {
    if (this.#statistics.frozen) return;
    this.#counting = true;
    this.#counts.fill(this.#statistics.count);
    this.#statistics.takeOver();
  }

  #fill(rows: number): void {
    const { mean } = this.#statistics;
    const inputs = this.#inputs;
    const width = this.#width;
    for (let s = 0; s < rows; s++) {
      for (let i = 0; i < width; i++) {
        if (Number.isNaN(inputs[s * width + i])) inputs[s * width + i] = mean[i]!;
      }
    }
  }

  #keep(): void {
    this.#before.state.set(this.#statistics.state);
    this.#before.counts.set(this.#counts);
    this.#before.counting = this.#counting;
  }
}
