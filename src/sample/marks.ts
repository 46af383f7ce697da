// Exactly once for numbered rows: which numbers of a producer are settled, that is trained or refused. Everything here is
// a pure function of the calls of `settle`, in their order, so marks are a fold of the journal like all state; it does not
// matter how the rows were divided among calls.

import { beginEpoch, type Epoch, isSettled, type Stretch, settleRun, stretchesAbove } from "./epoch.ts";
import { decodeMarks, EPOCHS_MAX, encodeMarks, SOURCES_MAX } from "./marks-bytes.ts";

/** Tells how far a producer's numbers are settled. */
export interface Mark {
  readonly source: string;
  readonly epoch: string;
  /** Every number from the first one seen up to this one is settled. */
  readonly seq: number;
  /** Numbers that were given up as missing. */
  readonly gaps: number;
  /** Numbers further up that are settled too. */
  readonly above: readonly Stretch[];
}

/** Remembers settled numbers by source and epoch. */
export class Marks {
  #sources = new Map<string, Map<string, Epoch>>();
  /** The last one in that map, or null where it is not known. */
  #newest: string | null = null;
  /** Sources of which something was settled since `takeChanged`. */
  #changed = new Set<string>();

  /** Tells whether a number is settled, or so old that it is taken for settled. */
  settled(source: string, epoch: string, seq: number): boolean {
    const known = this.#sources.get(source)?.get(epoch);
    return known !== undefined && isSettled(known, seq);
  }

  /** Settles `rows` numbers from `seq` on; those that are settled stay so. Returns how many numbers were newly given up as missing. */
  settle(source: string, epoch: string, seq: number, rows: number): number {
    if (rows <= 0) return 0;
    const known = this.#epoch(source, epoch, seq);
    const before = known.gaps;
    this.#changed.add(source);
    settleRun(known, seq, rows);
    return known.gaps - before;
  }

  /** Lists the newest epoch of each source. */
  newest(): readonly Mark[] {
    return this.#newestOf(this.#sources.keys());
  }

  /** Lists the newest epoch of the sources of which something was settled since the last call. */
  takeChanged(): readonly Mark[] {
    if (this.#changed.size === 0) return [];
    const changed = this.#newestOf(this.#changed);
    this.#changed = new Set();
    return changed;
  }

  #newestOf(sources: Iterable<string>): readonly Mark[] {
    return [...sources].flatMap((source) => {
      const [epoch, known] = [...(this.#sources.get(source) ?? [])].at(-1) ?? [];
      if (epoch === undefined || known === undefined) return [];
      return [{ source, epoch, seq: known.next - 1, gaps: known.gaps, above: stretchesAbove(known) }];
    });
  }

  /** Writes everything remembered; equal histories give equal bytes. */
  serialize(): Uint8Array {
    return encodeMarks(this.#sources);
  }

  /** Takes over what `serialize` wrote. Throws `state-damaged`, and then nothing is changed. */
  restore(bytes: Uint8Array): void {
    this.#sources = decodeMarks(bytes);
    this.#newest = null;
  }

  #epoch(source: string, name: string, seq: number): Epoch {
    const epochs = this.#sources.get(source) ?? new Map<string, Epoch>();
    // Set anew, so that the order of the map is the order of use.
    if (source !== this.#newest) {
      this.#sources.delete(source);
      this.#sources.set(source, epochs);
      this.#newest = source;
      if (this.#sources.size > SOURCES_MAX) forgetFirst(this.#sources);
    }
    const known = epochs.get(name);
    if (known !== undefined) return known;
    const epoch = beginEpoch(seq);
    epochs.set(name, epoch);
    if (epochs.size > EPOCHS_MAX) forgetFirst(epochs);
    return epoch;
  }
}

function forgetFirst<K>(map: Map<K, unknown>): void {
  for (const key of map.keys()) {
    map.delete(key);
    return;
  }
}
