import type { Decoded, NumberRun, SampleSchema } from "../../src/sample/rows.ts";
import type { Expected } from "./oracle.ts";

/** Turns what was decoded into the oracle's words. */
export function told(decoded: Decoded, schema: SampleSchema): Expected {
  if (decoded.kind === "refused") return { kind: decoded.code };
  const { rows, features, labels, weights, times, ids, kinds, numbering } = decoded.rows;
  const width = schema.features.length;
  const list = Array.from({ length: rows }, (_, r) => ({
    features: [...features.subarray(r * width, (r + 1) * width)],
    label: labels[r] ?? Number.NaN,
    weight: decoded.rows.hasWeights ? (weights[r] ?? Number.NaN) : 1,
    time: decoded.rows.hasTimes ? (times[r] ?? Number.NaN) : Number.NaN,
    id: decoded.rows.hasIds ? (ids[r] ?? null) : null,
    kind: decoded.rows.hasLate ? (kinds[r] ?? Number.NaN) : 0,
    number: numberAt(numbering, r),
  }));
  return { kind: "rows", rows: list };
}

function numberAt(numbering: readonly NumberRun[], r: number): readonly [string, string, number] | null {
  const run = numbering.find(({ offset, rows }) => r >= offset && r < offset + rows);
  return run === undefined ? null : [run.source, run.epoch, run.seq + r - run.offset];
}

/** Lists the numbers of a message, whatever became of it, as the oracle does. */
export function toldNumbers(decoded: Decoded): readonly (readonly [number, string, string, number])[] {
  const { numbering } = decoded.kind === "refused" ? decoded : decoded.rows;
  return numbering.flatMap(({ offset, rows, source, epoch, seq }) =>
    Array.from({ length: rows }, (_, i) => [offset + i, source, epoch, seq + i] as const),
  );
}
