// What the nearest of the newest rows say: a member that keeps rows instead of weights. Distances are of standardized inputs, each
// multiplied by how relevant it is. Costs a pass over all rows that it keeps for every prediction.

import { log } from "../elementary.ts";
import type { TaggedVector } from "../engine.ts";
import { filledUp } from "../kalman/covariance.ts";
import { PLACE_BYTES } from "../kalman/filter-layout.ts";
import { type Kernels, type SinglePlace, within } from "../kalman/kernels.ts";
import type { Scaler } from "../scaler.ts";

/** Rows that are asked. */
const NEAREST = 10;

/** Position in `labels` of how many rows were learned, before the labels. */
const LEARNED = 0;
const HEAD = 1;

/** Counts the bytes that the kernels deal out for so many rows, or a few more. */
export function neighboursBytesOf(kept: number, inputs: number): number {
  const numbers = filledUp(kept) * (inputs + 1) + 2 * inputs;
  return numbers * Float32Array.BYTES_PER_ELEMENT + 4 * PLACE_BYTES;
}

/** State: the rows (I, N), f32, as a ring, N being filled up; then how many were learned, and their labels (N), f64. */
export class Neighbours {
  /** Rows that are kept. */
  readonly kept: number;
  /** (K) what they say, as the last layer of a network would. */
  readonly sums: Float64Array;
  readonly #kernels: Kernels;
  readonly #inputs: number;
  /** Rows that there is room for. */
  readonly #filled: number;
  readonly #place: SinglePlace;
  readonly #rows: Float32Array;
  readonly #labels: Float64Array;
  /** Those of a mini-batch that are written over, for `undo` (B, I) and (B). */
  readonly #rowsBefore: Float32Array;
  readonly #labelsBefore: Float64Array;
  readonly #learnedBefore = new Float64Array(1);
  /** What is proposed (I + 1). */
  readonly #next: Float64Array;
  readonly #point: SinglePlace;
  readonly #weights: SinglePlace;
  /** Of all rows (N). */
  readonly #distances: SinglePlace;
  /** Distances and places of the nearest, the nearest first. */
  readonly #nearest = new Float64Array(NEAREST);
  readonly #places = new Float64Array(NEAREST);
  /** Of values: their mean and deviation. */
  readonly #scaler: Scaler | null;

  constructor(kernels: Kernels, kept: number, inputs: number, outputs: number, rowsMax: number, scaler: Scaler | null) {
    this.#kernels = kernels;
    this.kept = kept;
    this.#inputs = inputs;
    this.#filled = filledUp(kept);
    this.#scaler = scaler;
    this.sums = new Float64Array(outputs);
    const numbers = this.#filled * inputs;
    this.#place = within(kernels.singles(numbers), 0, numbers);
    this.#rows = this.#place.values;
    this.#labels = new Float64Array(HEAD + kept);
    this.#rowsBefore = new Float32Array(rowsMax * inputs);
    this.#labelsBefore = new Float64Array(rowsMax);
    this.#next = new Float64Array(inputs + 1);
    this.#point = kernels.singles(inputs);
    this.#weights = kernels.singles(inputs);
    this.#distances = kernels.singles(this.#filled);
  }

  /** What of the learner state it is. */
  get vectors(): readonly TaggedVector[] {
    return [
      { tag: "NEAR", member: 0, values: this.#rows },
      { tag: "NEAL", member: 0, values: this.#labels },
    ];
  }

  reset(): void {
    this.#rows.fill(0);
    this.#labels.fill(0);
  }

  /** Asks the rows that are nearest to the input (I) that begins at `from`; of equally near ones the newer. */
  forward(input: Float64Array, from: number, relevance: Float64Array): void {
    const found = this.#find(input, from, relevance);
    if (this.#scaler !== null) return this.#average(found, this.#scaler);
    const { sums } = this;
    const places = this.#places;
    const classes = sums.length === 1 ? 2 : sums.length;
    let second = 0;
    if (sums.length > 1) sums.fill(1 / classes);
    for (let n = 0; n < found; n++) {
      const label = this.#labels[HEAD + places[n]!]!;
      if (sums.length > 1) sums[label] = sums[label]! + 1;
      else second += label;
    }
    if (sums.length === 1) sums[0] = log((second + 0.5) / (found - second + 0.5));
    else for (let k = 0; k < classes; k++) sums[k] = log(sums[k]!);
  }

  /** Proposes to keep a row; returns whether every number of it is finite. */
  propose(input: Float64Array, from: number, label: number): boolean {
    const next = this.#next;
    const inputs = this.#inputs;
    let odd = label - label;
    for (let i = 0; i < inputs; i++) {
      next[i] = Math.fround(input[from + i]!);
      odd += next[i]! - next[i]!;
    }
    next[inputs] = label;
    return odd === 0;
  }

  /** Keeps what was proposed, in the place of the oldest. */
  commit(): void {
    const inputs = this.#inputs;
    const labels = this.#labels;
    const learned = labels[LEARNED]!;
    const place = learned % this.kept;
    const turn = learned - this.#learnedBefore[0]!;
    this.#labelsBefore[turn] = labels[HEAD + place]!;
    for (let i = 0; i < inputs; i++) {
      const entry = i * this.#filled + place;
      this.#rowsBefore[turn * inputs + i] = this.#rows[entry]!;
      this.#rows[entry] = this.#next[i]!;
    }
    labels[HEAD + place] = this.#next[inputs]!;
    labels[LEARNED] = learned + 1;
  }

  /** Holds what is kept, for `undo`: the rows of a mini-batch follow. */
  hold(): void {
    this.#learnedBefore[0] = this.#labels[LEARNED]!;
  }

  /** Goes back to what `hold` saw. */
  undo(): void {
    const inputs = this.#inputs;
    const labels = this.#labels;
    const before = this.#learnedBefore[0]!;
    // The newest first: a mini-batch may go round.
    for (let turn = labels[LEARNED]! - before - 1; turn >= 0; turn--) {
      const place = (before + turn) % this.kept;
      labels[HEAD + place] = this.#labelsBefore[turn]!;
      for (let i = 0; i < inputs; i++) this.#rows[i * this.#filled + place] = this.#rowsBefore[turn * inputs + i]!;
    }
    labels[LEARNED] = before;
  }

  #average(found: number, { mean, std }: Scaler): void {
    let sum = 0;
    for (let n = 0; n < found; n++) sum += this.#labels[HEAD + this.#places[n]!]!;
    this.sums[0] = found === 0 ? 0 : (sum / found - mean[0]!) / std[0]!;
  }

  /** Finds the nearest rows, the nearest first; returns how many there are. */
  #find(input: Float64Array, from: number, relevance: Float64Array): number {
    const inputs = this.#inputs;
    const [point, weights] = [this.#point.values, this.#weights.values];
    for (let i = 0; i < inputs; i++) {
      point[i] = input[from + i]!;
      weights[i] = relevance[i]! * relevance[i]!;
    }
    this.#kernels.distances(this.#distances, this.#place, this.#point, this.#weights, inputs, this.#filled);
    const learned = this.#labels[LEARNED]!;
    const count = learned < this.kept ? learned : this.kept;
    const distances = this.#distances.values;
    const nearest = this.#nearest;
    const places = this.#places;
    nearest.fill(Number.POSITIVE_INFINITY);
    // From the newest on: where the world moves it is the nearest, and those behind it are passed over.
    let place = learned % this.kept;
    for (let age = 0; age < count; age++) {
      place = place === 0 ? this.kept - 1 : place - 1;
      const distance = distances[place]!;
      if (!(distance < nearest[NEAREST - 1]!)) continue;
      let n = NEAREST - 1;
      for (; n > 0 && distance < nearest[n - 1]!; n--) {
        nearest[n] = nearest[n - 1]!;
        places[n] = places[n - 1]!;
      }
      nearest[n] = distance;
      places[n] = place;
    }
    let found = 0;
    while (found < NEAREST && nearest[found]! < Number.POSITIVE_INFINITY) found++;
    return found;
  }
}
