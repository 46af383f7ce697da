import { type StretchScore, scoreOn } from "../evaluate/backtest.ts";
import { type Importance, importanceOf, lossOn, permutationsOf } from "../evaluate/importance.ts";
import { LabelledRows, type Stretch } from "../evaluate/labelled-rows.ts";
import { Learner } from "../learner/learner.ts";
import type { LearnerConfig } from "../learner/learner-config.ts";
import { type JournalPage, unpackPage } from "../store/journal-page.ts";
import { canonicalJson } from "./canonical-json.ts";

export type Bounds = Pick<Stretch, "rows" | "from" | "to">;

interface Measured {
  readonly orders: readonly Uint32Array[];
  readonly base: number | null;
}

/** Scores learner states of one model on the newest labelled rows of its journal. It lives in the thread for that. */
export class Scorer {
  readonly #meaning: string;
  readonly #features: number;
  readonly #learner: Learner;
  readonly #rows: LabelledRows;
  /** What the rows mean where the journal is read; null where that is not known. */
  #meant: string | null = null;
  #stretch: Stretch | null = null;
  #measured: Measured | null = null;

  /** Throws `memory-exceeded`. */
  constructor(config: LearnerConfig, last: number) {
    this.#meaning = meaningOf(config);
    this.#features = config.features.length;
    this.#learner = new Learner(config);
    this.#rows = new LabelledRows(config.features.length, last);
  }

  /** Begins to read, where a configuration is in force. */
  start(config: string | null): void {
    this.#rows.clear();
    this.#meant = config === null ? null : meaningOf(JSON.parse(config));
  }

  /** Takes the rows of consecutive commits; returns how many are held. What means something else than now is passed over. */
  add(page: JournalPage): number {
    for (const { sections } of unpackPage(page)) {
      for (const entry of sections.flatMap(({ entries }) => entries)) {
        if (entry.type === "command" && entry.command.kind === "reset") this.#reset(entry.command.config);
        const fits = this.#meant === null || this.#meant === this.#meaning;
        if (entry.type !== "rows" || !fits || entry.features.length !== entry.rows * this.#features) continue;
        this.#rows.add(entry);
      }
    }
    return this.#rows.rows;
  }

  /** Ends reading, and tells which rows there are. */
  seal(): Bounds {
    this.#stretch = this.#rows.stretch();
    const { rows, from, to } = this.#stretch;
    return { rows, from, to };
  }

  /** Scores what a rollback to a learner state would give. */
  score(block: Uint8Array): StretchScore {
    this.#learner.adopt(block);
    return scoreOn(this.#learner, this.#read());
  }

  /** Takes a learner state whose features are to be measured, and returns its mean loss. */
  measure(block: Uint8Array, seed: number, permutations: number): number | null {
    this.#learner.adopt(block);
    const base = lossOn(this.#learner, this.#read());
    this.#measured = { orders: permutationsOf(seed, this.#read().rows, permutations), base };
    return base;
  }

  /** Measures one feature. */
  importance(feature: number): Importance {
    if (this.#measured === null) throw new Error("no state is measured");
    return importanceOf(this.#learner, this.#read(), feature, this.#measured.orders, this.#measured.base);
  }

  #read(): Stretch {
    if (this.#stretch === null) throw new Error("the rows are not read");
    return this.#stretch;
  }

  #reset(config: string): void {
    const meaning = meaningOf(JSON.parse(config));
    if (meaning !== this.#meant) this.#rows.clear();
    this.#meant = meaning;
  }
}

/** Takes out of a configuration what the rows of a journal mean, apart from what is made of them. */
function meaningOf(config: LearnerConfig): string {
  const { network, ensemble, scale, precision, optimizer, averaging, replay, batch, ...others } = config;
  const { late, watch, missing, classWeights, ...rest } = others;
  return canonicalJson({ ...rest, loss: network.loss });
}
