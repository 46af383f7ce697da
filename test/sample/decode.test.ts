import { describe, expect, it } from "vitest";
import { createDecoder, type Decoder } from "../../src/sample/decode.ts";
import { createRows, type Decoded, type RefusalCode, type Rows, type SampleSchema } from "../../src/sample/rows.ts";

const binary: SampleSchema = { features: ["x1", "x2"], label: "y", classes: null, labelKind: "binary" };
const regression: SampleSchema = { ...binary, labelKind: "number" };
const named: SampleSchema = { ...binary, classes: ["ok", "worn"] };
const limits = { payloadBytesMax: 4096, rowsMax: 8 };

function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function json(text: string, schema: SampleSchema = binary, source: string | null = null): Decoded {
  return createDecoder(schema, limits).json(bytesOf(text), source);
}

function rowsOf(decoded: Decoded): Rows {
  if (decoded.kind === "refused") throw new Error(`refused: ${decoded.code}: ${decoded.detail}`);
  return decoded.rows;
}

/** Lists rows as x1, x2, y. */
function table(decoded: Decoded): readonly (readonly (number | undefined)[])[] {
  const { rows, features, labels } = rowsOf(decoded);
  return Array.from({ length: rows }, (_, r) => [features[2 * r], features[2 * r + 1], labels[r]]);
}

function codeOf(decoded: Decoded): RefusalCode | "none" {
  return decoded.kind === "refused" ? decoded.code : "none";
}

function packed64(values: readonly number[]): Uint8Array {
  const view = new DataView(new ArrayBuffer(8 * values.length));
  values.forEach((value, i) => {
    view.setFloat64(8 * i, value, true);
  });
  return new Uint8Array(view.buffer);
}

describe("a JSON payload", () => {
  it.each([
    ["an object", '{"x1":0.5,"x2":-2,"y":1}', [[0.5, -2, 1]]],
    [
      "an array of objects",
      '[{"x1":1,"x2":2,"y":0},{"y":1,"x2":4,"x1":3}]',
      [
        [1, 2, 0],
        [3, 4, 1],
      ],
    ],
    ["an empty array", "[]", []],
    [
      "columns",
      '{"x1":[1,3],"x2":[2,4],"y":[0,1]}',
      [
        [1, 2, 0],
        [3, 4, 1],
      ],
    ],
    [
      "columns with a value for all rows",
      '{"x1":[1,3],"x2":7,"y":[0,1]}',
      [
        [1, 7, 0],
        [3, 7, 1],
      ],
    ],
    ["empty columns", '{"x1":[],"x2":[],"y":[]}', []],
    [
      "lines, some of them blank",
      '\n{"x1":1,"x2":2,"y":0}\r\n \n{"x1":3,"x2":4,"y":1}\n',
      [
        [1, 2, 0],
        [3, 4, 1],
      ],
    ],
    ["an object after a byte order mark", '\ufeff{"x1":1,"x2":2,"y":0}', [[1, 2, 0]]],
    ["an object over several lines", '{\n "x1": 1,\n "x2": 2,\n "y": 0\n}\n', [[1, 2, 0]]],
    ["true and false", '{"x1":true,"x2":false,"y":true}', [[1, 0, 1]]],
    [
      "a column twice, the last of which wins",
      '{"x1":[8,9],"x1":[1,3],"x2":[8,9],"x2":2,"y":0}',
      [
        [1, 2, 0],
        [3, 2, 0],
      ],
    ],
    [
      "a column where a value comes after all",
      '[{"x1":1,"x2":2,"y":0},{"x1":[8,9],"x1":3,"x2":4,"y":1}]',
      [
        [1, 2, 0],
        [3, 4, 1],
      ],
    ],
    ["keys twice, the last of which wins", '{"x1":"no","x2":2,"x1":1,"y":5,"y":0}', [[1, 2, 0]]],
    ["keys with escapes", '{"\\u00781":1,"x2":2,"y":0}', [[1, 2, 0]]],
  ])("may be %s", (_, text, rows) => {
    expect(table(json(text))).toEqual(rows);
  });

  it("may have class names for labels, and numbers beside them", () => {
    const text = '{"x1":[1,2,3],"x2":0,"y":["worn","ok",1]}';
    expect(table(json(text, named)).map((row) => row[2])).toEqual([1, 0, 1]);
  });

  it("may have any finite label where labels are numbers", () => {
    expect(table(json('{"x1":1,"x2":2,"y":-3.5e20}', regression))).toEqual([[1, 2, -3.5e20]]);
  });

  it("brings weights, times and ids, which are 1, NaN and null where none came", () => {
    const rows = rowsOf(json('[{"x1":1,"x2":2,"y":0,"weight":2.5,"ts":1700,"id":"a"},{"x1":1,"x2":2,"y":0}]'));
    expect([rows.hasWeights, rows.hasTimes, rows.hasIds]).toEqual([true, true, true]);
    expect([...rows.weights.subarray(0, 2)]).toEqual([2.5, 1]);
    expect([...rows.times.subarray(0, 2)]).toEqual([1700, Number.NaN]);
    expect(rows.ids.slice(0, 2)).toEqual(["a", null]);
  });

  it("does not keep what the message before it brought", () => {
    const decoder = createDecoder(binary, limits);
    decoder.json(
      bytesOf('{"x1":1,"x2":2,"y":0,"z":0,"weight":2,"ts":1,"id":"a","source":"s","epoch":"e","seq":4}'),
      null,
    );
    const rows = rowsOf(decoder.json(bytesOf('{"x1":1,"x2":2,"y":0}'), null));
    expect(rows).toMatchObject({ hasWeights: false, hasTimes: false, hasIds: false, numbering: [], ignoredFields: 0 });
    decoder.json(bytesOf('{"x1":"bad"}'), null);
    expect(table(decoder.json(bytesOf('{"x1":3,"x2":4,"y":1}'), null))).toEqual([[3, 4, 1]]);
  });

  it("has its unknown fields counted, and nothing that objects inherit taken for a field", () => {
    const text = '[{"x1":1,"x2":2,"y":0,"__proto__":{"y":1},"constructor":[1]},{"x1":1,"x2":2,"y":0,"toString":null}]';
    expect(rowsOf(json(text)).ignoredFields).toBe(3);
    expect(codeOf(json('{"x1":1,"x2":2,"__proto__":{"y":1}}'))).toBe("label-missing");
  });

  it("may have features of any name", () => {
    const schema: SampleSchema = { ...binary, features: ["__proto__", "größe"], label: 'a"b' };
    expect(table(json('{"__proto__":1,"größe":2,"a\\"b":1}', schema))).toEqual([[1, 2, 1]]);
  });

  it("may have hundreds of features, in any order", () => {
    const features = Array.from({ length: 300 }, (_, i) => `f${i}`);
    const schema: SampleSchema = { features, label: "y", classes: null, labelKind: "binary" };
    const fields = [...features.map((name, i): [string, number] => [name, i]), ["y", 1]].reverse();
    const decoder = createDecoder(schema, { payloadBytesMax: 1 << 20, rowsMax: 2 });
    const rows = rowsOf(decoder.json(bytesOf(JSON.stringify(Object.fromEntries(fields))), null));
    expect([...rows.features.subarray(0, 300)]).toEqual(features.map((_, i) => i));
  });
});

describe("numbers of rows", () => {
  it.each([
    [
      "of each object",
      '[{"x1":1,"x2":2,"y":0,"source":"s","epoch":"e","seq":4},{"x1":1,"x2":2,"y":0,"source":"s","epoch":"e","seq":5}]',
      null,
    ],
    ["of columns", '{"x1":[1,3],"x2":[2,4],"y":[0,1],"source":"s","epoch":"e","seq":[4,5]}', null],
    ["of columns, counted from the first", '{"x1":[1,3],"x2":[2,4],"y":[0,1],"source":"s","epoch":"e","seq":4}', null],
    ["with the source of the topic", '{"x1":[1,3],"x2":[2,4],"y":[0,1],"epoch":"e","seq":4}', "s"],
    [
      "with a source that goes before that of the topic",
      '{"x1":[1,3],"x2":0,"y":0,"source":"s","epoch":"e","seq":4}',
      "t",
    ],
  ])("%s are joined into a run", (_, text, source) => {
    expect(rowsOf(json(text, binary, source)).numbering).toEqual([
      { offset: 0, rows: 2, source: "s", epoch: "e", seq: 4 },
    ]);
  });

  it("make a new run wherever they do not go on", () => {
    const text =
      '{"x1":[1,2,3,4,5],"x2":0,"y":0,"source":["s","s","s",null,"t"],"epoch":["e","e","e",null,"e"],"seq":[1,2,7,null,8]}';
    expect(rowsOf(json(text)).numbering).toEqual([
      { offset: 0, rows: 2, source: "s", epoch: "e", seq: 1 },
      { offset: 2, rows: 1, source: "s", epoch: "e", seq: 7 },
      { offset: 4, rows: 1, source: "t", epoch: "e", seq: 8 },
    ]);
  });

  it("have no negative zero among them", () => {
    const text = '{"x1":1,"x2":2,"y":0,"source":"s","epoch":"e","seq":-0}';
    expect(rowsOf(json(text)).numbering).toEqual([{ offset: 0, rows: 1, source: "s", epoch: "e", seq: 0 }]);
  });

  it("are not there where only a source is", () => {
    expect(rowsOf(json('{"x1":1,"x2":2,"y":0,"source":"s"}')).numbering).toEqual([]);
    expect(rowsOf(json('{"x1":1,"x2":2,"y":0}', binary, "s")).numbering).toEqual([]);
  });

  it("are all told where the message is refused, so that they can be settled", () => {
    const text = '{"x1":["bad",2,3],"x2":0,"y":0,"source":"s","epoch":"e","seq":4}';
    expect(json(text)).toMatchObject({
      code: "feature-invalid",
      numbering: [{ offset: 0, rows: 3, source: "s", epoch: "e", seq: 4 }],
    });
    const many = Array.from({ length: 9 }, (_, seq) => `{"source":"s","epoch":"e","seq":${seq}}`).join("\n");
    expect(json(many)).toMatchObject({
      code: "too-large",
      numbering: [{ offset: 0, rows: 9, source: "s", epoch: "e", seq: 0 }],
    });
  });
});

describe("a refused JSON payload", () => {
  const numbered = (fields: string) => `{"x1":1,"x2":2,"y":0,${fields}}`;
  it.each<[RefusalCode, string, SampleSchema?]>([
    ["not-json", ""],
    ["not-json", " \n"],
    ["not-json", "3"],
    ["not-json", '"x1"'],
    ["not-json", "[3]"],
    ["not-json", '{"x1":1,"x2":2,"y":0'],
    ["not-json", '{"x1":1,"x2":2,"y":0} trailing'],
    ["not-json", '{"x1":1,"x2":2,"y":0}{"x1":1,"x2":2,"y":0}'],
    ["not-json", '{"x1":1,"x2":2,"y":0}\n[]'],
    ["not-json", '{"x1":1,\n"x2":2,"y":0}\n{"x1":1,"x2":2,"y":0}'],
    ["not-json", '{"x1":1,"x2":2,"y":0}\n{"x1":1,\n"x2":2,"y":0}'],
    ["not-json", '{"x1":NaN,"x2":2,"y":0}'],
    ["not-json", '{"x1":Infinity,"x2":2,"y":0}'],
    ["not-json", '{"x1":1,"x2":2,"y":0,}'],
    ["not-json", "{'x1':1}"],
    ["feature-missing", '{"x1":1,"y":0}'],
    ["feature-missing", '{"x1":1,"x2":null,"y":0}'],
    ["feature-missing", "{}"],
    ["feature-invalid", '{"x1":"1","x2":2,"y":0}'],
    ["feature-invalid", '{"x1":{},"x2":2,"y":0}'],
    ["feature-invalid", '[{"x1":[1],"x2":[2],"y":[0]}]'],
    ["feature-invalid", '{"x1":[1],"x2":[2],"y":[0]}\n{"x1":1,"x2":2,"y":0}'],
    ["label-missing", '{"x1":1,"x2":2}'],
    ["label-missing", '{"x1":1,"x2":2,"y":null}'],
    ["label-invalid", '{"x1":1,"x2":2,"y":2}'],
    ["label-invalid", '{"x1":1,"x2":2,"y":0.5}'],
    ["label-invalid", '{"x1":1,"x2":2,"y":"1"}'],
    ["label-invalid", '{"x1":1,"x2":2,"y":"1"}', regression],
    ["label-invalid", '{"x1":1,"x2":2,"y":"broken"}', named],
    ["label-invalid", '{"x1":1,"x2":2,"y":{}}', named],
    ["not-finite", '{"x1":1e999,"x2":2,"y":0}'],
    ["not-finite", '{"x1":1,"x2":2,"y":-1e999}'],
    ["not-finite", '{"x1":1,"x2":2,"y":1e999}', regression],
    ["out-of-range", '{"x1":1,"x2":-1.0000001e12,"y":0}'],
    ["weight-invalid", numbered('"weight":0')],
    ["weight-invalid", numbered('"weight":-1')],
    ["weight-invalid", numbered('"weight":1e999')],
    ["weight-invalid", numbered('"weight":true')],
    ["ts-invalid", numbered('"ts":"2026-01-01"')],
    ["ts-invalid", numbered('"ts":1e999')],
    ["id-invalid", numbered('"id":7')],
    ["id-invalid", numbered('"id":""')],
    ["id-invalid", numbered(`"id":"${"a".repeat(65)}"`)],
    ["id-invalid", numbered(`"id":"${"é".repeat(33)}"`)],
    ["id-invalid", numbered('"id":"\\ud800"')],
    ["number-invalid", numbered('"seq":1')],
    ["number-invalid", numbered('"epoch":"e"')],
    ["number-invalid", numbered('"source":"s","seq":1')],
    ["number-invalid", numbered('"source":"a b"')],
    ["number-invalid", numbered('"source":"s","epoch":"","seq":1')],
    ["number-invalid", numbered(`"source":"${"s".repeat(65)}","epoch":"e","seq":1`)],
    ["number-invalid", numbered('"source":"s","epoch":"e","seq":-1')],
    ["number-invalid", numbered('"source":"s","epoch":"e","seq":1.5')],
    ["number-invalid", numbered('"source":"s","epoch":"e","seq":1e-20')],
    ["number-invalid", numbered('"source":"s","epoch":"e","seq":"1"')],
    ["number-invalid", numbered('"source":"s","epoch":"e","seq":9007199254740991')],
    ["number-invalid", '{"x1":[1,2],"x2":2,"y":0,"source":"s","epoch":"e","seq":9007199254740990}'],
    ["columns-uneven", '{"x1":[1,2],"x2":[1],"y":0}'],
    ["columns-uneven", '{"x1":[],"x2":[1],"y":0}'],
    ["feature-missing", '{"id":"a"}'],
    ["feature-missing", '{"x1":1,"id":"a"}'],
    ["feature-missing", '{"x1":1,"id":"a","y":1}'],
    ["label-invalid", '{"id":"a","y":2}'],
    ["too-deep", `{"x1":1,"x2":2,"y":0,"z":${"[".repeat(32)}${"]".repeat(32)}}`],
    ["too-large", `[${Array.from({ length: 9 }, () => '{"x1":1,"x2":2,"y":0}').join(",")}]`],
    ["too-large", `{"x1":1,"x2":2,"y":0,"z":"${"z".repeat(4096)}"}`],
  ])("%s: %s", (code, text, schema) => {
    expect(codeOf(json(text, schema))).toBe(code);
  });

  it("may be nested up to the limit", () => {
    expect(codeOf(json(`{"x1":1,"x2":2,"y":0,"z":${"[".repeat(31)}${"]".repeat(31)}}`))).toBe("none");
  });

  it.each([
    ["a byte that no UTF-8 has", [0xff]],
    ["an overlong form", [0xc0, 0x80]],
    ["half a surrogate pair", [0xed, 0xa0, 0x80]],
    ["a character that is cut off", [0xc3]],
  ])("is not JSON with %s in a string", (_, bytes) => {
    const payload = Uint8Array.from([...bytesOf('{"x1":1,"x2":2,"y":0,"z":"'), ...bytes, ...bytesOf('"}')]);
    expect(codeOf(createDecoder(binary, limits).json(payload, null))).toBe("not-json");
  });

  it("is refused with the row, the field, what came and what is allowed", () => {
    const long = `"${"long ".repeat(40)}"`;
    const refused = json(`[{"x1":1,"x2":2,"y":0},{"x1":1,"x2":2,"y":${long}}]`, named);
    expect(refused).toMatchObject({ detail: `row 1, y: ${long.slice(0, 80)}…; ok or worn, or 0 or 1 is allowed` });
    expect(json('{"x1":1,"x2":2,"y":0}\n{oops')).toMatchObject({
      detail: "row 1, byte 23: oops where JSON goes on otherwise",
    });
  });

  it("tells the value of a column's row, not the column", () => {
    expect(json('{"x1":[1,2],"x2":[0,-2e12],"y":[1,0]}')).toMatchObject({
      detail: "row 1, x2: -2000000000000; at most ±1000000000000 is allowed",
    });
    expect(json('{"x1":[1,2],"x2":[0,"no"],"y":[1,0]}')).toMatchObject({
      detail: 'row 1, x2: "no" where a number belongs',
    });
    expect(json('{"x1":[1,2],"x2":0,"y":[1,0.5]}')).toMatchObject({ detail: "row 1, y: 0.5; 0 or 1 is allowed" });
  });

  it("is refused whole: the columns are on loan, and no row of them counts", () => {
    expect(json('[{"x1":1,"x2":2,"y":0},{"x1":1}]')).toEqual({
      ...{ kind: "refused", code: "feature-missing", detail: "row 1 has no x2", numbering: [] },
    });
  });
});

describe("a row in which a feature is missing", () => {
  const gappy: SampleSchema = { ...binary, mayMiss: true };
  const gone = Number.NaN;

  it.each([
    ["absent", '{"x1":1,"y":0}', [[1, gone, 0]]],
    ["null", '{"x1":null,"x2":2,"y":0}', [[gone, 2, 0]]],
    [
      "null in a column",
      '{"x1":[1,null,3],"x2":[null,2,3],"y":[0,1,0]}',
      [
        [1, gone, 0],
        [gone, 2, 1],
        [3, 3, 0],
      ],
    ],
    ["a column that is absent", '{"x1":[1],"y":[0]}', [[1, gone, 0]]],
    ["absent from a question", '{"id":"a","x2":2}', [[gone, 2, gone]]],
    ["absent from a sample with an id", '{"id":"a","x2":2,"y":1}', [[gone, 2, 1]]],
  ])("is taken where features may be missing: %s", (_, text, expected) => {
    const decoded = json(text, gappy);
    expect(table(decoded)).toEqual(expected);
  });

  it.each([
    ["feature-missing", "{}"],
    ["feature-missing", '{"y":1}'],
    ["feature-missing", '{"x1":null,"x2":null,"y":1}'],
    ["feature-missing", '{"id":"a"}'],
    ["feature-missing", '{"x1":[1,null],"y":[0,1]}'],
    ["feature-invalid", '{"x1":"","x2":2,"y":1}'],
  ])("is refused all the same: %s: %s", (code, text) => {
    expect(codeOf(json(text, gappy))).toBe(code);
  });

  it("is an answer where it has nothing but an id and a label", () => {
    expect(rowsOf(json('{"id":"a","y":1}', gappy))).toMatchObject({ hasLate: true });
  });

  it("cannot be packed: NaN is no number", () => {
    expect(codeOf(createDecoder(gappy, limits).packed(packed64([1, gone, 0]), "f64", null))).toBe("not-finite");
  });
});

describe("a categorical feature", () => {
  const categories: SampleSchema["categories"] = [["red", "green"], "hashed"];
  const schema: SampleSchema = { ...binary, categories, mayMiss: true };

  it.each([
    ["by its name, and any text", '{"x1":"green","x2":"foobar","y":0}', [[1, 0xbf9cf968, 0]]],
    ["written with escapes", '{"x1":"gr\\u0065en","x2":"\\u0061","y":0}', [[1, 0xe40c292c, 0]]],
    ["by its number, or hash", '{"x1":0,"x2":4294967295,"y":0}', [[0, 4294967295, 0]]],
    ["missing", '{"x1":"red","y":0}', [[0, Number.NaN, 0]]],
    [
      "in columns",
      '{"x1":["red","green"],"x2":["",1],"y":[0,1]}',
      [
        [0, 0x811c9dc5, 0],
        [1, 1, 1],
      ],
    ],
  ])("is told %s", (_, text, expected) => {
    expect(table(json(text, schema))).toEqual(expected);
  });

  it.each([
    ["category-unknown", '{"x1":"blue","x2":"a","y":0}'],
    ["category-unknown", '{"x1":2,"x2":"a","y":0}'],
    ["category-unknown", '{"x1":0.5,"x2":"a","y":0}'],
    ["category-unknown", '{"x1":"red","x2":-1,"y":0}'],
    ["category-unknown", '{"x1":"red","x2":4294967296,"y":0}'],
    ["category-unknown", '{"x1":[0,2],"x2":"a","y":0}'],
    ["not-finite", '{"x1":1e999,"x2":"a","y":0}'],
    ["feature-invalid", '{"x1":{},"x2":"a","y":0}'],
  ])("is refused: %s: %s", (code, text) => {
    expect(codeOf(json(text, schema))).toBe(code);
  });

  it("is refused with what is allowed", () => {
    expect(json('{"x1":"blue","x2":"a","y":0}', schema)).toMatchObject({
      detail: 'row 0, x1: "blue"; red or green, or a whole number from 0 to 1 is allowed',
    });
  });

  it("is packed by its number", () => {
    const decoder = createDecoder(schema, limits);
    expect(table(decoder.packed(packed64([1, 7, 0, -0, 2, 1]), "f64", null))).toEqual([
      [1, 7, 0],
      [0, 2, 1],
    ]);
    expect(codeOf(decoder.packed(packed64([2, 7, 0]), "f64", null))).toBe("category-unknown");
    expect(codeOf(decoder.packed(packed64([1, 0.5, 0]), "f64", null))).toBe("category-unknown");
  });
});

describe("a packed payload", () => {
  const decode = (values: readonly number[], schema = binary, seq: number | null = null): Decoded => {
    const number = seq === null ? null : { source: "s", epoch: "e", seq };
    return createDecoder(schema, limits).packed(packed64(values), "f64", number);
  };

  it("has rows of features and label, and numbers from the topic", () => {
    const decoded = decode([1, 2, 0, 3, 4, 1], binary, 7);
    expect(table(decoded)).toEqual([
      [1, 2, 0],
      [3, 4, 1],
    ]);
    expect(rowsOf(decoded).numbering).toEqual([{ offset: 0, rows: 2, source: "s", epoch: "e", seq: 7 }]);
  });

  it("may be f32", () => {
    const payload = new Uint8Array(Float32Array.of(0.1, -2, 1).buffer);
    expect(table(createDecoder(binary, limits).packed(payload, "f32", null))).toEqual([[Math.fround(0.1), -2, 1]]);
  });

  it("is no rows and no numbers when it is empty", () => {
    expect(rowsOf(decode([], binary, 7))).toMatchObject({ rows: 0, numbering: [] });
  });

  it.each<[RefusalCode, readonly number[], SampleSchema?]>([
    ["wrong-length", [1, 2]],
    ["wrong-length", [1, 2, 0, 1]],
    ["not-finite", [Number.NaN, 2, 0]],
    ["not-finite", [1, Number.POSITIVE_INFINITY, 0]],
    ["not-finite", [1, 2, Number.NEGATIVE_INFINITY], regression],
    ["out-of-range", [1, 1.1e12, 0]],
    ["label-invalid", [1, 2, 0.5]],
    ["too-large", Array.from({ length: 27 }, () => 0)],
    ["too-large", Array.from({ length: 600 }, () => 0)],
  ])("is refused as %s: %s", (code, values, schema) => {
    expect(codeOf(decode(values, schema))).toBe(code);
  });

  it("tells its numbers when it is refused, so that they can be settled", () => {
    expect(decode([Number.NaN, 2, 0, 1, 2, 0], binary, 7)).toMatchObject({
      code: "not-finite",
      numbering: [{ offset: 0, rows: 2, source: "s", epoch: "e", seq: 7 }],
    });
  });

  it("is refused where its numbers would no longer be exact", () => {
    expect(codeOf(decode([1, 2, 0, 1, 2, 0], binary, Number.MAX_SAFE_INTEGER - 1))).toBe("number-invalid");
    expect(codeOf(decode([1, 2, 0], binary, Number.MAX_SAFE_INTEGER - 1))).toBe("none");
  });
});

describe("decoders", () => {
  it("of models of different widths may take turns with one buffer", () => {
    const rows = createRows(2, limits.rowsMax);
    const narrow: Decoder = createDecoder({ ...binary, features: ["x"] }, limits, rows);
    const wide: Decoder = createDecoder(binary, limits, rows);
    expect(table(wide.json(bytesOf('{"x1":1,"x2":2,"y":1}'), null))).toEqual([[1, 2, 1]]);
    const { features } = rowsOf(narrow.json(bytesOf('{"x":[5,6,7],"y":0}'), null));
    expect([...features.subarray(0, 3)]).toEqual([5, 6, 7]);
    expect(table(wide.json(bytesOf('{"x1":1,"x2":2,"y":1}'), null))).toEqual([[1, 2, 1]]);
  });
});
