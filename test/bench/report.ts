/** Tells the middle one of several numbers. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? Number.NaN;
}

/** Tells the value below which a share of several numbers lies. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length * share)] ?? Number.NaN;
}

/** Prints one line of a bench. */
export function report(what: string, value: number, unit: string, note = ""): void {
  console.log(`${what.padEnd(64)} ${shown(value).padStart(12)} ${unit.padEnd(10)}${note}`.trimEnd());
}

/** Says what was asked for and whether it is met. */
export function goal(value: number, relation: "≥" | "≤" | "=", bound: number): string {
  const met = relation === "≥" ? value >= bound : relation === "≤" ? value <= bound : value === bound;
  return ` (goal ${relation} ${shown(bound)}: ${met ? "met" : "MISSED"})`;
}

/** Shows three digits or more. */
export function shown(value: number): string {
  const digits = Math.abs(value) < 10 ? 2 : Math.abs(value) < 100 ? 1 : 0;
  return value.toLocaleString("en-US", { maximumFractionDigits: digits });
}
