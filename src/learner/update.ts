// The updates: what a step does to the parameters θ and the moments with the gradients g, each (P) in layout order. The
// compiled engine does the same operations in the same order.

import type { LayerLayout } from "./topology.ts";

/** Keeps Adagrad's division finite where a parameter never had a gradient. */
export const ADAGRAD_EPSILON = 1e-10;

/** Adds l2 · θ to the gradients of the weights. */
export function decayWeights(g: Float64Array, theta: Float64Array, layers: readonly LayerLayout[], l2: number): void {
  for (let l = 0; l < layers.length; l++) {
    const { weightsOffset, biasesOffset } = layers[l]!;
    for (let p = weightsOffset; p < biasesOffset; p++) g[p] = g[p]! + l2 * theta[p]!;
  }
}

/** Shortens the gradients to the norm `longest` where they are longer (Pascanu, Mikolov & Bengio 2013). */
export function clipGradients(g: Float64Array, longest: number, count: number): void {
  // Four sums that take turns, so that a vector unit can keep them apart.
  let a = 0;
  let b = 0;
  let c = 0;
  let d = 0;
  let p = 0;
  for (; p + 4 <= count; p += 4) {
    a += g[p]! * g[p]!;
    b += g[p + 1]! * g[p + 1]!;
    c += g[p + 2]! * g[p + 2]!;
    d += g[p + 3]! * g[p + 3]!;
  }
  if (p < count) a += g[p]! * g[p]!;
  if (p + 1 < count) b += g[p + 1]! * g[p + 1]!;
  if (p + 2 < count) c += g[p + 2]! * g[p + 2]!;
  const norm = Math.sqrt(a + b + (c + d));
  if (norm <= longest) return;
  const factor = longest / norm;
  for (let i = 0; i < count; i++) g[i] = g[i]! * factor;
}

/** Updates θ −= rate · g. */
export function sgd(theta: Float64Array, g: Float64Array, rate: number, count: number): void {
  for (let p = 0; p < count; p++) theta[p] = theta[p]! - rate * g[p]!;
}

/** Updates with momentum (Polyak 1964): v = μ v + g, θ −= rate · v. */
export function momentum(
  theta: Float64Array,
  velocity: Float64Array,
  g: Float64Array,
  rate: number,
  mu: number,
  count: number,
): void {
  for (let p = 0; p < count; p++) {
    const v = mu * velocity[p]! + g[p]!;
    velocity[p] = v;
    theta[p] = theta[p]! - rate * v;
  }
}

/** Updates with Nesterov's momentum, as Sutskever et al. 2013 write it: v = μ v + g, θ −= rate · (g + μ v). */
export function nesterov(
  theta: Float64Array,
  velocity: Float64Array,
  g: Float64Array,
  rate: number,
  mu: number,
  count: number,
): void {
  for (let p = 0; p < count; p++) {
    const v = mu * velocity[p]! + g[p]!;
    velocity[p] = v;
    theta[p] = theta[p]! - rate * (g[p]! + mu * v);
  }
}

/** Updates by Adagrad (Duchi, Hazan & Singer 2011): squares += g², θ −= rate · g / (√squares + ε). */
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

/** Updates by RMSprop (Tieleman & Hinton 2012): s = ρ s + (1 − ρ) g², θ −= rate · g / (√s + ε). */
export function rmsprop(
  theta: Float64Array,
  squares: Float64Array,
  g: Float64Array,
  rate: number,
  decay: number,
  epsilon: number,
  count: number,
): void {
  const rest = 1 - decay;
  for (let p = 0; p < count; p++) {
    const gradient = g[p]!;
    const mean = decay * squares[p]! + rest * (gradient * gradient);
    squares[p] = mean;
    theta[p] = theta[p]! - (rate * gradient) / (Math.sqrt(mean) + epsilon);
  }
}

/**
 * Updates by Adam (Kingma & Ba 2015, algorithm 1): θ −= rate · m̂ / (√v̂ + ε), where m̂ and v̂ are the means divided by
 * 1 − βᵗ. `powers` (2) holds β1ᵗ and β2ᵗ; the caller has multiplied this step's in.
 */
export function adam(
  theta: Float64Array,
  mean: Float64Array,
  squares: Float64Array,
  g: Float64Array,
  powers: Float64Array,
  rate: number,
  beta1: number,
  beta2: number,
  epsilon: number,
  count: number,
): void {
  const rest1 = 1 - beta1;
  const rest2 = 1 - beta2;
  const corrected1 = 1 - powers[0]!;
  const corrected2 = 1 - powers[1]!;
  for (let p = 0; p < count; p++) {
    const gradient = g[p]!;
    const m = beta1 * mean[p]! + rest1 * gradient;
    const v = beta2 * squares[p]! + rest2 * (gradient * gradient);
    mean[p] = m;
    squares[p] = v;
    theta[p] = theta[p]! - (rate * (m / corrected1)) / (Math.sqrt(v / corrected2) + epsilon);
  }
}
