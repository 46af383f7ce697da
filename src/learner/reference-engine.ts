import { activate, multiplyByDerivative, softmax } from "./activation.ts";
import { affine, backward, gradient } from "./dense.ts";
import { assertRows, type Engine, type EngineOptions } from "./engine.ts";
import { crossEntropy, meanSquaredError, softmaxCrossEntropy } from "./loss.ts";
import { momentsOf, type ResolvedOptimizer, resolveOptimizer } from "./optimizer.ts";
import { type Precision, type Round, roundOf, type Vector, vectorOf } from "./precision.ts";
import { Scaler } from "./scaler.ts";
import { assertComputable, type Layout, layoutOf, type Topology } from "./topology.ts";
import {
  ADAGRAD_EPSILON,
  adagrad,
  adam,
  advancePower,
  clipGradients,
  decayWeights,
  fadedBelow,
  momentum,
  nesterov,
  rmsprop,
  sgd,
} from "./update.ts";

/** Trains and predicts with plain scalar loops: the oracle of the compiled engine. Allocates only in the constructor. */
export class ReferenceEngine implements Engine {
  readonly kind = "reference";
  readonly ensemble = null;
  readonly layout: Layout;
  readonly scaler: Scaler | null;
  readonly parameters: Vector;
  readonly moments: readonly Vector[];
  readonly powers: Float64Array;
  readonly gradients: Vector;
  readonly inputs: Float64Array;
  readonly labels: Float64Array;
  readonly sampleWeights: Float64Array;
  readonly outputs: Vector;
  readonly outputCount: number;
  learningRate = 0;
  undone = false;

  readonly #rowsMax: number;
  #rows = 1;
  readonly #cost = new Float64Array(1);
  readonly #topology: Topology;
  readonly #optimizer: ResolvedOptimizer;
  readonly #precision: Precision;
  readonly #round: Round;
  readonly #logits: Vector;
  /** activations[0] is the standardized input, activations[l + 1] the output of layer l, each (B, units). */
  readonly #activations: readonly Vector[];
  /** deltas[l] is ∂cost/∂z of layer l (B, units). */
  readonly #deltas: readonly Vector[];
  /** Every vector that a step changes, and where its content before the step is kept. */
  readonly #state: readonly Vector[];
  readonly #before: readonly Vector[];

  constructor(options: EngineOptions) {
    const { topology, batchMax, precision = "f64" } = options;
    const vector = (length: number): Vector => vectorOf(precision, length);
    assertComputable(topology);
    this.#rowsMax = batchMax;
    this.#topology = topology;
    this.#optimizer = resolveOptimizer(options.optimizer);
    this.#precision = precision;
    this.#round = roundOf(precision);
    this.layout = layoutOf(topology);
    const features = topology.units[0] ?? 0;
    const count = this.layout.parameterCount;
    this.scaler = options.scaled ? new Scaler(features) : null;
    this.parameters = vector(count);
    this.gradients = vector(count);
    this.moments = momentsOf(this.#optimizer).map(() => vector(count));
    this.powers = new Float64Array(this.#optimizer.kind === "adam" ? 2 : 0).fill(1);
    this.inputs = new Float64Array(batchMax * features);
    this.#activations = topology.units.map((units) => vector(batchMax * units));
    this.#deltas = topology.units.slice(1).map((units) => vector(batchMax * units));
    const output = this.#activations.at(-1);
    this.outputCount = topology.units.at(-1) ?? 0;
    if (output === undefined) throw new Error("a topology has a layer");
    this.outputs = output;
    this.#logits = vector(batchMax * this.outputCount);
    this.labels = new Float64Array(batchMax);
    this.sampleWeights = new Float64Array(batchMax).fill(1);
    const scaler = this.scaler === null ? [] : [this.scaler.state];
    this.#state = [this.parameters, ...this.moments, this.powers, ...scaler];
    this.#before = this.#state.map((values) => values.slice());
  }

  get rows(): number {
    return this.#rows;
  }

  set rows(rows: number) {
    assertRows(rows, this.#rowsMax);
    this.#rows = rows;
  }

  get cost(): number {
    return this.#cost[0]!;
  }

  set cost(cost: number) {
    this.#cost[0] = cost;
  }

  step(): void {
    this.#keep();
    this.scaler?.learn(this.inputs, this.rows);
    this.forward();
    this.#backward();
    this.#update();
    this.undone = !this.#finite() || !Number.isFinite(this.cost);
    if (!this.undone) return;
    this.#restore();
    // What NaN a processor makes of inf − inf is its own: x64 sets the sign, arm64 does not.
    if (Number.isNaN(this.cost)) this.#cost[0] = Number.NaN;
  }

  forward(): void {
    const { rows, layout, parameters } = this;
    const activations = this.#activations;
    const round = this.#round;
    if (this.scaler === null) copy(activations[0]!, this.inputs, rows * (layout.layers[0]?.inputs ?? 0));
    else this.scaler.standardize(activations[0]!, this.inputs, rows);
    for (let l = 0; l < layout.layers.length; l++) {
      const { inputs, units, activation, weightsOffset, biasesOffset } = layout.layers[l]!;
      const a = activations[l + 1]!;
      affine(a, activations[l]!, parameters, weightsOffset, biasesOffset, rows, inputs, units, round);
      if (l === layout.layers.length - 1) copy(this.#logits, a, rows * units);
      if (activation === "softmax") softmax(a, rows, units);
      else activate(a, activation, rows * units, round);
    }
  }

  release(): void {}

  /** Fills `gradients` and the cost from the last forward pass. */
  #backward(): void {
    const { rows, layout, gradients } = this;
    const { layers } = layout;
    const head = layers.length - 1;
    const round = this.#round;
    this.#loss(this.#deltas[head]!, layers[head]!.activation);
    for (let l = head; l >= 0; l--) {
      const { inputs, units, weightsOffset, biasesOffset } = layers[l]!;
      const delta = this.#deltas[l]!;
      const input = this.#activations[l]!;
      gradient(gradients, delta, input, weightsOffset, biasesOffset, rows, inputs, units, round);
      if (l === 0) break;
      const below = this.#deltas[l - 1]!;
      backward(below, delta, this.parameters, weightsOffset, rows, inputs, units, round);
      multiplyByDerivative(below, input, layers[l - 1]!.activation, rows * inputs, round);
    }
  }

  #loss(delta: Vector, activation: Topology["activations"][number]): void {
    const { outputs, labels, sampleWeights, rows, outputCount } = this;
    const logits = this.#logits;
    switch (this.#topology.loss) {
      case "cross-entropy":
        if (outputCount === 1) return crossEntropy(this.#cost, delta, logits, outputs, labels, sampleWeights, rows);
        return softmaxCrossEntropy(this.#cost, delta, logits, outputs, labels, sampleWeights, rows, outputCount);
      case "mse":
        meanSquaredError(this.#cost, delta, outputs, labels, sampleWeights, rows);
        return multiplyByDerivative(delta, outputs, activation, rows, this.#round);
    }
  }

  #update(): void {
    const { parameters: theta, gradients: g, moments, powers, learningRate, layout } = this;
    const { kind, momentum: mu, nesterov: ahead, decay, beta1, beta2, epsilon, l2, clipNorm } = this.#optimizer;
    const count = layout.parameterCount;
    const round = this.#round;
    const rate = round(learningRate);
    const faded = round(fadedBelow(this.#precision));
    if (l2 > 0) decayWeights(g, theta, layout.layers, round(l2), round);
    if (clipNorm < Number.POSITIVE_INFINITY) clipGradients(g, round(clipNorm), count, round);
    switch (kind) {
      case "sgd":
        if (mu === 0) return sgd(theta, g, rate, count, round);
        return ahead
          ? nesterov(theta, moments[0]!, g, rate, round(mu), faded, count, round)
          : momentum(theta, moments[0]!, g, rate, round(mu), faded, count, round);
      case "adagrad":
        return adagrad(theta, moments[0]!, g, rate, round(ADAGRAD_EPSILON), count, round);
      case "rmsprop":
        return rmsprop(
          theta,
          moments[0]!,
          g,
          rate,
          round(decay),
          round(1 - decay),
          round(epsilon),
          faded,
          count,
          round,
        );
      case "adam":
        powers[0] = advancePower(powers[0]!, beta1);
        powers[1] = advancePower(powers[1]!, beta2);
        return adam(
          theta,
          moments[0]!,
          moments[1]!,
          g,
          round(learningRate / (1 - powers[0]!)),
          round(1 / (1 - powers[1]!)),
          round(beta1),
          round(1 - beta1),
          round(beta2),
          round(1 - beta2),
          round(epsilon),
          faded,
          count,
          round,
        );
      case "ekf":
        throw new Error("a filter is an ensemble of one");
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

function copy(to: Vector, from: Vector, count: number): void {
  for (let i = 0; i < count; i++) to[i] = from[i]!;
}
