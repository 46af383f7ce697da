import type { Vector } from "../precision.ts";

/** What a member is to learn of a row. */
export interface Lesson {
  /** (K) where its sums are to move. */
  readonly direction: Float64Array;
  /** How far, and the row's information (2). */
  readonly numbers: Float64Array;
}

/** Makes one prediction of what the members say. Allocates only in the constructor. */
export interface Votes {
  /** Takes what member n says: the sums (K) of its last layer. */
  hear(n: number, sums: Vector): void;
  /** Writes the prediction (K) to `outputs` from `at` on, by what was heard. */
  mix(outputs: Vector, at: number): void;
  /** Computes the loss of that prediction. */
  loss(outputs: Vector, at: number, label: number): number;
  /** Says what member n is to learn. */
  teach(n: number, label: number, lesson: Lesson): void;
  /** Learns whom to believe. */
  learn(label: number, weight: number): void;
}
