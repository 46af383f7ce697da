import { log } from "../learner/elementary.ts";
import type { Learner } from "../learner/learner.ts";
import type { StateSection } from "../learner/state-block.ts";
import { gainOf, type RecentRows } from "./recent-rows.ts";

/** Rows between two looks at the learner. */
const CAPTURE_ROWS = 512;
/** A look younger than this may have seen the new concept already. */
const AGE_MIN = 256;
const CANDIDATES_MAX = 14;
const BYTES_MAX = 262_144;
/** Evidence, in nats, that an old state must have over the present one, and over knowing nothing. */
const GAIN_MIN = 4;
const GAIN_OVER_NOTHING = 2;

const ROWS = 0;
const RECENT = "RECN";
const CANDIDATE = "CAND";

interface Capture {
  readonly at: number;
  readonly block: Uint8Array;
}

/**
 * Keeps the states that a learner had at the end of each concept: copies, so that no pruning of snapshots concerns them. At
 * a drift it tells which of them explains the newest rows, if one does.
 */
export class Library {
  #rows = 0;
  /** The newest two looks, oldest first. */
  #recent: readonly Capture[] = [];
  #candidates: readonly Capture[] = [];

  /** Counts states of former concepts. */
  get candidates(): number {
    return this.#candidates.length;
  }

  /** Notes that rows are about to be trained. */
  pass(learner: Learner, rows: number): void {
    // The first look is at a learner that has learned something.
    if (this.#rows - (this.#recent.at(-1)?.at ?? 0) >= CAPTURE_ROWS)
      this.#recent = [...this.#recent.slice(-1), { at: this.#rows, block: learner.saveLearned() }];
    this.#rows += rows;
  }

  /**
   * Keeps the state from before the drift, and makes the one of a former concept current that explains the newest rows
   * best. Returns false where none does so clearly; then the learner is as it was.
   */
  turn(learner: Learner, recent: RecentRows): boolean {
    this.#keepFormer();
    const before = learner.save();
    const present = recent.losses(learner);
    const nothing = learner.config.network.loss === "mse" ? 0.5 : log(Math.max(2, learner.engine.outputCount));
    let best = before;
    let most = Math.max(GAIN_MIN, gainOf(present, () => nothing) + GAIN_OVER_NOTHING);
    for (const { block } of this.#candidates) {
      learner.adopt(block);
      const losses = recent.losses(learner);
      const gain = gainOf(present, (row) => losses[row]!);
      if (gain <= most) continue;
      most = gain;
      best = block;
    }
    learner.adopt(best);
    return best !== before;
  }

  /** Forgets everything: what comes is of another kind. */
  clear(): void {
    this.#recent = [];
    this.#candidates = [];
  }

  #keepFormer(): void {
    const former = this.#recent.findLast(({ at }) => this.#rows - at >= AGE_MIN);
    if (former === undefined || this.#candidates.includes(former)) return;
    const room = Math.max(2, Math.min(CANDIDATES_MAX, Math.floor(BYTES_MAX / former.block.length)));
    this.#candidates = [...this.#candidates, former].slice(-room);
  }

  /** Writes everything that it knows. */
  save(): readonly StateSection[] {
    const at = new Uint8Array(8 * (1 + this.#recent.length + this.#candidates.length));
    const view = new DataView(at.buffer);
    view.setFloat64(8 * ROWS, this.#rows, true);
    const captures = [...this.#recent, ...this.#candidates];
    captures.forEach((capture, c) => {
      view.setFloat64(8 * (1 + c), capture.at, true);
    });
    return [
      { tag: "LIBR", member: 0, bytes: at },
      ...this.#recent.map(({ block }, member) => ({ tag: RECENT, member, bytes: block })),
      ...this.#candidates.map(({ block }, member) => ({ tag: CANDIDATE, member, bytes: block })),
    ];
  }

  /** Takes over what `save` wrote. */
  restore(sections: readonly StateSection[]): void {
    const head = sections.find(({ tag }) => tag === "LIBR");
    if (head === undefined) return;
    const view = new DataView(head.bytes.buffer, head.bytes.byteOffset, head.bytes.byteLength);
    this.#rows = view.getFloat64(8 * ROWS, true);
    let next = 1;
    const read = (wanted: string): readonly Capture[] =>
      sections
        .filter(({ tag }) => tag === wanted)
        .map(({ bytes }) => ({ at: view.getFloat64(8 * next++, true), block: bytes.slice() }));
    this.#recent = read(RECENT);
    this.#candidates = read(CANDIDATE);
  }
}
