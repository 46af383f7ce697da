// The one matrix product: out[r][c] = start[c] + Σ_k left[r][k] · right[k][c], k upwards. Lanes run over c, so every sum
// keeps its order. Forward, backward and gradient pass are this with other operands.

import { type Code, i32, op, type Value, type Variable, zero } from "./assembler.ts";
import type { Lanes } from "./lanes.ts";

/** A size: known when the code is emitted, or a number of rows that it finds out. */
export type Count = number | Value;

export interface Gemm {
  readonly rows: Count;
  readonly columns: number;
  readonly depth: Count;
  /** left[r][k] is at offset + r · rowBytes + k · depthBytes. */
  readonly left: { readonly offset: number; readonly rowBytes: number; readonly depthBytes: number };
  /** right[k][c] is at offset + k · depthBytes + c · width. */
  readonly right: { readonly offset: number; readonly depthBytes: number };
  /** out[r][c] is at offset + r · rowBytes + c · width. */
  readonly out: { readonly offset: number; readonly rowBytes: number };
  /** Where start[c] stands; null starts at 0. */
  readonly start: number | null;
  /** Adds a row after the last one, whose left numbers are all 1. Only with a known number of rows. */
  readonly onesRow?: boolean;
  /** What becomes of a sum before it is stored; the address and offset are those of the place in `out`. */
  readonly finish?: (code: Code, sum: Value, address: Value, offset: number) => Value;
}

/** A tile of the product that is held in registers: rows × vectors of columns. */
interface Tile {
  readonly rows: number;
  readonly vectors: number;
}
const WIDE: Tile = { rows: 4, vectors: 2 };
/** For rows that are left over: as many sums at once as hide the latency of an addition. */
const FLAT: Tile = { rows: 1, vectors: 8 };
/** Multiply-adds, in vectors, of a depth loop that is written out. */
const UNROLLED_MAX = 64;
const UNROLL = 4;
/** Repetitions that are written out. */
const COPIES_MAX = 2;

/** The place of a tile: pointers to its first row and column, and what is known beyond them. */
interface Place {
  readonly left: Value;
  readonly leftOffset: number;
  readonly right: Value;
  readonly out: Value;
  readonly outOffset: number;
  /** Bytes of the columns before it. */
  readonly columnOffset: number;
}

/** Emits a product. */
export function gemm(code: Code, lanes: Lanes, base: Value, product: Gemm): void {
  const { rows } = product;
  if (typeof rows === "number") {
    knownRows(code, lanes, base, product, rows);
    return;
  }
  const whole = code.keep("i32", op("i32.and", rows, i32(-WIDE.rows)));
  panels(code, lanes, base, product, WIDE.vectors, (column) => {
    rowLoop(code, base, product, column, i32(0), whole, WIDE.rows, (place, vectors, tail) => {
      tile(code, lanes, product, { rows: WIDE.rows, vectors }, tail, place, false);
    });
  });
  code.when(op("i32.lt_u", whole, rows), () => {
    panels(code, lanes, base, product, FLAT.vectors, (column) => {
      rowLoop(code, base, product, column, whole, rows, 1, (place, vectors, tail) => {
        tile(code, lanes, product, { rows: 1, vectors }, tail, place, false);
      });
    });
  });
}

function knownRows(code: Code, lanes: Lanes, base: Value, product: Gemm, rows: number): void {
  const whole = rows - (rows % WIDE.rows);
  const rest = rows - whole;
  const ones = product.onesRow === true;
  panels(code, lanes, base, product, WIDE.vectors, (column) => {
    rowLoop(code, base, product, column, i32(0), i32(whole), WIDE.rows, (place, vectors, tail) => {
      tile(code, lanes, product, { rows: WIDE.rows, vectors }, tail, place, false);
    });
    const { left, out } = product;
    const place = {
      left: base,
      leftOffset: left.offset + whole * left.rowBytes,
      right: column.pointer,
      out: column.pointer,
      outOffset: out.offset + whole * out.rowBytes + column.offset,
      columnOffset: column.offset,
    };
    if (rest > 0 || ones) {
      tile(code, lanes, product, { rows: rest, vectors: column.vectors }, column.tail, place, ones);
    }
  });
}

/** Some columns: `pointer + offset` leads to the first of them, from the start of a row at `base`. */
interface Columns {
  readonly pointer: Value;
  readonly offset: number;
  readonly vectors: number;
  /** Numbers in the last vector. */
  readonly tail: number;
}

/** Goes through the columns, `vectors` vectors at a time, then through what is left. */
function panels(
  code: Code,
  lanes: Lanes,
  base: Value,
  { columns }: Gemm,
  vectors: number,
  body: (columns: Columns) => void,
): void {
  const panelColumns = vectors * lanes.count;
  const count = Math.floor(columns / panelColumns);
  const panelBytes = panelColumns * lanes.width;
  const full = { vectors, tail: lanes.count };
  if (count > COPIES_MAX) {
    code.loop(base, op("i32.add", base, i32(count * panelBytes)), panelBytes, (pointer) => {
      body({ pointer, offset: 0, ...full });
    });
  } else {
    for (let panel = 0; panel < count; panel++) body({ pointer: base, offset: panel * panelBytes, ...full });
  }
  const rest = columns - count * panelColumns;
  if (rest > 0) {
    const restVectors = Math.ceil(rest / lanes.count);
    const tail = rest - (restVectors - 1) * lanes.count;
    body({ pointer: base, offset: count * panelBytes, vectors: restVectors, tail });
  }
}

/** Goes through the rows from `from` to `below`, `step` at a time. */
function rowLoop(
  code: Code,
  base: Value,
  { left, out }: Gemm,
  columns: Columns,
  from: Value,
  below: Value,
  step: number,
  body: (place: Place, vectors: number, tail: number) => void,
): void {
  const at = (pointer: Value, row: Value, rowBytes: number) =>
    op("i32.add", pointer, op("i32.mul", row, i32(rowBytes)));
  const leftRow = code.variable("i32", at(base, from, left.rowBytes));
  const outRow = code.variable("i32", at(columns.pointer, from, out.rowBytes));
  code.loop(from, below, step, () => {
    const place = {
      left: leftRow.value,
      leftOffset: left.offset,
      right: columns.pointer,
      out: outRow.value,
      outOffset: out.offset + columns.offset,
      columnOffset: columns.offset,
    };
    body(place, columns.vectors, columns.tail);
    code.assign(leftRow, op("i32.add", leftRow.value, i32(step * left.rowBytes)));
    code.assign(outRow, op("i32.add", outRow.value, i32(step * out.rowBytes)));
  });
}

/** Emits one tile: its sums start, run over the depth, and are stored. */
function tile(
  code: Code,
  lanes: Lanes,
  product: Gemm,
  { rows, vectors }: Tile,
  tail: number,
  place: Place,
  ones: boolean,
): void {
  const { start, right, out } = product;
  const rowCount = rows + (ones ? 1 : 0);
  const sums: (readonly Variable[])[] = [];
  for (let r = 0; r < rowCount; r++) {
    sums.push(
      Array.from({ length: vectors }, (_, v) =>
        code.variable("v128", start === null ? zero : lanes.load(place.right, start + place.columnOffset + 16 * v)),
      ),
    );
  }
  overDepth(code, product, place, (left, rightPointer, k) => {
    const row = Array.from({ length: vectors }, (_, v) =>
      code.keep("v128", lanes.load(rightPointer, right.offset + place.columnOffset + k * right.depthBytes + 16 * v)),
    );
    for (const [r, sumsOfRow] of sums.entries()) {
      if (r === rows) {
        for (const [v, sum] of sumsOfRow.entries()) code.assign(sum, lanes.add(sum.value, row[v] ?? zero));
        continue;
      }
      const number = code.keep(
        "v128",
        lanes.broadcast(left, place.leftOffset + r * product.left.rowBytes + k * product.left.depthBytes),
      );
      for (const [v, sum] of sumsOfRow.entries()) {
        code.assign(sum, lanes.add(sum.value, lanes.mul(number, row[v] ?? zero)));
      }
    }
  });
  for (const [r, sumsOfRow] of sums.entries()) {
    for (const [v, sum] of sumsOfRow.entries()) {
      const offset = place.outOffset + r * out.rowBytes + 16 * v;
      const result = product.finish?.(code, sum.value, place.out, offset) ?? sum.value;
      lanes.store(code, place.out, offset, result, v === vectors - 1 ? tail : lanes.count);
    }
  }
}

/** Goes over k: written out where that is short, else some k at a time. */
function overDepth(
  code: Code,
  { depth, left, right }: Gemm,
  place: Place,
  body: (left: Value, right: Value, k: number) => void,
): void {
  const isKnown = typeof depth === "number";
  if (isKnown && depth <= UNROLLED_MAX / 4) {
    for (let k = 0; k < depth; k++) body(place.left, place.right, k);
    return;
  }
  const step = isKnown ? UNROLL : 1;
  const whole = isKnown
    ? i32((depth - (depth % step)) * right.depthBytes)
    : op("i32.mul", depth, i32(right.depthBytes));
  const leftAt = code.variable("i32", place.left);
  const rightAt = code.variable("i32", place.right);
  const end = code.keep("i32", op("i32.add", place.right, whole));
  code.repeat(
    () => {
      for (let k = 0; k < step; k++) body(leftAt.value, rightAt.value, k);
      code.assign(leftAt, op("i32.add", leftAt.value, i32(step * left.depthBytes)));
      code.assign(rightAt, op("i32.add", rightAt.value, i32(step * right.depthBytes)));
    },
    op("i32.lt_u", rightAt.value, end),
  );
  if (isKnown) for (let k = 0; k < depth % step; k++) body(leftAt.value, rightAt.value, k);
}
