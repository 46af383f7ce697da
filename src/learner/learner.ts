import { RivuletError } from "../error.ts";
import { ClassWeights } from "./class-weights.ts";
import { Encoder } from "./encoder.ts";
import type { Engine, TaggedVector } from "./engine.ts";
import { createEngine, type EngineChoice } from "./engines.ts";
import { ExperienceReplay } from "./experience-replay.ts";
import { classesOf, engineOptionsOf, type LearnerConfig } from "./learner-config.ts";
import { NUMERICS } from "./numerics.ts";
import { momentsOf, resolveOptimizer } from "./optimizer.ts";
import type { Vector } from "./precision.ts";
import { Random } from "./random.ts";
import { RateSchedule } from "./schedule.ts";
import { bytesOf, decodeStateBlock, encodeStateBlock, fillFrom, type StateSection, sectionOf } from "./state-block.ts";
import { WeightAverage } from "./weight-average.ts";

/** Standard deviation of the textbook's initial weights. */
const TEXTBOOK_STD = 0.01;
/** Tags what training moves, where `PARM` is its average. */
const ITERATE = "ITER";

/**
 * Learns from mini-batches and predicts. Owns the learner state: parameters, moments, scaler, generator, schedule position,
 * and what averages and replays; equal steps from equal states give equal bits.
 */
export class Learner {
  readonly config: LearnerConfig;
  readonly engine: Engine;
  readonly random: Random;
  /** Steps that were applied (1): the position of the learning-rate schedule. */
  readonly #applied = new Float64Array(1);
  readonly #schedule: RateSchedule;
  readonly #encoder: Encoder;
  readonly #classWeights: ClassWeights | null;
  readonly #average: WeightAverage | null;
  readonly #replay: ExperienceReplay | null;
  /** The outputs of the first row (K). */
  readonly #row: Vector;

  /** Allocates everything and draws the initial parameters from the config's seed. Throws `memory-exceeded`. */
  constructor(config: LearnerConfig, engine: EngineChoice = "auto") {
    this.config = config;
    this.engine = createEngine(engineOptionsOf(config), engine);
    const { classWeights, averaging, replay, precision = "f64" } = config;
    const isFiltered = this.engine.ensemble !== null;
    this.random = new Random(config.network.seed);
    this.#classWeights =
      classWeights === undefined ? null : new ClassWeights(classWeights, classesOf(config), config.batch.size);
    this.#average =
      averaging === undefined || isFiltered
        ? null
        : new WeightAverage(averaging, this.engine.layout.parameterCount, precision);
    this.#encoder = new Encoder(this.engine, config);
    this.#row = this.engine.outputs.subarray(0, this.engine.outputCount);
    this.#schedule = new RateSchedule(config.optimizer.schedule ?? null);
    this.#replay =
      replay === undefined || isFiltered
        ? null
        : new ExperienceReplay(replay, config.features.length, {
            engine: this.engine,
            encoder: this.#encoder,
            classWeights: this.#classWeights,
            random: this.random,
          });
    this.#initialise();
  }

  /** Counts the steps that changed the parameters. */
  get stepsApplied(): number {
    return this.#applied[0]!;
  }

  /** Where the features of a mini-batch are put: (B, F) row-major, NaN where one is missing. */
  get raw(): Float64Array {
    return this.#encoder.raw;
  }

  /**
   * Trains on the first `rows` rows of `raw` and of the engine's labels and weights, with the learning rate times `boost`,
   * then on former rows where some are replayed; `engine.cost` and `engine.undone` tell the outcome for the rows that came.
   * Returns how many values were missing.
   */
  step(rows: number, boost = 1): number {
    const { engine } = this;
    engine.rows = rows;
    const missing = this.#encoder.learn(rows);
    this.#classWeights?.apply(engine.sampleWeights, engine.labels, rows);
    engine.learningRate = this.config.optimizer.learningRate * this.#schedule.factor(this.stepsApplied) * boost;
    this.#average?.exchange(engine.parameters);
    engine.step();
    this.#classWeights?.restore(engine.sampleWeights, rows);
    if (engine.undone) {
      this.#average?.exchange(engine.parameters);
      this.#classWeights?.undo();
      this.#encoder.undo();
      return missing;
    }
    this.#applied[0] = this.#applied[0]! + 1;
    this.#replay?.train(rows);
    this.#average?.absorb(engine.parameters, this.stepsApplied);
    this.#schedule.advance(this.stepsApplied);
    return missing;
  }

  /** Returns the output for one row of features (F), NaN where one is missing: the probability of class 1, or of class 0 of several, or the value. */
  predict(features: ArrayLike<number>): number {
    return this.outputsFor(features)[0]!;
  }

  /** Returns the outputs for one row of features (F): (K), on loan until the next step or prediction. */
  outputsFor(features: ArrayLike<number>): Vector {
    const { engine } = this;
    this.#encoder.encode(features, 1);
    engine.rows = 1;
    engine.forward();
    return this.#row;
  }

  /** Puts the first `rows` rows of `raw` in place as `engine.inputs`, by what is known before they are learned. */
  encode(rows: number): void {
    this.#encoder.encode(this.raw, rows);
  }

  /** Predicts the first `rows` rows of `raw` by the state as it stands: into `engine.outputs`, from `engine.inputs`. */
  forward(rows: number): void {
    const { engine } = this;
    this.encode(rows);
    engine.rows = rows;
    engine.forward();
  }

  /**
   * Begins anew with other initial parameters, drawn where the generator stands, and without the rows held for replay; what is
   * known of the inputs stays.
   */
  begin(): void {
    const { engine } = this;
    engine.parameters.fill(0);
    this.#forgetMoments();
    this.#applied.fill(0);
    this.#schedule.state.fill(1);
    this.#classWeights?.counts.fill(0);
    this.#replay?.clear();
    this.#initialise();
  }

  /** Writes the learner state into a new block. */
  save(): Uint8Array {
    return blockOf(this.#vectors());
  }

  /** Writes what was learned, without the rows that are held for replay: who adopts it begins them anew. */
  saveLearned(): Uint8Array {
    return blockOf(this.#vectors().filter(({ values }) => values !== this.#replay?.state));
  }

  /** Takes over a learner state that `save` wrote for the same config. Throws `state-damaged`; then the learner is unusable. */
  restore(block: Uint8Array): void {
    const sections = decodeStateBlock(block);
    this.#encoder.resume(sections.map(({ tag }) => tag));
    for (const { tag, member, values } of this.#vectors()) fillFrom(values, sectionOf(sections, tag, member), tag);
    this.engine.ensemble?.refresh();
  }

  /**
   * Takes over a learner state that a program of these numerics wrote for the same config. Another release may keep what it
   * learned in another form: then what both have is taken over. Throws `state-damaged`.
   */
  resume(block: Uint8Array, numerics: number): void {
    try {
      this.restore(block);
    } catch (error) {
      const isOfOther = numerics !== NUMERICS && error instanceof RivuletError && error.code === "state-damaged";
      if (!isOfOther) throw error;
      this.adopt(block);
    }
  }

  /**
   * Takes over what a learner of the same topology, but maybe of another generation, learned: each vector that both
   * have; moments of another optimizer, a scaler of another kind and rows held in another way begin anew. Throws
   * `state-damaged`.
   */
  adopt(block: Uint8Array): void {
    const sections = decodeStateBlock(block);
    this.#forgetMoments();
    this.#schedule.state.fill(1);
    this.engine.scaler?.reset();
    this.#encoder.resume(sections.map(({ tag }) => tag));
    this.#classWeights?.counts.fill(0);
    this.#replay?.clear();
    for (const { tag, member, values } of this.#vectors()) {
      const section = sections.find((candidate) => candidate.tag === tag && candidate.member === member);
      // Another number of rows held for replay begins anew.
      const fits = values !== this.#replay?.state || section?.bytes.length === values.byteLength;
      if (section !== undefined && fits) fillFrom(values, section.bytes, tag);
    }
    if (!sections.some(({ tag }) => tag === ITERATE)) this.beginAverage();
    this.engine.ensemble?.refresh();
  }

  /** Lets the average of the weights, where there is one, begin with the parameters as they stand: after others were put in place. */
  beginAverage(): void {
    this.#average?.begin(this.engine.parameters);
  }

  /**
   * Takes over statistics of the inputs (I), as a model file has them: the scaler's, or where there is none, the means that
   * missing values get. Without a count they never change.
   */
  importStatistics(mean: readonly number[], std: readonly number[], count: number | null): void {
    this.#encoder.import(mean, std, count);
  }

  /** The means (I) that missing values get, where no scaler tells them, and there are some; on loan. */
  get means(): Float64Array | null {
    return this.#encoder.means;
  }

  /** Gives the engine's memory back; the learner must not be used after it. */
  release(): void {
    this.engine.release();
  }

  /** How often each class was trained (k), where weights follow that. */
  get #balances(): Float64Array | null {
    const counts = this.#classWeights?.counts;
    return counts === undefined || counts.length === 0 ? null : counts;
  }

  #vectors(): readonly TaggedVector[] {
    const { engine } = this;
    const own = (tag: string, values: Vector | Uint32Array): TaggedVector => ({ tag, member: 0, values });
    return [
      ...(engine.ensemble?.vectors ?? this.#networkVectors()),
      ...(engine.scaler === null ? [] : [own("SCAL", engine.scaler.state)]),
      ...this.#encoder.vectors.map(([tag, values]) => own(tag, values)),
      ...(this.#replay === null ? [] : [own(this.#replay.tag, this.#replay.state)]),
      ...(this.#balances === null ? [] : [own("CLAS", this.#balances)]),
      own("RAND", this.random.state),
      own("SCHD", this.#applied),
      ...(this.#schedule.state.length === 0 ? [] : [own("RATE", this.#schedule.state)]),
    ];
  }

  #networkVectors(): readonly TaggedVector[] {
    const { parameters, moments, powers } = this.engine;
    const tags = momentsOf(resolveOptimizer(this.config.optimizer));
    return [
      { tag: "PARM", member: 0, values: parameters },
      ...moments.map((values, m) => ({ tag: tags[m]!, member: 0, values })),
      ...(powers.length === 0 ? [] : [{ tag: "BETA", member: 0, values: powers }]),
      ...(this.#average === null ? [] : [{ tag: ITERATE, member: 0, values: this.#average.iterate }]),
    ];
  }

  #forgetMoments(): void {
    const { engine } = this;
    for (const moment of engine.moments) moment.fill(0);
    engine.powers.fill(1);
    engine.ensemble?.reset();
  }

  /** Draws weights, unit by unit; biases are 0. He: N(0, 2/inputs) (He et al. 2015). Glorot: U(±√(6/(inputs + units))) (Glorot & Bengio 2010). */
  #initialise(): void {
    const { parameters, layout, ensemble } = this.engine;
    if (ensemble !== null) return ensemble.draw(this.random);
    for (const { inputs, units, weightsOffset } of layout.layers) {
      for (let j = 0; j < units; j++) {
        for (let i = 0; i < inputs; i++) parameters[weightsOffset + i * units + j] = this.#draw(inputs, units);
      }
    }
    this.beginAverage();
  }

  #draw(inputs: number, units: number): number {
    switch (this.config.network.init) {
      case "he":
        return this.random.normal() * Math.sqrt(2 / inputs);
      case "glorot":
        return (2 * this.random.uniform() - 1) * Math.sqrt(6 / (inputs + units));
      case "textbook":
        return this.random.normal() * TEXTBOOK_STD;
    }
  }
}

function blockOf(vectors: readonly TaggedVector[]): Uint8Array {
  return encodeStateBlock(
    vectors.map(({ tag, member, values }): StateSection => ({ tag, member, bytes: bytesOf(values) })),
  );
}
