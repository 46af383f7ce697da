// One numbering of a producer: the mark, and the numbers around it that are settled. Where a numbering begins is not agreed
// upon, so an epoch begins at the first number seen. A producer that sends in order loses nothing by that, wherever it
// begins. For one whose first messages came out of order, numbers up to WINDOW below the first one are accepted too, each
// once; the mark says nothing about them, and they are never gaps.

/** Numbers above the mark, and below the first one, that are accepted out of order. */
export const WINDOW = 1024;
/** Words of a bitmap. */
export const WORDS = WINDOW / 32;

/** Remembers the settled numbers of one epoch. A number's bit is at number mod WINDOW. */
export interface Epoch {
  /** The first number seen. */
  readonly first: number;
  /** The first number from there on that is not settled. */
  next: number;
  gaps: number;
  /** (WORDS) settled numbers of [next, next + WINDOW). */
  readonly above: Uint32Array;
  /** (WORDS) settled numbers of [first − WINDOW, first); null where there is none. */
  below: Uint32Array | null;
}

/** Is a run of numbers without holes. */
export type Stretch = readonly [from: number, to: number];

/** Begins an epoch with the first number that came of it. */
export function beginEpoch(first: number): Epoch {
  return { first, next: first, gaps: 0, above: new Uint32Array(WORDS), below: null };
}

/** Tells whether a number is settled, or so old that it is taken for settled. */
export function isSettled(epoch: Epoch, number: number): boolean {
  if (number >= epoch.next) return number < epoch.next + WINDOW && has(epoch.above, number);
  if (number >= epoch.first || number < epoch.first - WINDOW) return true;
  return epoch.below !== null && has(epoch.below, number);
}

/** Settles `rows` numbers from `seq` on; those that are settled stay so. */
export function settleRun(epoch: Epoch, seq: number, rows: number): void {
  if (seq === epoch.next && isEmpty(epoch.above)) epoch.next += rows;
  else for (let number = seq; number < seq + rows; number++) settleOne(epoch, number);
}

/** Lists the stretches of settled numbers above the mark, each by its first and its last number. */
export function stretchesAbove({ next, above }: Epoch): readonly Stretch[] {
  if (isEmpty(above)) return [];
  const stretches: [number, number][] = [];
  for (let number = next; number < next + WINDOW; number++) {
    if (!has(above, number)) continue;
    const last = stretches.at(-1);
    if (last?.[1] === number - 1) last[1] = number;
    else stretches.push([number, number]);
  }
  return stretches;
}

/** Tells whether a bitmap has no number in it. */
export function isEmpty(bitmap: Uint32Array): boolean {
  for (let w = 0; w < WORDS; w++) if (bitmap[w] !== 0) return false;
  return true;
}

function settleOne(epoch: Epoch, number: number): void {
  if (number < epoch.next) {
    if (number >= epoch.first || number < epoch.first - WINDOW) return;
    epoch.below ??= new Uint32Array(WORDS);
    add(epoch.below, number);
    return;
  }
  // The window slides so far that the number fits in; what is missing below it is given up.
  while (number >= epoch.next + WINDOW) {
    if (isEmpty(epoch.above)) {
      const target = number - WINDOW + 1;
      epoch.gaps += target - epoch.next;
      epoch.next = target;
    } else advance(epoch);
  }
  add(epoch.above, number);
  while (has(epoch.above, epoch.next)) advance(epoch);
}

/** Moves the mark by one number, which is a gap where it is not settled. */
function advance(epoch: Epoch): void {
  if (has(epoch.above, epoch.next)) remove(epoch.above, epoch.next);
  else epoch.gaps++;
  epoch.next++;
}

function has(bitmap: Uint32Array, number: number): boolean {
  return (bitmap[wordOf(number)]! & bitOf(number)) !== 0;
}

function add(bitmap: Uint32Array, number: number): void {
  bitmap[wordOf(number)]! |= bitOf(number);
}

function remove(bitmap: Uint32Array, number: number): void {
  bitmap[wordOf(number)]! &= ~bitOf(number);
}

function wordOf(number: number): number {
  return (number % WINDOW) >> 5;
}

function bitOf(number: number): number {
  return 1 << (number % 32);
}
