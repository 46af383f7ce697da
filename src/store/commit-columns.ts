// A commit of many models by columns: all first bytes of the sections, then all second ones, and the directory alike. What
// hundreds of sections have in common lies side by side then, and deflates to a sixth less. Version 2 of the blob is that.

const VERSION_AT = 2;
const SECTIONS_AT = 4;
const HEAD_BYTES = 8;
const BY_ROWS = 1;
const BY_COLUMNS = 2;

/**
 * Writes a commit by columns. Its sections follow one another in the order of the directory, of which an entry has
 * `directoryBytes`, offset and length at its end.
 */
export function byColumns(blob: Uint8Array, directoryBytes: number): Uint8Array {
  const { sections, lengths } = shapeOf(blob, directoryBytes);
  const out = new Uint8Array(blob);
  new DataView(out.buffer).setUint16(VERSION_AT, BY_COLUMNS, true);
  transpose(HEAD_BYTES, directoryBytes, sections, (from, to) => {
    out[to] = blob[from]!;
  });
  const begin = HEAD_BYTES + sections * directoryBytes;
  columns(lengths, begin, (from, to) => {
    out[to] = blob[from]!;
  });
  return out;
}

/** Undoes `byColumns`; other blobs stay as they are. Throws RangeError where it is damaged. */
export function byRows(bytes: Uint8Array, directoryBytes: number): Uint8Array {
  if (!isByColumns(bytes)) return bytes;
  const out = directoryByRows(bytes, directoryBytes);
  const { sections, lengths } = shapeOf(out, directoryBytes);
  columns(lengths, HEAD_BYTES + sections * directoryBytes, (from, to) => {
    out[from] = bytes[to]!;
  });
  return out;
}

/** Undoes it of the directory alone, in the first bytes of a blob. Throws RangeError where that is not whole. */
export function directoryByRows(bytes: Uint8Array, directoryBytes: number): Uint8Array {
  if (!isByColumns(bytes)) return bytes;
  const out = new Uint8Array(bytes);
  const view = new DataView(out.buffer);
  view.setUint16(VERSION_AT, BY_ROWS, true);
  const sections = view.getUint32(SECTIONS_AT, true);
  if (HEAD_BYTES + sections * directoryBytes > bytes.length) throw new RangeError("the directory is not whole");
  transpose(HEAD_BYTES, directoryBytes, sections, (from, to) => {
    out[from] = bytes[to]!;
  });
  return out;
}

function isByColumns(bytes: Uint8Array): boolean {
  return bytes.length >= HEAD_BYTES && bytes[VERSION_AT] === BY_COLUMNS && bytes[VERSION_AT + 1] === 0;
}

/** Reads how long the sections are, which must fill what follows the directory. */
function shapeOf(
  blob: Uint8Array,
  directoryBytes: number,
): { readonly sections: number; readonly lengths: Uint32Array } {
  const view = new DataView(blob.buffer, blob.byteOffset, blob.byteLength);
  const sections = view.getUint32(SECTIONS_AT, true);
  let end = HEAD_BYTES + sections * directoryBytes;
  if (end > blob.length) throw new RangeError("the directory is not whole");
  const lengths = new Uint32Array(sections);
  for (let s = 0; s < sections; s++) {
    const at = HEAD_BYTES + (s + 1) * directoryBytes - 8;
    if (view.getUint32(at, true) !== end) throw new RangeError("sections do not follow one another");
    lengths[s] = view.getUint32(at + 4, true);
    end += lengths[s]!;
  }
  if (end !== blob.length) throw new RangeError("sections do not fill the commit");
  return { sections, lengths };
}

/** Visits the bytes of the directory: where each lies by rows, and by columns. */
function transpose(begin: number, width: number, sections: number, move: (row: number, column: number) => void): void {
  for (let s = 0; s < sections; s++) {
    for (let k = 0; k < width; k++) move(begin + s * width + k, begin + k * sections + s);
  }
}

/** Visits the bytes of the sections: where each lies by rows, and by columns. */
function columns(lengths: Uint32Array, begin: number, move: (row: number, column: number) => void): void {
  const longest = lengths.reduce((most, length) => Math.max(most, length), 0);
  const starts = new Uint32Array(lengths.length);
  for (let s = 1; s < lengths.length; s++) starts[s] = starts[s - 1]! + lengths[s - 1]!;
  let to = begin;
  for (let k = 0; k < longest; k++) {
    for (let s = 0; s < lengths.length; s++) if (k < lengths[s]!) move(begin + starts[s]! + k, to++);
  }
}
