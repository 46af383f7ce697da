// How much the fuzzing tests do, and from which seed: little in `npm test`, more by `npm run fuzz -- --seed S --runs N`.

import fc from "fast-check";

const seed = process.env["RIVULET_FUZZ_SEED"];
const runs = process.env["RIVULET_FUZZ_RUNS"];

/** Is the seed of all that is drawn. */
export const FUZZ_SEED = Number(seed ?? 20_262);
export const FUZZ_IS_DEFAULT = seed === undefined && runs === undefined;
/** Time that a property may take. */
export const FUZZ_MS_MAX = 60_000 + Number(runs ?? 0) * 100;

/** Tells how many runs a property gets: `few` in `npm test`, else so many per cent of RIVULET_FUZZ_RUNS. */
function runsOf(few: number, percent: number): number {
  return runs === undefined ? few : Math.max(1, Math.round((Number(runs) * percent) / 100));
}

/** Checks a property; throws, with the command that reproduces, where it does not hold. */
export function checkProperty<T>(property: fc.IProperty<T>, few: number, percent: number): void {
  const numRuns = runsOf(few, percent);
  try {
    fc.assert(property, { seed: FUZZ_SEED, numRuns });
  } catch (error) {
    throw reproducible(error);
  }
}

/** Checks a property that takes time, like `checkProperty`. */
export async function checkAsyncProperty<T>(
  property: fc.IAsyncProperty<T>,
  few: number,
  percent: number,
): Promise<void> {
  const numRuns = runsOf(few, percent);
  try {
    await fc.assert(property, { seed: FUZZ_SEED, numRuns });
  } catch (error) {
    throw reproducible(error);
  }
}

function reproducible(error: unknown): Error {
  const command = `RIVULET_FUZZ_SEED=${FUZZ_SEED}${runs === undefined ? "" : ` RIVULET_FUZZ_RUNS=${runs}`}`;
  return new Error(`${command}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
}
