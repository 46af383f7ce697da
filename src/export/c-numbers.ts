const LINE_LENGTH_MAX = 118;

/** Writes a number as a constant of C that reads as the same double. Throws where it is not finite. */
export function numberInC(value: number): string {
  if (!Number.isFinite(value)) throw new Error(`${value} is no constant of C`);
  const digits = Object.is(value, -0) ? "-0" : String(value);
  return /[.e]/.test(digits) ? digits : `${digits}.0`;
}

/** Writes an initialiser. */
export function numbersInC(values: readonly number[]): string {
  const lines: string[] = [];
  let line = "";
  for (const value of values) {
    const next = `${numberInC(value)},`;
    if (line.length + next.length + 1 > LINE_LENGTH_MAX) {
      lines.push(line);
      line = "";
    }
    line += line === "" ? `  ${next}` : ` ${next}`;
  }
  return `{\n${[...lines, line].join("\n")}\n}`;
}
