import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { RivuletError } from "../../src/error.ts";
import { type CsvColumns, createCsvReader, formatCsvRow, numberOf, readCsv } from "../../src/sample/csv.ts";

const seed = 815;
const fromHeader: CsvColumns = { features: null, label: null };

/** Lists the rows as cells, the label last. */
function cells(text: string, columns: CsvColumns = fromHeader): readonly (readonly string[])[] {
  return readCsv(text, columns).rows.map((row) => [...row.features, row.label]);
}

function messageOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof RivuletError && error.hint !== "") return `${error.code}: ${error.message}`;
    throw error;
  }
  return "none";
}

describe("a CSV file", () => {
  it.each([
    ["commas", "x1,x2,y\n1,2,0\n3,4,1\n"],
    ["semicolons", "x1;x2;y\n1;2;0\n3;4;1\n"],
    ["tabs", "x1\tx2\ty\n1\t2\t0\n3\t4\t1\n"],
    ["CRLF", "x1,x2,y\r\n1,2,0\r\n3,4,1\r\n"],
    ["no line end at the end", "x1,x2,y\r\n1,2,0\n3,4,1"],
    ["a byte order mark", "\ufeffx1,x2,y\n1,2,0\n3,4,1\n"],
    ["empty lines", "\nx1,x2,y\n\n1,2,0\r\n\r\n3,4,1\n\n"],
    ["quotes around everything", '"x1","x2","y"\n"1","2","0"\n"3","4","1"'],
    ["blanks around the names", "x1 , x2 ,y\n1,2,0\n3,4,1\n"],
  ])("may have %s", (_, text) => {
    const table = readCsv(text, fromHeader);
    expect(table).toMatchObject({ features: ["x1", "x2"], label: "y", ignoredColumns: [] });
    expect(table.rows.map((row) => [...row.features, row.label])).toEqual([
      ["1", "2", "0"],
      ["3", "4", "1"],
    ]);
  });

  it("may have delimiters, line ends and quotes in quoted cells, also in its header", () => {
    const text = 'x1,"a;b;c;d\n,","y"""\n"1,\r\n2","say ""no""",""\n1,2,""""';
    const table = readCsv(text, fromHeader);
    expect(table.features).toEqual(["x1", "a;b;c;d\n,"]);
    expect(table.label).toBe('y"');
    expect(table.rows.map((row) => [...row.features, row.label])).toEqual([
      ["1,\r\n2", 'say "no"', ""],
      ["1", "2", '"'],
    ]);
  });

  it("tells of each row the line on which it begins", () => {
    expect(readCsv('x,y\n1,0\n"1\n\n",0\n\n3,1', fromHeader).rows.map(({ line }) => line)).toEqual([2, 3, 7]);
  });

  it("is matched by name, and extra columns are ignored and told", () => {
    const columns = { features: ["b", "a"], label: "y" };
    const table = readCsv("y,extra,a,b\n1,9,2,3\n", columns);
    expect(table).toMatchObject({ ignoredColumns: ["extra"], rows: [{ features: ["3", "2"], label: "1", line: 2 }] });
  });

  it("has its last column that is no feature for a label", () => {
    expect(readCsv("a,b,c\n1,2,3\n", fromHeader)).toMatchObject({ features: ["a", "b"], label: "c" });
    expect(readCsv("y,a,b\n1,2,3\n", { features: ["a", "b"], label: null }).label).toBe("y");
    expect(readCsv("y,a,b\n1,2,3\n", { features: null, label: "y" }).features).toEqual(["a", "b"]);
  });

  it.each([
    ["", "line 1: the file is empty"],
    ["\n\n", "line 1: the file is empty"],
    ["x,y,x\n", 'line 1: the header has the column "x" twice'],
    ["x,y,\n", "line 1: the header has a column without a name"],
    ["x,y\n1,2\n\n1\n", "line 4: 1 cells where the header has 2"],
    ["x,y\n1,2,3\n", "line 2: 3 cells where the header has 2"],
    ['x,y\n"1"2,3\n', "line 2: text follows a closing quote"],
    ['x,y\n1,2\n5"x",3\n', "line 3: a quote stands inside of a cell that is not quoted"],
    ['x,y\n1,2\n"1,2\n3,4\n', "line 3: a quote is never closed"],
    [`x,y\n"${"1".repeat(1 << 21)}`, "line 2: a quote is never closed"],
    [`x,y\n${"1".repeat(1 << 21)}`, "line 2: the line never ends"],
  ])("is refused with the line, case %#", (text, message) => {
    expect(messageOf(() => readCsv(text, fromHeader))).toContain(`csv-invalid: ${message}`);
  });

  it("is refused where it lacks a column that was asked for", () => {
    const message = messageOf(() => readCsv("a,y\n1,2\n", { features: ["a", "b"], label: "y" }));
    expect(message).toBe('csv-invalid: line 1: the header has no column "b"; it has a, y');
    expect(messageOf(() => readCsv("a,b\n", { features: ["a", "b"], label: null }))).toContain("without a name");
  });

  it("is refused where it is no UTF-8", () => {
    const reader = createCsvReader(fromHeader, () => {});
    reader.push(new TextEncoder().encode("x,y\n1,2\n"));
    expect(messageOf(() => reader.push(Uint8Array.of(0xff)))).toBe("csv-invalid: line 3: the file is no UTF-8");
    const cut = createCsvReader(fromHeader, () => {});
    cut.push(Uint8Array.of(0x78, 0x0a, 0xc3));
    expect(messageOf(() => cut.end())).toBe("csv-invalid: line 2: the file is no UTF-8");
  });
});

const cell = fc.oneof(
  fc.string({ unit: fc.constantFrom("a", "é", '"', ",", ";", "\t", "\n", "\r\n", " ", "1"), maxLength: 5 }),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
);

describe("CSV lines that were written", () => {
  const width = fc.integer({ min: 1, max: 4 });
  const file = width.chain((w) => fc.array(fc.array(cell, { minLength: w, maxLength: w }), { maxLength: 6 }));

  it("are read as they were, whichever pieces the file comes in", () => {
    fc.assert(
      fc.property(file, fc.array(fc.nat(30), { maxLength: 10 }), fc.boolean(), (rows, cuts, asText) => {
        const names = (rows[0] ?? ["a"]).map((_, i) => `c${i}`);
        const text = [names, ...rows].map(formatCsvRow).join("");
        const bytes = new TextEncoder().encode(text);
        const read: (readonly string[])[] = [];
        const reader = createCsvReader(fromHeader, (row) => read.push([...row.features, row.label]));
        let at = 0;
        for (const cut of [...cuts, bytes.length]) {
          if (!asText) reader.push(bytes.subarray(at, at + cut));
          else reader.push(text.slice(at, at + cut));
          at += cut;
        }
        expect(reader.end()).toEqual({ features: names.slice(0, -1), label: names.at(-1), ignoredColumns: [] });
        expect(read).toEqual(rows.map((row) => row.map((one) => (Object.is(one, -0) ? "-0" : String(one)))));
      }),
      { seed, numRuns: 3000 },
    );
  });

  it("give numbers back bit for bit", () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
        expect(numberOf(formatCsvRow([value]).trim(), "x", 1)).toBe(value);
      }),
      { seed, numRuns: 2000 },
    );
  });

  it("have an empty cell for a missing value", () => {
    expect(formatCsvRow([1, Number.NaN, "a"])).toBe("1,,a\n");
    expect(cells(`x,y\n${formatCsvRow(["", 1])}`)).toEqual([["", "1"]]);
    expect(numberOf("", "x", 1)).toBeNaN();
  });
});

describe("a cell", () => {
  it.each([
    ["1", 1],
    [" -2.5 ", -2.5],
    ["+3", 3],
    [".5", 0.5],
    ["5.", 5],
    ["1e-3", 0.001],
  ])("%j is a number", (text, value) => {
    expect(numberOf(text, "x", 1)).toBe(value);
  });

  it.each(["1,5", "abc", "0x10", "NaN", "Infinity", "1e999", "1 2", "--1", "e5", "."])("%j is none", (text) => {
    expect(messageOf(() => numberOf(text, "x1", 7))).toBe(
      `csv-invalid: line 7: column x1 has ${JSON.stringify(text)} where a number with a decimal point belongs`,
    );
  });
});
