/**
 * Adds to a compensated sum: `at` holds the sum, `at + 1` what rounding took from it (Neumaier 1974). Their sum is right
 * to the last digits after any number of rows.
 */
export function add(values: Float64Array, at: number, value: number): void {
  const sum = values[at]!;
  const next = sum + value;
  const larger = Math.abs(sum) >= Math.abs(value);
  values[at + 1] = values[at + 1]! + (larger ? sum - next + value : value - next + sum);
  values[at] = next;
}
