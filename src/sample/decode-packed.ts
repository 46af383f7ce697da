import { categoriesAllowed, isCategory } from "./category.ts";
import { isSafe } from "./number-runs.ts";
import {
  classCountOf,
  type Decoded,
  FEATURE_ABS_MAX,
  labelsAllowed,
  type NumberRun,
  type RefusalCode,
  type Rows,
  type SampleLimits,
  type SampleSchema,
} from "./rows.ts";
import type { FirstNumber } from "./topic.ts";

/** Decodes rows of `x1, x2, …, y`, little-endian, at whatever byte offset the payload begins. No bytes are no rows. */
export function decodePacked(
  payload: Uint8Array,
  schema: SampleSchema,
  limits: SampleLimits,
  out: Rows,
  precision: "f32" | "f64",
  number: FirstNumber | null,
): Decoded {
  const width = schema.features.length;
  const classCount = classCountOf(schema);
  const valueBytes = precision === "f32" ? 4 : 8;
  const rowBytes = (width + 1) * valueBytes;
  const rows = payload.length / rowBytes;
  const refuse = (code: RefusalCode, detail: string): Decoded => {
    return { kind: "refused", code, detail, numbering: Number.isInteger(rows) ? numberingOf(number, rows) : [] };
  };
  if (!Number.isInteger(rows)) {
    return refuse(
      "wrong-length",
      `${payload.length} bytes are no whole number of rows of ${rowBytes} bytes (${width} features and a label)`,
    );
  }
  if (rows > limits.rowsMax) return refuse("too-large", `${rows} rows; at most ${limits.rowsMax} are allowed`);
  if (number !== null && !isSafe(number.seq, rows)) {
    return refuse("number-invalid", `seq ${number.seq}: with ${rows} rows it is above what is exact`);
  }
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  let at = 0;
  for (let r = 0; r < rows; r++) {
    for (let i = 0; i <= width; i++) {
      const value = valueBytes === 4 ? view.getFloat32(at, true) : view.getFloat64(at, true);
      at += valueBytes;
      // x − x is 0 for finite numbers only.
      if (value - value !== 0) return refuse("not-finite", `row ${r}, ${schema.features[i] ?? schema.label}: ${value}`);
      if (i < width) {
        if (value > FEATURE_ABS_MAX || value < -FEATURE_ABS_MAX) {
          return refuse(
            "out-of-range",
            `row ${r}, ${schema.features[i]}: ${value}; at most ±${FEATURE_ABS_MAX} is allowed`,
          );
        }
        const categories = schema.categories?.[i] ?? null;
        if (categories !== null && !isCategory(value, categories)) {
          return refuse(
            "category-unknown",
            `row ${r}, ${schema.features[i]}: ${value}; ${categoriesAllowed(categories)} is allowed`,
          );
        }
        // Adding 0 makes −0 a 0: an index.
        out.features[r * width + i] = categories === null ? value : value + 0;
      } else {
        if (classCount > 0 && !(value >= 0 && value < classCount && Math.floor(value) === value)) {
          return refuse(
            "label-invalid",
            `row ${r}, ${schema.label}: ${value}; ${labelsAllowed(classCount)} is allowed`,
          );
        }
        out.labels[r] = value;
      }
    }
  }
  out.rows = rows;
  out.hasWeights = false;
  out.hasTimes = false;
  out.hasIds = false;
  out.hasLate = false;
  out.ignoredFields = 0;
  out.numbering = numberingOf(number, rows);
  return { kind: "rows", rows: out };
}

function numberingOf(number: FirstNumber | null, rows: number): readonly NumberRun[] {
  return number === null || rows === 0 || !isSafe(number.seq, rows) ? [] : [{ offset: 0, rows, ...number }];
}
