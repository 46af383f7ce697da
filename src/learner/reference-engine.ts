import { activate, multiplyByDerivative, softmax } from "./activation.ts";
import { affine, backward, gradient } from "./dense.ts";
import { crossEntropy, meanSquaredError, softmaxCrossEntropy } from "./loss.ts";
import { momentsOf, type OptimizerConfig, type ResolvedOptimizer, resolveOptimizer } from "./optimizer.ts";
import { Scaler } from "./scaler.ts";
import { type Layout, layoutOf, type Topology } from "./topology.ts";
import { adagrad, adam, clipGradients, decayWeights, momentum, nesterov, rmsprop, sgd } from "./update.ts";

export interface EngineOptions {
  readonly topology: Topology;
  readonly optimizer: Omit<OptimizerConfig, "learningRate" | "schedule">;
  readonly scaled: boolean;
  /** Rows of the largest mini-batch. */
  readonly batchMax: number;
}

/**
 * Trains and predicts with plain scalar loops: the oracle of every faster engine. The caller fills `inputs`, `labels`,
 * `sampleWeights`, `rows` and `learningRate`, calls `step()`, and reads `cost` and `undone`. Allocates only in the
 * constructor.
 */
export class ReferenceEngine {
  readonly layout: Layout;
  readonly scaler: Scaler | null;
  /** θ (P), in layout order. */
  readonly parameters: Float64Array;
  /** The optimizer's moments, each (P). */
  readonly moments: readonly Float64Array[];
  /** β1ᵗ and β2ᵗ of Adam (2), or nothing (0). */
  readonly powers: Float64Array;
  /** ∂cost/∂θ of the last step (P). */
  readonly gradients: Float64Array;

  /** Features of the mini-batch (B, I) row-major. */
  readonly inputs: Float64Array;
  /** Labels of the mini-batch (B): values, or the index of the class. */
  readonly labels: Float64Array;
  /** Factors of the samples' losses (B). */
  readonly sampleWeights: Float64Array;
  /** Outputs of the last forward pass (B, K): probabilities of class 1, or of each class, or values. */
  readonly outputs: Float64Array;

  /** K. */
  readonly outputCount: number;
  rows = 0;
  learningRate = 0;
  /** Tells whether the last step made a number non-finite and was undone. */
  undone = false;

  readonly #cost = new Float64Array(1);
  readonly #topology: Topology;
  readonly #optimizer: ResolvedOptimizer;
  readonly #logits: Float64Array;
  /** activations[0] is the standardized input (without a scaler, `inputs` itself), activations[l + 1] the output of layer l, each (B, units). */
  readonly #activations: readonly Float64Array[];
  /** deltas[l] is ∂cost/∂z of layer l (B, units). */
  readonly #deltas: readonly Float64Array[];
  /** Every vector that a step changes, and where its content before the step is kept. */
  readonly #state: readonly Float64Array[];
  readonly #before: readonly Float64Array[];

  constructor(options: EngineOptions) {
    const { topology, batchMax } = options;
    this.#topology = topology;
    this.#optimizer = resolveOptimizer(options.optimizer);
    this.layout = layoutOf(topology);
    const features = topology.units[0] ?? 0;
    const count = this.layout.parameterCount;
    this.scaler = options.scaled ? new Scaler(features) : null;
    this.parameters = new Float64Array(count);
    this.gradients = new Float64Array(count);
    this.moments = momentsOf(this.#optimizer).map(() => new Float64Array(count));
    this.powers = new Float64Array(this.#optimizer.kind === "adam" ? 2 : 0).fill(1);
    this.inputs = new Float64Array(batchMax * features);
    this.#activations = topology.units.map((units, l) =>
      l === 0 && this.scaler === null ? this.inputs : new Float64Array(batchMax * units),
    );
    this.#deltas = topology.units.slice(1).map((units) => new Float64Array(batchMax * units));
    const output = this.#activations.at(-1);
    this.outputCount = topology.units.at(-1) ?? 0;
    if (output === undefined || this.outputCount > 1 !== (topology.activations.at(-1) === "softmax")) {
      throw new Error("a network has one output, or several with softmax");
    }
    this.outputs = output;
    this.#logits = new Float64Array(batchMax * this.outputCount);
    this.labels = new Float64Array(batchMax);
    this.sampleWeights = new Float64Array(batchMax).fill(1);
    const scaler = this.scaler === null ? [] : [this.scaler.state];
    this.#state = [this.parameters, ...this.moments, this.powers, ...scaler];
    this.#before = this.#state.map((vector) => new Float64Array(vector.length));
  }

  /** Mean loss over the mini-batch before its update. */
  get cost(): number {
    return this.#cost[0]!;
  }

  /** Trains on the first `rows` rows; a step that makes any number of the state non-finite leaves it as it was. */
  step(): void {
    this.#keep();
    this.scaler?.learn(this.inputs, this.rows);
    this.forward();
    this.#backward();
    this.#update();
    this.undone = !this.#finite();
    if (!this.undone) return;
    this.#restore();
    // What NaN a processor makes of inf − inf is its own: x64 sets the sign, arm64 does not.
    if (Number.isNaN(this.cost)) this.#cost[0] = Number.NaN;
  }

  /** Fills `outputs` for the first `rows` rows with the state as it stands. */
  forward(): void {
    const { rows, layout, parameters } = this;
    const activations = this.#activations;
    this.scaler?.standardize(activations[0]!, this.inputs, rows);
    for (let l = 0; l < layout.layers.length; l++) {
      const layer = layout.layers[l]!;
      const a = activations[l + 1]!;
      affine(a, activations[l]!, parameters, layer.weightsOffset, layer.biasesOffset, rows, layer.inputs, layer.units);
      if (l === layout.layers.length - 1) for (let i = 0; i < rows * layer.units; i++) this.#logits[i] = a[i]!;
      if (layer.activation === "softmax") softmax(a, rows, layer.units);
      else activate(a, layer.activation, rows * layer.units);
    }
  }

  /** Fills `gradients` and the cost from the last forward pass. */
  #backward(): void {
    const { rows, layout, gradients } = this;
    const { layers } = layout;
    const head = layers.length - 1;
    this.#loss(this.#deltas[head]!, layers[head]!.activation);
    for (let l = head; l >= 0; l--) {
      const { inputs, units, weightsOffset, biasesOffset } = layers[l]!;
      const delta = this.#deltas[l]!;
      const input = this.#activations[l]!;
      gradient(gradients, delta, input, weightsOffset, biasesOffset, rows, inputs, units);
      if (l === 0) break;
      const below = this.#deltas[l - 1]!;
      backward(below, delta, this.parameters, weightsOffset, rows, inputs, units);
      multiplyByDerivative(below, input, layers[l - 1]!.activation, rows * inputs);
    }
  }

  #loss(delta: Float64Array, activation: Topology["activations"][number]): void {
    const { outputs, labels, sampleWeights, rows, outputCount } = this;
    const logits = this.#logits;
    switch (this.#topology.loss) {
      case "cross-entropy":
        if (outputCount === 1) return crossEntropy(this.#cost, delta, logits, outputs, labels, sampleWeights, rows);
        return softmaxCrossEntropy(this.#cost, delta, logits, outputs, labels, sampleWeights, rows, outputCount);
      case "mse":
        meanSquaredError(this.#cost, delta, outputs, labels, sampleWeights, rows);
        return multiplyByDerivative(delta, outputs, activation, rows);
    }
  }

  #update(): void {
    const { parameters: theta, gradients: g, moments, powers, learningRate: rate, layout } = this;
    const { kind, momentum: mu, nesterov: ahead, decay, beta1, beta2, epsilon, l2, clipNorm } = this.#optimizer;
    const count = layout.parameterCount;
    if (l2 > 0) decayWeights(g, theta, layout.layers, l2);
    if (clipNorm < Number.POSITIVE_INFINITY) clipGradients(g, clipNorm, count);
    switch (kind) {
      case "sgd":
        if (mu === 0) return sgd(theta, g, rate, count);
        return ahead
          ? nesterov(theta, moments[0]!, g, rate, mu, count)
          : momentum(theta, moments[0]!, g, rate, mu, count);
      case "adagrad":
        return adagrad(theta, moments[0]!, g, rate, count);
      case "rmsprop":
        return rmsprop(theta, moments[0]!, g, rate, decay, epsilon, count);
      case "adam":
        powers[0] = powers[0]! * beta1;
        powers[1] = powers[1]! * beta2;
        return adam(theta, moments[0]!, moments[1]!, g, powers, rate, beta1, beta2, epsilon, count);
    }
  }

  #keep(): void {
    for (let v = 0; v < this.#state.length; v++) this.#before[v]!.set(this.#state[v]!);
  }

  #restore(): void {
    for (let v = 0; v < this.#state.length; v++) this.#state[v]!.set(this.#before[v]!);
  }

  #finite(): boolean {
    for (let v = 0; v < this.#state.length; v++) {
      const vector = this.#state[v]!;
      // x − x is 0 for every finite x and NaN otherwise; NaN never leaves a sum.
      let sum = 0;
      for (let i = 0; i < vector.length; i++) sum += vector[i]! - vector[i]!;
      if (sum !== 0) return false;
    }
    return true;
  }
}
