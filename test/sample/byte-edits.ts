import fc from "fast-check";

/** Is one change of some bytes; `at` and `from` are taken modulo the length. */
export interface ByteEdit {
  readonly what: "flip" | "set" | "cut" | "insert" | "copy" | "end";
  readonly at: number;
  readonly from: number;
  readonly count: number;
  readonly bytes: readonly number[];
}

const interesting = fc.constantFrom(
  ...[...'{}[]",:\\0-+.eE \n\r\t'].map((character) => character.charCodeAt(0)),
  ...[0x00, 0x7f, 0x80, 0xc0, 0xc3, 0xe2, 0xed, 0xa0, 0xef, 0xbb, 0xbf, 0xf4, 0xff],
);

/** Draws up to `editsMax` changes. */
export function byteEdits(editsMax: number): fc.Arbitrary<readonly ByteEdit[]> {
  return fc.array(
    fc.record({
      what: fc.constantFrom("flip", "set", "cut", "insert", "copy", "end"),
      at: fc.nat(),
      from: fc.nat(),
      count: fc.oneof(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 40 })),
      bytes: fc.array(fc.oneof(interesting, fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 4 }),
    }),
    { minLength: 1, maxLength: editsMax },
  );
}

/** Changes bytes: a bit turned, some set, cut out, put in, copied from elsewhere, or cut off. */
export function edited(bytes: Uint8Array, edits: readonly ByteEdit[]): Uint8Array {
  return edits.reduce(edit, bytes);
}

function edit(bytes: Uint8Array, { what, at, from, count, bytes: given }: ByteEdit): Uint8Array {
  const list = [...bytes];
  const place = list.length === 0 ? 0 : at % list.length;
  const source = list.length === 0 ? 0 : from % list.length;
  switch (what) {
    case "flip":
      if (list.length > 0) list[place] = (list[place] ?? 0) ^ (1 << (count % 8));
      break;
    case "set":
      for (const [i, byte] of given.entries()) if (place + i < list.length) list[place + i] = byte;
      break;
    case "cut":
      list.splice(place, count);
      break;
    case "insert":
      list.splice(place, 0, ...given);
      break;
    case "copy":
      list.splice(place, 0, ...list.slice(source, source + count));
      break;
    case "end":
      list.length = place;
      break;
  }
  return Uint8Array.from(list);
}
