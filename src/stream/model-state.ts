import { RivuletError } from "../error.ts";
import { Adaptation, type Reaction } from "../evaluate/adaptation.ts";
import { NONE, type Signal } from "../evaluate/detector.ts";
import { MONITOR_DEFAULTS, Monitor } from "../evaluate/monitor.ts";
import type { Decision, Numbering } from "../learner/entry.ts";
import { Learner } from "../learner/learner.ts";
import { inputsOf, LATE_KEEP, type LearnerConfig, outputsOf, watchOf } from "../learner/learner-config.ts";
import { bytesOf, decodeStateBlock, encodeStateBlock, fillFrom, sectionOf } from "../learner/state-block.ts";
import { Marks } from "../sample/marks.ts";
import { Questions } from "./questions.ts";

/** Puts a configuration in words that travel: the parsed value, its canonical JSON and that text's SHA-256. */
export interface ConfigInForce {
  readonly learner: LearnerConfig;
  readonly json: string;
  readonly hash: string;
}

/** Positions in the counters of the monitor state. */
const ACCEPTED = 0;
const UNDONE = 1;
const MISSING = 2;
const COUNTERS = 8;

/**
 * Holds what the fold holds: the learner state, the monitor state and the position in the journal. Every change of a
 * model, live or replayed, is one of its methods, so that both give the same bits.
 */
export class ModelState {
  #config: ConfigInForce;
  #learner: Learner;
  readonly marks = new Marks();
  readonly questions: Questions;
  #monitor: Monitor | null;
  #adaptation: Adaptation;
  /** What was done about a drift that the last step told; null where nothing. */
  reaction: Reaction | null = null;
  /** The last row trained, or passed over. */
  sequence = 0;
  step = 0;
  ordinal = 0;
  /** Cost of the last step that was not undone; null before the first. */
  cost: number | null = null;
  readonly #counters = new Float64Array(COUNTERS);

  constructor(config: ConfigInForce) {
    this.#config = config;
    this.#learner = new Learner(config.learner);
    this.questions = new Questions(lateKeepOf(config));
    this.#monitor = monitorOf(config.learner);
    this.#adaptation = adaptationOf(config.learner);
  }

  get config(): ConfigInForce {
    return this.#config;
  }

  get learner(): Learner {
    return this.#learner;
  }

  /** Scores its predictions; null where the configuration wants none. */
  get monitor(): Monitor | null {
    return this.#monitor;
  }

  get adaptation(): Adaptation {
    return this.#adaptation;
  }

  /** The last row accepted; the rows after `sequence` up to here are pending. */
  get accepted(): number {
    return this.#counters[ACCEPTED]!;
  }

  /** Counts the steps that were undone. */
  get undone(): number {
    return this.#counters[UNDONE]!;
  }

  /** Counts the values that were missing in the rows trained. */
  get missing(): number {
    return this.#counters[MISSING]!;
  }

  /** Notes that rows up to `sequence` were accepted, with their producer's numbers; returns how many numbers were given up as missing. */
  accept(sequence: number, numbering: readonly Numbering[]): number {
    this.#counters[ACCEPTED] = sequence;
    let gaps = 0;
    for (const run of numbering) gaps += this.marks.settle(run.source, run.epoch, run.seq, run.rows);
    return gaps;
  }

  /** Applies what was decided; returns how many numbers were given up as missing. */
  decide(decision: Decision): number {
    this.ordinal++;
    if (decision.kind === "settled") {
      return this.marks.settle(decision.source, decision.epoch, decision.seq, decision.rows);
    }
    this.sequence += decision.rows;
    return 0;
  }

  /**
   * Trains on the first `trained` rows of the learner's buffers, as one step that takes `taken` pending rows. They are
   * scored by what the learner, as it stands, predicts; `made` (trained, K) holds what was predicted of answered questions
   * when they were asked, NaN for other rows, and is null where there are none.
   */
  train(trained: number, taken: number, made: Float64Array | null): void {
    const { engine } = this.#learner;
    const signal = this.#score(trained, made);
    const missing = this.#learner.step(trained, this.#adaptation.rate);
    if (missing > 0) this.#counters[MISSING] = this.missing + missing;
    this.step++;
    this.ordinal++;
    this.sequence += taken;
    if (engine.undone) this.#counters[UNDONE] = this.undone + 1;
    else this.cost = engine.cost;
    this.reaction = this.#adaptation.after(this.#learner, signal);
    if (this.reaction === "rollback" || this.reaction === "promotion") this.#monitor?.resetDetector();
  }

  #score(rows: number, made: Float64Array | null): Signal {
    if (this.#monitor === null) return NONE;
    const { engine } = this.#learner;
    this.#learner.forward(rows);
    const { outputs } = engine;
    if (made !== null) {
      const numbers = rows * engine.outputCount;
      for (let k = 0; k < numbers; k++) if (!Number.isNaN(made[k]!)) outputs[k] = made[k]!;
    }
    const signal = this.#monitor.score(engine.inputs, engine.labels, outputs, rows);
    this.#adaptation.before(this.#learner, rows);
    return signal;
  }

  /** Makes another learner state of the same topology the current one; everything else stays. */
  rollback(block: Uint8Array): void {
    this.ordinal++;
    this.#learner.adopt(block);
    this.#monitor?.resetDetector();
  }

  /** Makes an imported learner state current: a block in base64, of which the rest begins anew. */
  import(learner: string): void {
    this.rollback(Uint8Array.from(atob(learner), (unit) => unit.charCodeAt(0)));
  }

  /** Begins anew from the config's seed; positions and monitor state stay, but for questions: features may be others. */
  reset(config: ConfigInForce): void {
    this.#replace(config);
    this.questions.clear();
    this.#adaptation.clear();
    this.#monitor?.resetDetector();
    this.ordinal++;
    this.cost = null;
  }

  /**
   * Puts another configuration of the same topology in force. Parameters are carried over; moments and scaler too unless
   * their kind changed: then they begin anew.
   */
  configure(config: ConfigInForce): void {
    const block = this.#learner.save();
    this.#replace(config);
    this.ordinal++;
    this.#learner.adopt(block);
    this.#adaptation.configure(config.learner);
  }

  /** Gives the learner's memory back; the state must not be used after it. */
  release(): void {
    this.#learner.release();
    this.#adaptation.release();
  }

  #replace(config: ConfigInForce): void {
    const learner = new Learner(config.learner);
    this.#learner.release();
    this.#rewatch(config.learner);
    this.#config = config;
    this.#learner = learner;
    this.questions.keep = lateKeepOf(config);
  }

  /** Begins anew with scores or policy where another kind of them is wanted; else they go on. */
  #rewatch(wanted: LearnerConfig): void {
    const present = this.#config.learner;
    if (!sameScores(present, wanted)) this.#monitor = monitorOf(wanted);
    if (watchOf(present).policy === watchOf(wanted).policy && present.features.length === wanted.features.length)
      return;
    this.#adaptation.release();
    this.#adaptation = adaptationOf(wanted);
  }

  /** Writes the monitor state into a new block. */
  saveMonitor(): Uint8Array {
    return encodeStateBlock([
      { tag: "MARK", member: 0, bytes: this.marks.serialize() },
      { tag: "CNTR", member: 0, bytes: bytesOf(this.#counters) },
      ...(this.#monitor === null ? [] : [{ tag: "METR", member: 0, bytes: this.#monitor.save() }]),
      ...this.#adaptation.save(),
      // A state of a model that was never asked is as it was before there were questions.
      ...(this.questions.unused ? [] : [{ tag: "LATE", member: 0, bytes: this.questions.serialize() }]),
    ]);
  }

  /** Takes over both states and the position at which they were saved. Throws `state-damaged`. */
  restore(saved: {
    readonly learner: Uint8Array;
    readonly monitor: Uint8Array;
    readonly numerics: number;
    readonly step: number;
    readonly sequence: number;
    readonly ordinal: number;
    readonly cost: number | null;
  }): void {
    const sections = decodeStateBlock(saved.monitor);
    fillFrom(this.#counters, sectionOf(sections, "CNTR", 0), "CNTR");
    this.marks.restore(sectionOf(sections, "MARK", 0));
    if (sections.some(({ tag }) => tag === "LATE")) this.questions.restore(sectionOf(sections, "LATE", 0));
    const scores = sections.find(({ tag }) => tag === "METR");
    if (scores !== undefined) this.#monitor?.restore(scores.bytes);
    this.#adaptation.restore(sections, this.#learner, saved.numerics);
    this.#learner.resume(saved.learner, saved.numerics);
    this.step = saved.step;
    this.sequence = saved.sequence;
    this.ordinal = saved.ordinal;
    this.cost = saved.cost;
  }
}

function monitorOf(config: LearnerConfig): Monitor | null {
  const { metrics, detector, input } = watchOf(config);
  if (metrics === "none") return null;
  const { window, fading } = MONITOR_DEFAULTS;
  return new Monitor({
    classes: config.network.loss === "mse" ? 0 : Math.max(2, outputsOf(config)),
    features: inputsOf(config),
    window,
    fading,
    detector: detector === "none" ? null : detector,
    watch: input,
  });
}

function adaptationOf(config: LearnerConfig): Adaptation {
  const { metrics, detector, policy } = watchOf(config);
  return new Adaptation(metrics === "none" || detector === "none" ? "none" : policy, config.features.length);
}

/** Tells whether scores made under one configuration go on under another. */
function sameScores(a: LearnerConfig, b: LearnerConfig): boolean {
  const [one, other] = [watchOf(a), watchOf(b)];
  return (
    one.metrics === other.metrics &&
    one.detector === other.detector &&
    one.input === other.input &&
    inputsOf(a) === inputsOf(b) &&
    a.network.loss === b.network.loss &&
    outputsOf(a) === outputsOf(b)
  );
}

function lateKeepOf({ learner }: ConfigInForce): number {
  return learner.late?.keep ?? LATE_KEEP;
}

/** Reads the accepted position out of a saved monitor state. Throws `state-damaged`. */
export function acceptedOf(monitor: Uint8Array): number {
  const counters = new Float64Array(COUNTERS);
  fillFrom(counters, sectionOf(decodeStateBlock(monitor), "CNTR", 0), "CNTR");
  return counters[ACCEPTED]!;
}

/** Reads the producers that numbered rows out of a saved monitor state. Throws `state-damaged`. */
export function sourcesOf(monitor: Uint8Array): readonly string[] {
  const marks = new Marks();
  marks.restore(sectionOf(decodeStateBlock(monitor), "MARK", 0));
  return marks.newest().map(({ source }) => source);
}

/** Reads a canonical configuration back. It was validated before it was first put in force. */
export function configInForce(json: string, hash: string): ConfigInForce {
  try {
    return { learner: JSON.parse(json) as LearnerConfig, json, hash };
  } catch (cause) {
    throw new RivuletError("state-damaged", "the saved configuration is no JSON", { cause });
  }
}
