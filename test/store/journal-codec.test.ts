import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { RivuletError } from "../../src/error.ts";
import type { Entry } from "../../src/learner/entry.ts";
import type { Section } from "../../src/learner/transaction.ts";
import { ByteWriter } from "../../src/store/byte-writer.ts";
import {
  decodeSection,
  encodeCommit,
  encodeSome,
  numberModels,
  packCommit,
  readDirectory,
  readDirectoryHead,
  unpackCommit,
} from "../../src/store/journal-codec.ts";
import { cuts, rows } from "./bench.ts";

const number = fc.oneof(
  fc.double(),
  fc.constantFrom(0, -0, 1, 255, 256, 0.5, 5e-324, Number.NaN, 1e308, Math.fround(0.1), -1),
  fc.integer({ min: 0, max: 255 }),
);
const name = fc.stringMatching(/^[A-Za-z0-9._-]{1,12}$/);

/** A column of like values, so that each form of storing it is met. */
function column(length: number): fc.Arbitrary<Float64Array> {
  return fc
    .oneof(
      fc.array(number, { minLength: length, maxLength: length }),
      number.map((value) => new Array<number>(length).fill(value)),
      fc.array(fc.constantFrom(0, 1), { minLength: length, maxLength: length }),
      fc.array(fc.float(), { minLength: length, maxLength: length }),
      decimals(length),
    )
    .map((values) => Float64Array.from(values));
}

/** What sensors send: numbers of a few digits, as they are read from text, and now and then one that is none. */
function decimals(length: number): fc.Arbitrary<number[]> {
  return fc
    .tuple(fc.nat({ max: 12 }), fc.maxSafeInteger(), fc.constantFrom(200, 60_000, 1e7, 2 ** 40, 2 ** 50), fc.boolean())
    .chain(([digits, least, span, isMixed]) => {
      const decimal = fc.integer({ min: 0, max: span }).map((u) => Number(`${(least % 2 ** 50) + u}e-${digits}`));
      return fc.array(isMixed ? fc.oneof({ weight: 20, arbitrary: decimal }, number) : decimal, {
        minLength: length,
        maxLength: length,
      });
    });
}

const rowsEntry = fc
  .tuple(
    fc.integer({ min: 1, max: 30 }),
    fc.integer({ min: 0, max: 4 }),
    fc.constantFrom("sample" as const, "question" as const, "answer" as const),
  )
  .chain(([count, width, rowKind]) =>
    fc.record({
      type: fc.constant("rows" as const),
      rowKind: fc.constant(rowKind),
      firstSequence: fc.constant(1),
      rows: fc.constant(count),
      features: column(count * width),
      labels: fc.option(column(count)),
      weights: fc.option(column(count)),
      predictions: fc.option(column(2 * count)),
      times: fc.option(column(count)),
      ids: fc.option(
        fc.array(fc.option(fc.string({ maxLength: 20, unit: "grapheme" })), { minLength: count, maxLength: count }),
      ),
      numbering: fc
        .array(
          fc.record({
            rows: fc.integer({ min: 1, max: 5 }),
            gap: fc.integer({ min: 0, max: 3 }),
            source: name,
            epoch: name,
            seq: fc.nat({ max: 2 ** 50 }),
          }),
          { maxLength: 4 },
        )
        .map((runs) => {
          let at = 0;
          return runs.flatMap(({ rows: length, gap, source, epoch, seq }) => {
            const offset = at + gap;
            at = offset + length;
            return at <= count ? [{ offset, rows: length, source, epoch, seq }] : [];
          });
        }),
    }),
  );

const otherEntry: fc.Arbitrary<Entry> = fc.oneof(
  fc.array(number, { minLength: 1, maxLength: 20 }).map((costs) => cuts(3, 9, costs)),
  fc.constant<Entry>({ type: "command", command: { kind: "rollback", snapshot: 7, checksum: "ü" } }),
  fc.constant<Entry>({ type: "command", command: { kind: "reset", config: "{}", hash: "h", numerics: 1 } }),
  fc.string().map((config): Entry => ({ type: "config", config, hash: "h", numerics: 12 })),
  fc
    .nat()
    .map((seq): Entry => ({ type: "decision", decision: { kind: "settled", source: "s", epoch: "e", seq, rows: 2 } })),
);

/** Puts entries into a section whose sequences follow one another. */
function sectionOf(model: string, entries: readonly Entry[]): Section {
  let sequence = 5;
  const placed = entries.map((entry) => {
    if (entry.type !== "rows") return entry;
    const at = { ...entry, firstSequence: sequence };
    sequence += entry.rows;
    return at;
  });
  return { model, firstSequence: 5, rows: sequence - 5, firstOrdinal: 2 ** 40, ordinals: 3, entries: placed };
}

const sections = fc
  .array(fc.array(fc.oneof(rowsEntry, otherEntry), { maxLength: 6 }), { maxLength: 4 })
  .map((all) => all.map((entries, i) => sectionOf(`m${i}`, entries)));

function encoded(all: readonly Section[]): Uint8Array {
  const writer = new ByteWriter();
  encodeCommit(writer, all);
  const blob = writer.bytes.slice();
  numberModels(
    blob,
    all.map(({ model }) => Number(model.slice(1))),
  );
  return blob;
}

function decoded(blob: Uint8Array): Section[] {
  return readDirectory(blob, "it").map((entry) => decodeSection(blob, entry, `m${entry.model}`, "it"));
}

describe("a commit", () => {
  it("comes back as it went in, bit for bit, at any byte offset", () => {
    fc.assert(
      fc.property(sections, fc.integer({ min: 0, max: 7 }), (all, offset) => {
        const blob = encoded(all);
        const shifted = new Uint8Array(blob.length + offset);
        shifted.set(blob, offset);
        expect(decoded(shifted.subarray(offset))).toEqual(all);
      }),
    );
  });

  it("of many models comes back from how it is stored, and its directory from the first bytes of that", () => {
    const many = fc
      .array(fc.array(fc.oneof(rowsEntry, otherEntry), { maxLength: 3 }), { minLength: 8, maxLength: 30 })
      .map((all) => all.map((entries, i) => sectionOf(`m${i}`, entries)));
    fc.assert(
      fc.property(many, (all) => {
        const blob = encoded(all);
        const stored = packCommit(blob, all.length);
        expect(stored.length).toBeLessThanOrEqual(blob.length);
        expect(new Uint8Array(unpackCommit(stored, "it"))).toEqual(blob);
        expect(readDirectoryHead(stored.subarray(0, 36 * all.length + 8), "it")).toEqual(readDirectory(blob, "it"));
      }),
    );
  });

  it("tells damage by a code of its own, wherever it is", () => {
    fc.assert(
      fc.property(sections, fc.nat(), fc.integer({ min: 1, max: 255 }), fc.boolean(), (all, where, flip, cut) => {
        const blob = encoded(all);
        const damaged = cut ? blob.subarray(0, where % blob.length) : blob.slice();
        if (!cut) damaged[where % blob.length] = (damaged[where % blob.length] ?? 0) ^ flip;
        try {
          decoded(damaged);
        } catch (error) {
          expect(error).toBeInstanceOf(RivuletError);
          expect(error).toMatchObject({ code: "journal-damaged" });
        }
      }),
      { numRuns: 400 },
    );
  });

  it("loses one model's section and keeps the others' bytes", () => {
    const all = [
      sectionOf("m0", [rows(5, 9)]),
      sectionOf("m1", [rows(5, 3), cuts(1, 5, [0.5])]),
      sectionOf("m2", [cuts(1, 1, [0.25])]),
    ];
    const writer = new ByteWriter();
    expect(encodeSome(writer, encoded(all), (model) => model !== 1, "it")).toBe(2);
    expect(decoded(writer.bytes)).toEqual([all[0], all[2]]);
  });

  it.each([
    ["f32 values, cuts of 32", (i: number) => Math.fround(Math.sin(i)), 32, 10],
    ["f32 values, cuts of 4", (i: number) => Math.fround(Math.sin(i)), 4, 12],
    ["decimals of three digits, cuts of 32", (i: number) => Math.round(1e4 + 1e4 * Math.sin(i)) / 1e3, 32, 6],
    ["decimals of nine digits, cuts of 32", (i: number) => Math.round(1e9 * Math.sin(i) - 1e9) / 1e8, 32, 10],
    ["f64 values, cuts of 32", (i: number) => Math.sin(i), 32, 18],
    ["f64 values, cuts of 4", (i: number) => Math.sin(i), 4, 20],
  ])("takes few bytes a sample: %s", (_, value, batch, bytesMax) => {
    const count = 4096;
    const block = { ...rows(1, count), features: Float64Array.from({ length: 2 * count }, (_, i) => value(i)) };
    const steps = count / batch;
    const trained = {
      ...cuts(
        1,
        1,
        Array.from({ length: steps }, (_, i) => Math.cos(i)),
      ),
      rows: new Uint32Array(steps).fill(batch),
    };
    const blob = encoded([
      { model: "m1", firstSequence: 1, rows: count, firstOrdinal: 1, ordinals: steps, entries: [block, trained] },
    ]);
    expect(blob.length / count).toBeLessThan(bytesMax);
  });

  it("takes few bytes for a single row too", () => {
    expect(encoded([sectionOf("m1", [rows(5, 1)])]).length).toBeLessThan(80);
  });
});
