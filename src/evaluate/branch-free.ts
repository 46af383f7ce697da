// Who is right nobody can foresee, the processor's branch prediction included, and a wrong guess costs it more than these.

/** Returns 1 where two classes are the same, else 0. */
export function same(a: number, b: number): number {
  const difference = a - b;
  return 1 - ((difference | -difference) >>> 31);
}

/** Returns the class of a probability: 1 where p ≥ .5, else 0. */
export function classOf(p: number): number {
  const doubled = (2 * p) | 0; // 2 where p is 1
  return doubled - (doubled >> 1);
}

/** Returns p of class 1, 1 − p of class 0. */
export function givenTo(label: number, p: number): number {
  return 1 - label + (2 * label - 1) * p;
}
