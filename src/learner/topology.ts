export const ACTIVATIONS = ["relu", "tanh", "sigmoid", "identity", "leaky-relu"] as const;
export type Activation = (typeof ACTIVATIONS)[number];

/** What an output layer may have: softmax is over all of its units, and goes with cross-entropy. */
export const OUTPUTS = [...ACTIVATIONS, "softmax"] as const;
export type OutputActivation = (typeof OUTPUTS)[number];

export const LOSSES = ["cross-entropy", "mse"] as const;
export type Loss = (typeof LOSSES)[number];

/** Describes a dense network: `units[0]` inputs, then one entry a layer; `activations[l]` belongs to `units[l + 1]`. */
export interface Topology {
  readonly units: readonly number[];
  readonly activations: readonly OutputActivation[];
  readonly loss: Loss;
}

/** Places one dense layer in the flat parameter vector: weights (inputs, units) row-major, then biases (units). */
export interface LayerLayout {
  readonly inputs: number;
  readonly units: number;
  readonly activation: OutputActivation;
  readonly weightsOffset: number;
  readonly biasesOffset: number;
}

/** Places a whole network: every flat vector (parameters, gradients, moments) shares this layout. */
export interface Layout {
  readonly layers: readonly LayerLayout[];
  readonly parameterCount: number;
  /** Multiply-adds of one sample's forward, backward and gradient pass. */
  readonly multiplyAdds: number;
}

/** Asserts that the engines can compute a topology: the loss is taken from the logits of just these outputs. */
export function assertComputable({ units, activations, loss }: Topology): void {
  const output = activations.at(-1);
  const outputs = units.at(-1) ?? 0;
  if (units.length !== activations.length + 1) throw new Error("a topology needs one activation a layer");
  if (units.some((count) => !Number.isSafeInteger(count) || count < 1)) throw new Error("a layer has one unit or more");
  if (activations.slice(0, -1).includes("softmax")) throw new Error("softmax is for the output layer");
  if (outputs > 1 !== (output === "softmax")) throw new Error("a network has one output, or several with softmax");
  const isProbability = output === "sigmoid" || output === "softmax";
  if (loss === "cross-entropy" && !isProbability) throw new Error("cross-entropy goes with sigmoid or softmax");
  if (loss === "mse" && output === "softmax") throw new Error("softmax goes with cross-entropy");
}

/** Computes the layout of a topology. */
export function layoutOf(topology: Topology): Layout {
  const layers: LayerLayout[] = [];
  let offset = 0;
  let multiplyAdds = 0;
  topology.activations.forEach((activation, l) => {
    const inputs = topology.units[l];
    const units = topology.units[l + 1];
    if (inputs === undefined || units === undefined) throw new Error("a topology needs one activation a layer");
    const weightsOffset = offset;
    const biasesOffset = weightsOffset + units * inputs;
    offset = biasesOffset + units;
    layers.push({ inputs, units, activation, weightsOffset, biasesOffset });
    multiplyAdds += units * inputs * (l === 0 ? 2 : 3);
  });
  return { layers, parameterCount: offset, multiplyAdds };
}
