// The product of a layer with a single unit: out[r] = start + Σ_k left[r][k] · right[k], k upwards. There is one column, so
// lanes run over rows: squares of numbers are transposed in registers on the way.

import { type Code, i32, op, shuffle, type Value, zero } from "./assembler.ts";
import { behind } from "./frame.ts";
import type { Lanes } from "./lanes.ts";

export interface ColumnProduct {
  readonly rows: Value;
  readonly depth: number;
  /** left[r][k] is at left + r · rowBytes + k · width. */
  readonly left: number;
  readonly rowBytes: number;
  readonly right: number;
  readonly start: number;
  /** Whole vectors are written here, so some more numbers than there are rows. */
  readonly out: number;
  /** What becomes of the sums before they are stored. */
  readonly finish: (sums: Value) => Value;
}

/** Depth that is written out; a deeper product is a loop. */
const DEPTH_COPIES_MAX = 16;

/** Emits the product. */
export function columnProduct(code: Code, lanes: Lanes, base: Value, product: ColumnProduct): void {
  const { rows, depth, left, rowBytes, right, start, out, finish } = product;
  const { count, width } = lanes;
  const last = code.keep("i32", op("i32.sub", rows, i32(1)));
  code.loop(i32(0), rows, count, (row) => {
    // Rows that there are not stand for the last one.
    const places = Array.from({ length: count }, (_, r) => {
      const index = code.keep("i32", op("i32.add", row, i32(r)));
      const within = r === 0 ? index : op("select", index, last, op("i32.lt_u", index, rows));
      return code.variable("i32", behind(base, within, rowBytes));
    });
    const rightAt = code.variable("i32", base);
    const sums = code.variable("v128", lanes.broadcast(base, start));
    const square = (k: number, used: number) => {
      const numbers = places.map(({ value }) => code.keep("v128", lanes.load(value, left + k * width)));
      const columns = transposedSquare(numbers, (value) => code.keep("v128", value));
      for (const [c, column] of columns.slice(0, used).entries()) {
        const factor = lanes.broadcast(rightAt.value, right + (k + c) * width);
        code.assign(sums, lanes.add(sums.value, lanes.mul(column, factor)));
      }
    };
    const whole = depth - (depth % count);
    let from = 0;
    if (whole > DEPTH_COPIES_MAX) {
      const end = code.keep("i32", op("i32.add", base, i32(whole * width)));
      const advance = [...places, rightAt];
      code.repeat(
        () => {
          square(0, count);
          for (const pointer of advance) code.assign(pointer, op("i32.add", pointer.value, i32(count * width)));
        },
        op("i32.lt_u", rightAt.value, end),
      );
    } else for (; from < whole; from += count) square(from, count);
    if (whole < depth) square(from, depth - whole);
    lanes.store(code, code.keep("i32", behind(base, row, width)), out, finish(sums.value), count);
  });
}

/** Transposes 2 × 2 f64 or 4 × 4 f32. */
export function transposedSquare(rows: readonly Value[], keep: (value: Value) => Value): readonly Value[] {
  const row = (r: number) => rows[r] ?? zero;
  if (rows.length === 2) return [shuffle(row(0), row(1), LOW_HALVES), shuffle(row(0), row(1), HIGH_HALVES)];
  const low = [keep(shuffle(row(0), row(1), LOW_QUARTERS)), keep(shuffle(row(2), row(3), LOW_QUARTERS))] as const;
  const high = [keep(shuffle(row(0), row(1), HIGH_QUARTERS)), keep(shuffle(row(2), row(3), HIGH_QUARTERS))] as const;
  return [low, high].flatMap(([a, b]) => [shuffle(a, b, LOW_HALVES), shuffle(a, b, HIGH_HALVES)]);
}

const range = (start: number, length: number) => Array.from({ length }, (_, i) => start + i);
const bytesFrom = (...starts: readonly number[]) => starts.flatMap((start) => range(start, 16 / starts.length));
const LOW_HALVES = bytesFrom(0, 16);
const HIGH_HALVES = bytesFrom(8, 24);
const LOW_QUARTERS = bytesFrom(0, 16, 4, 20);
const HIGH_QUARTERS = bytesFrom(8, 24, 12, 28);
