import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { scaled, scaledPair } from "../../src/sample/decimal.ts";

const seed = 99;

function pairOf(text: string): number {
  const bytes = new TextEncoder().encode(text);
  const point = text.indexOf(".");
  return scaledPair(bytes, 0, bytes.length, point < 0 ? 0 : point + 1 - text.length);
}

describe("decimal digits", () => {
  it("up to 15 and a power of ten are the nearest double", () => {
    fc.assert(
      fc.property(fc.nat(999_999_999), fc.nat(999_999), fc.integer({ min: -22, max: 22 }), (high, low, power) => {
        const mantissa = high * 1e6 + low;
        expect(scaled(mantissa, power)).toBe(Number(`${mantissa}e${power}`));
      }),
      { seed, numRuns: 5000 },
    );
    expect([scaled(1, 23), scaled(1, -23)]).toEqual([Number.NaN, Number.NaN]);
  });

  it("of 16 to 19 are the nearest double, with few left to the text", () => {
    let trusted = 0;
    const digits = fc.tuple(fc.stringMatching(/^[1-9][0-9]{15,18}$/), fc.integer({ min: 0, max: 22 }));
    fc.assert(
      fc.property(digits, ([text, places]) => {
        const padded = text.padStart(places + 1, "0");
        const decimal = `${padded.slice(0, padded.length - places)}.${padded.slice(padded.length - places)}`;
        const value = pairOf(decimal.replace(/\.$/, ""));
        if (Number.isNaN(value)) return;
        trusted++;
        expect(value).toBe(Number(decimal));
      }),
      { seed, numRuns: 20_000 },
    );
    expect(trusted).toBeGreaterThan(19_000);
  });

  it("in the middle between two doubles are left to the text", () => {
    for (const text of ["9007199254740993", "4503599627370497.5", "2251799813685249.25", "18014398509481986"]) {
      expect(pairOf(text)).toBeNaN();
    }
  });
});
