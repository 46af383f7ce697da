/** Is a stretch of an axis. */
export interface Range {
  readonly min: number;
  readonly max: number;
}

/** Beyond so many deviations a value is an outlier, which would squeeze the rest together. */
const OUTLIER_DEVIATIONS = 4;
const DEVIATIONS_SHOWN = 2.5;
const MARGIN = 0.06;
/** Ends are rounded outwards to such parts of the span, so that they hold still while samples come and go. */
const PARTS = 10;
/** Share of the samples that may lie outside before the range moves. */
const OUTSIDE_MAX = 0.04;
/** How much wider than need be a range may be that holds still. */
const WIDER_MAX = 1.4;

/** Chooses what is shown of a feature: its newest values, and around its mean where few are known. */
export function rangeOf(values: readonly number[], mean: number, deviation: number): Range {
  const known = values.filter(Number.isFinite);
  const isKnown = Number.isFinite(mean) && deviation > 0;
  const reach = (deviations: number) => (isKnown ? deviations * deviation : Number.POSITIVE_INFINITY);
  const center = isKnown ? mean : 0;
  const fitting = known.filter((value) => Math.abs(value - center) <= reach(OUTLIER_DEVIATIONS));
  const ends =
    fitting.length > 1
      ? [Math.min(...fitting), Math.max(...fitting)]
      : isKnown
        ? [mean - reach(DEVIATIONS_SHOWN), mean + reach(DEVIATIONS_SHOWN)]
        : [-1, 1];
  return rounded(ends[0] ?? -1, ends[1] ?? 1);
}

/** Tells whether a range still shows nearly all values, and not much more than them. */
export function stillFits({ min, max }: Range, values: readonly number[], wanted: Range): boolean {
  const outside = values.filter((value) => value < min || value > max).length;
  return outside <= values.length * OUTSIDE_MAX && max - min < WIDER_MAX * (wanted.max - wanted.min);
}

/** Places up to `most` ticks at round numbers. */
export function ticksOf({ min, max }: Range, most: number): readonly number[] {
  const step = niceStep((max - min) / Math.max(1, most));
  const first = Math.ceil(min / step);
  const count = Math.floor(max / step) - first + 1;
  return Array.from({ length: Math.max(0, count) }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}

function rounded(low: number, high: number): Range {
  const width = high > low ? high - low : Math.abs(low) || 1;
  const step = niceStep(width / PARTS);
  const margin = width * MARGIN;
  return { min: Math.floor((low - margin) / step) * step, max: Math.ceil((high + margin) / step) * step };
}

/** The least of 1, 2 and 5 times a power of ten that is not below a number. */
function niceStep(least: number): number {
  const power = 10 ** Math.floor(Math.log10(least));
  const factor = [1, 2, 5, 10].find((one) => one * power >= least * (1 - 1e-9)) ?? 10;
  return factor * power;
}
