// Messages of every form, changed in their structure and in their bytes, beside an oracle that knows nothing of the decoder:
// a message is taken or refused whole, for the same reason, with the same rows and numbers, and nothing is ever thrown.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createDecoder } from "../../src/sample/decode.ts";
import type { SampleSchema } from "../../src/sample/rows.ts";
import { checkProperty as check, FUZZ_IS_DEFAULT, FUZZ_MS_MAX, FUZZ_SEED } from "../sim/fuzz-settings.ts";
import { byteEdits, edited } from "./byte-edits.ts";
import { change, changed, manner, validMessage, writtenAs } from "./message-tree.ts";
import { expectedOf, expectedOfPacked, isDeep, numbersOf } from "./oracle.ts";
import { told, toldNumbers } from "./told.ts";

const limits = { payloadBytesMax: 1 << 20, rowsMax: 5 };
const schemas: readonly SampleSchema[] = [
  { features: ["x1", "x2"], label: "y", classes: null, labelKind: "binary" },
  { features: ["__proto__", "größe", 'a"b'], label: "constructor", classes: ["ok", "wörn"], labelKind: "binary" },
  { features: ["x"], label: "target", classes: null, labelKind: "number" },
  { features: ["x"], label: "y", classes: ["a", "b", "c"], labelKind: "index" },
  { features: ["x1", "x2", "x3"], label: "y", classes: null, labelKind: "binary", mayMiss: true },
  {
    features: ["x1", "colour", "plant"],
    label: "y",
    classes: null,
    labelKind: "binary",
    categories: [null, ["ok", "größe", "true"], "hashed"],
    mayMiss: true,
  },
];
const cases = schemas.map((schema) => ({ schema, decoder: createDecoder(schema, limits) }));
const source = fc.constantFrom("s", "S.1_-", "a".repeat(64));
const topicSource = fc.option(fc.constant("topic"), { nil: null });
const utf8 = new TextEncoder();

type Case = (typeof cases)[number];

/** Compares decoder and oracle on a payload; returns what it was told to be. */
function compareJson({ schema, decoder }: Case, payload: Uint8Array, from: string | null): string {
  const expected = expectedOf(payload, schema, limits.rowsMax, from);
  const decoded = decoder.json(payload, from);
  const seen = told(decoded, schema);
  if (isDeep(payload)) {
    // Which of its faults is named first is not agreed upon.
    expect(["too-deep", "not-json"]).toContain(seen.kind);
    expect(toldNumbers(decoded)).toEqual([]);
  } else {
    expect(seen).toEqual(expected);
    expect(toldNumbers(decoded)).toEqual(numbersOf(payload, schema, from));
  }
  return seen.kind;
}

/** A property that never gets anywhere proves nothing; from another seed a few runs need not get everywhere. */
function expectReached(reached: ReadonlySet<string>, kinds: readonly string[]): void {
  if (FUZZ_IS_DEFAULT) expect([...reached]).toEqual(expect.arrayContaining([...kinds]));
}

describe(`fuzzed messages, seed ${FUZZ_SEED}`, () => {
  it.each(cases)(
    "unchanged are taken ($schema.features)",
    ({ schema, decoder }) => {
      check(
        fc.property(validMessage(schema, limits.rowsMax, source), topicSource, ({ documents }, from) => {
          const payload = utf8.encode(writtenAs(documents, { space: "", escaped: false, between: "\n", begin: "" }));
          expect(decoder.json(payload, from).kind).toBe("rows");
          compareJson({ schema, decoder }, payload, from);
        }),
        300,
        20,
      );
    },
    FUZZ_MS_MAX,
  );

  it.each(cases)(
    "changed in structure mean what JSON.parse makes of them ($schema.features)",
    (one) => {
      const reached = new Set<string>();
      check(
        fc.property(
          validMessage(one.schema, limits.rowsMax, source),
          fc.array(change(one.schema), { minLength: 1, maxLength: 4 }),
          manner,
          topicSource,
          (message, changes, as, from) => {
            reached.add(compareJson(one, utf8.encode(writtenAs(changed(message, changes), as)), from));
          },
        ),
        2500,
        100,
      );
      const codes = [
        "rows",
        "not-json",
        "too-deep",
        "too-large",
        "feature-missing",
        "feature-invalid",
        "label-missing",
      ];
      if (one.schema.categories !== undefined) codes.push("category-unknown");
      expectReached(reached, [...codes, "not-finite", "number-invalid", "columns-uneven"]);
    },
    FUZZ_MS_MAX,
  );

  it.each(cases)(
    "changed in their bytes mean what JSON.parse makes of them ($schema.features)",
    (one) => {
      const reached = new Set<string>();
      check(
        fc.property(
          validMessage(one.schema, limits.rowsMax, source),
          fc.array(change(one.schema), { maxLength: 1 }),
          manner,
          byteEdits(4),
          topicSource,
          (message, changes, as, edits, from) => {
            const payload = edited(utf8.encode(writtenAs(changed(message, changes), as)), edits);
            reached.add(compareJson(one, payload, from));
          },
        ),
        2500,
        100,
      );
      expectReached(reached, ["rows", "not-json", "feature-invalid"]);
    },
    FUZZ_MS_MAX,
  );
});

describe(`fuzzed packed rows, seed ${FUZZ_SEED}`, () => {
  it.each(cases.flatMap((one) => (["f32", "f64"] as const).map((precision) => ({ ...one, precision }))))(
    "are taken or refused whole, as their bytes say ($precision, $schema.features)",
    ({ schema, decoder, precision }) => {
      const size = precision === "f32" ? 4 : 8;
      const odd = fc.constantFrom(
        0,
        -0,
        1,
        0.5,
        2,
        1e12,
        1.0000001e12,
        -1e13,
        5e-324,
        1e-45,
        Number.POSITIVE_INFINITY,
        Number.NaN,
        Number.NEGATIVE_INFINITY,
      );
      const value = fc.oneof(
        { weight: 8, arbitrary: fc.constantFrom(0, 1) },
        { weight: 1, arbitrary: fc.oneof(odd, fc.double()) },
      );
      const number = fc.option(
        fc.record({ source, epoch: fc.constant("e"), seq: fc.constantFrom(0, 7, 2 ** 53 - 3, 2 ** 53 - 1) }),
        { nil: null },
      );
      const width = schema.features.length + 1;
      const values = fc
        .tuple(fc.nat(limits.rowsMax + 1), fc.constantFrom(0, 0, 0, 1))
        .map(([rows, more]) => rows * width + more)
        .chain((length) => fc.array(value, { minLength: length, maxLength: length }));
      const reached = new Set<string>();
      check(
        fc.property(
          values,
          fc.oneof({ weight: 2, arbitrary: fc.constant([]) }, { weight: 1, arbitrary: byteEdits(3) }),
          number,
          fc.nat(9),
          (values, edits, first, offset) => {
            const bytes = Buffer.alloc(values.length * size);
            for (const [i, x] of values.entries())
              size === 4 ? bytes.writeFloatLE(x, 4 * i) : bytes.writeDoubleLE(x, 8 * i);
            const sent = edited(bytes, edits);
            // At whatever offset it begins.
            const payload = new Uint8Array(offset + sent.length).subarray(offset);
            payload.set(sent);
            const decoded = decoder.packed(payload, precision, first);
            const seen = told(decoded, schema);
            expect(seen).toEqual(expectedOfPacked(payload, schema, limits.rowsMax, precision, first));
            const rows = sent.length / size / width;
            const isNumbered = first !== null && Number.isInteger(rows) && first.seq + rows <= Number.MAX_SAFE_INTEGER;
            expect(toldNumbers(decoded)).toEqual(
              isNumbered ? Array.from({ length: rows }, (_, r) => [r, first.source, first.epoch, first.seq + r]) : [],
            );
            reached.add(seen.kind);
          },
        ),
        1000,
        50,
      );
      expectReached(reached, ["rows", "wrong-length", "too-large", "not-finite", "number-invalid"]);
    },
    FUZZ_MS_MAX,
  );
});
