// The updates: what a step does to the parameters θ and the moments with the gradients g, each (P) in layout order. The
// compiled engine does the same operations in the same order. Rates and shares are numbers of the network's precision
// already; `round` rounds results to it, and storing into a vector does so too.

import type { Precision, Round, Vector } from "./precision.ts";
import type { LayerLayout } from "./topology.ts";

/** Keeps Adagrad's division finite where a parameter never had a gradient. */
export const ADAGRAD_EPSILON = 1e-10;

/** Powers of Adam's shares below this are 0: 1 − βᵗ is 1 by then, and on their way down they would become slow subnormals. */
export const POWER_LEAST = 1e-30;

/** Multiplies βᵗ by β. */
export function advancePower(power: number, beta: number): number {
  const next = power * beta;
  return next > POWER_LEAST ? next : 0;
}

/**
 * Adding and taking it off makes 0 of a moment that fades: as a subnormal number, which it would stay for good, each step
 * would be many times slower on some processors. Moments above 2²⁵ (f32) or 2⁵⁴ (f64) of it keep their bits.
 */
export function fadedBelow(precision: Precision): number {
  return precision === "f32" ? 1e-20 : 1e-250;
}

/** Adds l2 · θ to the gradients of the weights. */
export function decayWeights(g: Vector, theta: Vector, layers: readonly LayerLayout[], l2: number, round: Round): void {
  for (let l = 0; l < layers.length; l++) {
    const { weightsOffset, biasesOffset } = layers[l]!;
    for (let p = weightsOffset; p < biasesOffset; p++) g[p] = g[p]! + round(l2 * theta[p]!);
  }
}

/** Shortens the gradients to the norm `longest` where they are longer (Pascanu, Mikolov & Bengio 2013). */
export function clipGradients(g: Vector, longest: number, count: number, round: Round): void {
  // Four sums that take turns, so that a vector unit can keep them apart.
  let a = 0;
  let b = 0;
  let c = 0;
  let d = 0;
  let p = 0;
  for (; p + 4 <= count; p += 4) {
    a = round(a + round(g[p]! * g[p]!));
    b = round(b + round(g[p + 1]! * g[p + 1]!));
    c = round(c + round(g[p + 2]! * g[p + 2]!));
    d = round(d + round(g[p + 3]! * g[p + 3]!));
  }
  if (p < count) a = round(a + round(g[p]! * g[p]!));
  if (p + 1 < count) b = round(b + round(g[p + 1]! * g[p + 1]!));
  if (p + 2 < count) c = round(c + round(g[p + 2]! * g[p + 2]!));
  const norm = round(Math.sqrt(round(round(a + b) + round(c + d))));
  if (norm <= longest) return;
  const factor = round(longest / norm);
  for (let i = 0; i < count; i++) g[i] = g[i]! * factor;
}

/** Updates θ −= rate · g. */
export function sgd(theta: Vector, g: Vector, rate: number, count: number, round: Round): void {
  for (let p = 0; p < count; p++) theta[p] = theta[p]! - round(rate * g[p]!);
}

/** Updates with momentum (Polyak 1964): v = μ v + g, θ −= rate · v. */
export function momentum(
  theta: Vector,
  velocity: Vector,
  g: Vector,
  rate: number,
  mu: number,
  faded: number,
  count: number,
  round: Round,
): void {
  for (let p = 0; p < count; p++) {
    const v = round(round(round(round(mu * velocity[p]!) + g[p]!) + faded) - faded);
    velocity[p] = v;
    theta[p] = theta[p]! - round(rate * v);
  }
}

/** Updates with Nesterov's momentum, as Sutskever et al. 2013 write it: v = μ v + g, θ −= rate · (g + μ v). */
export function nesterov(
  theta: Vector,
  velocity: Vector,
  g: Vector,
  rate: number,
  mu: number,
  faded: number,
  count: number,
  round: Round,
): void {
  for (let p = 0; p < count; p++) {
    const v = round(round(round(round(mu * velocity[p]!) + g[p]!) + faded) - faded);
    velocity[p] = v;
    theta[p] = theta[p]! - round(rate * round(g[p]! + round(mu * v)));
  }
}

/** Updates by Adagrad (Duchi, Hazan & Singer 2011): squares += g², θ −= rate · g / (√squares + ε). */
export function adagrad(
  theta: Vector,
  squares: Vector,
  g: Vector,
  rate: number,
  epsilon: number,
  count: number,
  round: Round,
): void {
  for (let p = 0; p < count; p++) {
    const gradient = g[p]!;
    const sum = round(squares[p]! + round(gradient * gradient));
    squares[p] = sum;
    theta[p] = theta[p]! - round(round(rate * gradient) / round(round(Math.sqrt(sum)) + epsilon));
  }
}

/** Updates by RMSprop (Tieleman & Hinton 2012): s = ρ s + (1 − ρ) g², θ −= rate · g / (√s + ε). */
export function rmsprop(
  theta: Vector,
  squares: Vector,
  g: Vector,
  rate: number,
  decay: number,
  rest: number,
  epsilon: number,
  faded: number,
  count: number,
  round: Round,
): void {
  for (let p = 0; p < count; p++) {
    const gradient = g[p]!;
    const square = round(round(decay * squares[p]!) + round(rest * round(gradient * gradient)));
    const mean = round(round(square + faded) - faded);
    squares[p] = mean;
    theta[p] = theta[p]! - round(round(rate * gradient) / round(round(Math.sqrt(mean)) + epsilon));
  }
}

/**
 * Updates by Adam (Kingma & Ba 2015, algorithm 1): m = β₁ m + (1 − β₁) g, v = β₂ v + (1 − β₂) g², θ −= rate · m̂ / (√v̂ + ε).
 * The bias corrections of m̂ and v̂ come as factors: `rate` is rate / (1 − β₁ᵗ), `spread` is 1 / (1 − β₂ᵗ).
 */
export function adam(
  theta: Vector,
  means: Vector,
  squares: Vector,
  g: Vector,
  rate: number,
  spread: number,
  beta1: number,
  rest1: number,
  beta2: number,
  rest2: number,
  epsilon: number,
  faded: number,
  count: number,
  round: Round,
): void {
  for (let p = 0; p < count; p++) {
    const gradient = g[p]!;
    const mean = round(round(beta1 * means[p]!) + round(rest1 * gradient));
    const square = round(round(beta2 * squares[p]!) + round(rest2 * round(gradient * gradient)));
    const m = round(round(mean + faded) - faded);
    const v = round(round(square + faded) - faded);
    means[p] = m;
    squares[p] = v;
    theta[p] = theta[p]! - round(round(rate * m) / round(round(Math.sqrt(round(v * spread))) + epsilon));
  }
}
