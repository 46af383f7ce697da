import { type Detector, DRIFT, NONE, type Signal, WARNING } from "./detector.ts";

const COUNT = 0;
const MEAN = 1;
const SUM = 2;
const DIRECTION = 3;
export const PAGE_HINKLEY_LENGTH = 4;

export interface PageHinkleyOptions {
  /** Values before the first alarm: the mean must be worth something. */
  readonly valuesMin: number;
  /** Rise of the mean that is tolerated (δ). */
  readonly tolerance: number;
  /** What the rise beyond that must add up to (λ). */
  readonly threshold: number;
}

/** Measured on streams of 0/1 errors: `npm run bench -- drift`. */
const DEFAULTS: PageHinkleyOptions = { valuesMin: 30, tolerance: 0.03, threshold: 35 };

/**
 * Adds up by how much values exceed their mean and a tolerance, and tells when that sum is over a threshold above its
 * least value (Page 1954, Continuous Inspection Schemes; with the running mean Mouss et al. 2004, Test of Page-Hinkley,
 * an approach for fault detection in an agro-alimentary production system). Input: values in [0, 1], 0/1 errors or a
 * bounded loss; only a rise is told. m − min m is kept as one sum that does not fall below 0, which is the same. It
 * warns at half the threshold.
 *
 * One drift, one alarm: after one, mean and sum start afresh.
 */
export class PageHinkley implements Detector {
  readonly state: Float64Array;
  readonly #options: PageHinkleyOptions;

  constructor(state: Float64Array = new Float64Array(PAGE_HINKLEY_LENGTH), options: PageHinkleyOptions = DEFAULTS) {
    this.state = state;
    this.#options = options;
  }

  get direction(): number {
    return this.state[DIRECTION]!;
  }

  reset(): void {
    this.state.fill(0);
  }

  update(value: number): Signal {
    const { state } = this;
    const { valuesMin, tolerance, threshold } = this.#options;
    const count = state[COUNT]! + 1;
    const mean = state[MEAN]! + (value - state[MEAN]!) / count;
    const sum = state[SUM]! + (value - mean - tolerance);
    state[COUNT] = count;
    state[MEAN] = mean;
    state[SUM] = sum > 0 ? sum : 0;
    if (count < valuesMin || sum <= threshold / 2) return NONE;
    if (sum <= threshold) return WARNING;
    state.fill(0);
    state[DIRECTION] = 1;
    return DRIFT;
  }
}
