/**
 * Weighs predictions by one more filter: online Newton steps (Hazan, Agarwal & Kale 2007) on a linear combination of them.
 * Begins with their mean, and a prior so narrow that the first rows hardly move it. Works on views of the mixer's state.
 */
export class Stacking {
  /** (N). */
  readonly weights: Float64Array;
  /** (N, N). */
  readonly #covariance: Float64Array;
  readonly #v: Float64Array;

  constructor(weights: Float64Array, covariance: Float64Array) {
    this.weights = weights;
    this.#covariance = covariance;
    this.#v = new Float64Array(weights.length);
  }

  reset(): void {
    const count = this.weights.length;
    this.weights.fill(1 / count);
    this.#covariance.fill(0);
    for (let n = 0; n < count; n++) this.#covariance[n * count + n] = PRIOR / count;
  }

  /** Learns that the combination of g (N) should have been higher by `residual`, from a row of information r. */
  learn(g: Float64Array, residual: number, r: number): void {
    const { weights } = this;
    const covariance = this.#covariance;
    const v = this.#v;
    const count = weights.length;
    let spread = 0;
    for (let n = 0; n < count; n++) {
      let sum = 0;
      for (let o = 0; o < count; o++) sum += covariance[n * count + o]! * g[o]!;
      v[n] = sum;
      spread += sum * g[n]!;
    }
    const gain = residual / (1 + r * spread);
    const c = r / (1 + r * spread);
    for (let n = 0; n < count; n++) {
      weights[n] = weights[n]! + gain * v[n]!;
      for (let o = 0; o < count; o++) covariance[n * count + o] = covariance[n * count + o]! - c * (v[n]! * v[o]!);
      covariance[n * count + n] = covariance[n * count + n]! + NOISE / count;
    }
  }
}

const PRIOR = 0.1;
const NOISE = 1e-4;
