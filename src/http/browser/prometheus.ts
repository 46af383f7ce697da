// Reads what is counted for Prometheus, in its text format, as far as the dashboard needs it.

/** Is one number: its name, its labels and its value. */
export interface Series {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const LINE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)/;
const LABEL = /(\w+)="((?:[^"\\]|\\.)*)"/g;

/** Reads a text of metrics; what is no number is left out. */
export function parseMetrics(text: string): readonly Series[] {
  return text.split("\n").flatMap((line) => {
    const [, name, labels = "", value = ""] = LINE.exec(line) ?? [];
    if (name === undefined) return [];
    const number = value === "+Inf" ? Number.POSITIVE_INFINITY : Number(value);
    return [
      { name, labels: Object.fromEntries([...labels.matchAll(LABEL)].map(([, key, of]) => [key, of])), value: number },
    ];
  });
}

/** Adds up all series of a name; null where there is none. */
export function total(series: readonly Series[], name: string): number | null {
  const found = series.filter((one) => one.name === name);
  return found.length === 0 ? null : found.reduce((sum, { value }) => sum + value, 0);
}

/** Estimates a quantile of a histogram, as Prometheus does: linearly within its bucket. Null where nothing was observed. */
export function quantileOf(series: readonly Series[], name: string, share: number): number | null {
  const bounds = new Map<number, number>();
  for (const { name: of, labels, value } of series) {
    if (of !== `${name}_bucket`) continue;
    const bound = labels["le"] === "+Inf" ? Number.POSITIVE_INFINITY : Number(labels["le"]);
    bounds.set(bound, (bounds.get(bound) ?? 0) + value);
  }
  const buckets = [...bounds].sort(([a], [b]) => a - b);
  const wanted = share * (buckets.at(-1)?.[1] ?? 0);
  if (wanted === 0) return null;
  const i = buckets.findIndex(([, below]) => below >= wanted);
  const [bound, below] = buckets[i] ?? [Number.NaN, 0];
  const [lower, under] = buckets[i - 1] ?? [0, 0];
  if (bound === Number.POSITIVE_INFINITY) return lower;
  return lower + ((bound - lower) * (wanted - under)) / (below - under);
}
