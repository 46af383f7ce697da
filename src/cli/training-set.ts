import { readFileSync } from "node:fs";
import { RivuletError } from "../error.ts";
import type { Loss } from "../learner/topology.ts";
import { type Categories, categoriesAllowed, isCategory, numberOfCategory } from "../sample/category.ts";
import { NUMERIC, numberOf, readCsv } from "../sample/csv.ts";
import { labelsAllowed, SHOWN_CHARACTERS_MAX } from "../sample/rows.ts";

export interface TrainingSet {
  readonly features: readonly string[];
  readonly label: string;
  readonly rows: number;
  /** (rows, I) row-major, NaN where a cell is empty. */
  readonly x: Float64Array;
  /** (rows). */
  readonly y: Float64Array;
}

/** Reads a CSV file as numbers. Throws `file-unreadable`, and `csv-invalid` with the line of the first cell that does not fit. */
export function readTrainingSet(
  file: string,
  columns: {
    readonly features: readonly string[] | null;
    readonly label: string | null;
    readonly classes: readonly string[] | null;
    readonly loss: Loss;
    /** What features that are no numbers may be, in the order of `features`; null is a number. */
    readonly categories: readonly (Categories | null)[];
    /** Whether some of a row's features may be missing. */
    readonly mayMiss: boolean;
  },
): TrainingSet {
  const { features, label, rows } = readCsv(readText(file), columns);
  if (rows.length === 0) throw new RivuletError("csv-invalid", `${file} has a header and no rows`);
  const x = new Float64Array(rows.length * features.length);
  const y = new Float64Array(rows.length);
  const classCount = columns.loss === "mse" ? 0 : Math.max(2, columns.classes?.length ?? 0);
  rows.forEach((row, r) => {
    features.forEach((feature, i) => {
      const value = numberFor(row.features[i] ?? "", columns.categories[i] ?? null, feature, row.line);
      x[r * features.length + i] = columns.mayMiss ? value : present(value, feature, row.line);
    });
    const values = x.subarray(r * features.length, (r + 1) * features.length);
    if (values.every(Number.isNaN)) present(Number.NaN, features.join(", "), row.line);
    const named = columns.classes?.indexOf(row.label.trim()) ?? -1;
    const value = named >= 0 ? named : present(numberOf(row.label, label, row.line), label, row.line);
    if (classCount > 0 && !(value >= 0 && value < classCount && Number.isInteger(value))) {
      throw new RivuletError(
        "csv-invalid",
        `line ${row.line}: the label ${label} is ${value}; cross-entropy needs ${labelsAllowed(classCount)}`,
      );
    }
    y[r] = value;
  });
  return { features, label, rows: rows.length, x, y };
}

/** Reads a file as text. Throws `file-unreadable`. */
export function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    throw new RivuletError(
      "file-unreadable",
      `${file} cannot be read: ${cause instanceof Error ? cause.message : cause}`,
      { cause },
    );
  }
}

/** Reads a cell as a number, or as that of a category. */
function numberFor(cell: string, categories: Categories | null, column: string, line: number): number {
  const text = cell.trim();
  if (categories === null || text === "") return numberOf(cell, column, line);
  // A number stands for itself.
  const value = NUMERIC.test(text) ? Number(text) : numberOfCategory(text, categories);
  if (value !== null && isCategory(value, categories)) return value;
  const allowed = categoriesAllowed(categories).slice(0, SHOWN_CHARACTERS_MAX);
  throw new RivuletError("csv-invalid", `line ${line}: column ${column} has ${text}; ${allowed} is allowed`);
}

function present(value: number, column: string, line: number): number {
  if (Number.isNaN(value)) throw new RivuletError("csv-invalid", `line ${line}: column ${column} is empty`);
  return value;
}
