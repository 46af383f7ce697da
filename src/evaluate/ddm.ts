import { type Detector, DRIFT, NONE, type Signal, WARNING } from "./detector.ts";

const COUNT = 0;
const ERRORS = 1;
const RATE_LEAST = 2;
const DEVIATION_LEAST = 3;
const SETTLED = 4;
const DIRECTION = 5;
export const DDM_LENGTH = 6;

/** Values before the first verdict. The paper's 30 let a lucky begin pass for the best rate, and what follows for a drift. */
const VALUES_MIN = 100;
/** Errors, and right answers, before the rate counts as normally distributed: with fewer its deviation is far too small. */
const EACH_MIN = 10;
const WARNING_DEVIATIONS = 2;
const DRIFT_DEVIATIONS = 3;

/**
 * Compares the error rate p and its deviation s with their best so far: p + s over p + 2 s of then is a warning, over
 * p + 3 s a drift (Gama, Medas, Castillo & Rodrigues 2004, Learning with Drift Detection). Input: 0/1 errors; only a rise
 * is told. Beyond the paper, more values, and some of either outcome, must have been seen before the best is taken.
 *
 * One drift, one alarm: after one, everything starts afresh.
 */
export class Ddm implements Detector {
  readonly state: Float64Array;

  constructor(state: Float64Array = new Float64Array(DDM_LENGTH)) {
    this.state = state;
  }

  get direction(): number {
    return this.state[DIRECTION]!;
  }

  reset(): void {
    this.state.fill(0);
  }

  update(value: number): Signal {
    const { state } = this;
    const count = state[COUNT]! + 1;
    const errors = state[ERRORS]! + value;
    state[COUNT] = count;
    state[ERRORS] = errors;
    if (count < VALUES_MIN || errors < EACH_MIN || count - errors < EACH_MIN) return NONE;
    const rate = errors / count;
    const deviation = Math.sqrt((rate * (1 - rate)) / count);
    const level = rate + deviation;
    if (state[SETTLED] === 0 || level < state[RATE_LEAST]! + state[DEVIATION_LEAST]!) {
      state[SETTLED] = 1;
      state[RATE_LEAST] = rate;
      state[DEVIATION_LEAST] = deviation;
    }
    const least = state[RATE_LEAST]!;
    const unit = state[DEVIATION_LEAST]!;
    if (level <= least + WARNING_DEVIATIONS * unit) return NONE;
    if (level <= least + DRIFT_DEVIATIONS * unit) return WARNING;
    state.fill(0);
    state[DIRECTION] = 1;
    return DRIFT;
  }
}
