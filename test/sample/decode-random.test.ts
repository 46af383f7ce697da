import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createDecoder } from "../../src/sample/decode.ts";
import type { SampleSchema } from "../../src/sample/rows.ts";
import { expectedOf } from "./oracle.ts";
import { told } from "./told.ts";

// fast-check prints the seed and the path of a failure.
const seed = 20_261;
const limits = { payloadBytesMax: 1 << 16, rowsMax: 6 };
const schemas: readonly SampleSchema[] = [
  { features: ["x1", "x2"], label: "y", classes: null, labelKind: "binary" },
  { features: ["__proto__", "größe", 'a"b'], label: "constructor", classes: ["ok", "wörn"], labelKind: "binary" },
  { features: ["x"], label: "target", classes: null, labelKind: "number" },
];
const decoders = schemas.map((schema) => ({ schema, decoder: createDecoder(schema, limits) }));

const digits = fc.stringMatching(/^[0-9]{1,20}$/);
/** Numbers in every notation, and what is almost a number. */
const numberText = fc.oneof(
  fc.double().map(String),
  fc.double({ noDefaultInfinity: true, noNaN: true }).map((value) => value.toExponential()),
  fc.integer().map(String),
  fc.constantFrom(
    "0",
    "-0",
    "1",
    "0.5",
    "-0.0",
    "0e5",
    "1e12",
    "1.0000000001e12",
    "5e-324",
    "1e999",
    "9007199254740993",
  ),
  fc.constantFrom("9007199254740990", "01", ".5", "1.", "+1", "-", "1e", "1e+", "0x1", "NaN", "Infinity", "--1"),
  fc
    .tuple(
      fc.constantFrom("", "-"),
      digits,
      fc.option(digits, { nil: null }),
      fc.option(fc.tuple(fc.constantFrom("e", "E", "e+", "E-", "e-"), fc.nat(350)), { nil: null }),
    )
    .map(([sign, whole, part, exponent]) => {
      const power = exponent === null ? "" : exponent.join("");
      return `${sign}${whole.replace(/^0+(?=\d)/, "")}${part === null ? "" : `.${part}`}${power}`;
    }),
);
const escaped = fc.constantFrom('"\\u0061"', '"\\ud800"', '"\\n\\"\\\\\\/"', '"\\x"', '"\\u00"', '"\t"', '"\ufeffa"');
const stringText = fc.oneof(
  fc.string({ unit: "grapheme" }).map((text) => JSON.stringify(text)),
  fc.constantFrom('"ok"', '"wörn"', '"\\u006fk"', '"s"', '"e1"', '"a b"', `"${"é".repeat(33)}"`),
  escaped,
);
const scalar = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom("0", "1", "0.25", "-1.5", "2", "true", "false") },
  { weight: 2, arbitrary: numberText },
  { weight: 1, arbitrary: stringText },
  { weight: 1, arbitrary: fc.constantFrom("null", "tru", "nul", "{}", "[]", '{"a":[{}]}', "[1,]", '{"a":1,}', "") },
);
const space = fc.constantFrom("", "", "", " ", "\t", "\r", "  \r ");

/** Writes an object with every field that counts, most of the time. */
function objectText(schema: SampleSchema, value: fc.Arbitrary<string>): fc.Arbitrary<string> {
  const needed = [...schema.features, schema.label];
  const label = schema.classes === null ? fc.constantFrom("0", "1") : fc.constantFrom('"ok"', '"wörn"', "1", '"no"');
  const good = fc.tuple(...needed.map((name) => (name === schema.label ? fc.oneof(label, value) : value)));
  const optional = fc.array(
    fc.tuple(
      fc.constantFrom(...needed, "id", "weight", "ts", "source", "epoch", "seq", "foo", "toString"),
      fc.oneof(value, fc.constantFrom('"s"', '"e1"', "7", "1")),
    ),
    { maxLength: 3 },
  );
  const numbers = fc.constantFrom("0", "-0", "7", "9007199254740986").map((seq): [string, string][] => [
    ["source", '"s"'],
    ["epoch", '"e1"'],
    ["seq", seq],
  ]);
  return fc.tuple(good, optional, fc.option(numbers, { nil: [] }), space).map(([values, more, numbered, blank]) => {
    const fields = [...needed.map((name, i): [string, string] => [name, values[i] ?? "1"]), ...numbered, ...more];
    return `{${fields.map(([name, text]) => `${blank}${JSON.stringify(name)}${blank}:${text}${blank}`).join(",")}}`;
  });
}

function documentText(schema: SampleSchema): fc.Arbitrary<string> {
  const row = objectText(schema, scalar);
  const column = fc.array(scalar, { maxLength: 4 }).map((cells) => `[${cells.join(" ,")}]`);
  const even = fc.nat(4).chain((length) => {
    const cells = fc.array(fc.constantFrom("0", "1"), { minLength: length, maxLength: length });
    return objectText(
      schema,
      fc.oneof(
        scalar,
        cells.map((values) => `[${values.join(",")}]`),
      ),
    );
  });
  return fc.oneof(
    row,
    fc.array(row, { maxLength: 8 }).map((rows) => `[${rows.join(",")}]`),
    fc
      .array(fc.tuple(row, fc.constantFrom("\n", "\n", "\r\n", "\n \n", " ")), { maxLength: 8 })
      .map((rows) => rows.flat().join("")),
    objectText(schema, fc.oneof(scalar, column)),
    even,
    fc.json(),
    row.map((text) => `\ufeff${text}`),
    row.map((text) => text.replaceAll(",", ",\n")),
    // A line end inside of the first or the last of two objects, which JSON allows and lines do not.
    fc.tuple(row, row).map(([a, b]) => `${a.replace("{", "{\n")}\n${b}`),
    fc.tuple(row, row).map(([a, b]) => `${a}\n${b.replace("{", "{\n")}`),
    fc.tuple(row, fc.constantFrom("x", "}", "[", "\u0000", ",", "\n1")).map((parts) => parts.join("")),
  );
}

describe("JSON payloads", () => {
  it.each(decoders)(
    "of every form mean what JSON.parse makes of them, bit for bit ($schema.features)",
    ({ schema, decoder }) => {
      const reached = new Set<string>();
      fc.assert(
        fc.property(documentText(schema), fc.option(fc.constant("topic"), { nil: null }), (text, source) => {
          const payload = new TextEncoder().encode(text);
          const expected = expectedOf(payload, schema, limits.rowsMax, source);
          reached.add(expected.kind);
          expect(told(decoder.json(payload, source), schema)).toEqual(expected);
        }),
        { seed, numRuns: 6000 },
      );
      // A property that never gets anywhere proves nothing.
      expect([...reached]).toEqual(expect.arrayContaining(["rows", "not-json", "feature-invalid", "number-invalid"]));
    },
  );

  it("with some bytes spoiled mean what JSON.parse makes of them", () => {
    const spoils = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 3 });
    fc.assert(
      fc.property(fc.constantFrom(...decoders), fc.nat(), spoils, ({ schema, decoder }, pick, changes) => {
        const text = fc.sample(documentText(schema), { seed: pick, numRuns: 1 })[0] ?? "";
        const payload = new TextEncoder().encode(text);
        for (const [at, byte] of changes) if (payload.length > 0) payload[at % payload.length] = byte;
        expect(told(decoder.json(payload, null), schema)).toEqual(expectedOf(payload, schema, limits.rowsMax, null));
      }),
      { seed, numRuns: 3000 },
    );
  });

  it("have numbers that equal those of JSON.parse, in every notation", () => {
    const schema: SampleSchema = { features: ["x"], label: "y", classes: null, labelKind: "number" };
    const decoder = createDecoder(schema, limits);
    fc.assert(
      fc.property(numberText, (text) => {
        const payload = new TextEncoder().encode(`{"x":1,"y":${text}}`);
        expect(told(decoder.json(payload, null), schema)).toEqual(expectedOf(payload, schema, limits.rowsMax, null));
      }),
      { seed, numRuns: 20_000 },
    );
  });

  it("of random bytes are refused, and nothing is ever thrown", () => {
    const alphabet = [...'{}[]",:\\0123456789-+.eEtrufalsn x1y2\n\r\t'].map((character) => character.charCodeAt(0));
    const byte = fc.oneof(fc.constantFrom(...alphabet), fc.integer({ min: 0, max: 255 }));
    const bytes = fc.array(byte, { maxLength: 80 }).map((values) => Uint8Array.from(values));
    fc.assert(
      fc.property(
        fc.constantFrom(...decoders),
        bytes,
        fc.constantFrom("f32", "f64"),
        ({ schema, decoder }, payload, p) => {
          expect(told(decoder.json(payload, null), schema)).toEqual(expectedOf(payload, schema, limits.rowsMax, null));
          expect(["rows", "refused"]).toContain(decoder.packed(payload, p, null).kind);
        },
      ),
      { seed, numRuns: 10_000 },
    );
  });
});

describe("packed payloads", () => {
  it.each(["f32", "f64"] as const)("give the very bits that were sent, from any byte offset (%s)", (precision) => {
    const schema: SampleSchema = { features: ["a", "b"], label: "y", classes: null, labelKind: "number" };
    const decoder = createDecoder(schema, limits);
    const size = precision === "f32" ? 4 : 8;
    const value = fc.double({ min: -1e12, max: 1e12, noNaN: true }).map((x) => (size === 4 ? Math.fround(x / 2) : x));
    const rows = fc.array(fc.tuple(value, value, value), { maxLength: limits.rowsMax });
    fc.assert(
      fc.property(rows, fc.nat(9), (sent, offset) => {
        const bytes = new Uint8Array(offset + sent.length * 3 * size + 5);
        const view = new DataView(bytes.buffer);
        sent.flat().forEach((number, i) => {
          if (size === 4) view.setFloat32(offset + i * size, number, true);
          else view.setFloat64(offset + i * size, number, true);
        });
        const payload = bytes.subarray(offset, offset + sent.length * 3 * size);
        const expected = sent.map(([a, b, label]) => ({
          ...{ features: [a, b], label, weight: 1, time: Number.NaN, id: null, kind: 0, number: null },
        }));
        expect(told(decoder.packed(payload, precision, null), schema)).toEqual({ kind: "rows", rows: expected });
      }),
      { seed, numRuns: 300 },
    );
  });
});
