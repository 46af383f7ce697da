// Several networks that filters train on the same rows, and what mixes them; or one such network by itself. Rows of a
// mini-batch are taken one after another: each is predicted, scored and learned before the next. A step that would make any
// number non-finite is undone exactly: a row is first proposed to all members, and only when all can take it is it committed.

import {
  assertRows,
  type Engine,
  type EngineKind,
  type EngineOptions,
  type Standing,
  type TaggedVector,
} from "../engine.ts";
import { filledUp } from "../kalman/covariance.ts";
import { filterLayoutOf } from "../kalman/filter-layout.ts";
import { FilterNetwork } from "../kalman/filter-network.ts";
import { type Kernels, within } from "../kalman/kernels.ts";
import { type Vector, vectorOf } from "../precision.ts";
import type { Random } from "../random.ts";
import { Scaler } from "../scaler.ts";
import { assertComputable, type Layout } from "../topology.ts";
import { BinaryVotes, ClassVotes } from "./class-votes.ts";
import { nameOf } from "./members.ts";
import { Mixer } from "./mixer.ts";
import { Neighbours } from "./neighbours.ts";
import { Relevance } from "./relevance.ts";
import { ValueVotes } from "./value-votes.ts";
import type { Lesson, Votes } from "./votes.ts";

/** Most that a step may give back of the prior's variance: a boost multiplies ε. */
const NOISE_MAX = 0.1;

export class EnsembleEngine implements Engine {
  readonly kind: EngineKind;
  readonly ensemble: EnsembleEngine = this;
  readonly layout: Layout;
  readonly scaler: Scaler | null;
  readonly parameters: Vector;
  readonly moments: readonly Vector[] = [];
  readonly powers = new Float64Array(0);
  readonly gradients: Vector;
  readonly inputs: Float64Array;
  readonly labels: Float64Array;
  readonly sampleWeights: Float64Array;
  readonly outputs: Vector;
  readonly outputCount: number;
  readonly networks: readonly FilterNetwork[];
  readonly mixer: Mixer;
  readonly relevance: Relevance;
  /** The last member, where rows are kept. */
  readonly neighbours: Neighbours | null;
  /** Multiplies every ε; 1 by itself. */
  learningRate = 1;
  undone = false;

  readonly #kernels: Kernels;
  readonly #votes: Votes;
  /** Residual variances and the labels' statistics, where values are learned. */
  readonly #values: ValueVotes | null;
  readonly #rowsMax: number;
  #rows = 1;
  readonly #cost = new Float64Array(1);
  readonly #features: number;
  /** (B, I). */
  readonly #standardized: Float64Array;
  readonly #lesson: Lesson;
  /** What any row may change, and where it is kept during a step; members hold their own, for several rows. */
  readonly #small: readonly Float64Array[];
  readonly #smallBefore: readonly Float64Array[];

  constructor(options: EngineOptions, kernels: Kernels) {
    const { topology, batchMax, precision = "f64", members = [], neighbours } = options;
    assertComputable(topology);
    const features = topology.units[0] ?? 0;
    const outputs = topology.units.at(-1) ?? 0;
    if (members.length === 0) throw new Error("an ensemble has a member");
    if (topology.loss === "mse" && topology.activations.at(-1) !== "identity") {
      throw new Error("a filter learns values by an output without activation");
    }
    this.kind = kernels.kind;
    this.#kernels = kernels;
    this.#rowsMax = batchMax;
    this.#features = features;
    this.outputCount = outputs;
    const layouts = members.map((member) => filterLayoutOf(member, features, outputs));
    const total = layouts.reduce((sum, { parameterCount }) => sum + filledUp(parameterCount), 0);
    const theta = kernels.vector(total);
    this.parameters = theta.values.subarray(0, total);
    let at = 0;
    this.networks = members.map((member, n) => {
      const length = filledUp(layouts[n]!.parameterCount);
      at += length;
      return new FilterNetwork(kernels, member, features, outputs, within(theta, at - length, length));
    });
    this.layout = joined(layouts);
    this.gradients = vectorOf(precision, 0);
    this.mixer = new Mixer(members.length + (neighbours === undefined ? 0 : 1));
    this.relevance = new Relevance(features);
    this.#values = topology.loss === "mse" ? new ValueVotes(this.mixer) : null;
    this.#votes = this.#values ?? (outputs === 1 ? new BinaryVotes(this.mixer) : new ClassVotes(this.mixer, outputs));
    const labelScaler = this.#values?.labels ?? null;
    this.neighbours =
      neighbours === undefined ? null : new Neighbours(kernels, neighbours, features, outputs, batchMax, labelScaler);
    this.scaler = options.scaled ? new Scaler(features) : null;
    this.inputs = new Float64Array(batchMax * features);
    this.#standardized = new Float64Array(batchMax * features);
    this.labels = new Float64Array(batchMax);
    this.sampleWeights = new Float64Array(batchMax).fill(1);
    this.outputs = vectorOf(precision, batchMax * outputs);
    this.#lesson = { direction: new Float64Array(outputs), numbers: new Float64Array(2) };
    this.#small = [
      this.mixer.state,
      this.relevance.state,
      ...(this.#values === null ? [] : [this.#values.variances, this.#values.labels.state]),
      ...(this.scaler === null ? [] : [this.scaler.state]),
    ];
    this.#smallBefore = this.#small.map((values) => values.slice());
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

  /** Whether it is one network by itself, of the inputs as they are: a model file of version 1 has room for it. */
  get isPlain(): boolean {
    return this.mixer.count === 1 && this.networks[0]!.features === null && !this.networks[0]!.options.relevance;
  }

  /** What a state block holds of it. */
  get vectors(): readonly TaggedVector[] {
    const isAlone = this.mixer.count === 1;
    return [
      ...this.networks.flatMap((network, n) => network.vectors(n)),
      ...(isAlone ? [] : [{ tag: "MIXR", member: 0, values: this.mixer.state }]),
      ...(isAlone ? [] : [{ tag: "RELE", member: 0, values: this.relevance.state }]),
      ...(this.#values === null
        ? []
        : [
            { tag: "VARI", member: 0, values: this.#values.variances },
            { tag: "LABL", member: 0, values: this.#values.labels.state },
          ]),
      ...(this.neighbours?.vectors ?? []),
    ];
  }

  /** Shows how each member fares. */
  get standings(): readonly Standing[] {
    const names = this.networks.map(({ options }) => nameOf(options));
    if (this.neighbours !== null) names.push(`nearest of ${this.neighbours.kept} rows`);
    return names.map((name, n) => ({
      name,
      loss: this.mixer.meanLoss(n),
      weight: this.mixer.weight(n),
    }));
  }

  /** The labels' mean and deviation, which values are predicted with; null of classes. */
  get labelScaler(): Scaler | null {
    return this.#values?.labels ?? null;
  }

  /** Draws the initial weights, after `reset`. */
  draw(random: Random): void {
    for (const network of this.networks) network.draw(random);
  }

  /** Begins anew, but for what is known of the inputs. */
  reset(): void {
    for (const network of this.networks) network.reset();
    this.mixer.reset();
    this.relevance.reset();
    this.#values?.reset();
    this.neighbours?.reset();
  }

  /** Takes note that the vectors were filled from outside. */
  refresh(): void {
    for (const network of this.networks) network.drawFeatures();
    this.mixer.refresh();
  }

  step(): void {
    const { rows } = this;
    this.#keep();
    this.scaler?.learn(this.inputs, rows);
    this.#values?.meet(this.labels, rows);
    this.#standardize();
    this.#cost[0] = 0;
    let row = 0;
    for (; row < rows && this.#propose(row, rows); row++) this.#commit();
    this.undone = row < rows;
    if (!this.undone) return;
    this.#restore();
    // The rows that were not reached have no loss.
    this.#cost[0] = Number.NaN;
  }

  forward(): void {
    this.#standardize();
    for (let row = 0; row < this.rows; row++) this.#predict(row);
  }

  /** Predicts, as the only row, inputs (I) that are standardized already. */
  predictStandardized(inputs: ArrayLike<number>): void {
    this.#standardized.set(inputs);
    this.#predict(0);
  }

  release(): void {
    this.#kernels.release();
  }

  #predict(row: number): void {
    const { networks } = this;
    for (let n = 0; n < networks.length; n++) {
      const network = networks[n]!;
      network.forward(this.#standardized, row * this.#features, this.relevance.factors);
      this.#votes.hear(n, network.sums);
    }
    if (this.neighbours !== null) {
      this.neighbours.forward(this.#standardized, row * this.#features, this.relevance.factors);
      this.#votes.hear(networks.length, this.neighbours.sums);
    }
    this.#votes.mix(this.outputs, row * this.outputCount);
  }

  /** Predicts one of some rows, and lets every part propose what to learn of it; tells whether all of that is finite. */
  #propose(row: number, rows: number): boolean {
    this.#predict(row);
    const { networks, relevance, mixer } = this;
    const label = this.labels[row]!;
    const weight = this.sampleWeights[row]!;
    this.#cost[0] = this.#cost[0]! + (weight * this.#votes.loss(this.outputs, row * this.outputCount, label)) / rows;
    if (!Number.isFinite(this.#cost[0])) return false;
    const lesson = this.#lesson;
    const { numbers } = lesson;
    for (let n = 0; n < networks.length; n++) {
      const network = networks[n]!;
      this.#votes.teach(n, label, lesson);
      if (!network.propose(lesson.direction, weight * numbers[0]!, weight * numbers[1]!)) return false;
    }
    if (this.neighbours?.propose(this.#standardized, row * this.#features, label) === false) return false;
    if (mixer.count > 1) {
      for (let n = 0; n < networks.length; n++) {
        const { options, inputGradients } = networks[n]!;
        // Of a linear member they are the same everywhere, and say little.
        if (options.fourier === undefined && options.hidden.length > 0)
          relevance.note(inputGradients, options.relevance, mixer.shares[n]!);
      }
      relevance.learn();
    }
    this.#votes.learn(label, weight);
    return this.#isFinite();
  }

  #commit(): void {
    this.neighbours?.commit();
    const { networks, learningRate } = this;
    for (let n = 0; n < networks.length; n++) {
      const network = networks[n]!;
      const noise = learningRate * network.options.noise;
      network.commit(noise < NOISE_MAX ? noise : NOISE_MAX);
    }
  }

  #standardize(): void {
    const count = this.rows * this.#features;
    if (this.scaler !== null) this.scaler.standardize(this.#standardized, this.inputs, this.rows);
    else for (let i = 0; i < count; i++) this.#standardized[i] = this.inputs[i]!;
  }

  #isFinite(): boolean {
    let sum = 0;
    for (let v = 0; v < this.#small.length; v++) {
      const values = this.#small[v]!;
      // x − x is 0 for every finite x and NaN otherwise; NaN never leaves a sum.
      for (let i = 0; i < values.length; i++) sum += values[i]! - values[i]!;
    }
    return sum === 0;
  }

  #keep(): void {
    for (let v = 0; v < this.#small.length; v++) this.#smallBefore[v]!.set(this.#small[v]!);
    this.neighbours?.hold();
    if (this.rows === 1) return;
    for (let n = 0; n < this.networks.length; n++) this.networks[n]!.hold();
  }

  #restore(): void {
    for (let v = 0; v < this.#small.length; v++) this.#small[v]!.set(this.#smallBefore[v]!);
    this.mixer.refresh();
    this.relevance.forget();
    this.neighbours?.undo();
    if (this.rows === 1) return;
    for (let n = 0; n < this.networks.length; n++) this.networks[n]!.undo();
  }
}

/** Puts layouts one behind the other, each filled up as its weights are. */
function joined(layouts: readonly Layout[]): Layout {
  let at = 0;
  const layers = layouts.flatMap((layout) => {
    const from = at;
    at += filledUp(layout.parameterCount);
    return layout.layers.map((layer) => ({
      ...layer,
      weightsOffset: layer.weightsOffset + from,
      biasesOffset: layer.biasesOffset + from,
    }));
  });
  const multiplyAdds = layouts.reduce((sum, layout) => sum + layout.multiplyAdds, 0);
  return { layers, parameterCount: at, multiplyAdds };
}
