// Learns which inputs matter: the root of the mean square of the prediction's derivative by each (the diagonal of the average
// gradient outer product: Radhakrishnan et al. 2024, Science 383). Members that use it multiply their inputs by it, so that
// inputs of pure noise fade from their distances.

/** What a row weighs in the mean squares: 1 / (FIRST_ROWS + rows / ROWS_SHARE), and no less than WEIGHT_MIN. */
const FIRST_ROWS = 10;
const ROWS_SHARE = 4;
const WEIGHT_MIN = 0.001;
/** Rows before the first change. */
const ROWS_MIN = 50;
/** What a row moves the factors by, of the way to go. */
const RATE = 0.1;
/** What is left to every input, in case it matters later. */
const LEFT = 0.005;
const LEAST = 1e-12;

/** State: rows, mean squares (I), factors (I). */
export class Relevance {
  readonly state: Float64Array;
  /** (I): the mean of their squares is 1, or nearly so. */
  readonly factors: Float64Array;
  readonly #squares: Float64Array;
  readonly #row: Float64Array;

  constructor(inputs: number) {
    this.state = new Float64Array(1 + 2 * inputs);
    this.#squares = this.state.subarray(1, 1 + inputs);
    this.factors = this.state.subarray(1 + inputs);
    this.#row = new Float64Array(inputs);
    this.reset();
  }

  reset(): void {
    this.state.fill(0);
    this.factors.fill(1);
  }

  /** Takes note of a member's derivatives (I) by its inputs, which were multiplied by the factors or not. */
  note(derivatives: Float64Array, isScaled: boolean, share: number): void {
    const row = this.#row;
    for (let i = 0; i < row.length; i++) {
      const derivative = isScaled ? derivatives[i]! * this.factors[i]! : derivatives[i]!;
      row[i] = row[i]! + share * (derivative * derivative);
    }
  }

  /** Drops what was noted of a row. */
  forget(): void {
    this.#row.fill(0);
  }

  /** Learns what was noted of a row. */
  learn(): void {
    const { state, factors } = this;
    const squares = this.#squares;
    const row = this.#row;
    const inputs = row.length;
    const fresh = 1 / (FIRST_ROWS + state[0]! / ROWS_SHARE);
    const weight = fresh < WEIGHT_MIN ? WEIGHT_MIN : fresh;
    let sum = 0;
    for (let i = 0; i < inputs; i++) {
      squares[i] = (1 - weight) * squares[i]! + weight * row[i]!;
      row[i] = 0;
      sum += squares[i]! + LEAST;
    }
    state[0] = state[0]! + 1;
    if (state[0]! < ROWS_MIN) return;
    for (let i = 0; i < inputs; i++) {
      const share = ((squares[i]! + LEAST) * inputs) / sum;
      const wanted = Math.sqrt((1 - LEFT) * share + LEFT);
      factors[i] = factors[i]! + RATE * (wanted - factors[i]!);
    }
  }
}
