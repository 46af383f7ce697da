import { type Precision, type Round, roundOf, type Vector, vectorOf } from "./precision.ts";

/** Describes the average of a network's weights that predicts in their place. */
export interface AveragingConfig {
  /** Share of the average that a step keeps, from 0 and below 1. */
  readonly decay: number;
}

/**
 * Averages the weights over the steps (Polyak & Juditsky 1992), exponentially; at first, so that it forgets where training
 * began, step t weighs as much as t (Lacoste-Julien, Schmidt & Bach 2012, arXiv:1212.2002). Between two steps the engine's
 * parameters are the average, so that whatever predicts, exports or explains uses it, and what training moves, the iterate,
 * is kept here; during a step they have changed places.
 */
export class WeightAverage {
  /** θ as training left it (P), in layout order: learner state. */
  readonly iterate: Vector;
  readonly #decay: number;
  readonly #round: Round;

  constructor({ decay }: AveragingConfig, parameterCount: number, precision: Precision) {
    this.iterate = vectorOf(precision, parameterCount);
    this.#decay = decay;
    this.#round = roundOf(precision);
  }

  /** Begins anew: the parameters are what was trained, and their average. */
  begin(parameters: Vector): void {
    this.iterate.set(parameters);
  }

  /** Exchanges parameters and iterate: before a step, and once more where it was undone. */
  exchange(parameters: Vector): void {
    const { iterate } = this;
    for (let p = 0; p < iterate.length; p++) {
      const value = parameters[p]!;
      parameters[p] = iterate[p]!;
      iterate[p] = value;
    }
  }

  /** Takes the parameters that step `steps` left, counted from 1, into the average, and puts it in their place. */
  absorb(parameters: Vector, steps: number): void {
    const { iterate } = this;
    const round = this.#round;
    const early = (steps - 1) / (steps + 1);
    const kept = round(early < this.#decay ? early : this.#decay);
    const rest = round(1 - kept);
    // The sum of two shares stays between what it is made of, so that it is finite where they are.
    for (let p = 0; p < iterate.length; p++) {
      const value = parameters[p]!;
      parameters[p] = round(kept * iterate[p]!) + round(rest * value);
      iterate[p] = value;
    }
  }
}
