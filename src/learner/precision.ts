export const PRECISIONS = ["f64", "f32"] as const;
/** Width of the numbers of a network: parameters, moments, activations. Features, scaler, losses and cost are always f64. */
export type Precision = (typeof PRECISIONS)[number];

/** Holds numbers of a network's precision. */
export type Vector = Float64Array | Float32Array;

/** Rounds a result to a network's precision. Of one + − × ÷ √ of f32 numbers it gives what an f32 unit gives (Figueroa 1995). */
export type Round = (x: number) => number;

/** Tells how results are rounded. */
export function roundOf(precision: Precision): Round {
  return precision === "f32" ? Math.fround : keep;
}

/** Makes a vector of zeros. */
export function vectorOf(precision: Precision, length: number): Vector {
  return precision === "f32" ? new Float32Array(length) : new Float64Array(length);
}

/** Tells how many bytes a number takes. */
export function bytesPerNumber(precision: Precision): number {
  return precision === "f32" ? Float32Array.BYTES_PER_ELEMENT : Float64Array.BYTES_PER_ELEMENT;
}

/** Rounds nothing. */
export function keep(x: number): number {
  return x;
}
