// Sine and cosine of turns (1 is once round), the same bits on every machine, within 1e-12: + − × only.

const RADIANS = 2 * Math.PI;
/** Terms of the series; the argument is at most an eighth of a turn. */
const TERMS = 8;

/** Computes the sine of `turns`. */
export function sine(turns: number): number {
  const turn = turns - Math.floor(turns);
  const quarter = Math.floor(turn * 4 + 0.5);
  const x = (turn - quarter / 4) * RADIANS;
  switch (quarter % 4) {
    case 0:
      return sineNearZero(x);
    case 1:
      return cosineNearZero(x);
    case 2:
      return -sineNearZero(x);
    default:
      return -cosineNearZero(x);
  }
}

/** Computes the cosine of `turns`. */
export function cosine(turns: number): number {
  return sine(turns + 0.25);
}

/** Taylor's series, by Horner, for |x| up to π/4. */
function sineNearZero(x: number): number {
  let sum = 1;
  for (let k = TERMS; k > 0; k--) sum = 1 - (sum * x * x) / (2 * k * (2 * k + 1));
  return x * sum;
}

function cosineNearZero(x: number): number {
  let sum = 1;
  for (let k = TERMS; k > 0; k--) sum = 1 - (sum * x * x) / (2 * k * (2 * k - 1));
  return sum;
}
