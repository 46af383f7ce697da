// Mixes what the members predict: the mean of two mixtures. One weighs them by their losses of late (hedge: Freund &
// Schapire 1997; it is soon right), one by online Newton steps (stacking.ts; it is right in the long run).

import { exp, log } from "../elementary.ts";
import { Stacking } from "./stacking.ts";

/** Share of the losses so far that a row keeps. */
const KEPT = 0.995;
/** What a loss weighs in an exponent. */
const RATE = 0.1;

/** Of a share that is imported. */
const SHARE_LEAST = 1e-300;

/** Positions in the state. */
const FADED = 0;
const HEAD = 2;

/** Holds what both mixtures know. State: what is left of 1 after KEPT a row, a spare, losses (N), weights (N), covariance (N, N). */
export class Mixer {
  readonly count: number;
  readonly state: Float64Array;
  /** Faded sums of the members' losses (N). */
  readonly losses: Float64Array;
  /** Shares of the members by their losses (N): follows from them. */
  readonly shares: Float64Array;
  readonly stacking: Stacking;

  constructor(count: number) {
    this.count = count;
    this.state = new Float64Array(mixerLength(count));
    this.losses = this.state.subarray(HEAD, HEAD + count);
    this.shares = new Float64Array(count);
    const weights = this.state.subarray(HEAD + count, HEAD + 2 * count);
    this.stacking = new Stacking(weights, this.state.subarray(HEAD + 2 * count));
    this.reset();
  }

  reset(): void {
    this.state.fill(0);
    this.state[FADED] = 1;
    this.stacking.reset();
    this.refresh();
  }

  /** Computes the shares anew. */
  refresh(): void {
    const { losses, shares, count } = this;
    let least = losses[0]!;
    for (let n = 1; n < count; n++) least = losses[n]! < least ? losses[n]! : least;
    let sum = 0;
    for (let n = 0; n < count; n++) {
      shares[n] = exp(RATE * (least - losses[n]!));
      sum += shares[n]!;
    }
    for (let n = 0; n < count; n++) shares[n] = shares[n]! / sum;
  }

  /** Takes over shares (N), as they were computed of losses, and weights (N). */
  import(shares: readonly number[], weights: readonly number[]): void {
    const most = shares.reduce((one, other) => (other > one ? other : one), SHARE_LEAST);
    for (let n = 0; n < this.count; n++) {
      const share = shares[n]! < SHARE_LEAST ? SHARE_LEAST : shares[n]!;
      this.losses[n] = (log(most) - log(share)) / RATE;
    }
    this.stacking.weights.set(weights);
    this.refresh();
  }

  /** Takes note of the members' losses (N) of a row, times `weight`. */
  note(lost: Float64Array, weight: number): void {
    const { losses, state, count } = this;
    for (let n = 0; n < count; n++) losses[n] = KEPT * losses[n]! + weight * lost[n]!;
    state[FADED] = KEPT * state[FADED]!;
    this.refresh();
  }

  /** The mean loss of a member, of late; null before the first row. */
  meanLoss(n: number): number | null {
    const rows = (1 - this.state[FADED]!) / (1 - KEPT);
    return rows > 0 ? this.losses[n]! / rows : null;
  }

  /** The share of a member in the mean of both mixtures. */
  weight(n: number): number {
    return (this.shares[n]! + this.stacking.weights[n]!) / 2;
  }
}

/** Counts the numbers of a mixer's state. */
export function mixerLength(count: number): number {
  return HEAD + 2 * count + count * count;
}
