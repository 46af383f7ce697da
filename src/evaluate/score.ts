/** How rows are scored; a saved state fits only what was made with the same. */
export interface ScoreOptions {
  /** Classes of the label, at least 2; 0 where it is a value. */
  readonly classes: number;
  /** Numbers of a row that baselines learn from: the inputs of the network. */
  readonly features: number;
  /** Rows of the sliding window. */
  readonly window: number;
  /** What a row's weight is multiplied by with each that follows. */
  readonly fading: number;
}

/** Scores the rows of one model as they come: metrics of all spans, and baselines that predict, then learn. */
export interface Score<All, Span> {
  /**
   * Takes row `r` of a block: its features (rows, I), label (rows), and the prediction (rows, K) that was made before the
   * label was known. Returns false where the prediction is not finite: such a row is counted in `skipped` and nothing else.
   */
  row(x: Float64Array, labels: Float64Array, outputs: Float32Array | Float64Array, r: number): boolean;
  /** Gives the error of the last row that was taken, from 0 to 1: of a class 0 or 1. */
  readonly error: number;
  /** Gives the loss of that row, from 0 to 1. */
  readonly boundedLoss: number;
  read(): Scored<All, Span>;
}

/** Metrics over all rows, then over the newest ones, and with weights that fade. */
export type Scored<All, Span> = All & {
  readonly samples: number;
  /** Rows whose prediction was not finite. */
  readonly skipped: number;
  readonly window: Span & { readonly samples: number };
  readonly fading: Span;
};

/** Numbers that the ring of a window may take: with many classes the window is shorter. */
const RING_NUMBERS_MAX = 131_072;
/** Where a fading weight is scaled down, with all sums; a power of two, so that nothing is rounded. */
export const WEIGHT_MAX = 2 ** 500;
export const WEIGHT_SCALE = 2 ** -500;

/** Bounds the rows of the window so that its ring stays within 1 MiB. */
export function windowRows(window: number, rowNumbers: number): number {
  return Math.max(1, Math.min(window, Math.floor(RING_NUMBERS_MAX / rowNumbers)));
}
