import { isDeepStrictEqual } from "node:util";

const EVENTUALLY_MS_MAX = 120_000;
const POLL_MS = 100;

/** Throws, with what was looked at, where two values differ. */
export function same(what: string, actual: unknown, expected: unknown): void {
  if (isDeepStrictEqual(actual, expected)) return;
  throw new Error(`${what}: came ${JSON.stringify(actual)}, expected ${JSON.stringify(expected)}`);
}

/** Throws where something does not become true on a machine that may be busy. */
export async function becomes(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  const end = performance.now() + EVENTUALLY_MS_MAX;
  while (!(await isSo())) {
    if (performance.now() > end) throw new Error(`${what}: has not become so`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}
