import type { Sample } from "./answers.ts";
import type { Predictor } from "./predictor.ts";
import type { Plane } from "./surface-grid.ts";
import { type Range, rangeOf, stillFits } from "./surface-range.ts";

/** Says which features a surface is over, by their places; null leaves the choice. */
export interface Axes {
  readonly x: number | null;
  readonly y: number | null;
}

/** Lists the features that can be an axis: those that are numbers. */
export function axisFeatures({ kinds }: Predictor): readonly number[] {
  return kinds.flatMap((kind, f) => (kind === "number" ? [f] : []));
}

/**
 * Chooses what a surface shows: two features, or one, which is then both x and y; null where none is a number. `former` is
 * kept as long as it fits, so that the picture holds still.
 */
export function planeOf(
  predictor: Predictor,
  samples: readonly Sample[],
  axes: Axes,
  former: Plane | null,
): Plane | null {
  const choices = axisFeatures(predictor);
  const [first] = choices;
  if (first === undefined) return null;
  const x = axes.x !== null && choices.includes(axes.x) ? axes.x : first;
  const other = choices.find((f) => f !== x) ?? x;
  const y = axes.y !== null && axes.y !== x && choices.includes(axes.y) ? axes.y : other;
  const range = (f: number, before: Range | null): Range => {
    const values = samples.map(({ features }) => features[f]).filter((value) => typeof value === "number");
    const wanted = rangeOf(values, predictor.means[f] ?? Number.NaN, predictor.deviations[f] ?? Number.NaN);
    return before !== null && stillFits(before, values, wanted) ? before : wanted;
  };
  const isSame = former !== null && former.x === x && former.y === y;
  return {
    x,
    y,
    xRange: range(x, isSame ? former.xRange : null),
    yRange: range(y, isSame ? former.yRange : null),
    held: predictor.features.map((_, f) => heldAt(predictor, samples, f)),
  };
}

/** Where a feature is held that is no axis: at its mean, or at its most frequent category. */
function heldAt({ means, kinds }: Predictor, samples: readonly Sample[], f: number): number {
  const kind = kinds[f];
  if (kind !== "number") {
    if (kind === undefined || kind === "hashed") return Number.NaN;
    const counts = kind.map((name) => samples.filter(({ features }) => features[f] === name).length);
    return counts.indexOf(Math.max(...counts));
  }
  const mean = means[f] ?? Number.NaN;
  if (Number.isFinite(mean)) return mean;
  const values = samples.map(({ features }) => features[f]).filter((value) => typeof value === "number");
  return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** The range of the values that a label took; null where it is a class, or too few are known. */
export function labelRange(predictor: Predictor, samples: readonly Sample[]): Range | null {
  if (predictor.classes !== null) return { min: 0, max: 1 };
  const labels = samples.map(({ label }) => label);
  return labels.length < 2 ? null : rangeOf(labels, Number.NaN, Number.NaN);
}
