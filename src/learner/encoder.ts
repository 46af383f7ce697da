// From a row as the journal has it to the inputs of the engine: a category becomes inputs of its own, and what is missing
// the running mean of its feature. Alike when a model trains, replays and predicts. As long as all features are numbers and
// none is missing, rows are only copied. Else the statistics are learned here, each feature by a count of its own, for a
// mean that was filled in is no observation. Rows as they came stay as they are: they are encoded once to be predicted, and
// again, by statistics that know them, to be trained.

import type { Engine } from "./engine.ts";
import { columnsOf, inputsOf, type LearnerConfig } from "./learner-config.ts";
import type { Vector } from "./precision.ts";
import { Scaler } from "./scaler.ts";

type Tagged = readonly [tag: string, values: Vector];

/** Prepares the rows of mini-batches and predictions. Its state is part of the learner state. Allocates only in the constructor. */
export class Encoder {
  /** (B, F) row-major, NaN where a feature is missing: where the rows of a mini-batch are put. */
  readonly raw: Float64Array;
  /** (B, I), of the engine. */
  readonly #inputs: Float64Array;
  readonly #isPlain: boolean;
  readonly #features: number;
  readonly #width: number;
  /** (F) the first input of each feature, how many it has, and 1 where they are of hashes. */
  readonly #firsts: Uint32Array;
  readonly #widths: Uint32Array;
  readonly #isHashed: Uint8Array;
  readonly #isScaled: boolean;
  /** The engine's scaler, or where it has none, statistics that nothing but the mean is taken of. */
  readonly #statistics: Scaler;
  /** (I) how often each input was there; of use while `#counting`. */
  readonly #counts: Float64Array;
  #counting = false;
  /** Whether the last `learn` learned anything. */
  #learned = false;
  readonly #before: { readonly state: Float64Array; readonly counts: Float64Array; counting: boolean };

  /** Of the engine it needs where inputs lie, how many rows there is room for, and the scaler. */
  constructor(
    engine: Pick<Engine, "inputs" | "labels" | "scaler">,
    config: Pick<LearnerConfig, "features" | "categorical">,
  ) {
    const columns = columnsOf(config);
    this.#isPlain = columns.every(({ kind }) => kind === "number");
    this.#features = columns.length;
    this.#width = inputsOf(config);
    this.#firsts = Uint32Array.from(columns, ({ first }) => first);
    this.#widths = Uint32Array.from(columns, ({ kind, width }) => (kind === "number" ? 0 : width));
    this.#isHashed = Uint8Array.from(columns, ({ kind }) => (kind === "hashed" ? 1 : 0));
    this.#inputs = engine.inputs;
    this.raw = new Float64Array(engine.labels.length * columns.length);
    this.#isScaled = engine.scaler !== null;
    this.#statistics = engine.scaler ?? new Scaler(this.#width);
    this.#counts = new Float64Array(this.#width);
    this.#before = { state: this.#statistics.state.slice(), counts: this.#counts.slice(), counting: false };
    this.resume([]);
  }

  /** The state to be saved: nothing before the first category or missing value. */
  get vectors(): readonly Tagged[] {
    if (!this.#counting) return [];
    const counts: Tagged = ["MISS", this.#counts];
    return this.#isScaled ? [counts] : [counts, ["MEAN", this.#statistics.state]];
  }

  /** The means (I) that missing values get, where no scaler tells them, and there are some; on loan. */
  get means(): Float64Array | null {
    return this.#counting && !this.#isScaled ? this.#statistics.mean : null;
  }

  /** Gets ready to take a state over: what `vectors` has then is to be filled from sections of these tags. */
  resume(tags: readonly string[]): void {
    this.#counting = tags.includes("MISS") && tags.includes(this.#isScaled ? "SCAL" : "MEAN");
    this.#counts.fill(0);
    if (!this.#isScaled) this.#statistics.reset();
    if (!this.#counting && !this.#isPlain) this.#begin();
  }

  /** Takes statistics (I) over, those of the engine's scaler too; without a count they never change. */
  import(mean: readonly number[], std: readonly number[], count: number | null): void {
    this.#statistics.import(mean, std, count);
    this.#counting = !this.#isScaled;
    if (!this.#isPlain) this.#begin();
  }

  /**
   * Learns from the first `rows` rows of `raw` and puts the inputs of the engine in place. Returns how many values were
   * missing.
   */
  learn(rows: number): number {
    const missing = this.#spread(this.raw, rows);
    this.#learned = missing > 0 || this.#counting;
    if (this.#learned) {
      this.#keep();
      if (!this.#counting) this.#begin();
      if (this.#counting && !this.#statistics.frozen) this.#statistics.learnPresent(this.#counts, this.#inputs, rows);
    }
    this.#finish(this.raw, rows, missing);
    return missing;
  }

  /** Takes back what the last `learn` learned. */
  undo(): void {
    if (!this.#learned) return;
    const { state, counts, counting } = this.#before;
    this.#statistics.state.set(state);
    this.#counts.set(counts);
    this.#counting = counting;
  }

  /** Puts the inputs of the engine in place for a prediction of `rows` rows (rows, F), by the statistics as they stand. */
  encode(features: ArrayLike<number>, rows: number): void {
    this.#finish(features, rows, this.#spread(features, rows));
  }

  /** Begins to count, and to learn in the engine's place. What was imported without a count is never learned. */
  #begin(): void {
    const { frozen, count } = this.#statistics;
    if (frozen && this.#isPlain) return;
    this.#counting = true;
    this.#counts.fill(count);
    if (!frozen) this.#statistics.takeOver();
  }

  /**
   * Copies numbers to their inputs; those of categories get NaN, of which nothing is learned. Returns how many values are
   * missing.
   */
  #spread(raw: ArrayLike<number>, rows: number): number {
    if (this.#isPlain) return copyPlain(this.#inputs, raw, rows * this.#features);
    const inputs = this.#inputs;
    const features = this.#features;
    let missing = 0;
    for (let s = 0; s < rows; s++) {
      for (let f = 0; f < features; f++) {
        const value = raw[s * features + f]!;
        if (Number.isNaN(value)) missing++;
        const at = s * this.#width + this.#firsts[f]!;
        const width = this.#widths[f]!;
        if (width === 0) inputs[at] = value;
        for (let i = at; i < at + width; i++) inputs[i] = Number.NaN;
      }
    }
    return missing;
  }

  /** Puts means in place of what is missing, and ones for categories. */
  #finish(raw: ArrayLike<number>, rows: number, missing: number): void {
    if (missing > 0 || !this.#isPlain) this.#fill(rows);
    if (!this.#isPlain) for (let s = 0; s < rows; s++) this.#mark(raw, s);
  }

  /** Puts means where NaN is; that of a category's input, of which nothing is learned, is 0. */
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

  /** Puts a 1 at the input of each category of row s; where it is missing all of them stay 0. */
  #mark(raw: ArrayLike<number>, s: number): void {
    for (let f = 0; f < this.#features; f++) {
      const width = this.#widths[f]!;
      const value = raw[s * this.#features + f]!;
      const at = this.#isHashed[f]! === 1 ? value % width : value;
      if (at < width) this.#inputs[s * this.#width + this.#firsts[f]! + at] = 1;
    }
  }

  #keep(): void {
    this.#before.state.set(this.#statistics.state);
    this.#before.counts.set(this.#counts);
    this.#before.counting = this.#counting;
  }
}

/** Copies numbers to their inputs, in the same order. Returns how many are missing. */
function copyPlain(inputs: Float64Array, raw: ArrayLike<number>, length: number): number {
  let missing = 0;
  for (let i = 0; i < length; i++) {
    const value = raw[i]!;
    inputs[i] = value;
    if (Number.isNaN(value)) missing++;
  }
  return missing;
}
