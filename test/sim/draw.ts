import { Random } from "../../src/learner/random.ts";

/** Makes the generator of one of the machine's parts, so that what one of them draws moves nothing for the others. */
export function randomOf(seed: number, part: number): Random {
  return new Random((Math.imul(seed, 1_000_003) + Math.imul(part, 7919)) >>> 0);
}

/** Draws one of a list. */
export function pick<T>(random: Random, list: readonly T[]): T {
  const drawn = list[random.uint32() % list.length];
  if (drawn === undefined) throw new Error("nothing to draw from");
  return drawn;
}

/** Tells whether one chance in `n` came true. */
export function oneIn(random: Random, n: number): boolean {
  return random.uint32() % n === 0;
}

/** Puts a list into another order. */
export function shuffled<T>(random: Random, list: readonly T[]): T[] {
  const keyed = list.map((value) => ({ value, key: random.uint32() }));
  return keyed.sort((a, b) => a.key - b.key).map(({ value }) => value);
}
