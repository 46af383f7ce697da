import { Learner } from "../learner/learner.ts";
import type { LearnerConfig } from "../learner/learner-config.ts";
import { bytesOf, fillFrom, type StateSection } from "../learner/state-block.ts";
import { DRIFT, NONE, type Signal } from "./detector.ts";
import { Library } from "./library.ts";
import { RecentRows } from "./recent-rows.ts";

export const DRIFT_POLICIES = ["none", "event", "boost", "reset", "rollback", "background"] as const;
export type DriftPolicy = (typeof DRIFT_POLICIES)[number];

/** What was done at a signal: only told, or done to the learner. `promotion` puts the challenger in its place. */
export type Reaction = "event" | "boost" | "reset" | "rollback" | "challenge" | "promotion";

/** Factor of the learning rate at a drift, and what of its excess is left after each row. */
const BOOST = 8;
const BOOST_DECAY = 0.995;
/** Rows that a challenger has to show that it is better, and what that is: of classes a lead in all, of values a share. */
const RACE_ROWS = 2000;
const RACE_ROWS_MIN = 50;
const RACE_LEAD = 8;
const RACE_SHARE = 0.8;

const BOOSTED = 0;
const RACED = 1;
const LOST = 2;
const CHALLENGER_LOST = 3;
const HEAD = 4;

/**
 * Acts when a detector tells a drift, on the step that it tells it: a pure function of the rows, so that a replay does the
 * same. What it needs of former rows and states it keeps itself.
 */
export class Adaptation {
  readonly policy: DriftPolicy;
  /** Excess of the learning rate's factor, and the challenger's race: rows, and what both lost. */
  readonly #head = new Float64Array(HEAD);
  readonly #recent: RecentRows | null;
  readonly #library: Library | null;
  #challenger: Learner | null = null;

  constructor(policy: DriftPolicy, features: number) {
    this.policy = policy;
    this.#recent = policy === "rollback" ? new RecentRows(features) : null;
    this.#library = policy === "rollback" ? new Library() : null;
  }

  /** Factor of the learning rate. */
  get rate(): number {
    return 1 + this.#head[BOOSTED]!;
  }

  /** Counts states of former concepts that can be gone back to. */
  get candidates(): number {
    return this.#library?.candidates ?? 0;
  }

  get challenged(): boolean {
    return this.#challenger !== null;
  }

  /** Notes the mini-batch in the learner's buffers, whose outputs are there, before the learner is trained on it. */
  before(learner: Learner, rows: number): void {
    this.#recent?.add(learner.raw, learner.engine.labels, rows);
    this.#library?.pass(learner, rows);
    if (this.#challenger !== null) this.#race(learner, this.#challenger, rows);
    if (this.#head[BOOSTED]! > 0) this.#head[BOOSTED] = this.#faded(rows);
  }

  /** Reacts to a signal, after the learner was trained. Returns what was done, or null. */
  after(learner: Learner, signal: Signal): Reaction | null {
    if (this.#challenger !== null && this.#isBeaten(learner)) {
      learner.restore(this.#challenger.save());
      this.#dismiss();
      return "promotion";
    }
    if (this.#head[RACED]! >= RACE_ROWS) this.#dismiss();
    if (signal === NONE || this.policy === "none") return null;
    if (this.policy === "background") return this.#challenge(learner);
    return signal === DRIFT ? this.#act(learner) : null;
  }

  /** Carries a challenger over to another configuration of the same topology, as the learner itself is. */
  configure(config: LearnerConfig): void {
    if (this.#challenger === null) return;
    const block = this.#challenger.save();
    this.#dismissLearner();
    this.#challenger = new Learner(config);
    this.#challenger.adopt(block);
  }

  /** Forgets former rows and states: what comes has other features, or begins anew. */
  clear(): void {
    this.#head.fill(0);
    this.#recent?.state.fill(0);
    this.#library?.clear();
    this.#dismiss();
  }

  /** Gives the challenger's memory back. */
  release(): void {
    this.#dismiss();
  }

  save(): readonly StateSection[] {
    if (this.policy === "none" || this.policy === "event") return [];
    return [
      { tag: "ADPT", member: 0, bytes: bytesOf(this.#head) },
      ...(this.#recent === null ? [] : [{ tag: "ROWS", member: 0, bytes: bytesOf(this.#recent.state) }]),
      ...(this.#library?.save() ?? []),
      ...(this.#challenger === null ? [] : [{ tag: "CHAL", member: 0, bytes: this.#challenger.save() }]),
    ];
  }

  /** Takes over what a program of these numerics wrote by `save` of the same policy; a learner of this config is made of a challenger. Throws `state-damaged`. */
  restore(sections: readonly StateSection[], { config }: Pick<Learner, "config">, numerics: number): void {
    const find = (tag: string) => sections.find((section) => section.tag === tag)?.bytes;
    const [head, rows, challenger] = [find("ADPT"), find("ROWS"), find("CHAL")];
    if (head !== undefined) fillFrom(this.#head, head, "ADPT");
    if (rows !== undefined && this.#recent !== null) fillFrom(this.#recent.state, rows, "ROWS");
    this.#library?.restore(sections);
    this.#dismissLearner();
    if (challenger === undefined || this.policy !== "background") return;
    this.#challenger = new Learner(config);
    this.#challenger.resume(challenger, numerics);
  }

  #act(learner: Learner): Reaction | null {
    switch (this.policy) {
      case "event":
        return "event";
      case "reset":
        learner.begin();
        return "reset";
      case "rollback":
        if (this.#library !== null && this.#recent !== null && this.#library.turn(learner, this.#recent)) {
          return "rollback";
        }
        this.#head[BOOSTED] = BOOST - 1;
        return "boost";
      case "boost":
        this.#head[BOOSTED] = BOOST - 1;
        return "boost";
      case "none":
      case "background":
        return null;
    }
  }

  /** Lets a fresh learner run beside the present one, unless one does already. */
  #challenge(learner: Learner): Reaction | null {
    if (this.#challenger !== null) return null;
    this.#challenger = new Learner(learner.config);
    this.#challenger.restore(learner.save());
    this.#challenger.begin();
    return "challenge";
  }

  #isBeaten({ config }: Learner): boolean {
    const [lost, other] = [this.#head[LOST]!, this.#head[CHALLENGER_LOST]!];
    if (this.#head[RACED]! < RACE_ROWS_MIN) return false;
    return config.network.loss === "mse" ? other < RACE_SHARE * lost : lost - other > RACE_LEAD;
  }

  /** Lets the challenger predict the mini-batch, then learn it. */
  #race(learner: Learner, challenger: Learner, rows: number): void {
    const { engine } = challenger;
    const { labels, sampleWeights } = learner.engine;
    challenger.raw.set(learner.raw);
    engine.labels.set(labels);
    engine.sampleWeights.set(sampleWeights);
    challenger.forward(rows);
    const isValue = learner.config.network.loss === "mse";
    for (let r = 0; r < rows; r++) {
      const label = labels[r]!;
      const lost = errorOf(learner.engine.outputs, r, engine.outputCount, label, isValue);
      const other = errorOf(engine.outputs, r, engine.outputCount, label, isValue);
      this.#head[LOST] = this.#head[LOST]! + lost;
      this.#head[CHALLENGER_LOST] = this.#head[CHALLENGER_LOST]! + other;
    }
    this.#head[RACED] = this.#head[RACED]! + rows;
    challenger.step(rows);
  }

  #faded(rows: number): number {
    let excess = this.#head[BOOSTED]!;
    for (let r = 0; r < rows; r++) excess *= BOOST_DECAY;
    return excess < 1e-3 ? 0 : excess;
  }

  #dismiss(): void {
    this.#dismissLearner();
    this.#head[RACED] = 0;
    this.#head[LOST] = 0;
    this.#head[CHALLENGER_LOST] = 0;
  }

  #dismissLearner(): void {
    this.#challenger?.release();
    this.#challenger = null;
  }
}

/** Tells how wrong a prediction was: from 0 to 1 of classes, the squared error of values. */
function errorOf(outputs: ArrayLike<number>, row: number, count: number, label: number, isValue: boolean): number {
  const output = outputs[row * count]!;
  if (isValue) return (output - label) * (output - label);
  return 1 - (count > 1 ? outputs[row * count + label]! : label === 1 ? output : 1 - output);
}
