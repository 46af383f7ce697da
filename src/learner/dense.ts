// The kernels of a dense layer. Outputs first, then inputs, then offsets and sizes. Every sum is sequential in the order
// written here: the compiled engine computes the same sums in the same order. Sums that start at nothing start at −0, for
// −0 + x is x, −0 included: whoever wants to may start at the first term. `round` rounds to the network's precision.

import type { Round, Vector } from "./precision.ts";

/** Computes z (rows, units) = biases + input (rows, inputs) · weights; each sum starts at the bias and runs over i upwards. */
export function affine(
  z: Vector,
  input: Vector,
  theta: Vector,
  weightsOffset: number,
  biasesOffset: number,
  rows: number,
  inputs: number,
  units: number,
  round: Round,
): void {
  for (let s = 0; s < rows; s++) {
    for (let j = 0; j < units; j++) {
      let sum = theta[biasesOffset + j]!;
      for (let i = 0; i < inputs; i++) {
        sum = round(sum + round(input[s * inputs + i]! * theta[weightsOffset + i * units + j]!));
      }
      z[s * units + j] = sum;
    }
  }
}

/** Computes the error (rows, inputs) that a layer hands to the one before: delta (rows, units) · weightsᵀ, over j upwards. */
export function backward(
  deltaBelow: Vector,
  delta: Vector,
  theta: Vector,
  weightsOffset: number,
  rows: number,
  inputs: number,
  units: number,
  round: Round,
): void {
  for (let s = 0; s < rows; s++) {
    for (let i = 0; i < inputs; i++) {
      const w = weightsOffset + i * units;
      let sum = -0;
      for (let j = 0; j < units; j++) sum = round(sum + round(delta[s * units + j]! * theta[w + j]!));
      deltaBelow[s * inputs + i] = sum;
    }
  }
}

/** Computes a layer's gradient: weights (inputs, units) = inputᵀ · delta, biases (units) = Σ delta, over samples upwards. */
export function gradient(
  g: Vector,
  delta: Vector,
  input: Vector,
  weightsOffset: number,
  biasesOffset: number,
  rows: number,
  inputs: number,
  units: number,
  round: Round,
): void {
  for (let j = 0; j < units; j++) {
    for (let i = 0; i < inputs; i++) {
      let sum = -0;
      for (let s = 0; s < rows; s++) sum = round(sum + round(input[s * inputs + i]! * delta[s * units + j]!));
      g[weightsOffset + i * units + j] = sum;
    }
    let sum = -0;
    for (let s = 0; s < rows; s++) sum = round(sum + delta[s * units + j]!);
    g[biasesOffset + j] = sum;
  }
}
