// The activations and their derivatives, over `count` numbers from `offset` on. Derivatives are taken from the output a,
// not the input z, so that no z needs keeping. relu'(0) = 0. exp and its kin are computed in f64 and rounded when stored.

import { exp, sigmoid, tanh } from "./elementary.ts";
import type { Round, Vector } from "./precision.ts";
import type { OutputActivation } from "./topology.ts";

/** Slope of leaky-relu below 0 (Maas, Hannun & Ng 2013). */
export const LEAKY_SLOPE = 0.01;

/** Replaces z by a = f(z) in place. */
export function activate(a: Vector, activation: OutputActivation, count: number, round: Round): void {
  switch (activation) {
    case "relu":
      for (let i = 0; i < count; i++) a[i] = a[i]! > 0 ? a[i]! : 0;
      return;
    case "leaky-relu":
      for (let i = 0; i < count; i++) a[i] = a[i]! > 0 ? a[i]! : round(LEAKY_SLOPE) * a[i]!;
      return;
    case "tanh":
      for (let i = 0; i < count; i++) a[i] = tanh(a[i]!);
      return;
    case "sigmoid":
      for (let i = 0; i < count; i++) a[i] = sigmoid(a[i]!);
      return;
    case "identity":
      return;
    case "softmax":
      throw new Error("softmax is over a layer's units: use softmax()");
  }
}

/** Replaces z (rows, units) by softmax(z), row by row; the largest z is taken off first, so that no exp overflows. */
export function softmax(a: Vector, rows: number, units: number): void {
  for (let s = 0; s < rows; s++) {
    const from = s * units;
    let largest = a[from]!;
    for (let k = 1; k < units; k++) largest = a[from + k]! > largest ? a[from + k]! : largest;
    let sum = 0;
    for (let k = 0; k < units; k++) {
      const e = exp(a[from + k]! - largest);
      a[from + k] = e;
      sum += e;
    }
    for (let k = 0; k < units; k++) a[from + k] = a[from + k]! / sum;
  }
}

/** Multiplies delta by f'(z), expressed through a = f(z), in place. */
export function multiplyByDerivative(
  delta: Vector,
  a: Vector,
  activation: OutputActivation,
  count: number,
  round: Round,
): void {
  switch (activation) {
    case "relu":
      for (let i = 0; i < count; i++) delta[i] = a[i]! > 0 ? delta[i]! : 0;
      return;
    case "leaky-relu":
      for (let i = 0; i < count; i++) delta[i] = a[i]! > 0 ? delta[i]! : round(LEAKY_SLOPE) * delta[i]!;
      return;
    case "tanh":
      for (let i = 0; i < count; i++) delta[i] = delta[i]! * round(1 - round(a[i]! * a[i]!));
      return;
    case "sigmoid":
      for (let i = 0; i < count; i++) delta[i] = delta[i]! * round(a[i]! * round(1 - a[i]!));
      return;
    case "identity":
      return;
    case "softmax":
      throw new Error("softmax goes with cross-entropy, which gives δ itself");
  }
}
