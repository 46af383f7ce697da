// Trains on former rows once more (experience replay: Lin 1992; against forgetting, rehearsal: Robins 1995). After each step the
// rows of it are held, and some mini-batches are drawn from all that are held, and trained. A window holds the newest rows; a
// reservoir any of those that ever came, each as likely (Vitter 1985, algorithm R).

import type { ClassWeights } from "./class-weights.ts";
import type { Encoder } from "./encoder.ts";
import type { Engine } from "./engine.ts";
import type { Random } from "./random.ts";

export const REPLAY_KINDS = ["window", "reservoir"] as const;
export type ReplayKind = (typeof REPLAY_KINDS)[number];

export interface ReplayConfig {
  readonly kind: ReplayKind;
  /** Rows that are held. */
  readonly rows: number;
  /** Mini-batches of held rows that follow a step. */
  readonly batches: number;
  /** Rows of each of them. */
  readonly size: number;
}

/** Tags in a state block: what one kind held is of no use to the other. */
const TAGS: Readonly<Record<ReplayKind, string>> = { window: "WIND", reservoir: "RESV" };
/** Numbers of a row beside its features: label and weight. */
const BESIDE = 2;

/** Counts the numbers of the state: how many rows came, and the rows held. */
export function replayLength({ rows }: Pick<ReplayConfig, "rows">, features: number): number {
  return 1 + rows * (features + BESIDE);
}

/** What a learner lends to its replay. */
interface Lent {
  readonly engine: Engine;
  readonly encoder: Encoder;
  readonly classWeights: ClassWeights | null;
  /** Draws the rows; its state is the learner's. */
  readonly random: Random;
}

/** Holds rows and trains on them. Its state is part of the learner state. Allocates only in the constructor. */
export class ExperienceReplay {
  readonly tag: string;
  /** How many rows came, then rows (N, F + 2) as they came: features, NaN where one is missing, label, weight. */
  readonly state: Float64Array;
  readonly #config: ReplayConfig;
  readonly #features: number;
  readonly #lent: Lent;
  /** (size, F) rows that were drawn. */
  readonly #drawn: Float64Array;
  /** (size) labels and weights of the mini-batch that came, while drawn ones are in their place. */
  readonly #labels: Float64Array;
  readonly #weights: Float64Array;

  constructor(config: ReplayConfig, features: number, lent: Lent) {
    this.tag = TAGS[config.kind];
    this.state = new Float64Array(replayLength(config, features));
    this.#config = config;
    this.#features = features;
    this.#lent = lent;
    this.#drawn = new Float64Array(config.size * features);
    this.#labels = new Float64Array(config.size);
    this.#weights = new Float64Array(config.size);
  }

  /** Forgets the rows. */
  clear(): void {
    this.state.fill(0);
  }

  /**
   * Holds the first `rows` rows of the encoder's `raw`, which a step has learned, and trains on what it draws, with the step's
   * learning rate. Scaler and class counts learn nothing of what they know already. A mini-batch that would make a number
   * non-finite is left out. What the engine shows of the step stays: labels, weights, cost.
   */
  train(rows: number): void {
    const { engine, encoder, classWeights } = this.#lent;
    const { labels, sampleWeights, scaler, cost } = engine;
    const { batches, size } = this.#config;
    for (let r = 0; r < rows; r++) this.#hold(r);
    copy(this.#labels, labels, size);
    copy(this.#weights, sampleWeights, size);
    const learned = scaler?.hold() ?? 0;
    engine.rows = size;
    for (let b = 0; b < batches; b++) {
      for (let r = 0; r < size; r++) this.#draw(r);
      encoder.encode(this.#drawn, size);
      classWeights?.multiply(sampleWeights, labels, size);
      engine.step();
    }
    scaler?.release(learned);
    copy(labels, this.#labels, size);
    copy(sampleWeights, this.#weights, size);
    engine.rows = rows;
    engine.cost = cost;
    engine.undone = false;
  }

  /** Puts row r of the mini-batch where the kind wants it; a reservoir passes over it ever more often. */
  #hold(r: number): void {
    const { state } = this;
    const features = this.#features;
    const { kind, rows } = this.#config;
    const { engine, encoder, random } = this.#lent;
    const before = state[0]!;
    state[0] = before + 1;
    let place = before;
    if (before >= rows) place = kind === "window" ? before % rows : Math.floor(random.uniform() * (before + 1));
    if (place >= rows) return;
    const at = 1 + place * (features + BESIDE);
    for (let i = 0; i < features; i++) state[at + i] = encoder.raw[r * features + i]!;
    state[at + features] = engine.labels[r]!;
    state[at + features + 1] = engine.sampleWeights[r]!;
  }

  /** Draws a row, any of those held, as row r of a mini-batch. */
  #draw(r: number): void {
    const { state } = this;
    const features = this.#features;
    const { engine, random } = this.#lent;
    const came = state[0]!;
    const held = came < this.#config.rows ? came : this.#config.rows;
    const at = 1 + Math.floor(random.uniform() * held) * (features + BESIDE);
    for (let i = 0; i < features; i++) this.#drawn[r * features + i] = state[at + i]!;
    engine.labels[r] = state[at + features]!;
    engine.sampleWeights[r] = state[at + features + 1]!;
  }
}

function copy(to: Float64Array, from: Float64Array, count: number): void {
  for (let i = 0; i < count; i++) to[i] = from[i]!;
}
