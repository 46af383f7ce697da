/** Writes a count of bytes for people, in MB. */
export function megabytes(count: number): string {
  return `${(count / 1e6).toFixed(count < 1e7 ? 1 : 0)} MB`;
}
