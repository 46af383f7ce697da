/** Tells the middle one of several numbers. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? Number.NaN;
}

/** Prints one line of a bench. */
export function report(what: string, value: number, unit: string): void {
  console.log(`${what.padEnd(52)} ${Math.round(value).toLocaleString("en-US").padStart(12)} ${unit}`);
}
