// The kernels of a dense layer. Outputs first, then inputs, then offsets and sizes. Every sum is sequential in the order
// written here: the compiled engine computes the same sums in the same order.

/** Computes z (rows, units) = biases + input (rows, inputs) · weightsᵀ; each sum starts at the bias and runs over i upwards. */
export function affine(
  z: Float64Array,
  input: Float64Array,
  theta: Float64Array,
  weightsOffset: number,
  biasesOffset: number,
  rows: number,
  inputs: number,
  units: number,
): void {
  for (let s = 0; s < rows; s++) {
    for (let j = 0; j < units; j++) {
      let sum = theta[biasesOffset + j]!;
      const w = weightsOffset + j * inputs;
      for (let i = 0; i < inputs; i++) sum += theta[w + i]! * input[s * inputs + i]!;
      z[s * units + j] = sum;
    }
  }
}

/** Computes the error (rows, inputs) that a layer hands to the one before: delta (rows, units) · weights, over j upwards. */
export function backward(
  deltaBelow: Float64Array,
  delta: Float64Array,
  theta: Float64Array,
  weightsOffset: number,
  rows: number,
  inputs: number,
  units: number,
): void {
  for (let s = 0; s < rows; s++) {
    for (let i = 0; i < inputs; i++) {
      let sum = 0;
      for (let j = 0; j < units; j++) sum += theta[weightsOffset + j * inputs + i]! * delta[s * units + j]!;
      deltaBelow[s * inputs + i] = sum;
    }
  }
}

/** Computes a layer's gradient: weights (units, inputs) = deltaᵀ · input, biases (units) = Σ delta, over samples upwards. */
export function gradient(
  g: Float64Array,
  delta: Float64Array,
  input: Float64Array,
  weightsOffset: number,
  biasesOffset: number,
  rows: number,
  inputs: number,
  units: number,
): void {
  for (let j = 0; j < units; j++) {
    for (let i = 0; i < inputs; i++) {
      let sum = 0;
      for (let s = 0; s < rows; s++) sum += delta[s * units + j]! * input[s * inputs + i]!;
      g[weightsOffset + j * inputs + i] = sum;
    }
    let sum = 0;
    for (let s = 0; s < rows; s++) sum += delta[s * units + j]!;
    g[biasesOffset + j] = sum;
  }
}
