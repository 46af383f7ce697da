import { existsSync, readFileSync } from "node:fs";
import { Random } from "../../src/learner/random.ts";

const file = new URL("../../../shared/data/bananas.csv", import.meta.url);
const ROWS = 5300;

/** Gives the real stream where it is there, else one like it. */
export function bananas(): string {
  if (existsSync(file)) return readFileSync(file, "utf8");
  const random = new Random(1);
  const lines = Array.from({ length: ROWS }, () => {
    const [x1, x2] = [random.normal(), random.normal()];
    return `${x1.toFixed(6)},${x2.toFixed(6)},${x1 * x1 + x2 * x2 < 1.4 ? 1 : 0}`;
  });
  return `x1,x2,y\n${lines.join("\n")}\n`;
}

/** Reads the rows of a CSV text as numbers. */
export function rowsOf(csv: string): readonly (readonly number[])[] {
  return csv
    .trim()
    .split("\n")
    .slice(1)
    .map((line) => line.split(",").map(Number));
}
