// What a model says at the points of a square grid over two of its features, the others held. Computed piece by piece, so
// that no piece takes longer than a frame has, and from coarse to fine.

import { type Predictor, ROWS_MAX } from "./predictor.ts";
import type { Range } from "./surface-range.ts";

/** Points along a side, coarse to fine. */
export const LEVELS = [24, 48, 96, 160] as const;
const SIDE_MAX = 160;

/** Says what a surface is over: two features by their places, what they range over, and the others' values (F). */
export interface Plane {
  readonly x: number;
  readonly y: number;
  readonly xRange: Range;
  readonly yRange: Range;
  readonly held: readonly number[];
}

export class SurfaceGrid {
  /** Points along a side of what is being computed. */
  side = 0;
  /** (side, side) by rows from below: the probability of class 1, or of the likeliest of several, or the value. */
  readonly values = new Float32Array(SIDE_MAX * SIDE_MAX);
  /** (side, side) the likeliest of several classes. */
  readonly winners = new Uint8Array(SIDE_MAX * SIDE_MAX);
  #next = 0;

  /** Begins with a grid of so many points along a side. */
  begin(side: number): void {
    this.side = side;
    this.#next = 0;
  }

  get isDone(): boolean {
    return this.#next >= this.side * this.side;
  }

  /** Computes the next points, as many as are predicted at once at most. Returns how many. */
  advance(predictor: Predictor, plane: Plane, most = ROWS_MAX): number {
    const { side, values, winners } = this;
    const first = this.#next;
    const count = Math.min(most, ROWS_MAX, side * side - first);
    place(predictor, plane, side, first, count);
    const outputs = predictor.predict(count);
    const { outputCount } = predictor;
    for (let p = 0; p < count; p++) {
      if (outputCount === 1) {
        values[first + p] = outputs[p]!;
        continue;
      }
      let best = 0;
      for (let k = 1; k < outputCount; k++)
        if (outputs[p * outputCount + k]! > outputs[p * outputCount + best]!) best = k;
      winners[first + p] = best;
      values[first + p] = outputs[p * outputCount + best]!;
    }
    this.#next = first + count;
    return count;
  }
}

/** Puts grid points in the predictor's rows. */
function place({ rows, features }: Predictor, plane: Plane, side: number, first: number, count: number): void {
  const { x, y, xRange, yRange, held } = plane;
  const width = features.length;
  const xStep = (xRange.max - xRange.min) / (side - 1);
  const yStep = (yRange.max - yRange.min) / (side - 1);
  for (let p = 0; p < count; p++) {
    for (let f = 0; f < width; f++) rows[p * width + f] = held[f]!;
    const point = first + p;
    rows[p * width + y] = yRange.min + Math.floor(point / side) * yStep;
    rows[p * width + x] = xRange.min + (point % side) * xStep;
  }
}
