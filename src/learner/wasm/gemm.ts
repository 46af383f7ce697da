// The one matrix product: out[r][c] = start[c] + Σ_k left[r][k] · right[k][c], k upwards. Lanes run over c, so every sum
// keeps its order. Forward, backward and gradient pass are this with other operands.

import { type Code, i32, op, type Value, zero } from "./assembler.ts";
import { behind, type Count } from "./frame.ts";
import type { Lanes } from "./lanes.ts";
import { VECTOR_BYTES } from "./memory-map.ts";

export interface Gemm {
  readonly rows: Count;
  readonly columns: number;
  readonly depth: Count;
  /** left[r][k] is at offset + r · rowBytes + k · depthBytes. */
  readonly left: { readonly offset: number; readonly rowBytes: number; readonly depthBytes: number };
  /** right[k][c] is at offset + k · depthBytes + c · width; with panelBytes, the panels stand apart so far, and c counts in its panel. */
  readonly right: { readonly offset: number; readonly depthBytes: number; readonly panelBytes?: number };
  /** out[r][c] is at offset + r · rowBytes + c · width. */
  readonly out: { readonly offset: number; readonly rowBytes: number };
  /** Where start[c] stands; null starts at −0. */
  readonly start: number | null;
  /** Adds a row after the last one, whose left numbers are all 1. Only with a known number of rows. */
  readonly onesRow?: boolean;
  /** What becomes of a sum before it is stored; address and offset are those of its `lanes` numbers in `out`. */
  readonly finish?: (sum: Value, address: Value, offset: number, lanes: number) => Value;
}

/** Columns up to which wide tiles were measured to be the faster ones: DESIGN.md has by how much. */
const NARROW_COLUMNS_MAX = 32;
/** Vectors of columns of a tile that is held in registers. */
const vectorsMaxOf = (columns: number): number => (columns <= NARROW_COLUMNS_MAX ? 4 : 2);
/** Rows beside them: few vectors leave room for more. */
const rowsBeside = (vectors: number): number => (vectors > 2 ? 2 : 4);
/** Depth of a product that is written out; a deeper one is a loop over so many at a time. */
const DEPTH_COPIES_MAX = 16;
const UNROLL = 4;
/** Repetitions that are written out. */
const COPIES_MAX = 2;

/** Columns of a panel of a matrix: those that a tile is wide. */
export function panelColumnsOf({ count }: Lanes, columns: number): number {
  return vectorsMaxOf(columns) * count;
}

/** Emits a product. */
export function gemm(code: Code, lanes: Lanes, base: Value, product: Gemm): void {
  const { rows } = product;
  panels(code, lanes, base, product, (columns) => {
    const step = rowsBeside(columns.vectors);
    if (typeof rows === "number") {
      const whole = rows - (rows % step);
      rowLoop(code, lanes, base, product, columns, i32(0), i32(whole), step);
      lastRows(code, lanes, base, product, columns, whole, rows);
    } else {
      const whole = code.keep("i32", op("i32.and", rows, i32(-step)));
      rowLoop(code, lanes, base, product, columns, i32(0), whole, step);
      rowLoop(code, lanes, base, product, columns, whole, rows, 1);
    }
  });
}

/** Emits the rows of a known number that do not fill a tile, and the row of ones. */
function lastRows(
  code: Code,
  lanes: Lanes,
  base: Value,
  product: Gemm,
  columns: Columns,
  from: number,
  to: number,
): void {
  const { left, out, onesRow = false } = product;
  if (from === to && !onesRow) return;
  const place = {
    left: base,
    leftOffset: left.offset + from * left.rowBytes,
    out: columns.pointer,
    outOffset: out.offset + from * out.rowBytes + columns.offset,
  };
  tile(code, lanes, product, columns, place, to - from, onesRow);
}

/** Some columns: `pointer + offset` leads to the first of them, from the start of a row at `base`; on the right there may be another way. */
interface Columns {
  readonly pointer: Value;
  readonly offset: number;
  readonly right: Value;
  readonly rightOffset: number;
  readonly vectors: number;
  /** Numbers in the last vector. */
  readonly tail: number;
}

/** Goes through the columns, as many vectors at a time as a tile has, then through what is left. */
function panels(
  code: Code,
  lanes: Lanes,
  base: Value,
  { columns, right }: Gemm,
  body: (columns: Columns) => void,
): void {
  const panelColumns = panelColumnsOf(lanes, columns);
  const count = Math.floor(columns / panelColumns);
  const panelBytes = panelColumns * lanes.width;
  const rightBytes = right.panelBytes ?? panelBytes;
  const full = { vectors: vectorsMaxOf(columns), tail: lanes.count };
  if (count > COPIES_MAX) {
    const rightAt = code.variable("i32", base);
    code.loop(base, op("i32.add", base, i32(count * panelBytes)), panelBytes, (pointer) => {
      body({ pointer, offset: 0, right: rightAt.value, rightOffset: 0, ...full });
      code.assign(rightAt, op("i32.add", rightAt.value, i32(rightBytes)));
    });
  } else {
    for (let panel = 0; panel < count; panel++) {
      body({ pointer: base, offset: panel * panelBytes, right: base, rightOffset: panel * rightBytes, ...full });
    }
  }
  const rest = columns - count * panelColumns;
  if (rest > 0) {
    const vectors = Math.ceil(rest / lanes.count);
    const tail = rest - (vectors - 1) * lanes.count;
    body({ pointer: base, offset: count * panelBytes, right: base, rightOffset: count * rightBytes, vectors, tail });
  }
}

/** Where a tile's first row begins, on the left and in `out`. */
interface Place {
  readonly left: Value;
  readonly leftOffset: number;
  readonly out: Value;
  readonly outOffset: number;
}

/** Emits the tiles of the rows from `from` to `below`, `step` at a time. */
function rowLoop(
  code: Code,
  lanes: Lanes,
  base: Value,
  product: Gemm,
  columns: Columns,
  from: Value,
  below: Value,
  step: number,
): void {
  const { left, out } = product;
  const leftRow = code.variable("i32", behind(base, from, left.rowBytes));
  const outRow = code.variable("i32", behind(columns.pointer, from, out.rowBytes));
  code.loop(from, below, step, () => {
    const place = {
      left: leftRow.value,
      leftOffset: left.offset,
      out: outRow.value,
      outOffset: out.offset + columns.offset,
    };
    tile(code, lanes, product, columns, place, step, false);
    code.assign(leftRow, op("i32.add", leftRow.value, i32(step * left.rowBytes)));
    code.assign(outRow, op("i32.add", outRow.value, i32(step * out.rowBytes)));
  });
}

/** Emits one tile: its sums start, run over the depth, and are stored. */
function tile(
  code: Code,
  lanes: Lanes,
  product: Gemm,
  { pointer, offset, right: rightFrom, rightOffset, vectors, tail }: Columns,
  place: Place,
  rows: number,
  ones: boolean,
): void {
  const { start, depth, left, right, out, finish } = product;
  const indices = Array.from({ length: vectors }, (_, v) => v);
  const lanesIn = (v: number) => (v === vectors - 1 ? tail : lanes.count);
  const vectorAt = (from: Value, at: number, v: number) => lanes.load(from, at + VECTOR_BYTES * v, lanesIn(v));
  const sums = Array.from({ length: rows + (ones ? 1 : 0) }, () =>
    indices.map((v) =>
      code.variable("v128", start === null ? lanes.constant(-0) : vectorAt(pointer, start + offset, v)),
    ),
  );
  // −0 + x is x: such a sum may as well begin with its first term.
  const beginsWithTerm = start === null && isWrittenOut(depth);
  overDepth(code, product, place.left, rightFrom, (leftAt, rightAt, k) => {
    const leftNumber = (r: number) =>
      lanes.broadcast(leftAt, place.leftOffset + r * left.rowBytes + k * left.depthBytes);
    const rightVector = (v: number) => vectorAt(rightAt, right.offset + rightOffset + k * right.depthBytes, v);
    const add = (r: number, v: number, number: Value, vector: Value) => {
      const sum = sums[r]?.[v];
      const term = r === rows ? vector : lanes.mul(number, vector);
      if (sum !== undefined) code.assign(sum, beginsWithTerm && k === 0 ? term : lanes.add(sum.value, term));
    };
    const keep = (value: Value) => code.keep("v128", value);
    // What there is less of is held in registers, what there is more of passes by.
    if (sums.length < vectors) {
      const numbers = sums.map((_, r) => (r === rows ? zero : keep(leftNumber(r))));
      for (const v of indices) {
        const vector = keep(rightVector(v));
        for (const [r, number] of numbers.entries()) add(r, v, number, vector);
      }
    } else {
      const row = indices.map((v) => keep(rightVector(v)));
      for (const r of sums.keys()) {
        const number = r === rows ? zero : keep(leftNumber(r));
        for (const [v, vector] of row.entries()) add(r, v, number, vector);
      }
    }
  });
  for (const [r, sumsOfRow] of sums.entries()) {
    for (const [v, sum] of sumsOfRow.entries()) {
      const at = place.outOffset + r * out.rowBytes + VECTOR_BYTES * v;
      lanes.store(code, place.out, at, finish?.(sum.value, place.out, at, lanesIn(v)) ?? sum.value, lanesIn(v));
    }
  }
}

function isWrittenOut(depth: Count): depth is number {
  return typeof depth === "number" && depth <= DEPTH_COPIES_MAX;
}

/** Goes over k: written out where that is short, else some k at a time. */
function overDepth(
  code: Code,
  { depth, left, right }: Gemm,
  leftFrom: Value,
  rightFrom: Value,
  body: (left: Value, right: Value, k: number) => void,
): void {
  if (isWrittenOut(depth)) {
    for (let k = 0; k < depth; k++) body(leftFrom, rightFrom, k);
    return;
  }
  const leftAt = code.variable("i32", leftFrom);
  const rightAt = code.variable("i32", rightFrom);
  const loop = (end: Value, step: number) => {
    code.repeat(
      () => {
        for (let k = 0; k < step; k++) body(leftAt.value, rightAt.value, k);
        code.assign(leftAt, op("i32.add", leftAt.value, i32(step * left.depthBytes)));
        code.assign(rightAt, op("i32.add", rightAt.value, i32(step * right.depthBytes)));
      },
      op("i32.lt_u", rightAt.value, end),
    );
  };
  const endOf = (count: Value) => code.keep("i32", behind(rightFrom, count, right.depthBytes));
  if (typeof depth === "number") {
    loop(endOf(i32(depth - (depth % UNROLL))), UNROLL);
    for (let k = 0; k < depth % UNROLL; k++) body(leftAt.value, rightAt.value, k);
    return;
  }
  const end = endOf(depth);
  const whole = endOf(op("i32.and", depth, i32(-UNROLL)));
  code.when(op("i32.lt_u", rightAt.value, whole), () => loop(whole, UNROLL));
  code.when(op("i32.lt_u", rightAt.value, end), () => loop(end, 1));
}
