export const OPTIMIZERS = ["sgd", "adagrad"] as const;
export type OptimizerKind = (typeof OPTIMIZERS)[number];

/** Keeps Adagrad's division finite where a parameter never had a gradient. */
export const ADAGRAD_EPSILON = 1e-10;

/** Names the moment vectors, each shaped like the parameters, that an optimizer keeps: their tags in a state block. */
export function momentsOf(kind: OptimizerKind): readonly string[] {
  switch (kind) {
    case "sgd":
      return [];
    case "adagrad":
      return ["ADAG"];
  }
}

/** Updates theta −= rate · g. */
export function sgd(theta: Float64Array, g: Float64Array, rate: number, count: number): void {
  for (let p = 0; p < count; p++) theta[p] = theta[p]! - rate * g[p]!;
}

/** Updates by Adagrad (Duchi, Hazan & Singer 2011): squares += g², theta −= rate · g / (√squares + ε). */
export function adagrad(
  theta: Float64Array,
  squares: Float64Array,
  g: Float64Array,
  rate: number,
  count: number,
): void {
  for (let p = 0; p < count; p++) {
    const gradient = g[p]!;
    const sum = squares[p]! + gradient * gradient;
    squares[p] = sum;
    theta[p] = theta[p]! - (rate * gradient) / (Math.sqrt(sum) + ADAGRAD_EPSILON);
  }
}
